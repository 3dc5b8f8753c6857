/* adapters.h - folders of PEFT's adapters, which name the model they belong to. */
#ifndef FR_FORMAT_ADAPTERS_H
#define FR_FORMAT_ADAPTERS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

#define FR_ADAPTERS_CONFIG "adapter_config.json"

/* Has it an adapter_config.json? */
bool fr_adapters_here(const char *dir);

/* Replaces *out by the path of their base, as base_model_name_or_path has it: absolute, or relative
 * to dir.
 * Errors: FR_ERR_IO (nothing there), FR_ERR_FORMAT, FR_ERR_UNSUPPORTED (adapters again). */
FR_NODISCARD fr_status fr_adapters_base(fr_str *out, const char *dir, fr_error *err);

#endif
