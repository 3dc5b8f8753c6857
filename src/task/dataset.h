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
    const fr_task *task;     /* gives fields, labels and templates; outlives the items */
    const char *text_field;  /* where the task's field "text" is; NULL: as below. "a.b" is field b
                                of the object in field a, "a.0" the first of the list in a */
    const char *label_field; /* of a classify task; NULL: as below */
    size_t limit;            /* items at most; 0: all */
    uint64_t shuffle;        /* seed that draws the order of rows; 0: the order of the file */
    bool labels_optional;    /* a row without the field gets FR_IGNORE */
} fr_dataset_options;

typedef struct fr_dataset {
    fr_arena arena;
    fr_item *items; /* [n] */
    size_t n, n_fields;
    size_t n_skipped;      /* rows whose label says that they have none */
    const char *data_name; /* the task's data set whose fields they are ("SNLI, MultiNLI"); NULL:
                              the file has the task's own */
    char hash[65];         /* SHA-256 over the items' hashes, in order */
} fr_dataset;

/* Where the first row has all the task's fields (a classify task's label is in "label"), these are
 * read; else the fields of the first of the task's data sets that it has all of. Values are
 * strings, numbers or lists of strings, which become lines.
 * A label is one of the task's words (any case) or, where no word is the same, an index (0, 1,
 * ...); numbers and texts are read alike, since CSV has only texts. The order depends on seed and
 * row number alone. With a limit and in file order nothing behind the limit is read; shuffled, the
 * limit takes a sample of the whole file.
 * Errors: FR_ERR_IO; FR_ERR_FORMAT (path:line: what is wrong; the fields there are when one is
 * missing; the labels there are when one is unknown; no rows); FR_ERR_USAGE (a field named for a
 * task that has none such). */
FR_NODISCARD fr_status fr_dataset_load(fr_dataset *out, const char *path,
                                       const fr_dataset_options *options, fr_error *err);

/* Moves a share of the items, (0, 1), to *out: of each label the same share, rounded. Which ones
 * depends on seed, label and row number; both parts keep their order.
 * Errors: FR_ERR_USAGE when a part would be empty. */
FR_NODISCARD fr_status fr_dataset_split(fr_dataset *d, double share, uint64_t seed, fr_dataset *out,
                                        fr_error *err);
void fr_dataset_release(fr_dataset *d);

/* Appends n worked examples, to stand before prompts: prompt (template NULL: the task's own), what
 * goes on behind it and a blank line each. Which ones depends on seed and row numbers alone, so
 * that all items share this beginning.
 * Errors: FR_ERR_USAGE (more than there are items; a template as in fr_task_prompt). */
FR_NODISCARD fr_status fr_dataset_shots(const fr_dataset *d, const fr_task *task,
                                        const char *template, size_t n, uint64_t seed, fr_str *out,
                                        fr_error *err);

/* Token ids of all items, texts or pairs, with special tokens, at most max_tokens each: what
 * encoders take. Of a pair the longer text is cut first. */
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

/* Prompt and completion of all items: the ids of both texts read as one, or apart where the
 * tokenizer would join the end of the prompt with what follows, with the special tokens that it
 * puts in front but none behind, and eos. The prompt's ids are those that a model which writes is
 * given (fr_dataset_encode_prompts), the rest is the completion: the target, or the label's word,
 * with a space before it where the task's prompt ends in none. What is too long loses its end: a
 * completion, or the longest fields within a prompt, so that the task's max_tokens remain (of texts
 * and programs half of all at most). *n_cut: such items. Errors: FR_ERR_USAGE, with the line (a
 * prompt without a token, or one that leaves no room however its fields are cut). */
FR_NODISCARD fr_status fr_dataset_encode_completions(const fr_dataset *d, const fr_encoding *e,
                                                     fr_sequences *out, size_t *n_cut,
                                                     fr_error *err);

/* The prompts alone, for generation. Errors: the same. */
FR_NODISCARD fr_status fr_dataset_encode_prompts(const fr_dataset *d, const fr_encoding *e,
                                                 fr_sequences *out, size_t *n_cut, fr_error *err);

/* The value under a field name: of that very name, or at the end of a path "a.b.c", where a number
 * is a place in a list. NULL where there is none. */
const json_t *fr_row_field(const json_t *row, const char *name);

#endif
