/* split.c - cutting, one step inside the other.
 *
 * A step finds spans of its text, matched or not, in order; a cutter joins
 * them as the step's behavior says and hands each piece to the next step. */
#include "text/split.h"

#include <string.h>

#include "text/byte_level.h"
#include "text/chars.h"
#include "text/utf8.h"

fr_split_step *fr_split_add(fr_split *split, fr_split_kind kind)
{
    if (split->n == FR_SPLIT_MAX) return NULL;
    fr_split_step *step = &split->steps[split->n++];
    memset(step, 0, sizeof(*step));
    step->kind = kind;
    return step;
}

void fr_split_release(fr_split *split)
{
    for (size_t i = 0; i < split->n; i++) fr_pattern_close(split->steps[i].pattern);
    split->n = 0;
}

size_t fr_split_writers(const fr_split *split)
{
    size_t n = 0;
    for (size_t i = 0; i < split->n; i++)
        n += split->steps[i].kind == FR_SPLIT_METASPACE ||
             split->steps[i].kind == FR_SPLIT_BYTE_LEVEL;
    return n;
}

void fr_split_state_init(fr_split_state *s)
{
    memset(s, 0, sizeof(*s));
    fr_matcher_init(&s->matcher);
}

void fr_split_state_release(fr_split_state *s)
{
    for (size_t i = 0; i < FR_SPLIT_MAX; i++) {
        fr_str_release(&s->text[i]);
        fr_str_release(&s->head[i]);
    }
    fr_matcher_release(&s->matcher);
}

typedef struct run {
    const fr_split *split;
    fr_split_state *state;
    fr_piece_fn on_piece;
    void *ctx;
    fr_error *err;
} run;

static fr_status run_step(const run *r, size_t i, const char *text, size_t len, bool from_start);

/* Joins spans to pieces: the one that is held may still grow. */
typedef struct cutter {
    const run *r;
    size_t step;
    const char *text;
    bool from_start;
    fr_split_behavior behavior;
    size_t begin, end; /* of the piece that is held */
    bool held, was_match;
} cutter;

static fr_status hand_on(const cutter *c, size_t begin, size_t end)
{
    if (begin == end) return FR_OK;
    return run_step(c->r, c->step + 1, c->text + begin, end - begin, c->from_start && begin == 0);
}

static fr_status flush(cutter *c)
{
    if (!c->held) return FR_OK;
    c->held = false;
    return hand_on(c, c->begin, c->end);
}

/* The next span: spans follow each other without a gap. */
static fr_status span(cutter *c, size_t begin, size_t end, bool is_match)
{
    fr_status st = FR_OK;
    bool join = false;
    switch (c->behavior) {
    case FR_SPLIT_REMOVED: return is_match ? FR_OK : hand_on(c, begin, end);
    case FR_SPLIT_ISOLATED: return hand_on(c, begin, end);
    case FR_SPLIT_CONTIGUOUS: join = is_match == c->was_match; break;
    case FR_SPLIT_MERGED_WITH_PREVIOUS: join = is_match && !c->was_match; break;
    case FR_SPLIT_MERGED_WITH_NEXT: join = c->was_match && !is_match; break;
    }
    if (join && c->held) {
        c->end = end;
    } else {
        FR_TRY(flush(c));
        c->begin = begin;
        c->end = end;
        c->held = true;
    }
    c->was_match = is_match;
cleanup:
    return st;
}

static fr_status cut_pattern(const fr_split_step *step, cutter *c, size_t len)
{
    fr_status st = FR_OK;
    fr_search s = {.text = c->text, .len = len};
    size_t done = 0;
    bool found;
    for (;;) {
        FR_TRY(fr_pattern_next(step->pattern, &c->r->state->matcher, &s, &found, c->r->err));
        if (!found) break;
        if (done < s.begin) FR_TRY(span(c, done, s.begin, step->invert));
        FR_TRY(span(c, s.begin, s.end, !step->invert));
        done = s.end;
    }
    if (done < len) FR_TRY(span(c, done, len, step->invert));
    FR_TRY(flush(c));
cleanup:
    return st;
}

/* Every character with one of the properties is a match of its own. */
static fr_status cut_chars(unsigned props, cutter *c, size_t len)
{
    fr_status st = FR_OK;
    const unsigned char *begin = (const unsigned char *)c->text, *at = begin, *end = at + len;
    const unsigned char *done = begin;
    while (at < end) {
        const unsigned char *from = at;
        if (!(fr_char_props(fr_utf8_next(&at)) & props)) continue;
        if (done < from) FR_TRY(span(c, (size_t)(done - begin), (size_t)(from - begin), false));
        FR_TRY(span(c, (size_t)(from - begin), (size_t)(at - begin), true));
        done = at;
    }
    if (done < end) FR_TRY(span(c, (size_t)(done - begin), len, false));
    FR_TRY(flush(c));
cleanup:
    return st;
}

/* White space goes; a run of one kind of character, or one punctuation mark, is a piece. */
static fr_status cut_words(fr_split_kind kind, cutter *c, size_t len)
{
    fr_status st = FR_OK;
    const unsigned char *begin = (const unsigned char *)c->text, *at = begin, *end = at + len;
    const unsigned char *start = at; /* of the open piece */
    unsigned open = FR_CHAR_SPACE;   /* what it is made of; FR_CHAR_SPACE: there is none */
    unsigned mask = FR_CHAR_SPACE | (kind == FR_SPLIT_BERT         ? FR_CHAR_PUNCT
                                     : kind == FR_SPLIT_WHITESPACE ? FR_CHAR_WORD
                                                                   : 0);
    while (at < end) {
        const unsigned char *from = at;
        unsigned now = fr_char_props(fr_utf8_next(&at)) & mask;
        if (now & FR_CHAR_SPACE) now = FR_CHAR_SPACE;
        if (now == open && now != FR_CHAR_PUNCT) continue;
        if (open != FR_CHAR_SPACE)
            FR_TRY(hand_on(c, (size_t)(start - begin), (size_t)(from - begin)));
        start = from;
        open = now;
    }
    if (open != FR_CHAR_SPACE) FR_TRY(hand_on(c, (size_t)(start - begin), len));
cleanup:
    return st;
}

static fr_status metaspace(const run *r, size_t i, const char *text, size_t len, bool from_start)
{
    fr_status st = FR_OK;
    const fr_split_step *step = &r->split->steps[i];
    fr_str *to = &r->state->text[i];
    size_t n = strlen(step->space);
    fr_str_clear(to);
    bool has = (len >= n && !memcmp(text, step->space, n)) || text[0] == ' ';
    bool wanted =
        step->prepend == FR_PREPEND_ALWAYS || (step->prepend == FR_PREPEND_FIRST && from_start);
    if (wanted && !has) FR_TRY(fr_str_append(to, step->space, n, r->err));
    for (const char *end = text + len; text < end;) {
        const char *space = memchr(text, ' ', (size_t)(end - text));
        FR_TRY(fr_str_append(to, text, (size_t)((space ? space : end) - text), r->err));
        if (!space) break;
        FR_TRY(fr_str_append(to, step->space, n, r->err));
        text = space + 1;
    }
    if (!step->split) return run_step(r, i + 1, to->data, to->len, from_start);
    /* Cut in front of each mark. */
    size_t done = 0;
    for (size_t at = 1; at + n <= to->len; at++) {
        if (to->data[at] != step->space[0] || memcmp(to->data + at, step->space, n)) continue;
        if (at > done) FR_TRY(run_step(r, i + 1, to->data + done, at - done, from_start && !done));
        done = at;
        at += n - 1;
    }
    FR_TRY(run_step(r, i + 1, to->data + done, to->len - done, from_start && !done));
cleanup:
    return st;
}

static fr_status byte_level(const run *r, size_t i, const char *text, size_t len, bool from_start)
{
    fr_status st = FR_OK;
    const fr_split_step *step = &r->split->steps[i];
    fr_str *to = &r->state->text[i], *head = &r->state->head[i];
    if (step->prepend == FR_PREPEND_ALWAYS && text[0] != ' ') {
        fr_str_clear(head);
        FR_TRY(fr_str_append(head, " ", 1, r->err));
        FR_TRY(fr_str_append(head, text, len, r->err));
        text = head->data;
        len = head->len;
    }
    for (size_t at = 0; at < len;) {
        size_t end = step->split ? fr_byte_level_word(text, len, at) : len;
        fr_str_clear(to);
        FR_TRY(fr_byte_level_spell(text + at, end - at, to, r->err));
        FR_TRY(run_step(r, i + 1, to->data, to->len, from_start && at == 0));
        at = end;
    }
cleanup:
    return st;
}

static fr_status run_step(const run *r, size_t i, const char *text, size_t len, bool from_start)
{
    if (i == r->split->n) return r->on_piece(r->ctx, text, len, r->err);
    const fr_split_step *step = &r->split->steps[i];
    cutter c = {
        .r = r, .step = i, .text = text, .from_start = from_start, .behavior = step->behavior};
    switch (step->kind) {
    case FR_SPLIT_BERT:
    case FR_SPLIT_WHITESPACE:
    case FR_SPLIT_WHITESPACE_SPLIT: return cut_words(step->kind, &c, len);
    case FR_SPLIT_PUNCTUATION: return cut_chars(FR_CHAR_PUNCT, &c, len);
    case FR_SPLIT_DIGITS: return cut_chars(FR_CHAR_NUMERIC, &c, len);
    case FR_SPLIT_PATTERN: return cut_pattern(step, &c, len);
    case FR_SPLIT_METASPACE: return metaspace(r, i, text, len, from_start);
    case FR_SPLIT_BYTE_LEVEL: return byte_level(r, i, text, len, from_start);
    }
    return FR_OK;
}

fr_status fr_split_run(const fr_split *split, fr_split_state *state, const char *text, size_t len,
                       bool from_start, fr_piece_fn on_piece, void *ctx, fr_error *err)
{
    const run r = {split, state, on_piece, ctx, err};
    return len ? run_step(&r, 0, text, len, from_start) : FR_OK;
}
