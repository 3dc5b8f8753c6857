/* live.c - grid intensity from Electricity Maps and the UK Carbon Intensity API.
 *
 * Electricity Maps: life-cycle g CO2e/kWh of what is consumed in a zone, imports
 * traced, by the hour. UK: direct g CO2/kWh of Great Britain, imports included, by
 * the half-hour; the forecast where the actual figure is not there yet.
 *
 * What a service says is believed only if it is a figure for the zone that was
 * asked for, of the last hours, and in a plausible range. The token goes into one
 * header, over TLS or to this machine, and nowhere else.
 *
 * Reference: https://portal.electricitymaps.com/docs/api (v3, carbon-intensity/latest)
 *            https://carbon-intensity.github.io/api-definitions/ (GET /intensity) */
#include "carbon/live.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "net/http.h"
#include "os/file.h"

enum { MAX_ANSWER = 64 << 10, MAX_CACHE = 4096, MAX_TOKEN = 512 };

static const double default_timeout_s = 5, highest_g_per_kwh = 3000;
static const double oldest_s = 6 * 3600, most_ahead_s = 2 * 3600, longest_s = 2 * 3600;

typedef struct service {
    const char *name;  /* in fr_place.live */
    const char *title; /* in reports */
    const char *url, *url_env;
    const char *token_env; /* NULL: needs none */
    const char *path;      /* behind the base URL; %s: the zone */
    fr_status (*parse)(const json_t *root, fr_live_figure *out, fr_error *err);
} service;

/* "2024-05-01T12:00Z", seconds and their fraction optional, as seconds since 1970. */
static bool parse_time(const json_t *value, double *out)
{
    struct tm t = {0};
    int n = 0;
    const char *text = json_string_value(value);
    if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday,
                        &t.tm_hour, &t.tm_min, &n) != 5)
        return false;
    text += n;
    if (*text == ':') text += 1 + strspn(text + 1, "0123456789.");
    if (strcmp(text, "Z") && strcmp(text, "+00:00")) return false;
    if (t.tm_year < 2000 || t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 ||
        t.tm_hour < 0 || t.tm_hour > 23 || t.tm_min < 0 || t.tm_min > 59)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    *out = (double)timegm(&t);
    return true;
}

static fr_status parse_electricity_maps(const json_t *root, fr_live_figure *out, fr_error *err)
{
    const char *zone = json_string_value(json_object_get(root, "zone"));
    const char *type = json_string_value(json_object_get(root, "emissionFactorType"));
    const char *step = json_string_value(json_object_get(root, "temporalGranularity"));
    const json_t *value = json_object_get(root, "carbonIntensity");
    if (!json_is_number(value) || !zone || strcasecmp(zone, out->zone) != 0 ||
        !parse_time(json_object_get(root, "datetime"), &out->from_unix_s))
        return fr_error_set(err, FR_ERR_FORMAT,
                            "the answer has no carbonIntensity and datetime for zone %s",
                            out->zone);
    out->g_per_kwh = json_number_value(value);
    out->until_unix_s = out->from_unix_s + (step && !strcmp(step, "15_minutes")  ? 900
                                            : step && !strcmp(step, "5_minutes") ? 300
                                                                                 : 3600);
    out->life_cycle = !type || strcmp(type, "direct") != 0; /* the service's default */
    out->estimated = json_is_true(json_object_get(root, "isEstimated"));
    return FR_OK;
}

static fr_status parse_uk(const json_t *root, fr_live_figure *out, fr_error *err)
{
    const json_t *row = json_array_get(json_object_get(root, "data"), 0);
    const json_t *intensity = json_object_get(row, "intensity");
    const json_t *value = json_object_get(intensity, "actual");
    out->estimated = !json_is_number(value);
    if (out->estimated) value = json_object_get(intensity, "forecast");
    if (!json_is_number(value) || !parse_time(json_object_get(row, "from"), &out->from_unix_s) ||
        !parse_time(json_object_get(row, "to"), &out->until_unix_s))
        return fr_error_set(err, FR_ERR_FORMAT,
                            "the answer has no intensity with its half-hour (data[0].intensity)");
    out->g_per_kwh = json_number_value(value);
    out->life_cycle = false;
    return FR_OK;
}

static const service services[] = {
    {FR_LIVE_ELECTRICITY_MAPS, "Electricity Maps", "https://api.electricitymaps.com",
     "ELECTRICITYMAPS_URL", "ELECTRICITYMAPS_TOKEN", "/v3/carbon-intensity/latest?zone=%s",
     parse_electricity_maps},
    {FR_LIVE_UK, "UK Carbon Intensity API", "https://api.carbonintensity.org.uk",
     "UK_CARBON_INTENSITY_URL", NULL, "/intensity", parse_uk},
};

/* The service of "name" or "name:zone", and the zone, which for a country is its alpha-2 code and
 * for Canada and the Nordic countries also the code of a part. */
static fr_status find_zone(const char *live, const fr_region *region, const service **out,
                           char zone[FR_LIVE_ZONE_SIZE], fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = strcspn(live, ":");
    const char *given = live[n] ? live + n + 1 : NULL;
    *out = NULL;
    for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
        if (strlen(services[i].name) == n && !strncmp(services[i].name, live, n))
            *out = &services[i];
    if (!*out)
        FR_FAIL(err, FR_ERR_USAGE,
                "live: \"%.40s\" is no service; there are " FR_LIVE_ELECTRICITY_MAPS
                " (also with a zone: " FR_LIVE_ELECTRICITY_MAPS ":US-CAL-CISO) and " FR_LIVE_UK,
                live);
    if (!strcmp((*out)->name, FR_LIVE_UK)) {
        if (given || strcmp(region->code, "GBR") != 0)
            FR_FAIL(err, FR_ERR_USAGE,
                    "live: " FR_LIVE_UK " is the grid of Great Britain as a whole: it takes no "
                    "zone and needs region GBR, not %s",
                    region->code);
        given = "GB";
    }
    bool part = region->code[2] == '-' && strcmp(region->country, "USA") != 0;
    if (!given && region->iso2[0]) given = region->iso2;
    if (!given && part) given = region->code;
    if (!given)
        FR_FAIL(err, FR_ERR_USAGE,
                "live: region %s is no zone of Electricity Maps; give the zone, as in "
                "" FR_LIVE_ELECTRICITY_MAPS ":US-CAL-CISO",
                region->code);
    n = strlen(given);
    if (n < 2 || n >= FR_LIVE_ZONE_SIZE ||
        strspn(given, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != n)
        FR_FAIL(err, FR_ERR_USAGE,
                "live: a zone has 2 to %d letters, digits and hyphens, as in US-CAL-CISO",
                FR_LIVE_ZONE_SIZE - 1);
    memcpy(zone, given, n + 1);
cleanup:
    return st;
}

static bool is_current(const fr_live_figure *f, double now)
{
    return f->g_per_kwh > 0 && f->g_per_kwh <= highest_g_per_kwh && f->from_unix_s <= now &&
           f->until_unix_s > now && f->until_unix_s - f->from_unix_s <= longest_s;
}

/* ---- cache: one small file a service and zone; whatever is wrong with it, it is not there ---- */

static bool cache_path(const fr_place *place, const service *s, const fr_live_figure *f,
                       fr_str *dir, fr_str *path)
{
    char name[96];
    const char *base = place->cache_dir, *tail = "";
    if (!base) {
        base = getenv("XDG_CACHE_HOME");
        tail = "/frugal";
        if (!base || base[0] != '/') {
            base = getenv("HOME");
            tail = "/.cache/frugal";
        }
    }
    if (!base || !*base) return false;
    snprintf(name, sizeof(name), "intensity-%s-%s.json", s->name, f->zone);
    return fr_str_appendf(dir, NULL, "%s%s", base, tail) == FR_OK &&
           fr_path_join(path, fr_str_text(dir), name, NULL) == FR_OK;
}

static bool cache_read(const char *path, const char *url, double now, fr_live_figure *out)
{
    fr_str text = FR_STR_INIT;
    fr_live_figure f = *out;
    json_t *root = NULL;
    bool good = false;
    if (fr_file_read(&text, path, MAX_CACHE, NULL) == FR_OK)
        root = json_loadb(fr_str_text(&text), text.len, JSON_REJECT_DUPLICATES, NULL);
    const char *of = json_string_value(json_object_get(root, "url"));
    if (of && !strcmp(of, url)) {
        f.g_per_kwh = json_number_value(json_object_get(root, "g_per_kwh"));
        f.from_unix_s = json_number_value(json_object_get(root, "from"));
        f.until_unix_s = json_number_value(json_object_get(root, "until"));
        f.life_cycle = json_is_true(json_object_get(root, "life_cycle"));
        f.estimated = json_is_true(json_object_get(root, "estimated"));
        good = is_current(&f, now);
    }
    if (good) *out = f;
    json_decref(root);
    fr_str_release(&text);
    return good;
}

static void cache_write(const char *dir, const char *path, const char *url, const fr_live_figure *f)
{
    json_t *root = json_pack("{s:s, s:f, s:f, s:f, s:b, s:b}", "url", url, "g_per_kwh",
                             f->g_per_kwh, "from", f->from_unix_s, "until", f->until_unix_s,
                             "life_cycle", f->life_cycle, "estimated", f->estimated);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    /* Without a cache the next call asks again: nothing that anybody need know. */
    if (text && fr_dir_create(dir, NULL) == FR_OK)
        (void)!fr_file_write_atomic(path, text, strlen(text), NULL);
    free(text);
    json_decref(root);
}

/* ---- the request ---- */

static fr_status check_status(const service *s, const char *zone, int status, fr_error *err)
{
    switch (status) {
    case 200: return FR_OK;
    case 401:
    case 403:
        return fr_error_set(err, FR_ERR_NET, "%s refuses the token in %s for zone %s (HTTP %d)",
                            s->title, s->token_env ? s->token_env : "(none)", zone, status);
    case 404: return fr_error_set(err, FR_ERR_NET, "%s knows no zone %s", s->title, zone);
    case 429:
        return fr_error_set(err, FR_ERR_NET,
                            "%s has had too many requests of this token (HTTP 429)", s->title);
    default: return fr_error_set(err, FR_ERR_NET, "%s answers with HTTP %d", s->title, status);
    }
}

/* "auth-token: ..." into header, "" where none is needed. */
static fr_status make_header(const service *s, const char *url, char *header, size_t size,
                             fr_error *err)
{
    fr_status st = FR_OK;
    const char *token = s->token_env ? getenv(s->token_env) : NULL;
    header[0] = 0;
    if (!s->token_env) goto cleanup;
    if (!token || !*token)
        FR_FAIL(err, FR_ERR_NET, "%s needs a token: set the environment variable %s", s->title,
                s->token_env);
    if (strlen(token) > MAX_TOKEN)
        FR_FAIL(err, FR_ERR_NET, "the token in %s is longer than %d bytes", s->token_env,
                MAX_TOKEN);
    if (strncasecmp(url, "https://", 8) != 0 && !fr_http_url_is_loopback(url))
        FR_FAIL(err, FR_ERR_NET,
                "the token in %s is not sent without TLS: let the URL begin with "
                "https://",
                s->token_env);
    snprintf(header, size, "auth-token: %s", token);
cleanup:
    return st;
}

static fr_status fetch(const service *s, const char *base, double timeout_s, fr_live_figure *out,
                       fr_error *err)
{
    fr_status st = FR_OK;
    fr_str url = FR_STR_INIT, body = FR_STR_INIT;
    char header[MAX_TOKEN + 32];
    json_t *root = NULL;
    int status = 0;

    FR_TRY(make_header(s, base, header, sizeof(header), err));
    FR_TRY(fr_str_appendf(&url, err, "%s", base));
    while (url.len && url.data[url.len - 1] == '/') url.data[--url.len] = 0;
    size_t before_zone = strcspn(s->path, "%");
    FR_TRY(fr_str_appendf(&url, err, "%.*s%s", (int)before_zone, s->path,
                          s->path[before_zone] ? out->zone : ""));
    const fr_http_request request = {.url = fr_str_text(&url),
                                     .header = header[0] ? header : NULL,
                                     .timeout_s = timeout_s > 0 ? timeout_s : default_timeout_s,
                                     .max_answer = MAX_ANSWER};
    FR_TRY(fr_http_fetch(&request, NULL, NULL, &status, &body, err));
    FR_TRY(check_status(s, out->zone, status, err));
    root = json_loadb(fr_str_text(&body), body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!root) FR_FAIL(err, FR_ERR_FORMAT, "%s answers with something that is no JSON", s->title);
    if (s->parse(root, out, err) != FR_OK) {
        fr_error_prefix(err, "%s", s->title);
        st = FR_ERR_FORMAT;
    }
cleanup:
    explicit_bzero(header, sizeof(header));
    json_decref(root);
    fr_str_release(&body);
    fr_str_release(&url);
    return st;
}

static fr_status check_figure(const fr_live_figure *f, double now, fr_error *err)
{
    char when[FR_ISO_TIME_SIZE];
    if (!(f->g_per_kwh > 0 && f->g_per_kwh <= highest_g_per_kwh))
        return fr_error_set(err, FR_ERR_FORMAT, "%s says %g g/kWh for zone %s, which no grid has",
                            f->service, f->g_per_kwh, f->zone);
    if (f->until_unix_s < now - oldest_s || f->from_unix_s > now + most_ahead_s ||
        f->until_unix_s <= f->from_unix_s)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "the figure of %s for zone %s is of %s, not of the last hours",
                            f->service, f->zone, fr_time_iso(f->from_unix_s, when));
    return FR_OK;
}

fr_status fr__live_find(const fr_place *place, const fr_region *region, fr_live_figure *out,
                        fr_error *err)
{
    fr_status st = FR_OK;
    const service *s = NULL;
    fr_str dir = FR_STR_INIT, path = FR_STR_INIT;
    char shown[300];
    memset(out, 0, sizeof(*out));

    FR_TRY(find_zone(place->live, region, &s, out->zone, err));
    out->service = s->title;
    const char *base = place->live_url ? place->live_url : getenv(s->url_env);
    if (!base || !*base) base = s->url;
    fr_http_url_show(base, shown, sizeof(shown));
    bool cached = cache_path(place, s, out, &dir, &path);
    if (cached && cache_read(fr_str_text(&path), shown, fr_time_unix_s(), out)) goto cleanup;

    FR_TRY(fetch(s, base, place->timeout_s, out, err));
    FR_TRY(check_figure(out, fr_time_unix_s(), err));
    if (cached && is_current(out, fr_time_unix_s()))
        cache_write(fr_str_text(&dir), fr_str_text(&path), shown, out);
cleanup:
    fr_str_release(&dir);
    fr_str_release(&path);
    return st;
}
