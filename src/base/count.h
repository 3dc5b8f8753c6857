/* count.h - numbers as people write parameters and tokens. */
#ifndef FR_BASE_COUNT_H
#define FR_BASE_COUNT_H

#include <stdint.h>

#include "base/error.h"

/* "7e9", "7B", "124M", "1.5T", "13.5M", "32k", "4096" as a number. Lower case is as good.
 * Errors: FR_ERR_USAGE: not such a text, not whole, negative, 1e18 or more. */
FR_NODISCARD fr_status fr_count_parse(const char *text, uint64_t *out, fr_error *err);

#endif
