/* answer.c - which class a field of the data or the free text of an answer names. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "task/reading.h"
#include "task/task.h"

static bool is_word_byte(unsigned char c)
{
    return isalnum(c) || c == '_' || c == '\'' || c >= 0x80;
}

/* The word before answer[at] says that what follows is not meant. */
static bool is_negated(const char *answer, size_t at)
{
    static const char *const negations[] = {"not", "neither", "nor", "no", "never", "non"};
    size_t end = at;
    while (end > 0 && !is_word_byte((unsigned char)answer[end - 1])) {
        unsigned char c = (unsigned char)answer[end - 1];
        if (c != ' ' && c != '\t' && c != '-' && c != '*' && c != '"') return false;
        end--;
    }
    size_t begin = end;
    while (begin > 0 && is_word_byte((unsigned char)answer[begin - 1])) begin--;
    size_t len = end - begin;
    if (len > 3 && !strncasecmp(answer + end - 3, "n't", 3)) return true;
    for (size_t i = 0; i < sizeof(negations) / sizeof(*negations); i++)
        if (len == strlen(negations[i]) && !strncasecmp(answer + begin, negations[i], len))
            return true;
    return false;
}

int32_t fr_task_find_label(const fr_task *task, const json_t *value)
{
    enum { DIGITS = 32 };
    char digits[DIGITS], index[DIGITS];
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
        snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = digits;
    }
    for (size_t i = 0; text && i < task->n_labels; i++)
        if (!strcasecmp(text, task->labels[i])) return (int32_t)i;
    for (size_t i = 0; text && i < task->n_labels; i++) {
        snprintf(index, sizeof(index), "%zu", i);
        if (!strcmp(text, index)) return (int32_t)i;
    }
    return -1;
}

int32_t fr_task_read_answer(const fr_task *task, const char *answer, size_t len)
{
    const fr_text said = fr__behind_thoughts((fr_text){answer, len});
    answer = said.data;
    len = said.len;
    for (size_t at = 0; at < len; at++) {
        if (!is_word_byte((unsigned char)answer[at])) continue;
        if (at > 0 && is_word_byte((unsigned char)answer[at - 1])) continue;
        for (size_t i = 0; i < task->n_labels; i++) {
            size_t n = strlen(task->labels[i]);
            if (len - at < n || strncasecmp(answer + at, task->labels[i], n)) continue;
            if (at + n < len && is_word_byte((unsigned char)answer[at + n])) continue;
            if (!is_negated(answer, at)) return (int32_t)i;
        }
    }
    return -1;
}
