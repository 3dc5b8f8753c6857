/* template.c - finds the places of a template. */
#include "task/template.h"

#include <ctype.h>
#include <string.h>

static size_t name_length(const char *text)
{
    size_t n = 0;
    if (isdigit((unsigned char)text[0]) || text[0] == '.') return 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '.') n++;
    return n;
}

fr_place fr_template_next(const char *at)
{
    fr_place place = {.begin = NULL};
    for (; (at = strchr(at, '{')); at++) {
        size_t n = name_length(at + 1);
        if (n == 0 || n >= sizeof(place.name) || at[1 + n] != '}') continue;
        place.begin = at;
        place.end = at + n + 2;
        memcpy(place.name, at + 1, n);
        return place;
    }
    return place;
}
