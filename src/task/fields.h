/* fields.h - the fields of a task out of the rows of a data file, whatever it calls them, and what
 * follows from them (internal). */
#ifndef FR_TASK_FIELDS_H
#define FR_TASK_FIELDS_H

#include "task/dataset.h"

/* Where one field comes from. */
typedef struct fr__origin {
    const char *name;     /* of the row's field, or NULL */
    const char *template; /* else: over the row */
} fr__origin;

/* Where all of them come from; points into task and options. */
typedef struct fr__origins {
    fr__origin *fields; /* [task->n_fields], in the arena */
    const char *label;
    const fr_task_data *data;
} fr__origins;

/* Decides by a file's first row: the names of the task's own fields if it has them all, else the
 * first data set of the task that it has all fields of. What options name goes before either.
 * Where nothing fits, the names of the task's fields, so that reading tells what is missing.
 * Errors: FR_ERR_USAGE (an option for a field that the task has not), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__origins_choose(fr__origins *out, const fr_dataset_options *o,
                                          const json_t *row, fr_arena *arena, fr_error *err);

/* Fills the item from a row; texts lie in the arena. *skip: its label says that it has none.
 * Errors: FR_ERR_FORMAT with `where`, FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__item_read(const fr__origins *origins, const fr_dataset_options *o,
                                     const json_t *row, const char *where, fr_arena *arena,
                                     fr_item *item, bool *skip, fr_error *err);

/* Texts, target, program and hash of an item from its fields and label.
 * Errors: FR_ERR_FORMAT (a target without the answer that the task looks for), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__item_derive(const fr_task *task, const char *where, fr_arena *arena,
                                       fr_item *item, fr_error *err);

/* *out: a copy with a zero byte behind it. Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__keep_text(fr_arena *arena, const char *text, size_t len,
                                     const char **out, fr_error *err);

/* The item's texts, copied into another arena. */
FR_NODISCARD fr_status fr__item_copy(fr_item *item, size_t n_fields, fr_arena *arena,
                                     fr_error *err);

/* Appends a template filled with an item's fields, each cut to at most `most` bytes.
 * Errors: FR_ERR_USAGE (no such field: lists those there are), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__template_fill(const fr_task *task, const char *template,
                                         const fr_item *item, size_t most, fr_str *out,
                                         fr_error *err);

/* fr_task_prompt with fields cut to at most `most` bytes each. */
FR_NODISCARD fr_status fr__prompt_cut(const fr_task *task, const fr_prompting *how,
                                      const fr_item *item, size_t most, fr_str *out, fr_error *err);

/* Appends what goes on behind the prompt: the target; or the label's word, behind a space where
 * *out ends in none; nothing where there is no label. */
FR_NODISCARD fr_status fr__prompt_append_behind(const fr_task *task, const fr_item *item,
                                                fr_str *out, fr_error *err);

#endif
