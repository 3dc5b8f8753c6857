/* pattern.h - what a Split or Replace looks for: a regular expression or a plain string.
 *
 *     fr_matcher m;
 *     fr_matcher_init(&m);
 *     FR_TRY(fr_pattern_regex(&p, "\\s+", 3, where, err));
 *     fr_search s = {.text = text, .len = len};               // valid UTF-8
 *     while ((st = fr_pattern_next(p, &m, &s, &found, err)) == FR_OK && found)
 *         ... s.begin, s.end ...
 *
 * Expressions are written as the tokenizers library writes them, in Oniguruma's dialect (Ruby
 * syntax, Unicode 16); PCRE2 runs them, with limits on backtracking. Where the two dialects differ
 * the expression is rewritten, and what cannot be is an error that names it. A pattern may be used
 * by any number of threads, a matcher by one. */
#ifndef FR_TEXT_PATTERN_H
#define FR_TEXT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

typedef struct fr_pattern fr_pattern;

/* where: the file, for messages.
 * Errors: FR_ERR_FORMAT (not a regular expression), FR_ERR_UNSUPPORTED (names what is not). */
FR_NODISCARD fr_status fr_pattern_regex(fr_pattern **out, const char *regex, size_t n,
                                        const char *where, fr_error *err);
FR_NODISCARD fr_status fr_pattern_string(fr_pattern **out, const char *text, size_t n,
                                         fr_error *err);
void fr_pattern_close(fr_pattern *p);

/* Memory of PCRE2 for one thread; nothing is allocated before the first match. */
typedef struct fr_matcher {
    void *data, *context, *stack; /* owned */
    double budget_s;              /* what all searches of a text may take */
    double since_s;               /* when that began; negative: not yet */
    unsigned searches;
} fr_matcher;

void fr_matcher_init(fr_matcher *m);
void fr_matcher_release(fr_matcher *m);

/* A new text of len bytes: all searches until the next call may take 3 s and 1 us a byte. */
void fr_matcher_begin(fr_matcher *m, size_t len);

typedef struct fr_search {
    const char *text;
    size_t len;
    size_t begin, end; /* of the last match */
    size_t at;         /* where to look next; beyond len: nowhere */
    bool any;          /* there was a match */
} fr_search;

/* The next match; matches do not overlap, and none is empty right behind another.
 * Errors: FR_ERR_UNSUPPORTED when the expression backtracks too long; FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_pattern_next(const fr_pattern *p, fr_matcher *m, fr_search *s,
                                       bool *found, fr_error *err);

/* Appends text with every match replaced by `by`; *out has at most `most` bytes (growth.h).
 * Errors: those of fr_pattern_next, and FR_ERR_UNSUPPORTED where that is not enough. */
FR_NODISCARD fr_status fr_pattern_replace(const fr_pattern *p, fr_matcher *m, const char *text,
                                          size_t len, const fr_str *by, size_t most, fr_str *out,
                                          fr_error *err);

/* Rewrites an expression of Oniguruma's for PCRE2 (UTF, UCP, multi-line, newline LF). */
FR_NODISCARD fr_status fr__pattern_translate(fr_str *out, const char *regex, size_t n,
                                             const char *where, fr_error *err);

#endif
