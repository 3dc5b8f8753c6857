/* pattern.c - searching with PCRE2.
 *
 * A file may bring an expression that backtracks for ever: more than MATCH_LIMIT
 * steps at one place of a text are an error, and so is more stack than
 * JIT_STACK. As many steps at every place would take hours still: a search goes
 * WINDOW places at a time, and now and then looks at the clock. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/pattern.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "text/growth.h"
#include "text/utf8.h"

enum {
    MATCH_LIMIT = 1000000, /* about 7 ms */
    WINDOW = 256,
    FAR = 4,          /* a match that begins no farther away was found quickly; */
    LOOK_EVERY = 256, /* of such ones so many need no look */
    JIT_STACK_FIRST = 32 << 10,
    JIT_STACK = 8 << 20,
    REGEX_MAX = 16 << 10,     /* bytes of an expression */
    COMPILED_MAX = 256 << 10, /* bytes that repeats within it may make of it */
};

struct fr_pattern {
    pcre2_code *code; /* NULL: a plain string */
    char *text;       /* the string, or the expression as the file has it; owned */
    size_t n;
};

static fr_status create(fr_pattern **out, const char *text, size_t n, fr_error *err)
{
    fr_pattern *p = calloc(1, sizeof(*p));
    *out = p;
    if (p) p->text = malloc(n + 1);
    if (!p || !p->text) {
        fr_pattern_close(p);
        *out = NULL;
        return fr_error_set(err, FR_ERR_NOMEM, "out of memory for a pattern");
    }
    memcpy(p->text, text, n);
    p->text[n] = '\0';
    p->n = n;
    return FR_OK;
}

void fr_pattern_close(fr_pattern *p)
{
    if (!p) return;
    pcre2_code_free(p->code);
    free(p->text);
    free(p);
}

fr_status fr_pattern_string(fr_pattern **out, const char *text, size_t n, fr_error *err)
{
    /* Nothing is found between all characters, as an expression does it. */
    return n ? create(out, text, n, err) : fr_pattern_regex(out, "", 0, "", err);
}

static fr_status compile(pcre2_code **out, const char *regex, size_t n, const char *shown,
                         const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    int code;
    size_t offset;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for a pattern", where);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    *out = pcre2_compile((PCRE2_SPTR)regex, n,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_USE_OFFSET_LIMIT, &code,
                         &offset, context);
    if (!*out) {
        char words[160];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof(words));
        FR_FAIL(err, FR_ERR_FORMAT, "%s: regular expression '%.200s': %s", where, shown, words);
    }
    size_t size = 0;
    pcre2_pattern_info(*out, PCRE2_INFO_SIZE, &size);
    if (size > COMPILED_MAX)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: regular expression '%.200s' is too large", where,
                shown);
    /* Without JIT (no such processor, no writable code) the interpreter does the same. */
    (void)pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);
cleanup:
    pcre2_compile_context_free(context);
    return st;
}

fr_status fr_pattern_regex(fr_pattern **out, const char *regex, size_t n, const char *where,
                           fr_error *err)
{
    fr_status st = FR_OK;
    fr_str rewritten = FR_STR_INIT;
    fr_pattern *p = NULL;
    *out = NULL;
    if (n > REGEX_MAX)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: a regular expression of %zu bytes, at most %d", where,
                n, REGEX_MAX);
    FR_TRY(create(&p, regex, n, err));
    FR_TRY(fr__pattern_translate(&rewritten, regex, n, where, err));
    FR_TRY(compile(&p->code, fr_str_text(&rewritten), rewritten.len, p->text, where, err));
    *out = p;
    p = NULL;
cleanup:
    fr_pattern_close(p);
    fr_str_release(&rewritten);
    return st;
}

void fr_matcher_init(fr_matcher *m)
{
    *m = (fr_matcher){NULL, NULL, NULL, 0.0, -1.0, 0};
    fr_matcher_begin(m, 0);
}

void fr_matcher_release(fr_matcher *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    fr_matcher_init(m);
}

void fr_matcher_begin(fr_matcher *m, size_t len)
{
    m->budget_s = 3.0 + 1e-6 * (double)len;
    m->since_s = -1.0;
    m->searches = 0;
}

static bool out_of_time(fr_matcher *m)
{
    double now_s = fr_clock_thread_cpu();
    if (m->since_s < 0.0) m->since_s = now_s;
    return now_s - m->since_s > m->budget_s;
}

static fr_status too_long(const fr_pattern *p, const fr_search *s, fr_error *err)
{
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "regular expression '%.200s' takes too long at byte %zu of a text", p->text,
                        s->at);
}

static fr_status prepare(fr_matcher *m, fr_error *err)
{
    m->data = pcre2_match_data_create(1, NULL);
    m->context = pcre2_match_context_create(NULL);
    m->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK, NULL);
    if (!m->data || !m->context || !m->stack) {
        fr_matcher_release(m);
        return fr_error_set(err, FR_ERR_NOMEM, "out of memory for a pattern");
    }
    pcre2_set_match_limit(m->context, MATCH_LIMIT);
    pcre2_set_heap_limit(m->context, JIT_STACK >> 10);
    pcre2_jit_stack_assign(m->context, NULL, m->stack);
    return FR_OK;
}

static fr_status next_regex(const fr_pattern *p, fr_matcher *m, fr_search *s, bool *found,
                            fr_error *err)
{
    if (!m->data) {
        fr_status st = prepare(m, err);
        if (st != FR_OK) return st;
    }
    const size_t *span = pcre2_get_ovector_pointer(m->data);
    while (s->at <= s->len) {
        pcre2_set_offset_limit(m->context, s->at + WINDOW);
        int rc = pcre2_match(p->code, (PCRE2_SPTR)s->text, s->len, s->at, PCRE2_NO_UTF_CHECK,
                             m->data, m->context);
        bool missed = rc == PCRE2_ERROR_NOMATCH;
        if (rc < 0 && !missed) return too_long(p, s, err);
        bool look = missed || span[0] - s->at > FAR || ++m->searches % LOOK_EVERY == 0;
        if (look && out_of_time(m)) return too_long(p, s, err);
        if (missed) {
            s->at += WINDOW + 1;
            while (s->at < s->len && ((unsigned char)s->text[s->at] & 0xc0) == 0x80) s->at++;
            continue;
        }
        if (span[0] == span[1] && s->any && span[1] == s->end) {
            const unsigned char *next = (const unsigned char *)s->text + s->at;
            if (s->at < s->len) fr_utf8_next(&next);
            s->at = s->at < s->len ? (size_t)(next - (const unsigned char *)s->text) : s->len + 1;
            continue;
        }
        s->begin = span[0];
        s->end = s->at = span[1];
        s->any = *found = true;
        return FR_OK;
    }
    s->at = s->len + 1;
    return FR_OK;
}

fr_status fr_pattern_next(const fr_pattern *p, fr_matcher *m, fr_search *s, bool *found,
                          fr_error *err)
{
    *found = false;
    if (p->code) return next_regex(p, m, s, found, err);
    const char *hit = NULL;
    if (s->at <= s->len) hit = memmem(s->text + s->at, s->len - s->at, p->text, p->n);
    if (!hit) return FR_OK;
    s->begin = (size_t)(hit - s->text);
    s->end = s->at = s->begin + p->n;
    s->any = *found = true;
    return FR_OK;
}

fr_status fr_pattern_replace(const fr_pattern *p, fr_matcher *m, const char *text, size_t len,
                             const fr_str *by, size_t most, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_search s = {.text = text, .len = len};
    size_t done = 0;
    bool found;
    for (;;) {
        FR_TRY(fr_pattern_next(p, m, &s, &found, err));
        if (!found) break;
        FR_TRY(fr_str_append(out, text + done, s.begin - done, err));
        FR_TRY(fr_str_append(out, fr_str_text(by), by->len, err));
        FR_TRY(fr_growth_check(out->len, most, err));
        done = s.end;
    }
    FR_TRY(fr_str_append(out, text + done, len - done, err));
cleanup:
    return st;
}
