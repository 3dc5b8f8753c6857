/* log.c - passes remarks to the sink. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/number.h"

static fr_log_sink the_sink;
static void *the_ctx;

void fr_log_set_sink(fr_log_sink sink, void *ctx)
{
    the_sink = sink;
    the_ctx = ctx;
}

void fr_log(fr_log_level level, const char *fmt, ...)
{
    if (!the_sink) return;
    char line[FR_ERROR_MAX];
    va_list args;
    va_start(args, fmt);
    fr_vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    the_sink(the_ctx, level, line);
}
