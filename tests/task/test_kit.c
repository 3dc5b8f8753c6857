/* test_kit.c - the starter kit (data/kit, tools/make-kit.py) is what the built-in tasks read. */
#include "support/test.h"
#include "task/dataset.h"
#include "task/score.h"

enum { N_TASKS = 6, N_SPLITS = 3, N_PROGRAMS = 6 };

static fr_error err;
static const char *const tasks[N_TASKS] = {"sentiment", "nli",          "story",
                                           "cot",       "code-summary", "code-generation"};
static const char *const splits[N_SPLITS] = {"train", "validation", "test"};

static void load(const char *name, const char *split, fr_task **task, fr_dataset *d)
{
    char path[512];
    snprintf(path, sizeof(path), FR_SOURCE_DIR "/data/kit/%s/%s.jsonl", name, split);
    ASSERT_OK(fr_task_open(task, name, &err));
    ASSERT_OK(fr_dataset_load(d, path, &(fr_dataset_options){.task = *task}, &err));
}

static void no_item_of_a_task_stands_in_two_splits(void **state)
{
    (void)state;
    for (int t = 0; t < N_TASKS; t++) {
        fr_task *task[N_SPLITS];
        fr_dataset d[N_SPLITS];
        for (int s = 0; s < N_SPLITS; s++) load(tasks[t], splits[s], &task[s], &d[s]);
        for (int s = 0; s < N_SPLITS; s++) {
            const fr_dataset *other = &d[(s + 1) % N_SPLITS];
            assert_int_equal(d[s].n_skipped, 0);
            for (size_t i = 0; i < d[s].n; i++)
                for (size_t j = 0; j < other->n; j++)
                    assert_string_not_equal(d[s].items[i].whole, other->items[j].whole);
        }
        for (int s = 0; s < N_SPLITS; s++) {
            fr_dataset_release(&d[s]);
            fr_task_close(task[s]);
        }
    }
}

static void labels_are_equally_frequent_in_the_test(void **state)
{
    (void)state;
    for (int t = 0; t < 2; t++) {
        size_t n[3] = {0};
        fr_task *task;
        fr_dataset d;
        load(tasks[t], "test", &task, &d);
        for (size_t i = 0; i < d.n; i++) n[d.items[i].label]++;
        for (size_t i = 0; i < task->n_labels; i++) assert_int_equal(n[i], d.n / task->n_labels);
        fr_dataset_release(&d);
        fr_task_close(task);
    }
}

static void what_is_right_scores_full_marks(void **state)
{
    (void)state;
    for (int t = 3; t < N_TASKS; t++) {
        fr_task *task;
        fr_dataset d;
        fr_scoring *s;
        fr_text written[N_PROGRAMS];
        fr_answer answers[N_PROGRAMS] = {0};
        double sums[64] = {0};
        load(tasks[t], "test", &task, &d);
        for (size_t i = 0; i < N_PROGRAMS; i++) {
            written[i] = (fr_text){d.items[i].target, d.items[i].target_len};
            answers[i] = (fr_answer){.label = -1, .texts = &written[i], .n_texts = 1};
        }
        ASSERT_OK(fr_scoring_create(&s, task, &(fr_scoring_options){.sandbox_slots = 1}, &err));
        size_t width = fr_scoring_width(s);
        double *statistics = calloc(N_PROGRAMS * width, sizeof(*statistics));
        assert_non_null(statistics);
        ASSERT_OK(fr_scoring_run(s, d.items, answers, N_PROGRAMS, statistics, &err));
        const fr_measure *m = fr_scoring_measure(s, 0);
        for (size_t i = 0; i < N_PROGRAMS; i++)
            for (size_t k = 0; k < fr_measure_width(m); k++)
                sums[k] += statistics[i * width + fr_scoring_offset(s, 0) + k];
        if (*fr_scoring_not_run(s))
            print_message("%s\n", fr_scoring_not_run(s));
        else
            ASSERT_NEAR(fr_measure_score(m, sums, N_PROGRAMS), fr_measure_highest(m), 1e-9);
        free(statistics);
        fr_scoring_destroy(s);
        fr_dataset_release(&d);
        fr_task_close(task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_item_of_a_task_stands_in_two_splits),
        cmocka_unit_test(labels_are_equally_frequent_in_the_test),
        cmocka_unit_test(what_is_right_scores_full_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
