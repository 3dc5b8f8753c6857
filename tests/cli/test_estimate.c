/* frugal estimate, as a person runs it. */
#include <jansson.h>

#include "support/run.h"
#include "support/test.h"

static test_output out;

static json_t *estimate_of(const char *active, const char *total)
{
    TEST_FRUGAL(&out, "estimate", "--params-active", active, "--params-total", total, "--tokens-in",
                "100", "--tokens-out", "50", "--pue", "1", "--json");
    if (out.status) fail_msg("%s", out.err);
    json_t *root = json_loads(out.out, 0, NULL);
    assert_non_null(root);
    return root;
}

static double field(const json_t *root, size_t row, const char *key)
{
    const json_t *rows = json_object_get(root, "estimates");
    const json_t *value = json_object_get(json_array_get(rows, row), key);
    if (!json_is_number(value)) fail_msg("row %zu has no %s: %s", row, key, out.out);
    return json_number_value(value);
}

static void the_studys_grams_and_ecologits_joules_come_out_as_published(void **state)
{
    (void)state;
    static const struct {
        const char *active, *total;
        double g, j_per_token; /* K for 150 tokens; EcoLogits 0.9.3, IT only */
    } rows[] = {{"7B", "7B", 0.259, 0},
                {"7.3B", "7.3B", 0.270, 0.2649},
                {"22e9", "235B", 0.815, 2.5474},
                {"37B", "671000M", 1.370, 11.9367}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        json_t *root = estimate_of(rows[i].active, rows[i].total);
        ASSERT_NEAR(field(root, 0, "g_co2e"), rows[i].g, 0.0005);
        if (rows[i].j_per_token > 0)
            ASSERT_NEAR(field(root, 1, "j") / 50, rows[i].j_per_token, 0.00005);
        json_decref(root);
    }
}

static void all_estimators_stand_side_by_side_in_the_terminal(void **state)
{
    (void)state;
    TEST_FRUGAL(&out, "estimate", "--params-active", "7B", "--tokens-in", "100", "--tokens-out",
                "50", "--region", "US-VA", "--accelerator", "mi300x", "--j-per-token", "1.5");
    assert_int_equal(out.status, 0);
    static const char *const words[] = {"study's K",  "0.2592",     "EcoLogits 0.9.3",
                                        "1 x MI300X", "own figure", "Virginia (USA)",
                                        "g CO2/kWh",  "eGRID2023",  "all "};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (!strstr(out.out, words[i])) fail_msg("\"%s\" is not in:\n%s", words[i], out.out);
}

static void a_small_model_is_not_estimated_by_ecologits(void **state)
{
    (void)state;
    TEST_FRUGAL(&out, "estimate", "--params-active", "124M", "--tokens-in", "100", "--tokens-out",
                "50");
    assert_int_equal(out.status, 0);
    assert_non_null(strstr(out.out, "EcoLogits 0.9.3 is left out: "));
    assert_non_null(strstr(out.out, "measure small models"));
}

static void wrong_words_are_one_clear_line_and_status_two(void **state)
{
    (void)state;
    static const struct {
        const char *option, *value, *words;
    } rows[] = {{"--params-total", "seven", "--params-total: 'seven' is not a count"},
                {"--params-total", "1B", "at most the total"},
                {"--region", "Georgia", "US-GA"},
                {"--region", "Atlantis", "not known"},
                {"--accelerator", "H101 SXM", "did you mean \"H100 SXM\""},
                {"--batch", "0", "batch"},
                {"--pue", "0.5", "PUE"},
                {"--bits", "3", "16, 8 or 4"},
                {"--utilisation", "2", "utilisation"},
                {"--j-per-token", "-1", "J per token"},
                {"--live", "moon", "no service"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        TEST_FRUGAL(&out, "estimate", "--params-active", "7B", "--tokens-in", "100", "--tokens-out",
                    "50", rows[i].option, rows[i].value);
        if (out.status != 2 || !strstr(out.err, rows[i].words) ||
            strchr(out.err, '\n') != out.err + strlen(out.err) - 1)
            fail_msg("%s %s: %d, %s", rows[i].option, rows[i].value, out.status, out.err);
    }
    TEST_FRUGAL(&out, "estimate", "--params-active", "7B", "--tokens-in", "100");
    assert_int_equal(out.status, 2);
    assert_non_null(strstr(out.err, "--tokens-out N is missing"));
}

static void a_live_figure_that_cannot_be_had_is_a_warning(void **state)
{
    (void)state;
    unsetenv("ELECTRICITYMAPS_TOKEN");
    setenv("XDG_CACHE_HOME", test_tmp_dir(), 1);
    TEST_FRUGAL(&out, "estimate", "--params-active", "7B", "--tokens-in", "1", "--tokens-out", "1",
                "--region", "FR", "--live", "electricity-maps");
    assert_int_equal(out.status, 0);
    assert_non_null(strstr(out.err, "the table is used"));
    assert_non_null(strstr(out.err, "ELECTRICITYMAPS_TOKEN"));
    assert_non_null(strstr(out.out, "France"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_studys_grams_and_ecologits_joules_come_out_as_published),
        cmocka_unit_test(all_estimators_stand_side_by_side_in_the_terminal),
        cmocka_unit_test(a_small_model_is_not_estimated_by_ecologits),
        cmocka_unit_test(wrong_words_are_one_clear_line_and_status_two),
        cmocka_unit_test(a_live_figure_that_cannot_be_had_is_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
