/* Several studies in one table: which model stands in a row, and what is said of it. */
#include <jansson.h>
#include <math.h>

#include "report/report.h"
#include "support/results_fixture.h"
#include "support/test.h"

static fr_str out = FR_STR_INIT;

static int release(void **state)
{
    (void)state;
    fr_str_release(&out);
    return 0;
}

static const char *terminal(const fr_study_row *rows, size_t n, int width)
{
    fr_error err;
    fr_str_clear(&out);
    ASSERT_OK(
        fr_overview_terminal(rows, n, &(fr_report_terminal_options){.width = width}, &out, &err));
    return fr_str_text(&out);
}

static void a_row_is_about_the_smallest_comparable_model(void **state)
{
    (void)state;
    fr_results r = fixture_study();
    fr_result_model models[4];
    memcpy(models, r.models, sizeof(models)); /* the reference, and one comparable model */
    r.models = models;
    r.n_models = 4;
    fr_study_row row = {&r, NULL};
    assert_contains(terminal(&row, 1, 300), "electra-small  13.5M");
    models[2].verdict = FR_VERDICT_COMPARABLE; /* MiniLM, 22.7M: larger */
    assert_contains(terminal(&row, 1, 300), "electra-small  13.5M");
    models[3].verdict = FR_VERDICT_COMPARABLE; /* bert-tiny, 4.4M: smaller */
    assert_contains(terminal(&row, 1, 300), "bert-tiny (from scratch)  4.4M");
    for (size_t i = 1; i < 4; i++) models[i].verdict = FR_VERDICT_WORSE; /* none: the best */
    assert_contains(terminal(&row, 1, 300), "electra-small  13.5M");
    for (size_t i = 1; i < 4; i++) models[i].is_baseline = true; /* no model left to speak of */
    assert_null(strstr(terminal(&row, 1, 300), "electra"));
}

static void a_study_whose_programs_were_not_run_says_so(void **state)
{
    (void)state;
    fr_results r = fixture_study();
    fr_result_model models[4];
    fr_study_row row = {&r, NULL};
    memcpy(models, r.models, sizeof(models));
    r.models = models;
    r.n_models = 4;
    for (size_t i = 0; i < 4; i++) models[i].quality = (fr_figure){.kind = FR_KIND_NONE};
    assert_null(strstr(terminal(&row, 1, 300), "not run"));
    models[1].not_run = "no jail holds here";
    assert_contains(terminal(&row, 1, 300), "not run");
}

static void a_page_keeps_the_words_not_run_together(void **state)
{
    (void)state;
    fr_error err;
    fr_results r = fixture_study();
    fr_result_model model = r.models[0];
    model.quality = (fr_figure){.kind = FR_KIND_NONE};
    model.not_run = "no jail holds here";
    r.models = &model;
    r.n_models = 1;
    fr_str_clear(&out);
    ASSERT_OK(fr_overview_html(&(fr_study_row){&r, NULL}, 1, &out, &err));
    assert_contains(fr_str_text(&out), "<span>not run</span>");
}

static void studies_of_one_task_are_told_apart_by_their_names(void **state)
{
    (void)state;
    fr_results first = fixture_study(), second = fixture_study(), third = fixture_study();
    const fr_study_row rows[] = {{&first, NULL}, {&second, NULL}, {&third, NULL}};
    first.study = "reviews of films";
    second.study = "reviews of meals";
    third.study = "pairs";
    third.task = "nli";
    const char *text = terminal(rows, 3, 300);
    assert_contains(text, "\nsentiment (reviews of films)  ");
    assert_contains(text, "\nsentiment (reviews of meals)  ");
    assert_contains(text, "\nnli  ");
    assert_contains(text,
                    "sentiment (reviews of films) 2.0, sentiment (reviews of meals) 2.0, nli 2.0");
}

static void where_the_reference_alone_was_measured_its_gain_stands_there(void **state)
{
    (void)state;
    fr_error err;
    json_error_t error;
    fr_results r = fixture_study();
    fr_result_model models[2];
    fr_study_row row = {&r, NULL};
    memcpy(models, r.models, sizeof(models));
    models[0].baseline = models[1].name = "majority class";
    models[0].gain = (fr_figure){0.45, 0.43, 0.47, FR_KIND_MEASURED, NULL};
    models[1].is_baseline = true;
    r.models = models;
    r.n_models = 2;
    assert_contains(terminal(&row, 1, 300), "reference: +45.0 [+43.0, +47.0] majority class");
    fr_str_clear(&out);
    ASSERT_OK(fr_overview_json(&row, 1, &out, &err));
    json_t *root = json_loads(fr_str_text(&out), 0, &error);
    assert_non_null(root);
    json_t *first = json_array_get(json_object_get(root, "rows"), 0);
    assert_true(json_is_null(json_object_get(first, "over_baseline")));
    json_t *gain = json_object_get(first, "reference_over_baseline");
    ASSERT_NEAR(json_real_value(json_object_get(gain, "low")), 0.43, 1e-12);
    json_decref(root);
}

static void where_less_is_better_the_best_has_the_lowest_score(void **state)
{
    (void)state;
    static const fr_result_metric bits = {"bits-per-byte", INFINITY, true};
    fr_results r = fixture_study();
    fr_result_model models[4];
    memcpy(models, r.models, sizeof(models));
    for (size_t i = 1; i < 4; i++) models[i].verdict = FR_VERDICT_WORSE;
    models[2].quality = (fr_figure){1.234, 1.198, 1.271, FR_KIND_MEASURED, NULL};
    models[1].quality = (fr_figure){1.31, 1.29, 1.33, FR_KIND_MEASURED, NULL};
    models[3].quality = (fr_figure){2.5, 2.4, 2.6, FR_KIND_MEASURED, NULL};
    models[2].difference = (fr_figure){-0.05, -0.081, -0.022, FR_KIND_MEASURED, NULL};
    r.models = models;
    r.n_models = 4;
    r.metrics = &bits;
    const char *text = terminal(&(fr_study_row){&r, NULL}, 1, 300);
    assert_contains(text, "all-MiniLM-L6-v2");
    assert_contains(text, "1.234 [1.198, 1.271]");
    assert_contains(text, "-0.050 [-0.081, -0.022]");
    assert_contains(text, "bits-per-byte \xe2\x86\x93");
    assert_contains(text, "plus is better");
    assert_contains(text, "Margins: sentiment 0.02.");
}

static void every_width_has_all_facts(void **state)
{
    (void)state;
    fr_results r = fixture_study(), s = fixture_hostile(), none = fixture_empty();
    fr_result_model model = r.models[1];
    model.baseline = "majority class";
    model.gain = (fr_figure){0.443, 0.42, 0.466, FR_KIND_MEASURED, NULL};
    fr_result_model models[] = {r.models[0], model};
    r.models = models;
    r.n_models = 2;
    const fr_study_row rows[] = {{&r, "a/report.html"}, {&s, NULL}, {&none, NULL}};
    for (int width = 20; width < 320; width += 30) {
        const char *text = terminal(rows, 3, width);
        static const char *const facts[] = {"sentiment",  "electra-small",       "13.5M",
                                            "comparable", "94.4 [93.2, 95.4]",   "95.1 DeepSeek",
                                            "1/16,000",   "+44.3 [+42.0, +46.6]"};
        for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) assert_contains(text, facts[i]);
        assert_null(strchr(text, '\x1b'));
    }
}

static void figures_that_do_not_fit_beside_their_name_stand_below_it(void **state)
{
    (void)state;
    fr_results r = fixture_study();
    fr_study_row row = {&r, NULL};
    const char *text = terminal(&row, 1, 40);
    assert_contains(text, "\n  quality             94.4 [93.2, 95.4]\n");
    assert_contains(text, "\n  emissions\n    1/16,000 [1/");
    for (const char *s = strstr(text, "\n  metric"); *s && s[1] != '\n';
         s += 1 + strcspn(s + 1, "\n"))
        assert_true(strcspn(s + 1, "\n") <= 40);
}

static void pages_link_to_the_studies_and_escape_what_comes_from_outside(void **state)
{
    (void)state;
    fr_error err;
    fr_results r = fixture_study(), s = fixture_hostile();
    const fr_study_row rows[] = {{&r, "a b/\"><script>/report.html"}, {&s, NULL}};
    fr_str_clear(&out);
    ASSERT_OK(fr_overview_html(rows, 2, &out, &err));
    assert_contains(fr_str_text(&out), "<a href=\"a b/&quot;&gt;&lt;script&gt;/report.html\">");
    assert_null(strstr(fr_str_text(&out), "<script"));
    fr_str_clear(&out);
    ASSERT_OK(fr_overview_markdown(rows, 2, &out, &err));
    assert_null(strstr(fr_str_text(&out), "<script"));
    assert_contains(fr_str_text(&out), "| electra-small |");
}

static void json_has_a_row_a_study(void **state)
{
    (void)state;
    fr_error err;
    json_error_t error;
    fr_results r = fixture_study(), none = fixture_empty();
    const fr_study_row rows[] = {{&r, "a/report.html"}, {&none, NULL}};
    fr_str_clear(&out);
    ASSERT_OK(fr_overview_json(rows, 2, &out, &err));
    json_t *root = json_loads(fr_str_text(&out), 0, &error);
    assert_non_null(root);
    json_t *array = json_object_get(root, "rows");
    assert_int_equal(json_array_size(array), 2);
    json_t *first = json_array_get(array, 0);
    assert_string_equal(json_string_value(json_object_get(first, "model")), "electra-small");
    assert_string_equal(json_string_value(json_object_get(first, "verdict")), "comparable");
    assert_string_equal(json_string_value(json_object_get(first, "report")), "a/report.html");
    ASSERT_NEAR(json_real_value(json_object_get(json_object_get(first, "quality"), "value")), 0.944,
                1e-12);
    assert_true(json_is_null(json_object_get(json_array_get(array, 1), "model")));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_about_the_smallest_comparable_model),
        cmocka_unit_test(a_study_whose_programs_were_not_run_says_so),
        cmocka_unit_test(a_page_keeps_the_words_not_run_together),
        cmocka_unit_test(studies_of_one_task_are_told_apart_by_their_names),
        cmocka_unit_test(where_the_reference_alone_was_measured_its_gain_stands_there),
        cmocka_unit_test(where_less_is_better_the_best_has_the_lowest_score),
        cmocka_unit_test(every_width_has_all_facts),
        cmocka_unit_test(figures_that_do_not_fit_beside_their_name_stand_below_it),
        cmocka_unit_test(pages_link_to_the_studies_and_escape_what_comes_from_outside),
        cmocka_unit_test(json_has_a_row_a_study),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
