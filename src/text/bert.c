/* bert.c - the normalizer and pre-tokenizer of BERT as one pass over the characters.
 *
 * The reference rewrites the whole text four times (clean, CJK, NFD without
 * marks, lower case) and splits it twice. All of these work character by
 * character but for one: NFD puts combining marks in canonical order, and
 * those that are not removed as accents (a few spacing marks) keep that order.
 * So a character is mapped on its own, and only a run of such marks waits in
 * a queue until it can be sorted. What is simple, almost everything, is looked
 * up in a table made once. */
#include "text/bert.h"

#include <string.h>

#include "text/bert_tables.h"
#include "text/utf8.h"

typedef enum action {
    WORD,     /* a character of a word: `to` */
    SPACE,    /* ends a word */
    ISOLATED, /* a word of its own: `to` */
    DROP,     /* nothing */
    MAP,      /* none of these: map_char */
} action;

/* In the queue, a character may carry a mark that it is to stand alone (CJK). */
#define ALONE 0x80000000u

static const fr_bert_props *props_of(uint32_t c)
{
    static const fr_bert_props none = {0, 0, 0, 0};
    size_t low = 0, high = fr__bert_props_n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (c > fr__bert_props[mid].last)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < fr__bert_props_n && c >= fr__bert_props[low].first) return &fr__bert_props[low];
    return &none;
}

static uint32_t lower_of(uint32_t c)
{
    size_t low = 0, high = fr__bert_lower_n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (c > fr__bert_lower[mid].last)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == fr__bert_lower_n) return c;
    const fr_bert_lower *row = &fr__bert_lower[low];
    if (c < row->first || (c - row->first) % row->step) return c;
    return (uint32_t)((int64_t)c + row->delta);
}

/* Full canonical decomposition of c into out[4]; returns its length. */
static size_t decompose(uint32_t c, uint32_t *out)
{
    /* Hangul: Unicode 15, section 3.12. */
    uint32_t syllable = c - 0xac00u;
    if (syllable < 11172) {
        out[0] = 0x1100 + syllable / 588;
        out[1] = 0x1161 + syllable % 588 / 28;
        out[2] = 0x11a7 + syllable % 28;
        return out[2] == 0x11a7 ? 2 : 3;
    }
    size_t low = 0, high = fr__bert_nfd_n, n = 0;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (c > fr__bert_nfd[mid].from)
            low = mid + 1;
        else
            high = mid;
    }
    out[0] = c;
    if (low == fr__bert_nfd_n || fr__bert_nfd[low].from != c) return 1;
    while (n < 4 && fr__bert_nfd[low].to[n]) {
        out[n] = fr__bert_nfd[low].to[n];
        n++;
    }
    return n;
}

/* Marks that wait for their canonical order: queue[run .. tail). */
typedef struct open_run {
    size_t start;
    bool open;
} open_run;

/* Adds c, which is lower-cased already where that is wanted. */
static void push(fr_bert_words *w, uint32_t c, bool alone)
{
    w->queue[w->tail++] = c | (alone ? ALONE : 0);
}

/* Adds a spacing mark of the given class behind those of the run that are not of a higher one. */
static void push_mark(fr_bert_words *w, open_run *run, uint32_t c, uint8_t combining)
{
    if (!run->open) run->start = w->tail;
    run->open = true;
    size_t i = w->tail++;
    for (; i > run->start && props_of(w->queue[i - 1])->combining > combining; i--)
        w->queue[i] = w->queue[i - 1];
    w->queue[i] = c;
}

static void push_lower(fr_bert_words *w, uint32_t c, bool alone)
{
    if (!w->bert->options.lowercase) {
        push(w, c, alone);
    } else if (c == 0x130) { /* the one letter whose small form is two: i and a dot above */
        push(w, 'i', alone);
        push(w, 0x307, alone);
    } else {
        push(w, lower_of(c), alone);
    }
}

/* Queues what becomes of one character of the text. */
static void map_char(fr_bert_words *w, uint32_t c, open_run *run)
{
    const fr_bert_options *o = &w->bert->options;
    const fr_bert_props *p = props_of(c);
    uint32_t parts[4] = {c};
    if (o->clean_text && p->props & FR_BERT_CONTROL) return;
    if (o->clean_text && p->props & FR_BERT_TO_SPACE) parts[0] = c = ' ';
    bool alone = o->chinese_chars && p->props & FR_BERT_CJK;

    size_t n = o->strip_accents ? decompose(c, parts) : 1;
    for (size_t i = 0; i < n; i++) {
        if (!o->strip_accents) {
            push_lower(w, parts[i], alone);
            continue;
        }
        p = props_of(parts[i]);
        bool is_mark = p->props & FR_BERT_MARK;
        if (p->combining) {
            if (!is_mark) push_mark(w, run, parts[i], p->combining);
        } else {
            run->open = false;
            if (!is_mark) push_lower(w, parts[i], alone);
        }
    }
}

static action action_of(uint32_t queued)
{
    if (queued & ALONE) return ISOLATED;
    uint8_t props = props_of(queued)->props;
    return props & FR_BERT_SPACE ? SPACE : props & FR_BERT_PUNCT ? ISOLATED : WORD;
}

/* Fills the empty queue from the text; false at its end. A run of marks is taken whole; one that
 * does not fit is longer than any word that could be known, so that its order does not matter. */
static bool fill(fr_bert_words *w)
{
    open_run run = {0, false};
    w->head = w->tail = 0;
    while (w->at < w->end && w->tail + 8 <= FR_BERT_QUEUE && (w->tail == 0 || run.open))
        map_char(w, fr_utf8_next(&w->at), &run);
    return w->tail > 0;
}

void fr_bert_init(fr_bert *b, fr_bert_options options)
{
    static const unsigned char nothing[1];
    fr_bert_words w = {.bert = b, .at = nothing, .end = nothing};
    b->options = options;
    for (uint32_t c = 0; c < 0x10000; c++) {
        open_run run = {0, false};
        w.head = w.tail = 0;
        map_char(&w, c, &run);
        fr_bert_entry entry = {0, MAP};
        if (w.tail == 0) {
            entry.action = DROP;
        } else if (w.tail == 1 && !run.open && (w.queue[0] & ~ALONE) < 0x10000) {
            entry = (fr_bert_entry){(uint16_t)w.queue[0], (uint8_t)action_of(w.queue[0])};
        }
        b->entries[c] = entry;
    }
}

void fr_bert_words_begin(fr_bert_words *w, const fr_bert *b, const char *text, size_t len)
{
    w->bert = b;
    w->at = (const unsigned char *)text;
    w->end = w->at + len;
    w->head = w->tail = w->len = w->n_chars = 0;
}

static inline void append(fr_bert_words *w, uint32_t c)
{
    if (w->n_chars++ < FR_BERT_MAX_WORD) w->len += fr_utf8_put(c, w->word + w->len);
}

/* Takes simple characters straight from the text; true when a word is complete. */
static bool take_simple(fr_bert_words *w)
{
    while (w->at < w->end) {
        const unsigned char *next = w->at;
        uint32_t c = fr_utf8_next(&next);
        if (c >= 0x10000) return false;
        fr_bert_entry entry = w->bert->entries[c];
        switch ((action)entry.action) {
        case WORD: append(w, entry.to); break;
        case DROP: break;
        case SPACE:
            if (w->n_chars == 0) break;
            w->at = next;
            return true;
        case ISOLATED:
            if (w->n_chars > 0) return true;
            append(w, entry.to);
            w->at = next;
            return true;
        case MAP: return false;
        }
        w->at = next;
    }
    return false;
}

/* The same from the queue. */
static bool take_queued(fr_bert_words *w)
{
    while (w->head < w->tail) {
        uint32_t c = w->queue[w->head];
        switch (action_of(c)) {
        case SPACE:
            w->head++;
            if (w->n_chars > 0) return true;
            break;
        case ISOLATED:
            if (w->n_chars > 0) return true;
            append(w, c & ~ALONE);
            w->head++;
            return true;
        default: append(w, c); w->head++;
        }
    }
    return false;
}

bool fr_bert_words_next(fr_bert_words *w)
{
    w->len = w->n_chars = 0;
    do {
        if (take_queued(w) || take_simple(w)) return true;
    } while (fill(w));
    return w->n_chars > 0;
}
