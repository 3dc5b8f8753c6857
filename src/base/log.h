/* log.h - remarks to whoever runs the program. Nothing is printed here: the
 * sink, set once at start by cli or a test, decides what becomes of a line. */
#ifndef FR_BASE_LOG_H
#define FR_BASE_LOG_H

#include "base/error.h"

typedef enum fr_log_level { FR_LOG_INFO, FR_LOG_WARNING } fr_log_level;

typedef void (*fr_log_sink)(void *ctx, fr_log_level level, const char *line);

/* sink may be NULL: remarks are dropped. Not thread-safe; call before threads start. */
void fr_log_set_sink(fr_log_sink sink, void *ctx);

void fr_log(fr_log_level level, const char *fmt, ...) FR_PRINTF(2, 3);

#endif
