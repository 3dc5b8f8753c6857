/* task.h - what is asked of a model: labels, prompt, and how an answer is read.
 *
 *     fr_task *task;
 *     FR_TRY(fr_task_open(&task, "sentiment", err));
 *     FR_TRY(fr_task_prompt(task, text, len, &prompt, err));
 *     int32_t label = fr_task_read_answer(task, answer, strlen(answer));
 *
 * The built-in tasks are YAML files under data/tasks, part of the binary. */
#ifndef FR_TASK_TASK_H
#define FR_TASK_TASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "format/json.h"

typedef struct fr_task {
    char *name;     /* "sentiment" */
    char *category; /* "NLP" */
    char *metric;   /* "accuracy" */
    char **labels;  /* [n_labels] words, index = class */
    size_t n_labels;
    char *system;      /* system message of a prompt, or NULL */
    char *prompt;      /* user message; {text} stands for the item's text */
    size_t max_tokens; /* of an LLM's answer */
    char hash[65];     /* SHA-256 of the definition */
} fr_task;

/* Errors: FR_ERR_USAGE when there is no such task (lists those there are). */
FR_NODISCARD fr_status fr_task_open(fr_task **out, const char *name, fr_error *err);
void fr_task_close(fr_task *task);

/* Appends the user message for one item. prompt: NULL for the task's own template. */
FR_NODISCARD fr_status fr_task_prompt(const fr_task *task, const char *prompt, const char *text,
                                      size_t len, fr_str *out, fr_error *err);

/* Class that a field of the data names: the label of that very word, in any case, or else of that
 * index ("0", "1", ...), whether written as text or as a number. -1 when there is none. */
int32_t fr_task_find_label(const fr_task *task, const json_t *value);

/* Class that an answer names: the label word that stands first in it as a whole word, in any case;
 * a word right after a negation ("not positive") does not count. -1 when there is none. */
int32_t fr_task_read_answer(const fr_task *task, const char *answer, size_t len);

#endif
