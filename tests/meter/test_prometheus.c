/* A metric of an exporter on loopback. */
#include "drive.h"

#include "support/canned.h"

static fr_error err;

enum { BROKEN = 1, NOT_FOUND, NO_SERIES, HTML };

typedef struct exporter {
    drive d;
    canned server;
    char spec[300];
    int n_series;
} exporter;

/* Two packages and a part of one of them. */
static void show(drive *d)
{
    exporter *x = (exporter *)d;
    char page[1024];
    snprintf(page, sizeof(page),
             "# TYPE kepler_node_cpu_joules_total counter\n"
             "kepler_node_cpu_joules_total{zone=\"package\",path=\"0\"} %.3f\n"
             "%s"
             "kepler_node_cpu_joules_total{zone=\"core\"} 77\n"
             "scaph_host_power_microwatts %.0f\n",
             d->energy_j,
             x->n_series == 2
                 ? "kepler_node_cpu_joules_total{zone=\"package\",path=\"1\"} 5000000\n"
                 : "",
             d->w * 1e6);
    if (d->spoilt == NO_SERIES) snprintf(page, sizeof(page), "# nothing\n");
    if (d->spoilt == HTML) snprintf(page, sizeof(page), "<html>login</html>");
    if (d->spoilt == BROKEN)
        snprintf(page, sizeof(page),
                 "kepler_node_cpu_joules_total{zone=\"package\"} NaN\nscaph_host_power_microwatts "
                 "-1\n");
    canned_say(&x->server, d->spoilt == NOT_FOUND ? 404 : 200, page);
}

static fr_status open_spec(exporter *x, const char *what)
{
    fr_meter_options o = fake_options(&x->d.f);
    const char *spec = x->spec;
    snprintf(x->spec, sizeof(x->spec), "prometheus:%s/metrics %s", x->server.url, what);
    o.sources = &spec;
    o.n_sources = 1;
    memset(&err, 0, sizeof(err));
    x->d.show(&x->d);
    return fr_meter_open(&x->d.m, &o, &err);
}

static void begin(exporter *x, fr_domain domain)
{
    memset(x, 0, sizeof(*x));
    x->d = (drive){.domain = domain, .step_s = 1, .noise = 0.01, .show = show};
    x->n_series = 1;
    fake_init(&x->d.f);
    canned_begin(&x->server, 200, "");
}

static void end(exporter *x)
{
    fr_meter_close(x->d.m);
    canned_end(&x->server);
}

static void joules_of_the_series_that_match_are_counted(void **state)
{
    (void)state;
    exporter x;
    begin(&x, FR_DOMAIN_CPU);
    ASSERT_OK(open_spec(&x, "kepler_node_cpu_joules_total{zone=\"package\"},cpu"));
    drive_steadily(&x.d);
    drive_through(&x.d, NOT_FOUND, "HTTP status 404");
    drive_through(&x.d, BROKEN, "has no number of at least 0");
    drive_through(&x.d, NO_SERIES, "there is no series");
    drive_through(&x.d, HTML, "there is no series");
    drive_blind(&x.d, NOT_FOUND);
    drive_frozen(&x.d, 30);
    drive_reset(&x.d, "reset");
    end(&x);
}

static void microwatts_of_the_host_are_the_machines_power(void **state)
{
    (void)state;
    exporter x;
    begin(&x, FR_DOMAIN_SYSTEM);
    x.d.step_s = 0.5;
    ASSERT_OK(open_spec(&x, "scaph_host_power_microwatts,every=0.5"));
    drive_steadily(&x.d);
    drive_through(&x.d, BROKEN, "has no number of at least 0");
    end(&x);
}

static void series_that_come_or_go_are_noted_and_are_no_joules(void **state)
{
    (void)state;
    exporter x;
    fr_reading r;
    begin(&x, FR_DOMAIN_CPU);
    ASSERT_OK(open_spec(&x, "kepler_node_cpu_joules_total{zone=\"package\"},cpu"));
    x.d.w = 100;
    fr_window *w = drive_begin(&x.d);
    drive_on(&x.d, 5, 100);
    x.n_series = 2; /* another package, with five megajoules of its past */
    drive_on(&x.d, 5, 100);
    x.n_series = 1;
    drive_on(&x.d, 5, 100);
    fr_window_end(w, &r);
    assert_int_equal(r.n_errors, 2);
    assert_non_null(strstr(r.first_error, "2 series of kepler_node_cpu_joules_total instead of 1"));
    ASSERT_NEAR(r.cpu.j, 1300, 1); /* of two seconds nobody knows */
    end(&x);
}

static void server_that_has_gone_is_noted_and_never_zero(void **state)
{
    (void)state;
    exporter x;
    fr_reading r;
    begin(&x, FR_DOMAIN_CPU);
    ASSERT_OK(open_spec(&x, "kepler_node_cpu_joules_total{zone=\"package\"},cpu"));
    canned_end(&x.server);
    x.d.f.now_s += 2;
    fr_meter_tick(x.d.m);
    fr_window *w = drive_begin(&x.d);
    x.d.f.now_s += 5;
    fr_window_end(w, &r);
    assert_true(isnan(r.cpu.j));
    assert_non_null(strstr(r.first_error, "is the server running"));
    fr_meter_close(x.d.m);
}

static void specifications_without_sense_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *words;
    } cases[] = {
        {"", "not of the form prometheus:URL METRIC"},
        {"{zone=\"package\"}", "does not begin with the name of a metric"},
        {"kepler_node_cpu_joules_total{zone=package}", "the labels are not of the form"},
        {"kepler_node_cpu_joules_total,disk", "\"disk\" is none of system"},
        {"kepler_node_cpu_joules_total,every=0", "\"every=0\" is none of system"},
        {"kepler_node_cpu_joules_total cpu", "\" cpu\" after the metric"},
        {"energy", "the name energy does not tell its unit; add ,unit=W or ,unit=J"},
        {"other_joules_total", "there is no series other_joules_total"},
    };
    exporter x;
    begin(&x, FR_DOMAIN_CPU);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        ASSERT_FAILS(open_spec(&x, cases[i].what), FR_ERR_USAGE, cases[i].words);
    x.d.m = NULL;
    end(&x);
}

static void credentials_of_the_url_are_in_no_words(void **state)
{
    (void)state;
    exporter x;
    char spec[200];
    const char *specs[] = {spec};
    begin(&x, FR_DOMAIN_SYSTEM);
    show(&x.d);
    snprintf(spec, sizeof(spec),
             "prometheus:http://user:hidden@%.60s/metrics?key=hidden scaph_host_power_microwatts",
             x.server.url + 7);
    fr_meter_options o = fake_options(&x.d.f);
    o.sources = specs;
    o.n_sources = 1;
    ASSERT_OK(fr_meter_open(&x.d.m, &o, &err));
    assert_null(strstr(fake_source(x.d.m, "prometheus")->detail, "hidden"));
    assert_null(strstr(fr_meter_summary(x.d.m), "hidden"));
    end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joules_of_the_series_that_match_are_counted),
        cmocka_unit_test(microwatts_of_the_host_are_the_machines_power),
        cmocka_unit_test(series_that_come_or_go_are_noted_and_are_no_joules),
        cmocka_unit_test(server_that_has_gone_is_noted_and_never_zero),
        cmocka_unit_test(specifications_without_sense_are_refused),
        cmocka_unit_test(credentials_of_the_url_are_in_no_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
