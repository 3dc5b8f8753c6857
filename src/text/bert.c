/* bert.c - what BERT does to each character.
 *
 * The reference rewrites the whole text four times (clean, CJK, NFD without
 * marks, lower case). All of these work character by character but for one:
 * NFD puts combining marks in canonical order, and those that are not removed
 * as accents (a few spacing marks) keep that order. So a character is mapped on
 * its own, and only a run of such marks waits in a queue until it can be
 * sorted. What is simple, almost everything, is looked up in a table made once. */
#include "text/bert.h"

#include <stdlib.h>

#include "text/chars.h"
#include "text/utf8.h"

typedef enum action {
    KEEP,  /* `to` */
    ALONE, /* `to` between spaces */
    DROP,  /* nothing */
    MAP,   /* none of these: map_char */
} action;

/* In the queue, a character may carry a mark that spaces are to surround it (CJK). */
#define SPACED 0x80000000u

/* Marks that wait for their canonical order: codes[start .. n). */
typedef struct open_run {
    size_t start;
    bool open;
} open_run;

static void push_lower(const fr_bert *b, fr_codes *codes, uint32_t c, uint32_t spaced)
{
    if (!b->options.lowercase) {
        codes->data[codes->n++] = c | spaced;
    } else if (c == 0x130) { /* the one letter whose small form is two: i and a dot above */
        codes->data[codes->n++] = 'i' | spaced;
        codes->data[codes->n++] = 0x307 | spaced;
    } else {
        codes->data[codes->n++] = fr_char_lower(c) | spaced;
    }
}

static fr_status close_run(fr_codes *codes, open_run *run, fr_codes *spare, fr_error *err)
{
    if (!run->open) return FR_OK;
    run->open = false;
    return fr_codes_order(codes, run->start, spare, err);
}

/* Queues what becomes of one character of the text. */
static fr_status map_char(const fr_bert *b, uint32_t c, open_run *run, fr_codes *codes,
                          fr_codes *spare, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_bert_options *o = &b->options;
    unsigned props = fr_char_props(c);
    uint32_t parts[4] = {c};
    FR_TRY(fr_codes_reserve(codes, 8, err));
    if (o->clean_text && props & FR_CHAR_CONTROL) return FR_OK;
    if (o->clean_text && props & FR_CHAR_TO_SPACE) parts[0] = c = ' ';
    uint32_t spaced = o->chinese_chars && props & FR_CHAR_CJK ? SPACED : 0;

    size_t n = o->strip_accents ? fr_char_decompose(c, parts) : 1;
    for (size_t i = 0; i < n; i++) {
        if (!o->strip_accents) {
            push_lower(b, codes, parts[i], spaced);
            continue;
        }
        bool is_mark = fr_char_props(parts[i]) & FR_CHAR_MARK;
        if (fr_char_combining(parts[i])) {
            if (is_mark) continue;
            if (!run->open) *run = (open_run){codes->n, true};
            codes->data[codes->n++] = parts[i];
        } else {
            FR_TRY(close_run(codes, run, spare, err));
            if (!is_mark) push_lower(b, codes, parts[i], spaced);
        }
    }
cleanup:
    return st;
}

/* Maps characters until no run of marks is open; *at moves on. */
static fr_status map_some(const fr_bert *b, const unsigned char **at, const unsigned char *end,
                          fr_codes *codes, fr_codes *spare, fr_error *err)
{
    fr_status st = FR_OK;
    open_run run = {0, false};
    codes->n = 0;
    do FR_TRY(map_char(b, fr_utf8_next(at), &run, codes, spare, err));
    while (run.open && *at < end);
    FR_TRY(close_run(codes, &run, spare, err));
cleanup:
    return st;
}

static void put_spaced(fr_str *out, uint32_t c)
{
    out->data[out->len++] = ' ';
    out->len += fr_utf8_put(c, out->data + out->len);
    out->data[out->len++] = ' ';
}

fr_status fr_bert_create(fr_bert **out, fr_bert_options options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_bert *b = calloc(1, sizeof(*b));
    fr_codes codes = {NULL, 0, 0}, spare = {NULL, 0, 0};
    *out = NULL;
    if (!b) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the normalizer");
    fr_chars_init();
    b->options = options;
    for (uint32_t c = 0; c < 0x10000; c++) {
        open_run run = {0, false};
        codes.n = 0;
        FR_TRY(map_char(b, c, &run, &codes, &spare, err));
        fr_bert_entry entry = {0, MAP};
        if (codes.n == 0)
            entry.action = DROP;
        else if (codes.n == 1 && !run.open && (codes.data[0] & ~SPACED) < 0x10000)
            entry = (fr_bert_entry){(uint16_t)codes.data[0], codes.data[0] & SPACED ? ALONE : KEEP};
        b->entries[c] = entry;
    }
    *out = b;
    b = NULL;
cleanup:
    free(b);
    fr_codes_release(&codes);
    fr_codes_release(&spare);
    return st;
}

fr_status fr_bert_apply(const fr_bert *b, const char *text, size_t len, fr_codes *codes,
                        fr_codes *spare, fr_str *out, bool *from_start, fr_error *err)
{
    fr_status st = FR_OK;
    const unsigned char *begin = (const unsigned char *)text, *at = begin, *end = at + len;
    *from_start = false;
    while (at < end) {
        bool first = at == begin;
        /* What one character of the table becomes has at most 5 bytes. */
        if (out->cap - out->len < 8) FR_TRY(fr_str_reserve(out, (size_t)(end - at) + 32, err));
        const unsigned char *next = at;
        uint32_t c = fr_utf8_next(&next);
        fr_bert_entry entry = c < 0x10000 ? b->entries[c] : (fr_bert_entry){0, MAP};
        if (entry.action == MAP) {
            FR_TRY(map_some(b, &at, end, codes, spare, err));
            FR_TRY(fr_str_reserve(out, 6 * codes->n, err));
            for (size_t i = 0; i < codes->n; i++) {
                if (codes->data[i] & SPACED)
                    put_spaced(out, codes->data[i] & ~SPACED);
                else
                    out->len += fr_utf8_put(codes->data[i], out->data + out->len);
            }
        } else {
            if (entry.action == KEEP)
                out->len += fr_utf8_put(entry.to, out->data + out->len);
            else if (entry.action == ALONE)
                put_spaced(out, entry.to);
            at = next;
        }
        if (first) *from_start = out->len > 0;
    }
cleanup:
    return st;
}
