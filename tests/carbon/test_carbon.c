/* Grid intensities: the table, its provenance, and looking regions up. */
#include "support/test.h"

#include "carbon/carbon.h"

static fr_error err;

static void every_row_is_complete_and_plausible_and_every_key_unique(void **state)
{
    (void)state;
    fr_region r, other;
    size_t n = 0, worlds = 0;
    while (fr_region_at(n, &r, &err) == FR_OK) {
        if (r.g_per_kwh < 10 || r.g_per_kwh > 1400) fail_msg("%s: %g g/kWh", r.code, r.g_per_kwh);
        if (r.year < 2000 || r.year > 2026) fail_msg("%s: year %d", r.code, r.year);
        if (strcmp(r.gas, "CO2e") && strcmp(r.gas, "CO2")) fail_msg("%s: gas %s", r.code, r.gas);
        if (strcmp(r.scope, "life-cycle") && strcmp(r.scope, "direct"))
            fail_msg("%s: scope %s", r.code, r.scope);
        if (!strstr(r.source, "Ember")) fail_msg("%s: source %s", r.code, r.source);
        if (!r.name[0] || r.relative_uncertainty <= 0) fail_msg("%s: incomplete", r.code);
        if (strlen(r.code) == 3 && strlen(r.iso2) != 2) fail_msg("%s: alpha-2 %s", r.code, r.iso2);
        worlds += !strcmp(r.code, FR_REGION_WORLD);
        /* Each of the row's own keys leads back to it, so no key is taken twice. */
        const char *keys[] = {r.code, r.name, r.iso2[0] ? r.iso2 : r.code};
        for (size_t k = 0; k < 3; k++) {
            ASSERT_OK(fr_region_find(keys[k], &other, &err));
            if (strcmp(other.code, r.code)) fail_msg("%s leads to %s", keys[k], other.code);
        }
        n++;
    }
    assert_string_equal(strstr(err.message, "no row") ? "end" : err.message, "end");
    assert_int_equal(worlds, 1);
    assert_true(n > 200);
}

static void region_is_found_by_code_and_name_in_any_case(void **state)
{
    (void)state;
    static const char *const ways[] = {"IND", "ind", "IN", "in", "India", "INDIA"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        fr_region r;
        ASSERT_OK(fr_region_find(ways[i], &r, &err));
        assert_string_equal(r.code, "IND");
        ASSERT_NEAR(r.g_per_kwh, 625.573, 0); /* the study's figure */
    }
    fr_region r;
    ASSERT_OK(fr_region_find("united states of america", &r, &err));
    assert_string_equal(r.code, "USA");
    ASSERT_OK(fr_region_find("Korea", &r, &err));
    assert_string_equal(r.code, "KOR");
    ASSERT_OK(fr_region_find("ind-owid", &r, &err));
    ASSERT_NEAR(r.g_per_kwh, 713.441, 0);
}

static void world_average_is_the_generation_weighted_mean_and_says_so(void **state)
{
    (void)state;
    fr_region r;
    ASSERT_OK(fr_region_find(FR_REGION_WORLD, &r, &err));
    ASSERT_NEAR(r.g_per_kwh, 480.620, 0);
    assert_non_null(strstr(r.notes, "weighted by generation"));
    ASSERT_OK(fr_region_find("world", &r, &err));
    assert_string_equal(r.code, FR_REGION_WORLD);
}

static void unknown_region_is_an_error_with_the_nearest_name(void **state)
{
    (void)state;
    fr_region r;
    ASSERT_FAILS(fr_region_find("Inda", &r, &err), FR_ERR_USAGE, "did you mean \"India\"");
    ASSERT_FAILS(fr_region_find("germny", &r, &err), FR_ERR_USAGE, "\"Germany\"");
    ASSERT_FAILS(fr_region_find("qqqqqqqqqqqqqqqq", &r, &err), FR_ERR_USAGE, "WORLD");
    ASSERT_FAILS(fr_region_find("", &r, &err), FR_ERR_USAGE, "not known");
    char *longest = malloc(100001);
    memset(longest, 'x', 100000);
    longest[100000] = 0;
    ASSERT_FAILS(fr_region_find(longest, &r, &err), FR_ERR_USAGE, "not known");
    free(longest);
}

static void provenance_names_place_figure_source_year_and_scope(void **state)
{
    (void)state;
    fr_region r;
    fr_str s = FR_STR_INIT;
    ASSERT_OK(fr_region_find("India", &r, &err));
    ASSERT_OK(fr_region_provenance(&r, &s, &err));
    assert_string_equal(fr_str_text(&s),
                        "India, 625.6 g CO2e/kWh, Ember Global Electricity Review 2022 (as in "
                        "Eco2AI carbon_index.csv), 2021, life-cycle CO2e");
    fr_str_release(&s);
}

static void grams_are_kilowatt_hours_times_intensity_times_pue(void **state)
{
    (void)state;
    ASSERT_NEAR(fr_carbon_grams(3.6e6, 625.573, 1), 625.573, 1e-9);
    ASSERT_NEAR(fr_carbon_grams(1000, 480, 1.2), 0.16, 1e-12);
    ASSERT_NEAR(fr_carbon_grams(0, 480, 1.2), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete_and_plausible_and_every_key_unique),
        cmocka_unit_test(region_is_found_by_code_and_name_in_any_case),
        cmocka_unit_test(world_average_is_the_generation_weighted_mean_and_says_so),
        cmocka_unit_test(unknown_region_is_an_error_with_the_nearest_name),
        cmocka_unit_test(provenance_names_place_figure_source_year_and_scope),
        cmocka_unit_test(grams_are_kilowatt_hours_times_intensity_times_pue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
