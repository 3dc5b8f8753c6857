/* jsonl.h - one JSON object a line, written as a stream; rows.h reads them. */
#ifndef FR_FORMAT_JSONL_H
#define FR_FORMAT_JSONL_H

#include <stddef.h>

#include "base/error.h"
#include "format/json.h"

/* Writes a new file of n rows, each as make(ctx, i) gives it: a new reference, or NULL when memory
 * is out. Each row is handed to the system at once; at the end all are on the disk.
 * Errors: FR_ERR_IO (full disk), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_jsonl_save(const char *path, size_t n,
                                     json_t *(*make)(const void *ctx, size_t i), const void *ctx,
                                     fr_error *err);

#endif
