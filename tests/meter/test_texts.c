/* What programs, exporters and kernel files print: readings, series, lists. */
#include "support/test.h"

#include <math.h>

#include "meter/prometheus_text.h"
#include "meter/reading_text.h"
#include "meter/sysfs_text.h"

static fr_error err;

static void first_number_that_is_a_word_of_its_own_is_the_reading(void **state)
{
    (void)state;
    static const struct {
        const char *text, *unit;
        double value, step;
        bool energy;
    } cases[] = {
        {"12.5 W\n", "", 12.5, 0.1, false},
        {"345 J", "", 345, 1, true},
        {"0.8 kWh\n", "", 2.88e6, 3.6e5, true},
        {"12.5W", "", 12.5, 0.1, false},
        {"220", "W", 220, 1, false},
        {"    Instantaneous power reading:                   220 Watts\n", "", 220, 1, false},
        {"PS1 Input Power  | 130 Watts | ok", "", 130, 1, false},
        {"{\"apower\":61.25,\"voltage\":230.1}", "W", 61.25, 0.01, false},
        {"at 10:00:05 on 2024-01-02 it was 7.0 kW", "", 7000, 100, false},
        {"power=1.5e2", "W", 150, 10, false},
        {"1500 mW", "W", 1.5, 1e-3, false},
        {"3600 wh 7 W", "W", 3600, 1, false}, /* no such unit: the one that was told */
        {"+5 W", "", 5, 1, false},
        {"-0 W", "", 0, 1, false},
        {"total: 12 Wh.", "", 43200, 3600, true},
        {".5 kJ", "", 500, 100, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_unit unit = {0};
        double value = -1, step = -1;
        if (*cases[i].unit) assert_true(fr__unit_find(cases[i].unit, strlen(cases[i].unit), &unit));
        if (fr__reading_parse(cases[i].text, &unit, &value, &step, &err) != FR_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        ASSERT_NEAR(value, cases[i].value, 1e-9 * cases[i].value);
        ASSERT_NEAR(step, cases[i].step, 1e-9 * cases[i].step);
        assert_int_equal(unit.kind, cases[i].energy ? FR_SENSOR_COUNTER : FR_SENSOR_POWER);
    }
}

static void text_without_a_reading_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *unit, *words;
    } cases[] = {
        {"", "W", "there is no number in \"\""},
        {"no data\n", "W", "there is no number in \"no data\""},
        {"0x10", "W", "there is no number"},
        {"PS1 10:00 1.2.3", "W", "there is no number"},
        {"nan W", "W", "there is no number"},
        {"12,5 W", "W", "\"12,5\" has a comma"},
        {"[12,5]", "W", "has a comma"},
        {"1,234 W", "W", "has a comma"},
        {"-3 W", "W", "-3 is no possible power"},
        {"1e999 W", "W", "is no possible power"},
        {"12.5", "", "12.5 of what?"},
        {"12.5 V", "", "12.5 of what?"},
        {"12.5 J", "W", "is said to be an energy, but it was to be a power"},
        {"3 W", "J", "is said to be a power, but it was to be an energy"},
        {"\x01\xff\n5", "", "5 of what?"},
        {"\x01\xff\n", "W", "there is no number in \"??\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_unit unit = {0};
        double value, step;
        if (*cases[i].unit) assert_true(fr__unit_find(cases[i].unit, strlen(cases[i].unit), &unit));
        ASSERT_FAILS(fr__reading_parse(cases[i].text, &unit, &value, &step, &err), FR_ERR_FORMAT,
                     cases[i].words);
        assert_null(strchr(err.message, '\n'));
    }
}

static fr_selector selector_of(const char *text)
{
    fr_selector s;
    const char *end;
    ASSERT_OK(fr__selector_parse(text, &s, &end, &err));
    return s;
}

static const char page[] =
    "# HELP node_joules_total What it took.\n"
    "# TYPE node_joules_total counter\n"
    "node_joules_total{zone=\"package\",path=\"a,b} 7\"} 12.5\n"
    "node_joules_total{path=\"\\\\x\\\"\",zone=\"package\",} 3 1700000000000\n"
    "node_joules_total{zone=\"core\"} 5e0\r\n"
    "node_joules_totals{zone=\"package\"} 1000\n"
    "plain_watts 60.5\n"
    "other{broken 9\n"
    "bad_watts NaN\n"
    "low_watts -1\n"
    "torn_watts{a=\"b} 7\n"
    "word_watts 12W\n"
    "big_watts 1e308\nbig_watts 1.7e308\n"
    "last_watts 4";

static void series_that_match_are_added_up(void **state)
{
    (void)state;
    static const struct {
        const char *selector;
        double sum;
        size_t n;
    } cases[] = {
        {"node_joules_total{zone=\"package\"}", 15.5, 2},
        {"node_joules_total{zone=\"package\",path=\"a,b} 7\"}", 12.5, 1},
        {"node_joules_total{path=\"\\\\x\\\"\"}", 3, 1},
        {"node_joules_total", 20.5, 3},
        {"node_joules_total{}", 20.5, 3},
        {"node_joules_total{zone=\"uncore\"}", 0, 0},
        {"plain_watts", 60.5, 1},
        {"last_watts", 4, 1},
        {"node_joules", 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_selector s = selector_of(cases[i].selector);
        double sum;
        size_t n;
        ASSERT_OK(fr__prometheus_sum(page, &s, &sum, &n, &err));
        ASSERT_NEAR(sum, cases[i].sum, 1e-12);
        assert_int_equal(n, cases[i].n);
    }
}

static void malformed_series_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *selector, *words;
    } cases[] = {
        {"bad_watts", "line 9: bad_watts has no number of at least 0"},
        {"low_watts", "line 10: "},
        {"torn_watts", "line 11: "},
        {"word_watts", "line 12: "},
        {"big_watts", "infinite"},
        {"other", "line 8: "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_selector s = selector_of(cases[i].selector);
        double sum;
        size_t n;
        ASSERT_FAILS(fr__prometheus_sum(page, &s, &sum, &n, &err), FR_ERR_FORMAT, cases[i].words);
    }
}

static void malformed_selectors_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "7up",
        "a{b}",
        "a{b=c}",
        "a{b=\"c\"",
        "a{b=\"\\x\"}",
        "a{b=\"c\" d=\"e\"}",
        "a{b=\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
        "a{a=\"\",b=\"\",c=\"\",d=\"\",e=\"\",f=\"\",g=\"\",h=\"\",i=\"\"}"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_selector s;
        const char *end;
        fr_status st = fr__selector_parse(cases[i], &s, &end, &err);
        if (st != FR_ERR_USAGE) fail_msg("taken: %s", cases[i]);
    }
}

static void kernel_lists_and_numbers_are_read_strictly(void **state)
{
    (void)state;
    unsigned cpus[4];
    uint64_t config;
    double x;
    assert_int_equal(fr__sysfs_cpu_list("0,18\n", cpus, 4), 2);
    assert_int_equal(cpus[1], 18);
    assert_int_equal(fr__sysfs_cpu_list("1-3,7", cpus, 4), 4);
    assert_int_equal(cpus[2], 3);
    static const char *const bad[] = {"",    "\n",        "a",    "1-",  "-1",         "3-1",
                                      "0-4", "0,1,2,3,4", "1,,2", "1 2", "99999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (fr__sysfs_cpu_list(bad[i], cpus, 4)) fail_msg("taken: %s", bad[i]);
    assert_true(fr__sysfs_event("event=0x02\n", &config));
    assert_int_equal(config, 2);
    assert_false(fr__sysfs_event("event=0x02,umask=1\n", &config));
    assert_false(fr__sysfs_event("event=0x\n", &config));
    assert_false(fr__sysfs_event("event=0x10000000000000000\n", &config));
    assert_true(fr__sysfs_number("2.3283064365386962890625e-10\n", &x));
    ASSERT_NEAR(x, ldexp(1, -32), 1e-25);
    assert_false(fr__sysfs_number("-1\n", &x));
    assert_false(fr__sysfs_number("1 2\n", &x));
    assert_false(fr__sysfs_number("1e\n", &x));
    assert_false(fr__sysfs_number("0x1p3\n", &x));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_number_that_is_a_word_of_its_own_is_the_reading),
        cmocka_unit_test(text_without_a_reading_is_refused_with_the_reason),
        cmocka_unit_test(series_that_match_are_added_up),
        cmocka_unit_test(malformed_series_are_refused_with_their_line),
        cmocka_unit_test(malformed_selectors_are_refused),
        cmocka_unit_test(kernel_lists_and_numbers_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
