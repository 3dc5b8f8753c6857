/* prometheus.c - a metric of an exporter: Kepler, Scaphandre, a plug's.
 *
 *     prometheus:URL
 * METRIC[{label="value",...}][,system|cpu|gpu|ram][,unit=W|J|...][,every=SECONDS]
 *
 * Fetched each second in a thread of its own. All series that match are added up. The unit is what
 * the metric's name ends in (_joules_total, _watts, ...), or said by unit=. Series that come or go
 * would look like joules: the sum then goes on from where it was, and that is noted.
 *
 * Reference: prometheus.io/docs/practices/naming/ (base units, _total) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/poller.h"
#include "meter/prometheus_text.h"
#include "net/http.h"

enum { MAX_ANSWER = 8 << 20 };

typedef struct prometheus_state {
    fr_poller *poller;
    char *url;
    char shown[160]; /* without credentials and query */
    fr_selector selector;
    bool counter;
    double scale;        /* joules or watts of the metric's unit */
    size_t n;            /* series, as of the last good fetch */
    double last, offset; /* what was handed on last; what is added for series that have gone */
    fr_str body;
} prometheus_state;

static fr_status get(prometheus_state *p, bool (*stop)(void *ctx), void *stop_ctx, fr_error *err)
{
    fr_status st = FR_OK;
    int status = 0;
    fr_http_request request = {.url = p->url,
                               .timeout_s = FR_POLL_MAX_S,
                               .connect_timeout_s = 5,
                               .max_answer = MAX_ANSWER};
    fr_str_clear(&p->body);
    FR_TRY(fr_http_fetch(&request, stop, stop_ctx, &status, &p->body, err));
    if (status != 200) FR_FAIL(err, FR_ERR_NET, "%s: HTTP status %d", p->shown, status);
cleanup:
    return st;
}

static fr_status fetch(void *ctx, bool (*stop)(void *stop_ctx), void *stop_ctx, double *value,
                       fr_error *err)
{
    fr_status st = FR_OK;
    prometheus_state *p = ctx;
    double sum;
    size_t n, before = p->n;
    FR_TRY(get(p, stop, stop_ctx, err));
    fr_error why;
    if (fr__prometheus_sum(fr_str_text(&p->body), &p->selector, &sum, &n, &why))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: %s", p->shown, why.message);
    if (n == 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: there is no series %s with these labels", p->shown,
                p->selector.metric);
    sum *= p->scale;
    p->n = n;
    if (before && n != before) {
        p->offset = p->counter ? p->last - sum : 0;
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: %zu series of %s instead of %zu; what they took meanwhile "
                "is lost",
                p->shown, n, p->selector.metric, before);
    }
    *value = p->last = sum + p->offset;
cleanup:
    return st;
}

/* The unit that a metric's name ends in. */
static bool unit_of_name(const char *metric, fr_unit *unit)
{
    static const struct {
        const char *ending;
        fr_sensor_kind kind;
        double scale;
    } endings[] = {
        {"_joules", FR_SENSOR_COUNTER, 1},
        {"_millijoules", FR_SENSOR_COUNTER, 1e-3},
        {"_microjoules", FR_SENSOR_COUNTER, 1e-6},
        {"_watts", FR_SENSOR_POWER, 1},
        {"_milliwatts", FR_SENSOR_POWER, 1e-3},
        {"_microwatts", FR_SENSOR_POWER, 1e-6},
        {"_watthours", FR_SENSOR_COUNTER, 3600},
        {"_watt_hours", FR_SENSOR_COUNTER, 3600},
        {"_kilowatthours", FR_SENSOR_COUNTER, 3.6e6},
        {"_kwh", FR_SENSOR_COUNTER, 3.6e6},
    };
    size_t n = strlen(metric);
    if (n > 6 && !strcmp(metric + n - 6, "_total")) n -= 6;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        size_t len = strlen(endings[i].ending);
        if (n <= len || memcmp(metric + n - len, endings[i].ending, len) != 0) continue;
        *unit = (fr_unit){.known = true, .kind = endings[i].kind, .scale = endings[i].scale};
        return true;
    }
    return false;
}

/* URL, blank, selector, then words parted by commas. */
static fr_status take_words(prometheus_state *p, const char *text, fr_poll_words *words,
                            fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = strcspn(text, " ");
    const char *at = text + n + strspn(text + n, " ");
    if (n == 0 || !*at)
        FR_FAIL(err, FR_ERR_USAGE, "prometheus: not of the form prometheus:URL METRIC");
    p->url = strndup(text, n);
    if (!p->url) FR_FAIL(err, FR_ERR_NOMEM, "prometheus: out of memory");
    fr_http_url_show(p->url, p->shown, sizeof(p->shown));
    FR_TRY(fr__selector_parse(at, &p->selector, &at, err));
    while (*at == ',') {
        n = strcspn(++at, ",");
        if (!fr__poll_word(words, at, n))
            FR_FAIL(err, FR_ERR_USAGE,
                    "prometheus: \"%.*s\" is none of system, cpu, gpu, ram, unit=W, unit=J, "
                    "every=SECONDS",
                    (int)(n < 60 ? n : 60), at);
        at += n;
    }
    if (*at) FR_FAIL(err, FR_ERR_USAGE, "prometheus: \"%.60s\" after the metric", at);
    if (!words->unit.known && !unit_of_name(p->selector.metric, &words->unit))
        FR_FAIL(err, FR_ERR_USAGE,
                "prometheus: the name %s does not tell its unit; add ,unit=W or ,unit=J",
                p->selector.metric);
    p->counter = words->unit.kind == FR_SENSOR_COUNTER;
    p->scale = words->unit.scale;
cleanup:
    return st;
}

static fr_status prometheus_open(fr_source *s, const fr_source_setup *setup, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_meter_options *o = setup->options;
    fr_poll_words words = FR_POLL_WORDS_INIT;
    char label[96];
    fr_error why;
    if (!setup->words) {
        fr_source_say(s, "no exporter has been named: any metric in joules or watts");
        snprintf(s->remedy, sizeof(s->remedy),
                 "frugal meters --source 'prometheus:http://localhost:28282/metrics "
                 "kepler_node_cpu_joules_total{zone=\"package\"},cpu'");
        return FR_OK;
    }
    prometheus_state *p = calloc(1, sizeof(*p));
    s->state = p;
    if (!p) FR_FAIL(err, FR_ERR_NOMEM, "prometheus: out of memory");
    FR_TRY(take_words(p, setup->words, &words, err));
    fr_poller_options poll = {.fetch = fetch,
                              .ctx = p,
                              .every_s = words.every_s,
                              .manual = o->manual,
                              .clock = o->clock,
                              .clock_ctx = o->clock_ctx};
    if (fr__poller_open(&p->poller, &poll, &why))
        FR_FAIL(err, FR_ERR_USAGE, "energy source prometheus: %s", why.message);
    snprintf(label, sizeof(label), "prometheus %.80s", p->selector.metric);
    FR_TRY(fr__poll_sensor(s, &words, label, 1, err));
    fr_source_say(s, "; %zu series at %s", p->n, p->shown);
cleanup:
    return st;
}

static void prometheus_read(fr_source *s, const fr_tick *tick, fr_raw *raw)
{
    (void)tick;
    const prometheus_state *p = s->state;
    fr__poller_read(p->poller, raw);
    raw->share = NAN;
}

static void prometheus_close(fr_source *s)
{
    prometheus_state *p = s->state;
    if (!p) return;
    fr__poller_close(p->poller);
    fr_str_release(&p->body);
    free(p->url);
    free(p);
}

const fr_source_class fr__prometheus_class = {
    .name = "prometheus",
    .label = "exporter",
    .covers = "what the user says",
    .citation = "taken as 5 %: that of what the exporter reads (RAPL, a plug) comes on top of none "
                "of its own",
    .kind = FR_KIND_MEASURED,
    .domains = FR_IN(FR_DOMAIN_SYSTEM),
    .named = true,
    .open = prometheus_open,
    .read = prometheus_read,
    .close = prometheus_close,
};
