/* test_score.c - answers become statistics, and statistics scores. Expected values are worked by
 * hand from the formulas of the metrics. */
#include <math.h>

#include "format/rows.h"
#include "graph/graph.h"
#include "support/test.h"
#include "task/score.h"

static fr_error err;

/* A task without a file; what it points to is static. */
static fr_task make_task(fr_task_kind kind, const char *const *metrics, size_t n_metrics,
                         const char *const *stops, size_t n_stops)
{
    static char name[] = "t", *own_metrics[4], *own_stops[4];
    memcpy(own_metrics, metrics, n_metrics * sizeof(*metrics));
    if (n_stops) memcpy(own_stops, stops, n_stops * sizeof(*stops));
    return (fr_task){.name = name,
                     .kind = kind,
                     .metrics = own_metrics,
                     .n_metrics = n_metrics,
                     .stops = own_stops,
                     .n_stops = n_stops,
                     .cpu_seconds = 10};
}

#define TEXT(s) ((fr_text){s, sizeof(s) - 1})

/* Sums of metric i over n items, and their score. */
static double score(const fr_scoring *s, const double *statistics, size_t n, size_t i)
{
    double sums[64] = {0};
    const fr_measure *m = fr_scoring_measure(s, i);
    for (size_t j = 0; j < n; j++)
        for (size_t k = 0; k < fr_measure_width(m); k++)
            sums[k] += statistics[j * fr_scoring_width(s) + fr_scoring_offset(s, i) + k];
    return fr_measure_score(m, sums, n);
}

static void labels_have_accuracy_f1_and_correlation(void **state)
{
    (void)state;
    static const char *const metrics[] = {"accuracy", "macro-f1", "mcc"};
    fr_task task = make_task(FR_TASK_CLASSIFY, metrics, 3, NULL, 0);
    task.n_labels = 3;
    /* truth 0 0 1 1 2, predicted 0 1 1 1 none */
    const int32_t truth[] = {0, 0, 1, 1, 2}, predicted[] = {0, 1, 1, 1, -1};
    fr_item items[5] = {0};
    fr_answer answers[5] = {0};
    double statistics[5 * 19];
    fr_scoring *s;
    for (size_t i = 0; i < 5; i++) {
        items[i].label = truth[i];
        answers[i].label = predicted[i];
    }
    ASSERT_OK(fr_scoring_create(&s, &task, &(fr_scoring_options){0}, &err));
    assert_int_equal(fr_scoring_width(s), 1 + 9 + 9);
    ASSERT_OK(fr_scoring_run(s, items, answers, 5, statistics, &err));
    ASSERT_NEAR(score(s, statistics, 5, 0), 3.0 / 5, 1e-15);
    /* F1: 2*1/(1+2), 2*2/(3+2), 0 */
    ASSERT_NEAR(score(s, statistics, 5, 1), (2.0 / 3 + 4.0 / 5 + 0) / 3, 1e-15);
    /* c = 3, n = 5, sum p t = 1*2 + 3*2 + 0 = 8; p^2: 1 + 9 + 0 and 1 of no answer; t^2: 9 */
    ASSERT_NEAR(score(s, statistics, 5, 2), (5.0 * 3 - 8) / sqrt((25.0 - 11) * (25 - 9)), 1e-12);
    assert_true(fr_measure_is_right_or_wrong(fr_scoring_measure(s, 0)));
    assert_false(fr_measure_is_right_or_wrong(fr_scoring_measure(s, 1)));
    assert_string_equal(fr_scoring_name(s, 2), "mcc");
    items[0].label = FR_IGNORE; /* nothing is right there */
    ASSERT_OK(fr_scoring_run(s, items, answers, 5, statistics, &err));
    for (size_t i = 0; i < 3; i++) assert_true(isnan(score(s, statistics, 5, i)));
    fr_scoring_destroy(s);
}

static void likelihoods_give_perplexity_and_bits_per_byte(void **state)
{
    (void)state;
    static const char *const metrics[] = {"bits-per-byte", "perplexity"};
    fr_task task = make_task(FR_TASK_GENERATE, metrics, 2, NULL, 0);
    fr_item items[] = {{.target = " ab", .target_len = 3}, {.target = "x", .target_len = 1}};
    fr_answer answers[] = {{.label = -1, .log_p = -3 * log(2), .n_tokens = 2},
                           {.label = -1, .log_p = -log(2), .n_tokens = 1}};
    double statistics[2 * 4];
    fr_scoring *s;
    ASSERT_OK(fr_scoring_create(&s, &task, &(fr_scoring_options){0}, &err));
    ASSERT_OK(fr_scoring_run(s, items, answers, 2, statistics, &err));
    ASSERT_NEAR(score(s, statistics, 2, 0), 4.0 / 4, 1e-15);  /* 4 bits over 4 bytes */
    ASSERT_NEAR(score(s, statistics, 2, 1), cbrt(16), 1e-12); /* 4 bits over 3 tokens */
    assert_true(fr_measure_lower_is_better(fr_scoring_measure(s, 0)));
    assert_true(isinf(fr_measure_highest(fr_scoring_measure(s, 1))));
    answers[1].n_tokens = 0; /* was not scored */
    ASSERT_OK(fr_scoring_run(s, items, answers, 2, statistics, &err));
    assert_true(isnan(score(s, statistics, 2, 0)) && isnan(score(s, statistics, 2, 1)));
    assert_true(isnan(fr_measure_score(fr_scoring_measure(s, 0), statistics, 0)));
    fr_scoring_destroy(s);
}

static void texts_are_compared_without_the_space_around_them_and_up_to_a_stop(void **state)
{
    (void)state;
    static const char *const metrics[] = {"exact-match", "rouge1", "repetition-2"};
    static const char *const stops[] = {"\nQ:"}, *const bleu[] = {"bleu"};
    fr_task task = make_task(FR_TASK_GENERATE, metrics, 3, stops, 1);
    fr_item items[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        items[i].target = " a b c";
        items[i].target_len = 6;
    }
    const fr_text same = TEXT("\n a b c \nQ: a b c"), part = TEXT("a b a b");
    const fr_answer answers[] = {{-1, &same, 1, 0, 0},
                                 {-1, &part, 1, 0, 0},
                                 {-1, NULL, 0, 0, 0},   /* failed: an empty text */
                                 {-1, NULL, 0, -1, 3}}; /* only the target was scored */
    double statistics[4 * 5];
    fr_scoring *s;
    ASSERT_OK(fr_scoring_create(&s, &task, &(fr_scoring_options){0}, &err));
    ASSERT_OK(fr_scoring_run(s, items, answers, 4, statistics, &err));
    ASSERT_NEAR(score(s, statistics, 1, 0), 1, 0);
    ASSERT_NEAR(score(s, statistics, 3, 0), 1.0 / 3, 1e-15);
    /* of the second: 2 of 4 words, 2 of 3: F1 = 4/7 */
    ASSERT_NEAR(score(s, statistics, 3, 1), (1 + 4.0 / 7 + 0) / 3, 1e-12);
    /* of "ab ba ab" one repeats */
    ASSERT_NEAR(score(s, statistics, 3, 2), (0 + 1.0 / 3 + 0) / 3, 1e-12);
    assert_true(isnan(score(s, statistics, 4, 0)));
    fr_scoring_destroy(s);
    const fr_text bad = TEXT("\xff");
    const fr_answer broken = {-1, &bad, 1, 0, 0};
    items[0].line = 7;
    task = make_task(FR_TASK_GENERATE, bleu, 1, NULL, 0);
    ASSERT_OK(fr_scoring_create(&s, &task, &(fr_scoring_options){0}, &err));
    double *room = calloc(fr_scoring_width(s), sizeof(*room));
    ASSERT_FAILS(fr_scoring_run(s, items, &broken, 1, room, &err), FR_ERR_FORMAT, "line 7");
    free(room);
    fr_scoring_destroy(s);
}

/* What is written, what is right, and whether it matches by the strict and the lenient reading. */
static void an_answer_is_read_behind_its_marker_or_leniently(void **state)
{
    (void)state;
    static const struct {
        const char *written, *target;
        int strict, lenient;
    } cases[] = {
        {"4 * 2 = 8\n#### 8", "so\n#### 8", 1, 1},
        {"####8.", "#### 8", 1, 1},
        {"#### 1,000", "#### 1000", 1, 1},
        {"#### 18.0 dollars", "#### 18", 1, 1},
        {"#### $-5", "#### -5", 1, 1},
        {"#### 0.50", "#### .5", 1, 1},
        {"#### 007", "#### 7", 1, 1},
        {"#### 1,00", "#### 100", 0, 0}, /* no group of three */
        {"#### 1234,567", "#### 1234567", 0, 0},
        {"#### 8\n\nQuestion: ...\n#### 9", "#### 8", 1, 1},
        {"The answer is 8.", "#### 8", 0, 1},
        {"It takes 16-3 = 13 days", "#### 13", 0, 1},
        {"It takes 16-3", "#### -3", 0, 0}, /* a minus between numbers is no sign */
        {"it falls to -3 degrees", "#### -3", 0, 1},
        {"8 of them, or 9?", "#### 8", 0, 0}, /* the last one counts */
        {"H2", "#### 2", 0, 0},
        {"none", "#### 8", 0, 0},
        {"", "#### 8", 0, 0},
        {"#### ", "#### 8", 0, 0},
        {"#### eight, that is 8", "#### 8", 0, 1},
        {"#### (C)", "#### (C)", 1, 1},
        {"#### C", "#### (C)", 1, 1},
        {"(A) is no good, so (C)", "#### (C)", 0, 1},
        {"The answer is C.", "#### (C)", 0, 1},
        {"C", "#### (C)", 0, 1},
        {"Cats", "#### (C)", 0, 0},
        {"A cat", "#### (C)", 0, 0},
        {"#### yes", "#### yes", 1, 1},
        {"#### Yes.", "#### yes", 0, 1},
        {"No. I mean yes, of course", "#### yes", 0, 1},
        {"yes and no", "#### yes", 0, 0},
        {"First line\nThe bloody mess", "#### bloody mess", 0, 1},
        {"<think>#### 7\nno, 9</think>4 * 2\n#### 8", "#### 8", 1, 1},
        {"<think>4 * 2 is 8", "#### 8", 0, 0}, /* cut off in its thoughts */
        {"The answer is: bloody mess.\nBye", "#### bloody mess", 0, 1},
        {"99999999999999999999999999999999999999999999999999999999999999999999999999999999999999999"
         "99999999999999999999",
         "#### 9", 0, 0},
    };
    static const char *const metrics[] = {"exact-match", "exact-match-lenient"};
    char marker[] = "####";
    fr_task task = make_task(FR_TASK_GENERATE, metrics, 2, NULL, 0);
    fr_scoring *s;
    task.marker = marker;
    ASSERT_OK(fr_scoring_create(&s, &task, &(fr_scoring_options){0}, &err));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_item item = {.target = cases[i].target, .target_len = strlen(cases[i].target)};
        fr_text written = {cases[i].written, strlen(cases[i].written)};
        fr_answer answer = {-1, &written, 1, 0, 0};
        double statistics[2];
        ASSERT_OK(fr_scoring_run(s, &item, &answer, 1, statistics, &err));
        if (statistics[0] != cases[i].strict || statistics[1] != cases[i].lenient)
            fail_msg("\"%s\" for \"%s\": %g, %g", cases[i].written, cases[i].target, statistics[0],
                     statistics[1]);
    }
    fr_scoring_destroy(s);
}

/* Strict and flexible readings of GSM8K as lm-evaluation-harness has them: tools/golden/answers.py.
 */
static void numbers_are_read_as_the_field_reads_them(void **state)
{
    (void)state;
    static const char *const metrics[] = {"exact-match", "exact-match-lenient"};
    char marker[] = "####";
    fr_task task = make_task(FR_TASK_GENERATE, metrics, 2, NULL, 0);
    fr_scoring *s;
    fr_rows *rows;
    const json_t *row;
    size_t n = 0;
    task.marker = marker;
    ASSERT_OK(fr_scoring_create(&s, &task, &(fr_scoring_options){0}, &err));
    ASSERT_OK(
        fr_rows_open(&rows, FR_TEST_DIR "/golden/answers/numbers.jsonl", FR_ROWS_JSONL, &err));
    for (;; n++) {
        double statistics[2];
        ASSERT_OK(fr_rows_next(rows, &row, &err));
        if (!row) break;
        const char *text = json_string_value(json_object_get(row, "written"));
        const char *target = json_string_value(json_object_get(row, "target"));
        fr_item item = {.target = target, .target_len = strlen(target)};
        fr_text written = {text, strlen(text)};
        fr_answer answer = {-1, &written, 1, 0, 0};
        ASSERT_OK(fr_scoring_run(s, &item, &answer, 1, statistics, &err));
        if ((int)statistics[0] != json_integer_value(json_object_get(row, "strict")) ||
            (int)statistics[1] != json_integer_value(json_object_get(row, "flexible")))
            fail_msg("%s for %s: %g, %g", text, target, statistics[0], statistics[1]);
    }
    assert_int_equal(n, 200);
    fr_rows_close(rows);
    fr_scoring_destroy(s);
}

static const char doubled[] = "def double(x):\n    \"\"\"Twice x.\"\"\"";

static void programs_that_solve_the_problem_pass(void **state)
{
    (void)state;
    static const char *const metrics[] = {"pass@1", "pass@2"};
    static const char *const stops[] = {"\ndef ", "\nprint("};
    fr_task task = make_task(FR_TASK_CODE, metrics, 2, stops, 2);
    const fr_item one = {.setup = "",
                         .code = doubled,
                         .tests = "assert double(2) == 4\nassert double(0) == 0\n",
                         .entry = "double"};
    static const struct {
        const char *written;
        fr_outcome outcome;
    } cases[] = {
        {"\n    return 2 * x\n", FR_OUTCOME_PASSED},
        {"return 2 * x", FR_OUTCOME_PASSED}, /* the space before it was lost */
        {"\n    return x\n", FR_OUTCOME_FAILED},
        {"\n    return 2 * x\n\ndef other(:\n", FR_OUTCOME_PASSED}, /* up to the stop */
        {"Sure:\n```python\nimport os\n\ndef double(x):\n    return x + x\n```\nDone.",
         FR_OUTCOME_PASSED},
        {"```\nfoo(\n```\nor\n```py\ndef double(x): return x * 2\n```", FR_OUTCOME_PASSED},
        {"\n    return 2 * x\n```\n", FR_OUTCOME_PASSED}, /* closes what the prompt had opened */
        {"def double(x):\n    return 2 * x\n```\nThat is it.", FR_OUTCOME_PASSED},
        {"Try\n```python\ndef double(x):\n    return 2 * x\n", FR_OUTCOME_PASSED}, /* cut off */
        {"import math\n\ndef double(x):\n    return 2 * x\n\ndef (", FR_OUTCOME_PASSED},
        {"def double(x):\n    return 2 * x\n\nprint(", FR_OUTCOME_PASSED},
        {"def triple(x):\n    return 3 * x\n", FR_OUTCOME_FAILED},
        {"<think>\n```python\ndef double(x):\n    return x\n```\n</think>\n```python\n"
         "def double(x):\n    return 2 * x\n```",
         FR_OUTCOME_PASSED},
        {"I cannot do that.", FR_OUTCOME_ERROR},
        {"", FR_OUTCOME_FAILED},
    };
    enum { N = sizeof(cases) / sizeof(*cases) };
    fr_item items[N + 2];
    fr_text texts[N + 1];
    fr_answer answers[N + 2];
    double statistics[(N + 2) * 2];
    fr_scoring *s;
    size_t n_verdicts;
    for (size_t i = 0; i < N; i++) {
        items[i] = one;
        texts[i] = (fr_text){cases[i].written, strlen(cases[i].written)};
        answers[i] = (fr_answer){-1, &texts[i], 1, 0, 0};
    }
    items[N] = items[N + 1] = one;
    answers[N] = (fr_answer){-1, &texts[1], 2, 0, 0}; /* two samples, the second fails */
    answers[N + 1] = (fr_answer){.label = -1};
    ASSERT_OK(fr_scoring_create(&s, &task, &(fr_scoring_options){0}, &err));
    assert_string_equal(fr_scoring_jail(s), "");
    ASSERT_OK(fr_scoring_run(s, items, answers, N + 2, statistics, &err));
    if (fr_scoring_not_run(s)[0]) {
        for (size_t i = 0; i < 2 * (N + 2); i++) assert_true(isnan(statistics[i]));
        print_message("%s\n", fr_scoring_not_run(s));
        fr_scoring_destroy(s);
        skip();
    }
    const fr_program_verdict *verdicts = fr_scoring_verdicts(s, &n_verdicts);
    assert_int_equal(n_verdicts, N + 2);
    for (size_t i = 0; i < N; i++) {
        if (verdicts[i].outcome != cases[i].outcome)
            fail_msg("%s: %s, %s", cases[i].written, fr_outcome_name(verdicts[i].outcome),
                     verdicts[i].why);
        ASSERT_NEAR(statistics[2 * i], cases[i].outcome == FR_OUTCOME_PASSED, 0);
        assert_true(isnan(statistics[2 * i + 1])); /* one sample says nothing of two */
    }
    ASSERT_NEAR(statistics[2 * N], 0.5, 1e-15);
    ASSERT_NEAR(statistics[2 * N + 1], 1, 1e-15);
    ASSERT_NEAR(statistics[2 * N + 2], 0, 0); /* no answer */
    assert_string_not_equal(fr_scoring_jail(s), "");
    fr_scoring_destroy(s);
}

static void programs_that_hang_or_cannot_be_run_say_so(void **state)
{
    (void)state;
    static const char *const metrics[] = {"pass@1"};
    fr_task task = make_task(FR_TASK_CODE, metrics, 1, NULL, 0);
    const fr_item item = {
        .setup = "", .code = doubled, .tests = "assert double(2) == 4\n", .entry = "double"};
    const fr_text hangs = TEXT("\n    while True:\n        pass\n");
    const fr_answer answer = {-1, &hangs, 1, 0, 0};
    fr_scoring_options options = {.no_bubblewrap = true, .no_landlock = true};
    fr_scoring *s;
    double passed = 0;
    size_t n;
    ASSERT_OK(fr_scoring_create(&s, &task, &options, &err));
    ASSERT_OK(fr_scoring_run(s, &item, &answer, 1, &passed, &err)); /* all else goes on */
    assert_true(isnan(passed));
    assert_string_not_equal(fr_scoring_not_run(s), "");
    assert_string_equal(fr_scoring_jail(s), "");
    assert_null(fr_scoring_verdicts(s, &n));
    fr_scoring_destroy(s);

    task.cpu_seconds = 1;
    ASSERT_OK(fr_scoring_create(&s, &task, &(fr_scoring_options){0}, &err));
    ASSERT_OK(fr_scoring_run(s, &item, &answer, 1, &passed, &err));
    if (!fr_scoring_not_run(s)[0]) {
        assert_int_equal(fr_scoring_verdicts(s, &n)->outcome, FR_OUTCOME_TIMED_OUT);
        ASSERT_NEAR(passed, 0, 0);
    }
    fr_scoring_destroy(s);
}

/* Where an answer ends, while it is written: the byte, or -1 where it goes on. */
static void an_answer_ends_at_a_stop_or_behind_its_fence(void **state)
{
    (void)state;
    static const char *const metrics[] = {"pass@1"}, *const bleu[] = {"bleu"};
    static const char *const stops[] = {"\ndef ", "\n```"};
    static const struct {
        const char *written;
        int end;
    } cases[] = {
        {"    return 1\ndef ", 12},
        {"    return 1\nde", -1},
        {"import os\ndef ", -1}, /* may become the function asked for */
        {"import os\ndef f", -1},
        {"import os\ndef g", 9},
        {"import os\ndef foo", 9},
        {"import os\ndef f(): pass\ndef g", 23},
        {"Sure:\n```python\ndef f(): pass\ndef g", -1},
        {"Sure:\n```python\ndef f(): pass\n```\n", 33},
        {"    return 1\n```", 13},
    };
    const fr_item item = {.code = "", .entry = "f"};
    fr_task task = make_task(FR_TASK_CODE, metrics, 1, stops, 2);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_text written = {cases[i].written, strlen(cases[i].written)};
        size_t end = fr_task_end(&task, &item, written);
        size_t wanted = cases[i].end < 0 ? written.len : (size_t)cases[i].end;
        if (end != wanted) fail_msg("%s: %zu, not %zu", written.data, end, wanted);
    }
    task = make_task(FR_TASK_GENERATE, bleu, 1, stops, 2);
    assert_int_equal(fr_task_end(&task, &item, TEXT("a\n```\ndef ")), 1);
    assert_int_equal(fr_task_end(&task, &item, TEXT("a def")), 5);
}

static void sums_that_no_items_have_give_no_score(void **state)
{
    (void)state;
    static const char *const names[] = {"macro-f1", "mcc", "perplexity", "bits-per-byte"};
    static const double odd[] = {-1, 1e300, INFINITY};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        for (size_t k = 0; k < sizeof(odd) / sizeof(*odd); k++) {
            fr_measure *m;
            double sums[6] = {0};
            ASSERT_OK(fr_measure_create(&m, names[i], 2, &err));
            sums[fr_measure_width(m) - 1] = odd[k];
            assert_true(isnan(fr_measure_score(m, sums, 3)));
            fr_measure_destroy(m);
        }
}

static void metrics_are_made_from_their_names_alone(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t width;
        double highest;
        bool lower, right_or_wrong;
    } cases[] = {
        {"accuracy", 1, 1, false, true},
        {"macro-f1", 12, 1, false, false},
        {"mcc", 12, 1, false, false},
        {"bleu", 10, 100, false, false},
        {"codexglue-bleu", 1, 100, false, false},
        {"rougeL", 3, 1, false, false},
        {"exact-match", 1, 1, false, true},
        {"repetition-4", 1, 1, true, false},
        {"pass@1", 1, 1, false, true},
        {"pass@10", 1, 1, false, false},
    };
    fr_measure *m;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ASSERT_OK(fr_measure_create(&m, cases[i].name, 4, &err));
        assert_string_equal(fr_measure_name(m), cases[i].name);
        assert_int_equal(fr_measure_width(m), cases[i].width);
        ASSERT_NEAR(fr_measure_highest(m), cases[i].highest, 0);
        assert_int_equal(fr_measure_lower_is_better(m), cases[i].lower);
        assert_int_equal(fr_measure_is_right_or_wrong(m), cases[i].right_or_wrong);
        fr_measure_destroy(m);
    }
    ASSERT_FAILS(fr_measure_create(&m, "acuracy", 2, &err), FR_ERR_USAGE, "did you mean accuracy");
    ASSERT_FAILS(fr_measure_create(&m, "pass@0", 2, &err), FR_ERR_USAGE, "unknown metric");
    ASSERT_FAILS(fr_measure_create(&m, "pass@1x", 2, &err), FR_ERR_USAGE, "unknown metric");
    ASSERT_FAILS(fr_measure_create(&m, "mcc", 1, &err), FR_ERR_USAGE, "two labels");
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_have_accuracy_f1_and_correlation),
        cmocka_unit_test(likelihoods_give_perplexity_and_bits_per_byte),
        cmocka_unit_test(texts_are_compared_without_the_space_around_them_and_up_to_a_stop),
        cmocka_unit_test(an_answer_is_read_behind_its_marker_or_leniently),
        cmocka_unit_test(numbers_are_read_as_the_field_reads_them),
        cmocka_unit_test(programs_that_solve_the_problem_pass),
        cmocka_unit_test(programs_that_hang_or_cannot_be_run_say_so),
        cmocka_unit_test(an_answer_ends_at_a_stop_or_behind_its_fence),
        cmocka_unit_test(sums_that_no_items_have_give_no_score),
        cmocka_unit_test(metrics_are_made_from_their_names_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
