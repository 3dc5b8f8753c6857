/* carbon.c - the table of grid intensities.
 *
 * Each row of data/carbon/regions.csv names its source; tools/make-carbon-table.py
 * says how the rows came about. Their uncertainty (systematic, about 95 %): two
 * editions of the same publisher (Ember 2022 by Eco2AI, Ember 2024 by Our World in
 * Data; data years 2021 and 2023) differ by 12 % in the median and by less than
 * 25 % in nine of ten grids above 100 TWh a year, by method more than by weather;
 * the world averages by 9 %. Taken: 25 % a country, 10 % the world. A time of day
 * or a contract for green power can differ by far more. */
#include "carbon/carbon.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "meter/table.h"

#define TABLE "carbon/regions.csv"

/* Columns of the table. */
enum { CODE, ISO2, NAME, ALIASES, G_PER_KWH, YEAR, GAS, SCOPE, SOURCE, NOTES, N_COLUMNS };

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
    put(out->name, sizeof(out->name), t->field[NAME]);
    put(out->gas, sizeof(out->gas), t->field[GAS]);
    put(out->scope, sizeof(out->scope), t->field[SCOPE]);
    put(out->source, sizeof(out->source), t->field[SOURCE]);
    put(out->notes, sizeof(out->notes), t->field[NOTES]);
    out->g_per_kwh = strtod(t->field[G_PER_KWH], NULL);
    out->year = atoi(t->field[YEAR]);
    out->relative_uncertainty = strncmp(out->code, FR_REGION_WORLD, 5) ? 0.25 : 0.1;
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

/* The name of the table nearest to `what`, in the arena; NULL for none. */
static const char *nearest_name(fr_arena *arena, const char *what)
{
    enum { MAX_NAMES = 1024 };
    const char *lower[MAX_NAMES], *plain[MAX_NAMES];
    size_t n = 0;
    fr_table t;
    char *word = fr_arena_strdup(arena, what);
    if (!word || !fr_table_open(&t, TABLE)) return NULL;
    for (char *c = word; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    while (n < MAX_NAMES && fr_table_next(&t)) {
        char *copy = fr_arena_strdup(arena, t.field[NAME]);
        plain[n] = fr_arena_strdup(arena, t.field[NAME]);
        if (!copy || !plain[n]) return NULL;
        for (char *c = copy; *c; c++)
            if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
        lower[n++] = copy;
    }
    const char *found = fr_nearest(word, lower, n);
    for (size_t i = 0; found && i < n; i++)
        if (lower[i] == found) return plain[i];
    return NULL;
}

fr_status fr_region_find(const char *what, fr_region *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_arena arena;
    fr_table t;
    fr_arena_init(&arena, 0);

    FR_TRY(open_table(&t, err));
    while (*what && fr_table_next(&t)) {
        if (strcasecmp(what, t.field[CODE]) && strcasecmp(what, t.field[NAME]) &&
            strcasecmp(what, t.field[ISO2]) && !is_alias(t.field[ALIASES], what))
            continue;
        take_row(&t, out);
        goto cleanup;
    }
    /* A word of any length may come from a study file; only the beginning is worth comparing. */
    char word[64];
    put(word, sizeof(word), what);
    const char *near = nearest_name(&arena, word);
    if (near)
        FR_FAIL(err, FR_ERR_USAGE, "region \"%s\" is not known; did you mean \"%s\"?", word, near);
    FR_FAIL(err, FR_ERR_USAGE,
            "region \"%s\" is not known; give an ISO 3166 code or an English name of a country "
            "(IND, IN, India), or " FR_REGION_WORLD " for the world average",
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

fr_status fr_region_provenance(const fr_region *r, fr_str *out, fr_error *err)
{
    return fr_str_appendf(out, err, "%s, %.1f g %s/kWh, %s, %d, %s %s", r->name, r->g_per_kwh,
                          r->gas, r->source, r->year, r->scope, r->gas);
}

double fr_carbon_grams(double joules, double g_per_kwh, double pue)
{
    return joules / 3.6e6 * g_per_kwh * pue;
}
