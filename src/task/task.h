/* task.h - what is asked of a model: texts, prompt, labels or target, and how an answer is read.
 *
 *     fr_task *task;
 *     FR_TRY(fr_task_open(&task, "sentiment", err));
 *     FR_TRY(fr_task_prompt(task, NULL, item, &prompt, err));
 *     int32_t label = fr_task_read_answer(task, answer, strlen(answer));
 *
 * The built-in tasks are YAML files under data/tasks, part of the binary; a task of one's own is
 * such a file, named by its path. docs/tasks.md has all keys. Templates (template.h) name the
 * task's fields; which fields of a data file these are, `data` says for the usual data sets.
 *
 * The prompt of a generate or code task loses the white space at its end: what parts it from the
 * target begins the target, since tokenizers join a space with the word behind it. */
#ifndef FR_TASK_TASK_H
#define FR_TASK_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "format/json.h"
#include "metric/metric.h"

typedef enum fr_task_kind { FR_TASK_CLASSIFY, FR_TASK_GENERATE, FR_TASK_CODE } fr_task_kind;

/* A data set, by what it calls the fields of the task. */
typedef struct fr_task_data {
    char *name;                 /* "SNLI, MultiNLI" */
    char **fields, **templates; /* [n_fields] of the task, over a row of data; what is not among
                                   them has the same name in both */
    size_t n_fields;
    char *label;  /* field of the row; NULL: "label" */
    char **stops; /* [n_stops] in place of the task's */
    size_t n_stops;
} fr_task_data;

enum { FR_TASK_INPUTS = 2 };

typedef struct fr_task {
    char *name;     /* "sentiment" */
    char *category; /* "NLP" */
    fr_task_kind kind;
    char **metrics; /* [n_metrics] "accuracy", ...; at least one, which decides */
    size_t n_metrics;
    char **labels; /* [n_labels] words, index = class; of a classify task */
    size_t n_labels;
    char **fields; /* [n_fields] all that the templates name, in the order of fr_item.fields */
    size_t n_fields;
    char *input[FR_TASK_INPUTS]; /* templates of what encoders read, NULL where there is none */
    char *system;                /* system message of a prompt, or NULL */
    char *prompt;                /* template of the user message */
    char *target;                /* template of what goes on behind it; NULL of a classify task */
    char *marker;                /* generate: what an answer stands behind ("####"), or NULL */
    char *setup, *code, *tests, *entry; /* templates of a code task, each may be NULL but tests */
    unsigned cpu_seconds;               /* code: of a program */
    char **stops;                       /* [n_stops] texts that end an answer */
    size_t n_stops;
    char **skips; /* [n_skips] labels of rows that have none ("-") */
    size_t n_skips;
    fr_task_data *data; /* [n_data] */
    size_t n_data;
    size_t max_tokens; /* of an answer */
    char hash[65];     /* SHA-256 of the definition */
} fr_task;

enum { FR_TASK_NAME_SIZE = 64 };

/* Name and YAML text of the i-th built-in task; false past the last one. *text: static. */
bool fr_task_builtin(size_t i, char name[FR_TASK_NAME_SIZE], const char **text);

/* name: of a built-in task, or the path of a file that ends in .yaml.
 * Errors: FR_ERR_USAGE when there is no such task (lists those there are), or with file and line
 * what is wrong in it; FR_ERR_IO. */
FR_NODISCARD fr_status fr_task_open(fr_task **out, const char *name, fr_error *err);
void fr_task_close(fr_task *task);

/* Must a model that writes be let write: for a metric of texts or programs, or for a label? */
bool fr_task_writes(const fr_task *task);

/* Must the probability of the target be computed, for a metric of likelihood? */
bool fr_task_reads_target(const fr_task *task);

/* What is asked and what is right: one row of the data (dataset.h). Texts are UTF-8 and
 * NUL-terminated; those with a length may hold NULs of their own. */
typedef struct fr_item {
    const fr_text *fields; /* [task->n_fields] what the row says */
    const char *text;      /* what encoders read: the task's input, else the prompt */
    size_t len;
    const char *pair; /* a second text of encoders; NULL: there is none */
    size_t pair_len;
    const char *whole; /* the text, or both of a pair, a line each: what baselines read */
    size_t whole_len;
    const char *target; /* what goes on behind the prompt; NULL of a classify task */
    size_t target_len;
    const char *setup, *code, *tests, *entry; /* of a code task, as in fr_program (sandbox.h), but
                                                 code stands before what is written; else NULL */
    const fr_task_data *data; /* which data set the row is of; NULL: of none that is named */
    int32_t label;            /* [0, n_labels), or FR_IGNORE */
    size_t row;               /* in the file, from 0 */
    size_t line;              /* where the row begins, from 1 */
    uint64_t order;           /* items are sorted by this, then by row */
    char hash[65];            /* SHA-256 of fields and label */
} fr_item;

/* Texts that end an answer to this item. *n: how many. */
char *const *fr_task_stops(const fr_task *task, const fr_item *item, size_t *n);

/* Where an answer to this item ends: before its first stop; of a program within a Markdown fence,
 * behind that. written.len: it goes on. For those who write; scoring cuts by itself. */
size_t fr_task_end(const fr_task *task, const fr_item *item, fr_text written);

/* How prompts are made. All zero: the task's own prompt, no examples. */
typedef struct fr_prompting {
    const char *template; /* NULL: the task's own */
    fr_text shots;        /* put before it as they are: worked examples (fr_dataset_shots) */
} fr_prompting;

/* Appends what a model that writes is asked for one item: the user message of servers, the text
 * that decoders go on from. how: NULL for all zero.
 * Errors: FR_ERR_USAGE (a template that names no field of the task: lists them), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr_task_prompt(const fr_task *task, const fr_prompting *how,
                                      const fr_item *item, fr_str *out, fr_error *err);

/* Class that a field of the data names: the label of that very word, in any case, or else of that
 * index ("0", "1", ...), whether written as text or as a number. -1 when there is none. */
int32_t fr_task_find_label(const fr_task *task, const json_t *value);

/* Class that an answer names: the label word that stands first in it as a whole word, in any case;
 * a word right after a negation ("not positive") does not count, nor do thoughts that end with
 * "</think>". -1 when there is none. */
int32_t fr_task_read_answer(const fr_task *task, const char *answer, size_t len);

#endif
