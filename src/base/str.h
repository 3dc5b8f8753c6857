/* str.h - a growing byte string, always NUL-terminated.
 *
 *     fr_str s = FR_STR_INIT;
 *     FR_TRY(fr_str_appendf(&s, err, "%d items", n));
 *     fr_str_release(&s);
 *
 * Not here: Unicode (see room text). */
#ifndef FR_BASE_STR_H
#define FR_BASE_STR_H

#include <stddef.h>

#include "base/error.h"

typedef struct fr_str {
    char *data; /* NULL until the first append; owned */
    size_t len, cap;
} fr_str;

#define FR_STR_INIT \
    {               \
        NULL, 0, 0  \
    }

void fr_str_release(fr_str *s);
void fr_str_clear(fr_str *s); /* len = 0, keeps the memory */

/* Room for `more` bytes and a NUL, for writers that fill data and len themselves. */
FR_NODISCARD fr_status fr_str_reserve(fr_str *s, size_t more, fr_error *err);

FR_NODISCARD fr_status fr_str_append(fr_str *s, const void *bytes, size_t n, fr_error *err);
FR_NODISCARD fr_status fr_str_appendf(fr_str *s, fr_error *err, const char *fmt, ...)
    FR_PRINTF(3, 4);

/* The contents, "" when nothing was appended. Valid until the next change. */
const char *fr_str_text(const fr_str *s);

/* The one of `names` (n of them) nearest to `word` by edit distance, or NULL
 * when none is near enough to be meant (more than a third of the letters differ). */
const char *fr_nearest(const char *word, const char *const *names, size_t n);

#endif
