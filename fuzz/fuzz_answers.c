/* fuzz_answers.c - any bytes as what a model has written, or as the right answer: read in every
 * way, made a program of, and as a template. The first line is the right answer, the rest was
 * written. */
#include <string.h>

#include "fuzz.h"
#include "task/fields.h"
#include "task/program.h"
#include "task/reading.h"
#include "task/template.h"

static char stop_def[] = "\ndef ", stop_fence[] = "\n```", yes[] = "yes", no[] = "no";
static char *stops[] = {stop_def, stop_fence}, *labels[] = {yes, no};

/* A part of the text is a part of it. */
static void check_within(fr_text part, fr_text whole)
{
    if (part.data < whole.data || part.data + part.len > whole.data + whole.len) abort();
}

static void read_all(const fr_task *task, const fr_item *item, fr_text target, fr_text written)
{
    char buffers[2][FR__READING_SIZE];
    check_within(fr__reading_cut(task, item, written), written);
    for (int lenient = 0; lenient < 2; lenient++) {
        fr_text a = written, b = target;
        (void)fr__reading_take("####", lenient, &a, &b, buffers);
        if (a.data && a.len > written.len + 1) abort();
    }
    (void)fr__reading_has_answer("####", target);
    int32_t label = fr_task_read_answer(task, written.data, written.len);
    if (label < -1 || label > 1) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fr_str program = FR_STR_INIT;
    char *text = malloc(size + 1), entry[64];
    if (!text) abort();
    memcpy(text, data, size);
    text[size] = '\0';
    size_t first = strcspn(text, "\n");
    fr_text target = {text, first};
    fr_text written = {text + first, size - first};
    fr_task task = {.kind = FR_TASK_GENERATE,
                    .stops = stops,
                    .n_stops = 2,
                    .labels = labels,
                    .n_labels = 2,
                    .cpu_seconds = 1};
    fr_item item = {.code = "def f():", .entry = "f"};
    read_all(&task, &item, target, written);
    task.kind = FR_TASK_CODE;
    if (fr_task_end(&task, &item, written) > written.len) abort();
    if (fr__program_write(&task, &item, written, &program, NULL) != FR_OK) abort();
    if (program.len != strlen(program.data)) abort(); /* no zero byte is left */
    fr__program_find_entry(text, written.data, entry, sizeof(entry));
    for (fr_place p = fr_template_next(text); p.begin; p = fr_template_next(p.end))
        if (strlen(p.name) + 2 != (size_t)(p.end - p.begin)) abort();
    fr_str_release(&program);
    free(text);
    return 0;
}
