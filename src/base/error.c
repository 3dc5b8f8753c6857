/* error.c - status names and the text of an error. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

static const char *const status_names[] = {
#define NAME(name, text) #name,
    FR_STATUS_MAP(NAME)
#undef NAME
};

static const char *const status_texts[] = {
#define TEXT(name, text) text,
    FR_STATUS_MAP(TEXT)
#undef TEXT
};

static const char *const kind_names[] = {
#define NAME(name, text) text,
    FR_KIND_MAP(NAME)
#undef NAME
};

const char *fr_status_name(fr_status status)
{
    return status_names[status];
}

const char *fr_status_text(fr_status status)
{
    return status_texts[status];
}

fr_status(fr_error_set)(fr_error *err, fr_status status, const char *fmt, ...)
{
    if (err) {
        char text[FR_ERROR_MAX]; /* an argument may point into the old message */
        va_list args;
        va_start(args, fmt);
        fr_vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        err->status = status;
        memcpy(err->message, text, sizeof(text));
    }
    return status;
}

void fr_error_prefix(fr_error *err, const char *fmt, ...)
{
    if (!err) return;
    char old[FR_ERROR_MAX];
    memcpy(old, err->message, sizeof(old));

    va_list args;
    va_start(args, fmt);
    int n = fr_vsnprintf(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(err->message)) return;
    size_t room = sizeof(err->message) - (size_t)n;
    snprintf(err->message + n, room, ": %.*s", (int)room, old);
}

const char *fr_kind_name(fr_kind kind)
{
    return kind_names[kind];
}
