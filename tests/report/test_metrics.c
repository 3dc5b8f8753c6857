/* Metrics in every report: units, direction, further ones, baselines, programs that were not run.
 */
#include <jansson.h>
#include <math.h>

#include "report/report.h"
#include "support/results_fixture.h"
#include "support/test.h"

typedef fr_status (*render_fn)(const fr_results *results, fr_str *out, fr_error *err);

static const fr_result_metric metrics[] = {
    {"bits-per-byte", INFINITY, true}, {"bleu", 100, false}, {"exact-match", 1, false}};
static fr_result_model models[3];
static fr_figure scores[3][3];
static fr_str out = FR_STR_INIT;

static fr_figure figure(double value, double low, double high)
{
    return (fr_figure){value, low, high, FR_KIND_MEASURED, "planted"};
}

/* A reference, a model that is worse and beats the baseline, and the baseline, which writes
 * nothing. */
static fr_results planted(void)
{
    fr_results r = fixture_study();
    for (size_t i = 0; i < 3; i++) {
        models[i] = r.models[i == 2 ? 4 : i];
        for (size_t k = 0; k < 3; k++) scores[i][k] = (fr_figure){.kind = FR_KIND_NONE};
        models[i].scores = scores[i];
        models[i].seeds = NULL;
        models[i].n_seeds = 0;
    }
    scores[0][0] = figure(1.1934, 1.158, 1.229);
    scores[1][0] = figure(1.24, 1.205, 1.275);
    scores[2][0] = figure(3.921, 3.907, 3.934);
    scores[1][1] = figure(33.67, 31, 36.25);
    scores[1][2] = figure(0.125, 0.1, 0.15);
    for (size_t i = 0; i < 3; i++) models[i].quality = scores[i][0];
    models[1].verdict = FR_VERDICT_WORSE;
    models[1].difference = figure(-0.0466, -0.0571, -0.0372);
    models[1].baseline = "majority class";
    models[1].gain = figure(2.681, 2.643, 2.719);
    models[2].baseline = NULL;
    r.models = models;
    r.n_models = 3;
    r.metrics = metrics;
    r.n_metrics = 3;
    r.sandbox = "bubblewrap";
    return r;
}

static const char *render(render_fn how, fr_results r)
{
    fr_error err;
    fr_str_clear(&out);
    ASSERT_OK(how(&r, &out, &err));
    return fr_str_text(&out);
}

static const char *terminal(fr_results r, bool ascii)
{
    fr_error err;
    fr_str_clear(&out);
    ASSERT_OK(fr_report_terminal(&r, &(fr_report_terminal_options){.width = 400, .ascii = ascii},
                                 &out, &err));
    return fr_str_text(&out);
}

static void units_and_direction_follow_the_metric(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "bits-per-byte \xe2\x86\x93",
        "1.240 [1.205, 1.275]",
        "-0.047 [-0.057, -0.037]",
        "margin 0.02 ",
        "\xe2\x86\x93 less is better",
        "programs ran in bubblewrap",
        "electra-small: bleu 33.7 [31.0, 36.2], exact-match % 12.5 [10.0, 15.0]",
        "electra-small beats the best trivial baseline (majority class) by +2.681 [+2.643, "
        "+2.719].",
        "the nearest, electra-small, is at -0.047 bits-per-byte, where plus is better",
    };
    const char *text = terminal(planted(), false);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) assert_contains(text, parts[i]);
    text = terminal(planted(), true);
    assert_contains(text, "bits-per-byte (less is better)");
    for (; *text; text++) assert_true((unsigned char)*text < 128);
}

static void a_baseline_that_is_not_beaten_is_said_so(void **state)
{
    (void)state;
    fr_results r = planted();
    models[1].gain = figure(0.01, -0.02, 0.04);
    assert_contains(terminal(r, false), "electra-small does not beat the best trivial baseline "
                                        "(majority class): +0.010 [-0.020, +0.040].");
    models[2].verdict = FR_VERDICT_COMPARABLE;
    assert_contains(terminal(r, false), "majority class, a trivial baseline, is comparable");
    assert_contains(terminal(r, false), "No model is comparable to"); /* it is no model */
}

static void programs_that_were_not_run_are_called_so(void **state)
{
    (void)state;
    fr_results r = planted();
    models[1].quality = scores[1][0] = (fr_figure){.kind = FR_KIND_NONE};
    models[1].not_run = "no jail holds here";
    assert_contains(terminal(r, false), "not run");
    assert_contains(render(fr_report_html, r), "not run");
    assert_contains(render(fr_report_markdown, r), "not run");
    json_t *root = json_loads(render(fr_report_json, r), 0, NULL);
    json_t *model = json_array_get(json_object_get(root, "models"), 1);
    assert_string_equal(json_string_value(json_object_get(model, "not_run")), "no jail holds here");
    json_decref(root);
}

static void pages_have_a_table_of_all_metrics(void **state)
{
    (void)state;
    const char *text = render(fr_report_html, planted());
    assert_contains(text, "All metrics of the task");
    assert_contains(text, "exact-match %");
    assert_contains(text, "over majority class: +2.681");
    assert_contains(text, "and a margin of 0.02 below it");
    text = render(fr_report_markdown, planted());
    assert_contains(text, "| model | bits-per-byte \xe2\x86\x93 | bleu | exact-match % |");
    assert_contains(text, "| 33.7 \\[31.0, 36.2\\] | 12.5 \\[10.0, 15.0\\] |");
}

/* Less is better: the better model stands higher in the plot. */
static void up_is_better_in_the_plot(void **state)
{
    (void)state;
    fr_results r = planted();
    for (size_t i = 0; i < 3; i++) {
        models[i].quality.low = models[i].quality.high = models[i].quality.value;
        models[i].g_per_1000 =
            (fr_figure){1 + (double)i, 1 + (double)i, 1 + (double)i, FR_KIND_MEASURED, NULL};
    }
    models[2].quality.value = models[2].quality.low = models[2].quality.high = 1.25;
    const char *at = render(fr_report_html, r);
    double y[3];
    for (size_t i = 0; i < 3; i++) {
        at = strstr(at, "<circle class=\"mk full\" cx=\"");
        assert_non_null(at);
        at = strstr(at, "cy=\"") + 4;
        y[i] = strtod(at, NULL);
    }
    assert_true(y[0] < y[1] && y[1] < y[2]); /* 1.19, 1.24, 1.25 bits per byte */
}

/* Where the axis ends short of an interval, its lower marks would all stand on the bottom edge. */
static void marks_of_an_axis_stand_apart(void **state)
{
    (void)state;
    fr_results r = planted();
    for (size_t i = 0; i < 3; i++) models[i].g_per_1000 = figure(1, 0.9, 1.1);
    r.margin = 0.01;
    models[1].quality = figure(1.24, 1.1, 1.6); /* the baseline is far below */
    const char *at = render(fr_report_html, r);
    double last = INFINITY;
    size_t n = 0;
    while ((at = strstr(at, "<text class=\"tx\" x=\""))) {
        const char *mark = strstr(at, "text-anchor=\"end\">");
        at = strstr(at, " y=\"") + 4;
        if (!mark || mark > strchr(at, '>') || !strchr("0123456789", mark[18])) continue;
        double y = strtod(at, NULL);
        assert_true(fabs(y - last) > 5);
        last = y;
        n++;
    }
    assert_true(n >= 3);
}

static void programs_get_plain_numbers(void **state)
{
    (void)state;
    json_t *root = json_loads(render(fr_report_json, planted()), 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "metric")), "bits-per-byte");
    json_t *first = json_array_get(json_object_get(root, "metrics"), 0);
    assert_true(json_is_true(json_object_get(first, "lower_is_better")));
    assert_true(json_is_null(json_object_get(first, "highest")));
    json_t *model = json_array_get(json_object_get(root, "models"), 1);
    json_t *bleu = json_object_get(json_object_get(model, "scores"), "bleu");
    ASSERT_NEAR(json_real_value(json_object_get(bleu, "value")), 33.67, 1e-12);
    assert_true(json_is_true(json_object_get(model, "beats_baseline")));
    assert_string_equal(json_string_value(json_object_get(model, "best_baseline")),
                        "majority class");
    json_decref(root);
    const char *text = render(fr_report_csv, planted());
    assert_contains(text, ",best_baseline,beats_baseline,bleu,bleu_low,bleu_high,exact-match,"
                          "exact-match_low,exact-match_high\r\n");
    assert_contains(text, ",majority class,1,33.67,31,36.25,0.125,0.1,0.15\r\n");
}

static int release(void **state)
{
    (void)state;
    fr_str_release(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_and_direction_follow_the_metric),
        cmocka_unit_test(a_baseline_that_is_not_beaten_is_said_so),
        cmocka_unit_test(programs_that_were_not_run_are_called_so),
        cmocka_unit_test(pages_have_a_table_of_all_metrics),
        cmocka_unit_test(up_is_better_in_the_plot),
        cmocka_unit_test(marks_of_an_axis_stand_apart),
        cmocka_unit_test(programs_get_plain_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
