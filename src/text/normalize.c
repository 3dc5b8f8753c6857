/* normalize.c - runs the steps of a normalizer, each from one buffer into the other. */
#include "text/normalize.h"

#include <stdlib.h>
#include <string.h>

#include "text/byte_level.h"
#include "text/chars.h"
#include "text/growth.h"
#include "text/utf8.h"

fr_norm_step *fr_norm_add(fr_norm *norm, fr_norm_kind kind)
{
    if (norm->n == FR_NORM_MAX) return NULL;
    fr_norm_step *step = &norm->steps[norm->n++];
    memset(step, 0, sizeof(*step));
    step->kind = kind;
    return step;
}

void fr_norm_release(fr_norm *norm)
{
    for (size_t i = 0; i < norm->n; i++) {
        fr_norm_step *step = &norm->steps[i];
        free(step->bert);
        fr_pattern_close(step->pattern);
        fr_str_release(&step->text);
        fr_charsmap_destroy(step->map);
        fr_spm_normalizer_destroy(step->spm);
    }
    norm->n = 0;
}

void fr_norm_state_init(fr_norm_state *s)
{
    memset(s, 0, sizeof(*s));
    fr_matcher_init(&s->matcher);
}

void fr_norm_state_release(fr_norm_state *s)
{
    fr_str_release(&s->text[0]);
    fr_str_release(&s->text[1]);
    fr_codes_release(&s->codes);
    fr_codes_release(&s->spare);
    fr_matcher_release(&s->matcher);
}

/* What Nmt makes of a character: 0 drops it. */
static uint32_t nmt(uint32_t c)
{
    if ((c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f ||
        c == 0x8f || c == 0x9f)
        return UINT32_MAX;
    if (c == 0x09 || c == 0x0a || c == 0x0c || c == 0x0d || c == 0x1680 ||
        (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff ||
        c == 0xfffd)
        return ' ';
    return c;
}

/* Lowercase, StripAccents, Nmt: character by character. */
static fr_status map_chars(fr_norm_kind kind, const char *text, size_t len, fr_str *out,
                           bool *from_start, fr_error *err)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + len;
    bool first = true;
    /* A small letter may take 3 bytes where the capital takes 2. */
    fr_status st = fr_str_reserve(out, len + len / 2 + 4, err);
    if (st != FR_OK) return st;
    while (at < end) {
        uint32_t c = fr_utf8_next(&at);
        if (kind == FR_NORM_LOWERCASE) {
            if (c == 0x130) { /* i and a dot above */
                out->data[out->len++] = 'i';
                c = 0x307;
            } else {
                c = fr_char_lower(c);
            }
        } else if (kind == FR_NORM_STRIP_ACCENTS) {
            if (fr_char_props(c) & FR_CHAR_ACCENT) c = UINT32_MAX;
        } else {
            c = nmt(c);
        }
        if (c != UINT32_MAX) out->len += fr_utf8_put(c, out->data + out->len);
        if (first) *from_start = c != UINT32_MAX;
        first = false;
    }
    return FR_OK;
}

static fr_status strip(const fr_norm_step *step, const char *text, size_t len, fr_str *out,
                       bool *from_start, fr_error *err)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + len, *keep = end;
    while (step->left && at < end) {
        const unsigned char *next = at;
        if (!(fr_char_props(fr_utf8_next(&next)) & FR_CHAR_SPACE)) break;
        at = next;
    }
    while (step->right && keep > at) {
        const unsigned char *last = keep - 1;
        while ((*last & 0xc0) == 0x80) last--;
        const unsigned char *next = last;
        if (!(fr_char_props(fr_utf8_next(&next)) & FR_CHAR_SPACE)) break;
        keep = last;
    }
    *from_start = at == (const unsigned char *)text;
    return fr_str_append(out, at, (size_t)(keep - at), err);
}

static fr_status run_step(const fr_norm_step *step, fr_norm_state *s, const char *text, size_t len,
                          fr_str *out, bool *from_start, fr_error *err)
{
    fr_status st = FR_OK;
    *from_start = true;
    switch (step->kind) {
    case FR_NORM_BERT:
        return fr_bert_apply(step->bert, text, len, &s->codes, &s->spare, out, from_start, err);
    case FR_NORM_NFC:
    case FR_NORM_NFD:
    case FR_NORM_NFKC:
    case FR_NORM_NFKD: {
        fr_form form = {step->kind == FR_NORM_NFC || step->kind == FR_NORM_NFKC,
                        step->kind == FR_NORM_NFKC || step->kind == FR_NORM_NFKD};
        return fr_form_apply(form, text, len, &s->codes, &s->spare, out, err);
    }
    case FR_NORM_LOWERCASE:
    case FR_NORM_STRIP_ACCENTS:
    case FR_NORM_NMT: return map_chars(step->kind, text, len, out, from_start, err);
    case FR_NORM_STRIP: return strip(step, text, len, out, from_start, err);
    case FR_NORM_REPLACE:
        return fr_pattern_replace(step->pattern, &s->matcher, text, len, &step->text, s->most, out,
                                  err);
    case FR_NORM_PREPEND:
        if (len) FR_TRY(fr_str_append(out, fr_str_text(&step->text), step->text.len, err));
        return fr_str_append(out, text, len, err);
    case FR_NORM_CHARSMAP:
        return fr_charsmap_apply(step->map, text, len, s->most, out, from_start, err);
    case FR_NORM_BYTE_LEVEL: return fr_byte_level_spell(text, len, out, err);
    case FR_NORM_SENTENCEPIECE: return fr_spm_normalize(step->spm, text, len, s->most, out, err);
    }
cleanup:
    return st;
}

fr_status fr_norm_run(const fr_norm *norm, fr_norm_state *state, const char *text, size_t len,
                      fr_normal *out, fr_error *err)
{
    *out = (fr_normal){text, len, true};
    state->most = fr_growth_limit(len);
    for (size_t i = 0; i < norm->n; i++) {
        fr_str *to = &state->text[i % 2];
        bool from_start;
        fr_str_clear(to);
        fr_status st = run_step(&norm->steps[i], state, out->text, out->len, to, &from_start, err);
        if (st == FR_OK) st = fr_growth_check(to->len, state->most, err);
        if (st != FR_OK) return st;
        if (to->data) to->data[to->len] = '\0';
        /* What is put in front of a text counts as coming from its start. */
        bool kept = norm->steps[i].kind == FR_NORM_PREPEND || (out->from_start && from_start);
        *out = (fr_normal){fr_str_text(to), to->len, kept};
    }
    return FR_OK;
}
