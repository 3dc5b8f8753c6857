/* number.c - the C locale, for the length of a call and of this thread only. */
#include "base/number.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* In the C library this locale is a constant: nothing to release, and it cannot fail. */
static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

double fr_strtod(const char *text, char **end)
{
    return strtod_l(text, end, c_locale());
}

int fr_vsnprintf(char *out, size_t size, const char *fmt, va_list args)
{
    locale_t before = uselocale(c_locale());
    int n = vsnprintf(out, size, fmt, args);
    uselocale(before);
    return n;
}

int fr_snprintf(char *out, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = fr_vsnprintf(out, size, fmt, args);
    va_end(args);
    return n;
}
