/* work.h - memory in which one thread encodes: grown once, used for every text.
 *
 *     fr_work w = {0};
 *     FR_TRY(fr_work_symbols(&w, n, err));   // w.symbols[0 .. n)
 *     fr_work_release(&w); */
#ifndef FR_TEXT_WORK_H
#define FR_TEXT_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What is not merged yet. The list goes on as symbols are merged. */
typedef struct fr_symbol {
    int32_t prev, next; /* -1: none */
    int32_t id;         /* of its token, -1: none */
    uint32_t at, len;   /* bytes of the piece; len 0: merged into another */
} fr_symbol;

/* A merge that may be made: the smallest key first. */
typedef struct fr_merge {
    uint64_t key;  /* rank << 32 | number of the left symbol */
    uint32_t what; /* id or length of what it makes, to know when it is out of date */
} fr_merge;

/* The best way to the end of some prefix. */
typedef struct fr_path {
    double score;
    uint32_t from; /* where the last token begins; UINT32_MAX: no way yet */
    int32_t id;
} fr_path;

enum { FR_WORD_BYTES = 30, FR_WORD_IDS = 8, FR_WORDS = 1 << 15 };

/* A word that was seen: most of a text is words that were. */
typedef struct fr_word {
    int32_t ids[FR_WORD_IDS];
    uint8_t n_bytes; /* 0: free */
    uint8_t n_ids;
    char bytes[FR_WORD_BYTES];
} fr_word;

typedef struct fr_work {
    fr_symbol *symbols; /* all owned */
    fr_merge *merges;   /* a heap */
    fr_path *path;
    fr_word *words; /* [FR_WORDS] by hash */
    size_t cap_symbols, cap_merges, cap_path;
    size_t n_merges;
} fr_work;

void fr_work_release(fr_work *w);

/* Room for n; contents are lost. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_work_symbols(fr_work *w, size_t n, fr_error *err);
FR_NODISCARD fr_status fr_work_path(fr_work *w, size_t n, fr_error *err);

FR_NODISCARD fr_status fr_work_push(fr_work *w, fr_merge merge, fr_error *err);
fr_merge fr_work_pop(fr_work *w); /* w->n_merges > 0 */

#endif
