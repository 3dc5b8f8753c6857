/* split.h - the steps of a pre-tokenizer, which cut a text into the pieces that a model sees.
 *
 *     FR_TRY(fr_split_run(&split, &state, text, len, from_start, on_piece, ctx, err));
 *
 * Each piece goes through all steps before the next one is cut: nothing but the step's own
 * rewritten text is kept.
 * Source: the pre-tokenizers of the Hugging Face tokenizers library. */
#ifndef FR_TEXT_SPLIT_H
#define FR_TEXT_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"
#include "text/pattern.h"

typedef enum fr_split_kind {
    FR_SPLIT_BERT,             /* white space goes, punctuation stands alone */
    FR_SPLIT_WHITESPACE,       /* \w+|[^\w\s]+ */
    FR_SPLIT_WHITESPACE_SPLIT, /* white space goes */
    FR_SPLIT_PUNCTUATION,
    FR_SPLIT_DIGITS,
    FR_SPLIT_PATTERN,
    FR_SPLIT_METASPACE,
    FR_SPLIT_BYTE_LEVEL,
} fr_split_kind;

typedef enum fr_split_behavior {
    FR_SPLIT_REMOVED,
    FR_SPLIT_ISOLATED,
    FR_SPLIT_MERGED_WITH_PREVIOUS,
    FR_SPLIT_MERGED_WITH_NEXT,
    FR_SPLIT_CONTIGUOUS,
} fr_split_behavior;

typedef enum fr_prepend { FR_PREPEND_NEVER, FR_PREPEND_FIRST, FR_PREPEND_ALWAYS } fr_prepend;

typedef struct fr_split_step {
    fr_split_kind kind;
    fr_split_behavior behavior; /* Punctuation, Digits, Split */
    fr_pattern *pattern;        /* Split; owned */
    bool invert;                /* Split: what the pattern does not match */
    fr_prepend prepend;         /* Metaspace, ByteLevel (add_prefix_space: always) */
    bool split;                 /* Metaspace: split; ByteLevel: use_regex */
    char space[8];              /* Metaspace: what stands for a space */
} fr_split_step;

enum {
    FR_SPLIT_MAX = 16,
    FR_SPLIT_WRITERS_MAX = 3, /* each may double a text */
};

typedef struct fr_split {
    fr_split_step steps[FR_SPLIT_MAX];
    size_t n;
} fr_split;

/* A further step, empty but for its kind; NULL when there are FR_SPLIT_MAX. */
fr_split_step *fr_split_add(fr_split *split, fr_split_kind kind);
void fr_split_release(fr_split *split);

/* How many steps make pieces longer: Metaspace, ByteLevel. */
size_t fr_split_writers(const fr_split *split);

/* Memory of one thread. */
typedef struct fr_split_state {
    fr_str text[FR_SPLIT_MAX]; /* what a step rewrites */
    fr_str head[FR_SPLIT_MAX]; /* the piece with a space in front of it */
    fr_matcher matcher;
} fr_split_state;

void fr_split_state_init(fr_split_state *s);
void fr_split_state_release(fr_split_state *s);

/* Takes one piece, not empty; the bytes are valid during the call. */
typedef fr_status (*fr_piece_fn)(void *ctx, const char *piece, size_t len, fr_error *err);

/* from_start: see fr_normal. Errors: those of on_piece; FR_ERR_NOMEM; FR_ERR_UNSUPPORTED (an
 * expression that takes too long). */
FR_NODISCARD fr_status fr_split_run(const fr_split *split, fr_split_state *state, const char *text,
                                    size_t len, bool from_start, fr_piece_fn on_piece, void *ctx,
                                    fr_error *err);

#endif
