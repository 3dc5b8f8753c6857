/* dataset.h - the items of a task, from a data file of any format (format/rows.h): texts with
 * labels, or prompts with what goes on behind them.
 *
 *     fr_dataset d;
 *     FR_TRY(fr_dataset_load(&d, path, &(fr_dataset_options){.task = task}, err));
 *     FR_TRY(fr_dataset_split(&d, 0.1, 7, &validation, err));
 *     FR_TRY(fr_dataset_encode(&d, tokenizer, 128, &sequences, err));
 *     fr_dataset_release(&d);
 */
#ifndef FR_TASK_DATASET_H
#define FR_TASK_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "format/json.h"
#include "infer/sequences.h"
#include "task/task.h"
#include "text/tokenizer.h"

typedef struct fr_dataset_options {
    const fr_task *task;     /* gives the labels, or the templates */
    const char *text_field;  /* of a classify task. NULL: "text". "a.b" is field b of the object in
                                field a */
    const char *label_field; /* NULL: "label" */
    size_t limit;            /* rows at most; 0: all */
    uint64_t shuffle;        /* seed that draws the order of rows; 0: the order of the file */
    bool labels_optional;    /* a row without the field gets FR_IGNORE */
} fr_dataset_options;

typedef struct fr_dataset {
    fr_arena arena;
    fr_item *items; /* [n] */
    size_t n;
    char hash[65]; /* SHA-256 over the items' hashes, in order */
} fr_dataset;

/* A label is one of the task's words (any case) or, where no word is the same, an index (0, 1,
 * ...); numbers and texts are read alike, since CSV has only texts. The order depends on seed and
 * row number alone. With a limit and in file order nothing behind the limit is read; shuffled, the
 * limit takes a sample of the whole file.
 * Errors: FR_ERR_IO, FR_ERR_FORMAT (path:line: what is wrong; the fields there are when one is
 * missing; the labels there are when one is unknown; no rows). */
FR_NODISCARD fr_status fr_dataset_load(fr_dataset *out, const char *path,
                                       const fr_dataset_options *options, fr_error *err);

/* Moves a share of the items, (0, 1), to *out: of each label the same share, rounded. Which ones
 * depends on seed, label and row number; both parts keep their order.
 * Errors: FR_ERR_USAGE when a part would be empty. */
FR_NODISCARD fr_status fr_dataset_split(fr_dataset *d, double share, uint64_t seed, fr_dataset *out,
                                        fr_error *err);
void fr_dataset_release(fr_dataset *d);

/* Token ids of all items, with special tokens, at most max_tokens each: what encoders take. */
FR_NODISCARD fr_status fr_dataset_encode(const fr_dataset *d, const fr_tokenizer *tokenizer,
                                         size_t max_tokens, fr_sequences *out, fr_error *err);

/* How decoders read items. */
typedef struct fr_encoding {
    const fr_task *task;
    const fr_tokenizer *tokenizer;
    size_t max_tokens;             /* of an item; 0: no limit */
    int32_t eos;                   /* id that ends a completion; -1: none does */
    const fr_prompting *prompting; /* borrowed; NULL: the task's own */
} fr_encoding;

/* Prompt and completion of all items: the ids of both texts read as one, with the special tokens
 * that the tokenizer puts in front but none behind, and eos. What begins like the ids of the prompt
 * alone is the prompt, the rest is the completion: the target, or the label's word, with a
 * space before it where the task's prompt ends in none. What is too long loses its end: a
 * completion, or the text within the prompt of a classify task, so that the task's max_tokens
 * remain. *n_cut: such items. Errors: FR_ERR_USAGE, with the line (a prompt without a token, or one
 * that leaves no room). */
FR_NODISCARD fr_status fr_dataset_encode_completions(const fr_dataset *d, const fr_encoding *e,
                                                     fr_sequences *out, size_t *n_cut,
                                                     fr_error *err);

/* The prompts alone, for generation. Errors: the same. */
FR_NODISCARD fr_status fr_dataset_encode_prompts(const fr_dataset *d, const fr_encoding *e,
                                                 fr_sequences *out, size_t *n_cut, fr_error *err);

/* The value under a field name: of that very name, or at the end of a path "a.b.c". NULL where
 * there is none. */
const json_t *fr_row_field(const json_t *row, const char *name);

#endif
