/* dataset.h - labelled texts from a JSONL file.
 *
 *     fr_dataset d;
 *     FR_TRY(fr_dataset_load(&d, path, &(fr_dataset_options){.task = task}, err));
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
#include "infer/sequences.h"
#include "task/task.h"
#include "text/tokenizer.h"

typedef struct fr_item {
    const char *text; /* UTF-8, NUL-terminated; may hold NULs of its own */
    size_t len;
    int32_t label; /* [0, n_labels), or FR_IGNORE */
    size_t line;   /* in the file, from 1 */
    char hash[65]; /* SHA-256 of text and label */
} fr_item;

typedef struct fr_dataset_options {
    const fr_task *task;     /* gives the labels */
    const char *text_field;  /* NULL: "text" */
    const char *label_field; /* NULL: "label" */
    size_t limit;            /* rows at most; 0: all */
    bool labels_optional;    /* a row without the field gets FR_IGNORE */
} fr_dataset_options;

typedef struct fr_dataset {
    fr_arena arena;
    fr_item *items; /* [n] */
    size_t n;
    char hash[65]; /* SHA-256 over the items' hashes, in order */
} fr_dataset;

/* A label is its index (0, 1, ...) or its word (any case).
 * Errors: FR_ERR_IO, FR_ERR_FORMAT (path:line: what is wrong; the fields there are when one is
 * missing; the labels there are when one is unknown; no rows). */
FR_NODISCARD fr_status fr_dataset_load(fr_dataset *out, const char *path,
                                       const fr_dataset_options *options, fr_error *err);
void fr_dataset_release(fr_dataset *d);

/* Token ids of all items, with special tokens, at most max_tokens each. */
FR_NODISCARD fr_status fr_dataset_encode(const fr_dataset *d, const fr_tokenizer *tokenizer,
                                         size_t max_tokens, fr_sequences *out, fr_error *err);

/* Number of items of `a` whose text is also in `b`. */
FR_NODISCARD fr_status fr_dataset_overlap(const fr_dataset *a, const fr_dataset *b, size_t *n,
                                          fr_error *err);

#endif
