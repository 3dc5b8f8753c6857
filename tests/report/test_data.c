/* results.json, results.csv, emissions.csv, report.md, and all of them as files. */
#include <jansson.h>

#include "os/file.h"
#include "report/report.h"
#include "support/results_fixture.h"
#include "support/test.h"

typedef fr_status (*render_fn)(const fr_results *results, fr_str *out, fr_error *err);

static char *render(render_fn how, fr_results r)
{
    fr_error err;
    fr_str out = FR_STR_INIT;
    ASSERT_OK(how(&r, &out, &err));
    return out.data;
}

static json_t *parsed(fr_results r)
{
    char *text = render(fr_report_json, r);
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    if (!root) fail_msg("line %d: %s", error.line, error.text);
    free(text);
    return root;
}

static void json_keeps_every_figure_with_interval_kind_and_source(void **state)
{
    (void)state;
    json_t *root = parsed(fixture_study());
    assert_string_equal(json_string_value(json_object_get(root, "format")), "frugal-results/1");
    assert_int_equal(json_integer_value(json_object_get(root, "items")), 1821);
    assert_string_equal(json_string_value(json_object_get(root, "started")),
                        "2026-01-01T00:00:00Z");
    json_t *models = json_object_get(root, "models");
    assert_int_equal(json_array_size(models), 7);
    json_t *electra = json_array_get(models, 1);
    json_t *quality = json_object_get(electra, "quality");
    assert_true(json_real_value(json_object_get(quality, "value")) == 0.944);
    assert_true(json_real_value(json_object_get(quality, "low")) == 0.932);
    assert_string_equal(json_string_value(json_object_get(quality, "kind")), "measured");
    assert_string_equal(json_string_value(json_object_get(quality, "source")),
                        "1,821 test items, 5 seeds");
    assert_string_equal(json_string_value(json_object_get(electra, "verdict")), "comparable");
    assert_int_equal(json_array_size(json_object_get(electra, "seeds")), 5);
    assert_int_equal(json_integer_value(json_object_get(electra, "parameters_active")), 13500000);
    json_t *mistral = json_array_get(models, 5);
    assert_true(json_is_null(json_object_get(json_object_get(mistral, "quality"), "value")));
    assert_true(json_is_null(json_object_get(mistral, "verdict")));
    json_t *window = json_array_get(json_object_get(root, "windows"), 2);
    assert_true(json_is_true(json_object_get(window, "interrupted")));
    json_decref(root);
}

static void json_survives_hostile_input_and_nothing(void **state)
{
    (void)state;
    json_t *root = parsed(fixture_hostile());
    json_t *models = json_object_get(root, "models");
    assert_int_equal(json_array_size(models), 9);
    assert_string_equal(json_string_value(json_object_get(json_array_get(models, 0), "name")),
                        "<script>alert('x')</script>");
    assert_true(json_is_null(json_object_get(root, "margin"))); /* NaN */
    json_decref(root);
    root = parsed(fixture_empty());
    assert_int_equal(json_array_size(json_object_get(root, "models")), 0);
    json_decref(root);
}

static void repeated_texts_are_in_every_report(void **state)
{
    (void)state;
    static const char words[] =
        "Texts that repeat another of their set (case and white space aside): 8 of 6,920 in train, "
        "0 of 872 in validation, 2 of 1,821 in test; 1 of validation also in train; 12 of test "
        "also in train: quality of fine-tuned models may be overstated.";
    fr_results clean = fixture_study();
    fr_str terminal = FR_STR_INIT;
    fr_error err;
    char *markdown = render(fr_report_markdown, fixture_study());
    char *html = render(fr_report_html, fixture_study());
    ASSERT_OK(
        fr_report_terminal(&clean, &(fr_report_terminal_options){.width = 1000}, &terminal, &err));
    assert_non_null(strstr(terminal.data, words));
    assert_non_null(strstr(html, words));
    assert_non_null(strstr(markdown, "8 of 6,920 in train"));
    json_t *root = parsed(fixture_study()), *data = json_object_get(root, "data");
    assert_int_equal(json_array_size(data), 3);
    json_t *test = json_array_get(data, 2);
    assert_string_equal(json_string_value(json_object_get(test, "role")), "test");
    assert_int_equal(json_integer_value(json_object_get(test, "items")), 1821);
    assert_int_equal(json_integer_value(json_object_get(test, "repeated")), 2);
    assert_int_equal(json_integer_value(json_object_get(test, "also_in_train")), 12);
    assert_int_equal(json_integer_value(json_object_get(test, "also_in_validation")), 0);
    json_decref(root);
    free(markdown);
    free(html);
    fr_str_release(&terminal);

    const fr_result_set apart[] = {{"train", 10, 0, 0, 0}, {"test", 5, 0, 0, 0}};
    clean.sets = apart;
    clean.n_sets = 2;
    html = render(fr_report_html, clean);
    assert_non_null(strstr(html, "0 of 5 in test; none stands in two sets."));
    free(html);
}

enum { MAX_ROWS = 32, MAX_CELLS = 100, MAX_CELL = 6000 };

static char cells[MAX_ROWS][MAX_CELLS][MAX_CELL];

/* RFC 4180 into `cells`; every row must have as many cells as the first. */
static size_t parse_csv(const char *s, size_t *n_columns)
{
    size_t row = 0, column = 0, n = 0;
    bool quoted = false;
    *n_columns = 0;
    for (; *s; s++) {
        assert_true(row < MAX_ROWS && column < MAX_CELLS && n + 1 < MAX_CELL);
        if (quoted) {
            if (s[0] == '"' && s[1] != '"') {
                quoted = false;
                if (!strchr(",\r", s[1])) fail_msg("after a quoted cell: %.20s", s);
                continue;
            }
            if (s[0] == '"') s++;
            cells[row][column][n++] = *s;
        } else if (*s == '"') {
            assert_int_equal(n, 0);
            quoted = true;
        } else if (*s == ',' || *s == '\r') {
            cells[row][column++][n] = '\0';
            n = 0;
            if (*s == ',') continue;
            assert_int_equal(*++s, '\n');
            if (row == 0) *n_columns = column;
            assert_int_equal(column, *n_columns);
            row++;
            column = 0;
        } else {
            assert_true(*s != '\n');
            cells[row][column][n++] = *s;
        }
    }
    assert_false(quoted);
    assert_int_equal(column, 0);
    return row;
}

static const char *csv_cell(size_t row, const char *column, size_t n_columns)
{
    for (size_t i = 0; i < n_columns; i++) {
        if (strcmp(cells[0][i], column) == 0) return cells[row][i];
    }
    fail_msg("no column \"%s\"", column);
    return NULL;
}

static void csv_has_a_row_a_model(void **state)
{
    (void)state;
    size_t n;
    char *text = render(fr_report_csv, fixture_study());
    assert_int_equal(parse_csv(text, &n), 8);
    assert_string_equal(csv_cell(2, "model", n), "electra-small");
    assert_string_equal(csv_cell(2, "quality", n), "0.944");
    assert_string_equal(csv_cell(2, "quality_low", n), "0.932");
    assert_string_equal(csv_cell(2, "g_co2e_per_1000_kind", n), "modelled");
    assert_string_equal(csv_cell(2, "verdict", n), "comparable");
    assert_string_equal(csv_cell(3, "items_needed", n), "4230");
    assert_string_equal(csv_cell(6, "quality", n), "");
    assert_string_equal(csv_cell(6, "quality_kind", n), "not measured");
    assert_string_equal(csv_cell(5, "factor", n), ""); /* infinite */
    free(text);
}

static void csv_brings_hostile_names_back_and_disarms_formulas(void **state)
{
    (void)state;
    size_t n;
    char *text = render(fr_report_csv, fixture_hostile());
    assert_int_equal(parse_csv(text, &n), 10);
    assert_string_equal(csv_cell(1, "model", n), "<script>alert('x')</script>");
    assert_string_equal(csv_cell(2, "model", n), "quote\"comma,apostrophe'  new line tab");
    assert_string_equal(csv_cell(3, "model", n), "'=HYPERLINK(\"x\")|pipe|`tick`*star*_[a](b)");
    assert_int_equal(strlen(csv_cell(4, "model", n)), 5000);
    free(text);
    text = render(fr_report_csv, fixture_empty());
    assert_int_equal(parse_csv(text, &n), 1);
    free(text);
}

static void csv_quotes_a_comma_that_stands_alone(void **state)
{
    (void)state;
    size_t n;
    fr_results r = fixture_study();
    fr_result_model m = r.models[0];
    m.name = "a,b";
    r.models = &m;
    r.n_models = 1;
    char *text = render(fr_report_csv, r);
    assert_int_equal(parse_csv(text, &n), 2);
    assert_string_equal(csv_cell(1, "model", n), "a,b");
    free(text);
}

static void emissions_follow_codecarbon(void **state)
{
    (void)state;
    size_t n;
    char *text = render(fr_report_emissions, fixture_study());
    assert_int_equal(parse_csv(text, &n), 13);
    assert_int_equal(n, 38);
    assert_string_equal(cells[0][0], "timestamp");
    assert_string_equal(cells[0][37], "wue");
    assert_string_equal(csv_cell(3, "experiment_id", n),
                        "electra-small/tune/attempt 1/interrupted");
    assert_string_equal(csv_cell(3, "timestamp", n), "2026-01-01T00:02:39");
    double joules = 1210 * 1.08;
    ASSERT_NEAR(atof(csv_cell(3, "energy_consumed", n)), joules / 3.6e6, 1e-12);
    ASSERT_NEAR(atof(csv_cell(3, "emissions", n)), joules / 3.6e6 * 0.6256, 1e-12);
    ASSERT_NEAR(atof(csv_cell(3, "emissions_rate", n)), joules / 3.6e6 * 0.6256 / 39, 1e-13);
    ASSERT_NEAR(atof(csv_cell(3, "cpu_power", n)), 1210.0 / 39, 1e-6);
    assert_string_equal(csv_cell(3, "country_iso_code", n), "IND");
    assert_string_equal(csv_cell(3, "water_consumed", n), "");
    assert_string_equal(csv_cell(3, "pue", n), "1");
    free(text);
    text = render(fr_report_emissions, fixture_hostile());
    assert_int_equal(parse_csv(text, &n), 4);
    free(text);
}

static void pue_multiplies_energy_as_codecarbon_does(void **state)
{
    (void)state;
    size_t n;
    fr_results r = fixture_study();
    r.pue = 1.5;
    char *text = render(fr_report_emissions, r);
    parse_csv(text, &n);
    double kwh = atof(csv_cell(3, "energy_consumed", n));
    ASSERT_NEAR(kwh, 1.5 * 1210 * 1.08 / 3.6e6, 1e-12);
    ASSERT_NEAR(atof(csv_cell(3, "emissions", n)), kwh * 0.6256, 1e-12);
    free(text);
}

static void markdown_keeps_its_columns_whatever_the_names(void **state)
{
    (void)state;
    const fr_results results[] = {fixture_study(), fixture_hostile(), fixture_empty()};
    for (size_t i = 0; i < 3; i++) {
        char *text = render(fr_report_markdown, results[i]);
        assert_null(strstr(text, "<script"));
        assert_null(strstr(text, "<img"));
        for (const char *line = text; line && *line; line = strchr(line, '\n')) {
            if (*line == '\n') line++;
            if (*line != '|') continue;
            size_t bars = 0;
            for (const char *s = line; *s && *s != '\n'; s++) bars += *s == '|' && s[-1] != '\\';
            if (bars != 13 && bars != 5) fail_msg("%zu bars in: %.100s", bars, line);
        }
        free(text);
    }
}

static void all_reports_are_written_whole(void **state)
{
    (void)state;
    fr_error err;
    fr_results r = fixture_study();
    /* FR_SAMPLE_DIR: where to leave the files, to look at them. */
    const char *dir = getenv("FR_SAMPLE_DIR");
    if (!dir) dir = test_tmp_dir();
    ASSERT_OK(fr_report_write_all(&r, dir, &err));
    ASSERT_OK(fr_report_write_all(&r, dir, &err)); /* over what is there */
    const char *const names[] = {"report.html", "report.md", "results.json", "results.csv",
                                 "emissions.csv"};
    for (size_t i = 0; i < 5; i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        assert_true(fr_file_exists(path));
    }
    ASSERT_FAILS(fr_report_write_all(&r, "/nonexistent/folder", &err), FR_ERR_IO, "results.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_keeps_every_figure_with_interval_kind_and_source),
        cmocka_unit_test(json_survives_hostile_input_and_nothing),
        cmocka_unit_test(repeated_texts_are_in_every_report),
        cmocka_unit_test(csv_has_a_row_a_model),
        cmocka_unit_test(csv_brings_hostile_names_back_and_disarms_formulas),
        cmocka_unit_test(csv_quotes_a_comma_that_stands_alone),
        cmocka_unit_test(emissions_follow_codecarbon),
        cmocka_unit_test(pue_multiplies_energy_as_codecarbon_does),
        cmocka_unit_test(markdown_keeps_its_columns_whatever_the_names),
        cmocka_unit_test(all_reports_are_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
