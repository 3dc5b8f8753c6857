/* decode.c - runs the steps of a decoder, each from one list of strings into the other. */
#include "text/decode.h"

#include <stdlib.h>
#include <string.h>

#include "text/byte_level.h"
#include "text/growth.h"
#include "text/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

fr_decode_step *fr_decoder_add(fr_decoder *d, fr_decode_kind kind)
{
    if (d->n == FR_DECODE_MAX) return NULL;
    fr_decode_step *step = &d->steps[d->n++];
    memset(step, 0, sizeof(*step));
    step->kind = kind;
    d->present = true;
    return step;
}

void fr_decoder_release(fr_decoder *d)
{
    for (size_t i = 0; i < d->n; i++) {
        fr_str_release(&d->steps[i].text);
        fr_pattern_close(d->steps[i].pattern);
    }
    fr_str_release(&d->spm_unknown);
    d->n = 0;
}

void fr_strings_release(fr_strings *s)
{
    fr_str_release(&s->bytes);
    free(s->ends);
    *s = (fr_strings){0};
}

fr_status fr_strings_end(fr_strings *s, fr_error *err)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        size_t *ends = realloc(s->ends, cap * sizeof(*ends));
        if (!ends) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu tokens", cap);
        s->ends = ends;
        s->cap = cap;
    }
    s->ends[s->n++] = s->bytes.len;
    return FR_OK;
}

static const char *string_at(const fr_strings *s, size_t i, size_t *n)
{
    size_t begin = i ? s->ends[i - 1] : 0;
    *n = s->ends[i] - begin;
    return fr_str_text(&s->bytes) + begin;
}

/* Appends text with every `from` replaced by `to`. */
static fr_status put_replaced(const char *text, size_t n, const char *from, size_t n_from,
                              const char *to, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    for (const char *end = text + n; text < end;) {
        const char *hit = n_from ? memmem(text, (size_t)(end - text), from, n_from) : NULL;
        FR_TRY(fr_str_append(out, text, (size_t)((hit ? hit : end) - text), err));
        if (!hit) break;
        FR_TRY(fr_str_append(out, to, strlen(to), err));
        text = hit + n_from;
    }
cleanup:
    return st;
}

/* What WordPiece's clean-up replaces, one after the other, in each token. */
static fr_status clean_up(fr_str *s, size_t start, fr_error *err)
{
    static const char *const pairs[][2] = {
        {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
        {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
        {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };
    fr_status st = FR_OK;
    fr_str copy = FR_STR_INIT;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *from = pairs[i][0];
        size_t n = s->len - start;
        if (!memmem(s->data + start, n, from, strlen(from))) continue;
        fr_str_clear(&copy);
        FR_TRY(fr_str_append(&copy, s->data + start, n, err));
        s->len = start;
        FR_TRY(put_replaced(copy.data, n, from, strlen(from), pairs[i][1], s, err));
    }
cleanup:
    fr_str_release(&copy);
    return st;
}

static fr_status wordpiece(const fr_decode_step *step, size_t i, const char *text, size_t n,
                           fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    size_t start = out->len, skip = step->text.len;
    if (i && n >= skip && !memcmp(text, fr_str_text(&step->text), skip)) {
        text += skip;
        n -= skip;
    } else if (i) {
        FR_TRY(fr_str_append(out, " ", 1, err));
    }
    FR_TRY(fr_str_append(out, text, n, err));
    if (step->flag) FR_TRY(clean_up(out, start, err));
cleanup:
    return st;
}

static fr_status strip(const fr_decode_step *step, const char *text, size_t n, fr_str *out,
                       fr_error *err)
{
    const char *what = fr_str_text(&step->text);
    size_t size = step->text.len;
    for (size_t i = 0; i < step->start && n >= size && !memcmp(text, what, size); i++) {
        text += size;
        n -= size;
    }
    for (size_t i = 0; i < step->stop && n >= size && !memcmp(text + n - size, what, size); i++)
        n -= size;
    return fr_str_append(out, text, n, err);
}

/* A token spelled in GPT-2's characters as bytes; one with any other character as it is. */
static fr_status unspell(const char *text, size_t n, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    size_t start = out->len;
    FR_TRY(fr_str_reserve(out, n, err));
    for (const unsigned char *at = (const unsigned char *)text, *end = at + n; at < end;) {
        int byte = fr_byte_level_byte(fr_utf8_next(&at));
        if (byte < 0) {
            out->len = start;
            return fr_str_append(out, text, n, err);
        }
        out->data[out->len++] = (char)byte;
    }
cleanup:
    return st;
}

/* All tokens become one string; what is no UTF-8 in it becomes U+FFFD. */
static fr_status byte_level(const fr_strings *in, fr_strings *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str bytes = FR_STR_INIT;
    size_t n;
    for (size_t i = 0; i < in->n; i++) {
        const char *text = string_at(in, i, &n);
        FR_TRY(unspell(text, n, &bytes, err));
    }
    FR_TRY(fr_utf8_repair(fr_str_text(&bytes), bytes.len, &out->bytes, err));
    FR_TRY(fr_strings_end(out, err));
cleanup:
    fr_str_release(&bytes);
    return st;
}

/* The byte of "<0x0A>", or -1. */
static int byte_token(const char *text, size_t n)
{
    char digits[3] = {0};
    char *end;
    if (n != 6 || memcmp(text, "<0x", 3) || text[5] != '>') return -1;
    memcpy(digits, text + 3, 2);
    /* Rust's from_str_radix takes a plus sign, and so do we. */
    if (digits[0] == '+' && digits[1] != '+' && digits[1] != '-') digits[0] = '0';
    if (!strchr("0123456789abcdefABCDEF", digits[0])) return -1;
    long byte = strtol(digits, &end, 16);
    return end == digits + 2 ? (int)byte : -1;
}

static fr_status flush_bytes(fr_str *bytes, fr_strings *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (bytes->len == 0) return FR_OK;
    bool valid = fr_utf8_check(bytes->data, bytes->len) == bytes->len;
    if (valid) FR_TRY(fr_str_append(&out->bytes, bytes->data, bytes->len, err));
    for (size_t i = 0; !valid && i < bytes->len; i++)
        FR_TRY(fr_str_append(&out->bytes, REPLACEMENT, 3, err));
    FR_TRY(fr_strings_end(out, err));
    fr_str_clear(bytes);
cleanup:
    return st;
}

static fr_status byte_fallback(const fr_strings *in, fr_strings *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str bytes = FR_STR_INIT;
    size_t n;
    for (size_t i = 0; i < in->n; i++) {
        const char *text = string_at(in, i, &n);
        int byte = byte_token(text, n);
        if (byte >= 0) {
            char one = (char)byte;
            FR_TRY(fr_str_append(&bytes, &one, 1, err));
            continue;
        }
        FR_TRY(flush_bytes(&bytes, out, err));
        FR_TRY(fr_str_append(&out->bytes, text, n, err));
        FR_TRY(fr_strings_end(out, err));
    }
    FR_TRY(flush_bytes(&bytes, out, err));
cleanup:
    fr_str_release(&bytes);
    return st;
}

static fr_status run_step(const fr_decode_step *step, fr_matcher *m, size_t most,
                          const fr_strings *in, fr_strings *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (step->kind == FR_DECODE_BYTE_LEVEL) return byte_level(in, out, err);
    if (step->kind == FR_DECODE_BYTE_FALLBACK) return byte_fallback(in, out, err);
    if (step->kind == FR_DECODE_FUSE) {
        FR_TRY(fr_str_append(&out->bytes, fr_str_text(&in->bytes), in->bytes.len, err));
        return fr_strings_end(out, err);
    }
    for (size_t i = 0; i < in->n; i++) {
        size_t n;
        const char *text = string_at(in, i, &n), *what = fr_str_text(&step->text);
        switch (step->kind) {
        case FR_DECODE_WORDPIECE: FR_TRY(wordpiece(step, i, text, n, &out->bytes, err)); break;
        case FR_DECODE_METASPACE:
            FR_TRY(put_replaced(text, n, what, step->text.len, i == 0 && step->flag ? "" : " ",
                                &out->bytes, err));
            break;
        case FR_DECODE_BPE:
            FR_TRY(put_replaced(text, n, what, step->text.len, i + 1 == in->n ? "" : " ",
                                &out->bytes, err));
            break;
        case FR_DECODE_STRIP: FR_TRY(strip(step, text, n, &out->bytes, err)); break;
        default:
            FR_TRY(
                fr_pattern_replace(step->pattern, m, text, n, &step->text, most, &out->bytes, err));
            break;
        }
        FR_TRY(fr_strings_end(out, err));
    }
cleanup:
    return st;
}

fr_status fr_decoder_run(const fr_decoder *d, fr_strings *tokens, fr_strings *spare, fr_str *out,
                         fr_error *err)
{
    fr_status st = FR_OK;
    fr_matcher matcher;
    const size_t len = tokens->bytes.len, most = fr_growth_limit(len);
    fr_matcher_init(&matcher);
    fr_matcher_begin(&matcher, len);
    for (size_t i = 0; i < d->n; i++) {
        spare->bytes.len = spare->n = 0;
        FR_TRY(run_step(&d->steps[i], &matcher, most, tokens, spare, err));
        fr_strings both = *tokens;
        *tokens = *spare;
        *spare = both;
    }
    for (size_t i = 0; i < tokens->n; i++) {
        size_t n;
        const char *text = string_at(tokens, i, &n);
        if (i && !d->present) FR_TRY(fr_str_append(out, " ", 1, err));
        FR_TRY(fr_str_append(out, text, n, err));
    }
cleanup:
    fr_matcher_release(&matcher);
    return st;
}
