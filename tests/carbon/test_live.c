/* Live grid intensity, against a server on loopback that says what it is told to say. */
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "frugal/carbon.h"
#include "net/http.h"
#include "os/file.h"
#include "support/canned.h"
#include "support/test.h"

#define TOKEN "s3cret-t0ken"

static fr_error err;

/* A new cache folder and a server that gives `body`. */
static void begin(canned *c, fr_place *place, int status, const char *body)
{
    canned_begin(c, status, body);
    *place = (fr_place)FR_PLACE_INIT;
    place->region = "FRA";
    place->live = FR_LIVE_ELECTRICITY_MAPS;
    place->live_url = c->url;
    place->cache_dir = test_tmp_dir();
    setenv("ELECTRICITYMAPS_TOKEN", TOKEN, 1);
}

static void end(canned *c)
{
    canned_end(c);
}

/* "2024-05-01T12:34:00.000Z", seconds from now */
static const char *at(double from_now)
{
    static char text[4][40];
    static int i;
    time_t t = (time_t)(fr_time_unix_s() + from_now);
    struct tm tm;
    i = (i + 1) % 4;
    strftime(text[i], sizeof(text[i]), "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&t, &tm));
    return text[i];
}

static const char *maps_body(const char *zone, double g, double from_now)
{
    static char text[512];
    snprintf(text, sizeof(text),
             "{\"zone\":\"%s\",\"carbonIntensity\":%g,\"datetime\":\"%s\","
             "\"emissionFactorType\":\"lifecycle\",\"isEstimated\":true}",
             zone, g, at(from_now));
    return text;
}

/* The call succeeds, whatever the service did, and the token is nowhere. */
static fr_intensity find(const fr_place *place)
{
    fr_intensity grid;
    ASSERT_OK(fr_intensity_find(place, &grid, &err));
    assert_null(strstr(grid.note, TOKEN));
    assert_null(strstr(grid.source, TOKEN));
    return grid;
}

static void electricity_maps_gives_the_figure_of_the_zone(void **state)
{
    (void)state;
    canned c;
    fr_place place;
    begin(&c, &place, 200, maps_body("FR", 58, -600));
    fr_intensity grid = find(&place);
    assert_string_equal(grid.note, "");
    assert_true(grid.live);
    ASSERT_NEAR(grid.g_per_kwh, 58, 0);
    ASSERT_NEAR(grid.high, 58 * 1.25, 1e-9);
    ASSERT_NEAR(grid.until_unix_s - grid.from_unix_s, 3600, 0);
    assert_string_equal(grid.region.code, "FRA");
    assert_non_null(strstr(grid.source, "Electricity Maps zone FR, 58.0 g CO2e/kWh, live"));
    assert_non_null(strstr(grid.source, "life-cycle CO2e, estimated by the service"));
    assert_non_null(strstr(c.head, "GET /v3/carbon-intensity/latest?zone=FR HTTP"));
    assert_non_null(strstr(c.head, "auth-token: " TOKEN "\r\n"));
    end(&c);
}

static void the_uk_service_needs_no_key_and_prefers_the_actual_figure(void **state)
{
    static const char *const actual[] = {"null", "263"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        canned c;
        fr_place place;
        char body[512];
        snprintf(body, sizeof(body),
                 "{\"data\":[{\"from\":\"%s\",\"to\":\"%s\",\"intensity\":{\"forecast\":266,"
                 "\"actual\":%s,\"index\":\"moderate\"}}]}",
                 at(-600), at(1200), actual[i]);
        begin(&c, &place, 200, body);
        place.region = "UK";
        place.live = FR_LIVE_UK;
        fr_intensity grid = find(&place);
        ASSERT_NEAR(grid.g_per_kwh, i ? 263 : 266, 0);
        assert_non_null(strstr(grid.source, "direct CO2"));
        assert_non_null(strstr(grid.source, i ? "measured by" : "estimated by"));
        assert_non_null(strstr(c.head, "GET /intensity HTTP"));
        assert_null(strstr(c.head, TOKEN));
        end(&c);
    }
}

static void zones_are_those_of_the_region_or_given(void **state)
{
    static const struct {
        const char *region, *live, *zone;
    } rows[] = {{"SE-SE3", FR_LIVE_ELECTRICITY_MAPS, "SE-SE3"},
                {"Quebec", FR_LIVE_ELECTRICITY_MAPS, "CA-QC"},
                {"DK-DK1", FR_LIVE_ELECTRICITY_MAPS, "DK-DK1"},
                {"US-CA", FR_LIVE_ELECTRICITY_MAPS ":US-CAL-CISO", "US-CAL-CISO"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        canned c;
        fr_place place;
        begin(&c, &place, 200, maps_body(rows[i].zone, 100, -60));
        place.region = rows[i].region;
        place.live = rows[i].live;
        assert_true(find(&place).live);
        char want[64];
        snprintf(want, sizeof(want), "?zone=%s HTTP", rows[i].zone);
        assert_non_null(strstr(c.head, want));
        end(&c);
    }
}

static void what_no_service_can_answer_is_wrong_usage(void **state)
{
    static const struct {
        const char *region, *live, *words;
    } rows[] = {{"FRA", "watttime", "\"watttime\" is no service"},
                {"FRA", "uk", "needs region GBR, not FRA"},
                {"GBR", "uk:13", "takes no zone"},
                {"US-CA", "electricity-maps", "US-CA is no zone of Electricity Maps"},
                {"aws:eu-west-1", "electricity-maps", "is no zone"},
                {"WORLD", "electricity-maps", "WORLD is no zone"},
                {"FRA", "electricity-maps:FR&x=1", "letters, digits and hyphens"},
                {"FRA", "electricity-maps:../../x", "letters, digits and hyphens"},
                {"FRA", "electricity-maps:", "2 to 32"}};
    (void)state;
    fr_intensity grid;
    fr_place place = FR_PLACE_INIT;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        place.region = rows[i].region;
        place.live = rows[i].live;
        ASSERT_FAILS(fr_intensity_find(&place, &grid, &err), FR_ERR_USAGE, rows[i].words);
    }
}

static void when_the_service_fails_the_table_stands_in_and_the_note_says_why(void **state)
{
    static const struct {
        int status;
        const char *body, *words;
    } rows[] = {{401, "{\"message\":\"bad token " TOKEN "\"}", "refuses the token"},
                {404, "", "knows no zone FR"},
                {429, "", "too many requests"},
                {500, "<html>" TOKEN "</html>", "HTTP 500"},
                {200, "", "no JSON"},
                {200, "{\"zone\":\"FR\"", "no JSON"},
                {200, "[[[[[[[[[[[[", "no JSON"},
                {200, "{\"zone\":\"FR\"}", "no carbonIntensity"},
                {200, "[1]", "no carbonIntensity"},
                {200, "{\"zone\":\"FR\",\"zone\":\"FR\"}", "no JSON"},
                {200, "{\"zone\":\"FR\",\"carbonIntensity\":58,\"datetime\":\"soon\"}",
                 "no carbonIntensity"},
                {200,
                 "{\"zone\":\"FR\",\"carbonIntensity\":\"58\",\"datetime\":\"2024-01-01T00:00Z\"}",
                 "no carbonIntensity"},
                {200, "{\"zone\":\"FR\",\"carbonIntensity\":58,\"datetime\":\"2024-01-01T00:00Z\"}",
                 "is of 2024-01-01T00:00:00Z, not of the last hours"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        canned c;
        fr_place place;
        begin(&c, &place, rows[i].status, rows[i].body);
        fr_intensity grid = find(&place);
        assert_false(grid.live);
        assert_non_null(strstr(grid.note, "the table is used"));
        if (!strstr(grid.note, rows[i].words)) fail_msg("%s: %s", rows[i].words, grid.note);
        assert_non_null(strstr(grid.source, "Ember"));
        ASSERT_NEAR(grid.g_per_kwh, grid.region.g_per_kwh, 0);
        end(&c);
    }
}

static void figures_that_no_grid_has_and_other_zones_are_not_believed(void **state)
{
    (void)state;
    static const double grams[] = {0, -5, 1e9};
    canned c;
    fr_place place;
    for (size_t i = 0; i < 3; i++) {
        begin(&c, &place, 200, maps_body("FR", grams[i], -60));
        assert_non_null(strstr(find(&place).note, "which no grid has"));
        end(&c);
    }
    begin(&c, &place, 200, maps_body("PL", 700, -60));
    assert_non_null(strstr(find(&place).note, "for zone FR"));
    end(&c);
    begin(&c, &place, 200, maps_body("FR", 58, 86400));
    assert_non_null(strstr(find(&place).note, "not of the last hours"));
    end(&c);
}

static void silence_and_a_missing_token_end_in_the_table(void **state)
{
    (void)state;
    canned c;
    fr_place place;
    begin(&c, &place, 0, "");
    place.timeout_s = 0.2;
    assert_non_null(strstr(find(&place).note, "timed out"));
    unsetenv("ELECTRICITYMAPS_TOKEN");
    assert_non_null(
        strstr(find(&place).note, "set the environment variable ELECTRICITYMAPS_TOKEN"));
    setenv("ELECTRICITYMAPS_TOKEN", TOKEN, 1);
    place.live_url = "http://192.0.2.1";
    assert_non_null(strstr(find(&place).note, "not sent without TLS"));
    assert_int_equal(c.n_requests, 1);
    end(&c);
}

static void a_figure_is_asked_for_once_while_it_is_valid(void **state)
{
    (void)state;
    canned c;
    fr_place place;
    begin(&c, &place, 200, maps_body("FR", 58, -600));
    fr_intensity first = find(&place), second = find(&place);
    assert_int_equal(c.n_requests, 1);
    assert_true(second.live);
    ASSERT_NEAR(second.g_per_kwh, 58, 0);
    assert_string_equal(first.source, second.source);
    /* Another zone, and no cache at all, are asked for. */
    place.live = FR_LIVE_ELECTRICITY_MAPS ":DE";
    assert_false(find(&place).live);
    place.live = FR_LIVE_ELECTRICITY_MAPS;
    place.cache_dir = "";
    assert_true(find(&place).live);
    assert_int_equal(c.n_requests, 3);
    end(&c);
    /* What is over is not kept. */
    begin(&c, &place, 200, maps_body("FR", 58, -4000));
    assert_true(find(&place).live);
    assert_true(find(&place).live);
    assert_int_equal(c.n_requests, 2);
    end(&c);
}

static void the_cache_holds_no_token_and_may_hold_anything(void **state)
{
    (void)state;
    canned c;
    fr_place place;
    fr_str kept = FR_STR_INIT, path = FR_STR_INIT;
    begin(&c, &place, 200, maps_body("FR", 58, -600));
    find(&place);
    ASSERT_OK(fr_path_join(&path, place.cache_dir, "intensity-electricity-maps-FR.json", &err));
    ASSERT_OK(fr_file_read(&kept, fr_str_text(&path), 4096, &err));
    assert_null(strstr(kept.data, TOKEN));

    /* Good but for one thing: valid for thirty years, of another server. */
    char shown[300], thirty_years[512], elsewhere[512];
    const char *form = "{\"url\":\"%s\",\"g_per_kwh\":1,\"from\":%.0f,\"until\":%.0f}";
    double now = fr_time_unix_s();
    fr_http_url_show(c.url, shown, sizeof(shown));
    snprintf(thirty_years, sizeof(thirty_years), form, shown, now - 60, now + 1e9);
    snprintf(elsewhere, sizeof(elsewhere), form, "http://192.0.2.1/", now - 60, now + 1200);
    const char *const hostile[] = {"",     "null",        "[]",      "{",
                                   "\xff", "{\"url\":1}", elsewhere, thirty_years};
    for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
        test_write_file(place.cache_dir, "intensity-electricity-maps-FR.json", hostile[i]);
        int before = c.n_requests;
        ASSERT_NEAR(find(&place).g_per_kwh, 58, 0);
        assert_int_equal(c.n_requests, before + 1);
    }
    /* A folder in its place, and a cache folder that cannot be made. */
    unlink(fr_str_text(&path));
    mkdir(fr_str_text(&path), 0700);
    ASSERT_NEAR(find(&place).g_per_kwh, 58, 0);
    place.cache_dir = "/dev/null/x";
    ASSERT_NEAR(find(&place).g_per_kwh, 58, 0);
    fr_str_release(&kept);
    fr_str_release(&path);
    end(&c);
}

static void the_environment_names_the_service_and_the_cache(void **state)
{
    (void)state;
    canned c;
    fr_place place;
    begin(&c, &place, 200, maps_body("FR", 58, -600));
    setenv("ELECTRICITYMAPS_URL", c.url, 1);
    setenv("XDG_CACHE_HOME", place.cache_dir, 1);
    char path[4096];
    snprintf(path, sizeof(path), "%s/frugal/intensity-electricity-maps-FR.json", place.cache_dir);
    place.live_url = place.cache_dir = NULL;
    assert_true(find(&place).live);
    assert_true(fr_file_exists(path));
    unsetenv("ELECTRICITYMAPS_URL");
    unsetenv("XDG_CACHE_HOME");
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(electricity_maps_gives_the_figure_of_the_zone),
        cmocka_unit_test(the_uk_service_needs_no_key_and_prefers_the_actual_figure),
        cmocka_unit_test(zones_are_those_of_the_region_or_given),
        cmocka_unit_test(what_no_service_can_answer_is_wrong_usage),
        cmocka_unit_test(when_the_service_fails_the_table_stands_in_and_the_note_says_why),
        cmocka_unit_test(figures_that_no_grid_has_and_other_zones_are_not_believed),
        cmocka_unit_test(silence_and_a_missing_token_end_in_the_table),
        cmocka_unit_test(a_figure_is_asked_for_once_while_it_is_valid),
        cmocka_unit_test(the_cache_holds_no_token_and_may_hold_anything),
        cmocka_unit_test(the_environment_names_the_service_and_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
