/* carbon.c - the table of grid intensities, and grams.
 *
 * Each row of data/carbon/regions.csv names its source; tools/make-carbon-table.py
 * says how the rows came about. A row's uncertainty (systematic, about 95 %) comes
 * from how far two editions or two sources of such rows disagree; with --spread the
 * script prints the figures behind the rules. A time of day or a contract for green
 * power can differ by far more.
 *
 * Not here: live figures (live.c) and estimators of LLMs (llm.c, roofline.c). */
#include "frugal/carbon.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "meter/table.h"

#define TABLE "carbon/regions.csv"

enum { WORD_SIZE = 64, MAX_NAMES = 2048 };

/* Columns of the table. */
enum {
    CODE,
    ISO2,
    COUNTRY,
    NAME,
    ALIASES,
    G_PER_KWH,
    YEAR,
    GAS,
    SCOPE,
    RULE,
    SOURCE,
    NOTES,
    N_COLUMNS
};

static const struct {
    const char *name;
    double relative_uncertainty;
} rules[] = {
    /* Ember's data years 2021 and 2023: median 12 %, nine of ten grids above 100 TWh below 25 %,
     * by method more than by weather; the two world averages 9 %. */
    {"country", 0.25},
    {"world", 0.10},
    /* eGRID2016 and eGRID2023: median 21 %, nine of ten below 40 %. */
    {"state", 0.40},
    /* Consumption intensities of 2023 and 2024: median 21 %, New Brunswick 60 %. */
    {"province", 0.60},
    /* Google's figures of 2024 and 2025: median 6 %, nine of ten below 24 %. */
    {"cloud", 0.25},
    /* Google's regions against the figure of their country: median 30 %, nine of ten below 52 %. */
    {"stand-in", 0.55},
    /* Nothing is known; no row may be surer than the least sure rule. */
    {"unsourced", 0.60},
};

static double uncertainty_of(const char *rule)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        if (!strcmp(rules[i].name, rule)) return rules[i].relative_uncertainty;
    return 1; /* a test finds rows without a rule */
}

static void put(char *out, size_t size, const char *text)
{
    size_t n = strlen(text);
    if (n >= size) n = size - 1;
    memcpy(out, text, n);
    out[n] = 0;
}

static void take_row(const fr_table *t, fr_region *out)
{
    memset(out, 0, sizeof(*out));
    put(out->code, sizeof(out->code), t->field[CODE]);
    put(out->iso2, sizeof(out->iso2), t->field[ISO2]);
    put(out->country, sizeof(out->country), t->field[COUNTRY]);
    put(out->name, sizeof(out->name), t->field[NAME]);
    put(out->gas, sizeof(out->gas), t->field[GAS]);
    put(out->scope, sizeof(out->scope), t->field[SCOPE]);
    put(out->rule, sizeof(out->rule), t->field[RULE]);
    put(out->source, sizeof(out->source), t->field[SOURCE]);
    put(out->notes, sizeof(out->notes), t->field[NOTES]);
    out->g_per_kwh = fr_strtod(t->field[G_PER_KWH], NULL);
    out->year = atoi(t->field[YEAR]);
    out->relative_uncertainty = uncertainty_of(out->rule);
}

/* Is `what` one of the names parted by '|'? */
static bool is_alias(const char *aliases, const char *what)
{
    size_t n = strlen(what);
    for (const char *at = aliases; *at;) {
        size_t len = strcspn(at, "|");
        if (len == n && !strncasecmp(at, what, n)) return true;
        at += len + (at[len] == '|');
    }
    return false;
}

static fr_status open_table(fr_table *t, fr_error *err)
{
    fr_status st = FR_OK;
    if (!fr_table_open(t, TABLE) || t->n_fields != N_COLUMNS)
        FR_FAIL(err, FR_ERR_STATE, "the table of regions is not part of this build");
cleanup:
    return st;
}

static const char *lower_copy(fr_arena *arena, const char *text)
{
    char *copy = fr_arena_strdup(arena, text);
    for (char *c = copy; c && *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    return copy;
}

/* The code or name of the table nearest to `what`, in the arena; NULL for none. */
static const char *nearest_name(fr_arena *arena, const char *what)
{
    const char *lower[MAX_NAMES], *plain[MAX_NAMES];
    size_t n = 0;
    fr_table t;
    const char *word = lower_copy(arena, what);
    if (!word || !fr_table_open(&t, TABLE)) return NULL;
    while (n + 2 <= MAX_NAMES && fr_table_next(&t)) {
        /* Short codes are near to everything. */
        const char *names[2] = {t.field[NAME], strlen(t.field[CODE]) > 3 ? t.field[CODE] : NULL};
        for (size_t i = 0; i < 2 && names[i]; i++) {
            plain[n] = fr_arena_strdup(arena, names[i]);
            lower[n] = lower_copy(arena, names[i]);
            if (!plain[n] || !lower[n]) return NULL;
            n++;
        }
    }
    const char *found = fr_nearest(word, lower, n);
    for (size_t i = 0; found && i < n; i++)
        if (lower[i] == found) return plain[i];
    return NULL;
}

static fr_status find_by_code(const char *what, fr_region *out, bool *found, fr_error *err)
{
    fr_status st = FR_OK;
    fr_table t;
    *found = false;
    FR_TRY(open_table(&t, err));
    while (!*found && *what && fr_table_next(&t)) {
        if (strcasecmp(what, t.field[CODE]) && strcasecmp(what, t.field[ISO2])) continue;
        take_row(&t, out);
        *found = true;
    }
cleanup:
    return st;
}

static fr_status find_by_name(const char *what, fr_region *out, bool *found, fr_error *err)
{
    fr_status st = FR_OK;
    fr_table t;
    *found = false;
    FR_TRY(open_table(&t, err));
    while (*what && fr_table_next(&t)) {
        if (strcasecmp(what, t.field[NAME]) && !is_alias(t.field[ALIASES], what)) continue;
        if (*found)
            FR_FAIL(err, FR_ERR_USAGE,
                    "region \"%s\" may be %s (%s) or %s (%s); give one of the codes", what,
                    out->code, out->name, t.field[CODE], t.field[NAME]);
        take_row(&t, out);
        *found = true;
    }
cleanup:
    return st;
}

fr_status fr_region_find(const char *what, fr_region *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_arena arena;
    bool found;
    fr_arena_init(&arena, 0);

    FR_TRY(find_by_code(what, out, &found, err));
    if (!found) FR_TRY(find_by_name(what, out, &found, err));
    if (found) goto cleanup;
    /* A word of any length may come from a study file; only the beginning is worth comparing. */
    char word[WORD_SIZE];
    put(word, sizeof(word), what);
    const char *near = nearest_name(&arena, word);
    if (near)
        FR_FAIL(err, FR_ERR_USAGE, "region \"%s\" is not known; did you mean \"%s\"?", word, near);
    FR_FAIL(err, FR_ERR_USAGE,
            "region \"%s\" is not known; give an ISO 3166 code or an English name of a country "
            "(IND, IN, India), a part of one (US-CA, CA-QC, SE-SE3), a cloud's region "
            "(aws:eu-west-1), or " FR_REGION_WORLD " for the world average",
            word);
cleanup:
    fr_arena_release(&arena);
    return st;
}

fr_status fr_region_at(size_t i, fr_region *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_table t;
    FR_TRY(open_table(&t, err));
    for (size_t k = 0; fr_table_next(&t); k++) {
        if (k < i) continue;
        take_row(&t, out);
        goto cleanup;
    }
    FR_FAIL(err, FR_ERR_USAGE, "the table of regions has no row %zu", i);
cleanup:
    return st;
}

char *fr_region_provenance(const fr_region *r, char buf[FR_PROVENANCE_SIZE])
{
    fr_snprintf(buf, FR_PROVENANCE_SIZE, "%s, %.1f g %s/kWh, %s, %d, %s %s%s%s", r->name,
                r->g_per_kwh, r->gas, r->source, r->year,
                strcmp(r->scope, "not stated") ? r->scope : "scope not stated,", r->gas,
                strcmp(r->rule, "stand-in") ? "" : ", ",
                strcmp(r->rule, "stand-in") ? "" : r->notes);
    return buf;
}

double fr_carbon_grams(double joules, double g_per_kwh, double pue)
{
    return joules / 3.6e6 * g_per_kwh * pue;
}

fr_status fr_carbon_embodied(const fr_embodied *h, double seconds, double *out_g, fr_error *err)
{
    static const double year_s = 365.0 * 86400;
    fr_status st = FR_OK;
    if (!(h->kgco2e >= 0) || !isfinite(h->kgco2e) || !(h->lifetime_years > 0) ||
        !isfinite(h->lifetime_years) || !(h->share >= 0 && h->share <= 1) || !(seconds >= 0) ||
        !isfinite(seconds))
        FR_FAIL(err, FR_ERR_USAGE,
                "embodied emissions: kg CO2e (%g) and seconds (%g) must not be negative, the "
                "lifetime (%g years) must be above 0, the share (%g) between 0 and 1",
                h->kgco2e, seconds, h->lifetime_years, h->share);
    *out_g = 1000 * h->kgco2e * h->share * seconds / (h->lifetime_years * year_s);
cleanup:
    return st;
}

double fr_carbon_sci(double joules, double g_per_kwh, double pue, double embodied_g, double units)
{
    return units > 0 ? (fr_carbon_grams(joules, g_per_kwh, pue) + embodied_g) / units : NAN;
}
