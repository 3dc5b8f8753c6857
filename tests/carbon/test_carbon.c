/* Grid intensities: the table, its provenance, and looking regions up. */
#include "support/test.h"

#include <math.h>

#include "frugal/carbon.h"

static fr_error err;

static bool one_of(const char *what, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(what, words[i])) return true;
    return false;
}

static void check_row(const fr_region *r)
{
    static const char *const gases[] = {"CO2e", "CO2"};
    static const char *const scopes[] = {"life-cycle", "direct", "not stated"};
    static const char *const sources[] = {"Ember", "eGRID2023", "NIR 1990-2024",
                                          "region-carbon-info", "not established"};
    bool known = false;
    for (size_t i = 0; i < 5; i++) known = known || strstr(r->source, sources[i]);
    if (!known) fail_msg("%s: source %s", r->code, r->source);
    if (!(r->g_per_kwh > 1 && r->g_per_kwh < 1400)) fail_msg("%s: %g g", r->code, r->g_per_kwh);
    if (r->year < 2000 || r->year > 2026) fail_msg("%s: year %d", r->code, r->year);
    if (!one_of(r->gas, gases, 2)) fail_msg("%s: gas %s", r->code, r->gas);
    if (!one_of(r->scope, scopes, 3)) fail_msg("%s: scope %s", r->code, r->scope);
    if (!r->name[0]) fail_msg("%s: no name", r->code);
    if (!(r->relative_uncertainty > 0 && r->relative_uncertainty < 1))
        fail_msg("%s: no rule %s", r->code, r->rule);
    if (!strcmp(r->rule, "country") != !strcmp(r->scope, "life-cycle") &&
        strcmp(r->rule, "world") != 0 && strcmp(r->rule, "stand-in") != 0)
        fail_msg("%s: rule %s, scope %s", r->code, r->rule, r->scope);
    if (strcmp(r->rule, "world") != 0 && strlen(r->country) != 3)
        fail_msg("%s: country \"%s\"", r->code, r->country);
}

static void every_row_is_complete_and_plausible_and_every_code_unique(void **state)
{
    (void)state;
    fr_region r, other;
    size_t n = 0, worlds = 0;
    while (fr_region_at(n, &r, &err) == FR_OK) {
        check_row(&r);
        worlds += !strcmp(r.code, FR_REGION_WORLD);
        /* Each of the row's own codes leads back to it, so none is taken twice. */
        const char *keys[] = {r.code, r.iso2[0] ? r.iso2 : r.code};
        for (size_t k = 0; k < 2; k++) {
            ASSERT_OK(fr_region_find(keys[k], &other, &err));
            if (strcmp(other.code, r.code)) fail_msg("%s leads to %s", keys[k], other.code);
        }
        n++;
    }
    assert_string_equal(strstr(err.message, "no row") ? "end" : err.message, "end");
    assert_int_equal(worlds, 1);
    assert_true(n > 400);
}

static void parts_of_countries_and_cloud_regions_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *what, *code;
        double g;
    } rows[] = {
        {"US-CA", "US-CA", 178.482},
        {"california", "US-CA", 178.482},
        {"us-dc", "US-DC", 178.760},
        {"Quebec", "CA-QC", 2.565},
        {"ca-ab", "CA-AB", 346.102},
        {"SE-SE3", "SE-SE3", 18},
        {"NO1", "NO-NO1", 18},
        {"gcp:europe-west1", "gcp:europe-west1", 126.43},
        {"GCP:US-WEST1", "gcp:us-west1", 97.85},
        {"CA", "CAN", 170.043}, /* a country's code, not a state's */
    };
    fr_region r, country;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ASSERT_OK(fr_region_find(rows[i].what, &r, &err));
        assert_string_equal(r.code, rows[i].code);
        ASSERT_NEAR(r.g_per_kwh, rows[i].g, 0);
    }
    /* Regions without a figure of their own say whose they have. */
    ASSERT_OK(fr_region_find("aws:eu-west-1", &r, &err));
    ASSERT_OK(fr_region_find("IRL", &country, &err));
    ASSERT_NEAR(r.g_per_kwh, country.g_per_kwh, 0);
    assert_non_null(strstr(r.notes, "row IRL"));
    assert_true(r.relative_uncertainty > country.relative_uncertainty);
    ASSERT_OK(fr_region_find("azure:westeurope", &r, &err));
    assert_string_equal(r.country, "NLD");
}

static void a_name_that_two_places_bear_is_an_error_that_names_both(void **state)
{
    (void)state;
    fr_region r;
    ASSERT_FAILS(fr_region_find("Georgia", &r, &err), FR_ERR_USAGE, "GEO (Georgia)");
    assert_non_null(strstr(err.message, "US-GA (Georgia (USA))"));
    ASSERT_OK(fr_region_find("GE", &r, &err));
    assert_string_equal(r.code, "GEO");
    ASSERT_OK(fr_region_find("US-GA", &r, &err));
    ASSERT_NEAR(r.g_per_kwh, 323.788, 0);
}

static void a_row_without_an_established_source_says_so(void **state)
{
    (void)state;
    fr_region r;
    char text[FR_PROVENANCE_SIZE];
    ASSERT_OK(fr_region_find("NO-NO2", &r, &err));
    fr_region_provenance(&r, text);
    assert_non_null(strstr(text, "primary source not established"));
    assert_non_null(strstr(text, "scope not stated"));
    assert_true(r.relative_uncertainty >= 0.6);
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
    ASSERT_FAILS(fr_region_find("aws:eu-west-11", &r, &err), FR_ERR_USAGE, "\"aws:eu-west-1\"");
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
    char text[FR_PROVENANCE_SIZE];
    ASSERT_OK(fr_region_find("India", &r, &err));
    assert_string_equal(fr_region_provenance(&r, text),
                        "India, 625.6 g CO2e/kWh, Ember Global Electricity Review 2022 (as in "
                        "Eco2AI carbon_index.csv), 2021, life-cycle CO2e");
    ASSERT_OK(fr_region_find("azure:northeurope", &r, &err));
    assert_non_null(strstr(fr_region_provenance(&r, text), "row IRL: Microsoft publishes no"));
}

static void grams_are_kilowatt_hours_times_intensity_times_pue(void **state)
{
    (void)state;
    ASSERT_NEAR(fr_carbon_grams(3.6e6, 625.573, 1), 625.573, 1e-9);
    ASSERT_NEAR(fr_carbon_grams(1000, 480, 1.2), 0.16, 1e-12);
    ASSERT_NEAR(fr_carbon_grams(0, 480, 1.2), 0, 0);
}

static void a_place_takes_the_table_or_the_callers_own_figure(void **state)
{
    (void)state;
    fr_place place = FR_PLACE_INIT;
    fr_intensity grid;
    ASSERT_OK(fr_intensity_find(&place, &grid, &err));
    assert_string_equal(grid.region.code, FR_REGION_WORLD);
    assert_int_equal(grid.kind, FR_KIND_ESTIMATED);
    ASSERT_NEAR(grid.low, 480.620 / 1.1, 1e-9);
    ASSERT_NEAR(grid.high, 480.620 * 1.1, 1e-9);
    place.region = "IND";
    place.g_per_kwh = 50;
    ASSERT_OK(fr_intensity_find(&place, &grid, &err));
    ASSERT_NEAR(grid.g_per_kwh, 50, 0);
    assert_int_equal(grid.kind, FR_KIND_ASSUMED);
    assert_string_equal(grid.region.country, "IND");
    assert_non_null(strstr(grid.source, "as given"));
    place.g_per_kwh = -1;
    ASSERT_FAILS(fr_intensity_find(&place, &grid, &err), FR_ERR_USAGE, "-1");
    place.region = "Atlantis";
    ASSERT_FAILS(fr_intensity_find(&place, &grid, &err), FR_ERR_USAGE, "Atlantis");
}

static void embodied_grams_are_the_share_of_lifetime_and_hardware(void **state)
{
    (void)state;
    /* 1,095 kg over 3 years are 1 kg a day; a quarter of it for an hour is 1000 / 96 g. */
    fr_embodied e = {.kgco2e = 1095, .lifetime_years = 3, .share = 0.25};
    double g;
    ASSERT_OK(fr_carbon_embodied(&e, 3600, &g, &err));
    ASSERT_NEAR(g, 1000.0 / 96, 1e-9);
    ASSERT_OK(fr_carbon_embodied(&e, 0, &g, &err));
    ASSERT_NEAR(g, 0, 0);
    e.share = 1.5;
    ASSERT_FAILS(fr_carbon_embodied(&e, 1, &g, &err), FR_ERR_USAGE, "share (1.5)");
    e.share = 1;
    e.lifetime_years = 0;
    ASSERT_FAILS(fr_carbon_embodied(&e, 1, &g, &err), FR_ERR_USAGE, "lifetime");
    e.lifetime_years = 1;
    ASSERT_FAILS(fr_carbon_embodied(&e, NAN, &g, &err), FR_ERR_USAGE, "seconds");
}

static void software_carbon_intensity_is_use_and_embodied_grams_a_unit(void **state)
{
    (void)state;
    /* 7.2 MJ = 2 kWh at 400 g and PUE 1.5 are 1,200 g; with 300 g embodied over 1,000 units 1.5 g
     */
    ASSERT_NEAR(fr_carbon_sci(7.2e6, 400, 1.5, 300, 1000), 1.5, 1e-12);
    ASSERT_NEAR(fr_carbon_sci(7.2e6, 400, 1.5, 0, 1), 1200, 1e-9);
    assert_true(isnan(fr_carbon_sci(1, 1, 1, 1, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete_and_plausible_and_every_code_unique),
        cmocka_unit_test(parts_of_countries_and_cloud_regions_are_found),
        cmocka_unit_test(a_name_that_two_places_bear_is_an_error_that_names_both),
        cmocka_unit_test(a_row_without_an_established_source_says_so),
        cmocka_unit_test(a_place_takes_the_table_or_the_callers_own_figure),
        cmocka_unit_test(embodied_grams_are_the_share_of_lifetime_and_hardware),
        cmocka_unit_test(software_carbon_intensity_is_use_and_embodied_grams_a_unit),
        cmocka_unit_test(region_is_found_by_code_and_name_in_any_case),
        cmocka_unit_test(world_average_is_the_generation_weighted_mean_and_says_so),
        cmocka_unit_test(unknown_region_is_an_error_with_the_nearest_name),
        cmocka_unit_test(provenance_names_place_figure_source_year_and_scope),
        cmocka_unit_test(grams_are_kilowatt_hours_times_intensity_times_pue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
