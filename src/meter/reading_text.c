/* reading_text.c - finds the reading in what a program printed. */
#include "meter/reading_text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

enum { MAX_WORD = 48 };

static const struct {
    const char *name;
    bool word; /* in any case */
    fr_sensor_kind kind;
    double scale;
} units[] = {
    {"W", false, FR_SENSOR_POWER, 1},         {"watts", true, FR_SENSOR_POWER, 1},
    {"watt", true, FR_SENSOR_POWER, 1},       {"mW", false, FR_SENSOR_POWER, 1e-3},
    {"kW", false, FR_SENSOR_POWER, 1e3},      {"J", false, FR_SENSOR_COUNTER, 1},
    {"joules", true, FR_SENSOR_COUNTER, 1},   {"joule", true, FR_SENSOR_COUNTER, 1},
    {"mJ", false, FR_SENSOR_COUNTER, 1e-3},   {"kJ", false, FR_SENSOR_COUNTER, 1e3},
    {"Wh", false, FR_SENSOR_COUNTER, 3600},   {"kWh", false, FR_SENSOR_COUNTER, 3.6e6},
    {"uW", false, FR_SENSOR_POWER, 1e-6},     {"uJ", false, FR_SENSOR_COUNTER, 1e-6},
    {"MWh", false, FR_SENSOR_COUNTER, 3.6e9}, {"MW", false, FR_SENSOR_POWER, 1e6},
};

bool fr__unit_find(const char *word, size_t n, fr_unit *out)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strlen(units[i].name) != n) continue;
        if (units[i].word ? strncasecmp(word, units[i].name, n) : strncmp(word, units[i].name, n))
            continue;
        *out = (fr_unit){.known = true, .kind = units[i].kind, .scale = units[i].scale};
        return true;
    }
    return false;
}

/* What parts words: white space, brackets, quotes and what stands between a name and a value. */
static bool parts(char c)
{
    return isspace((unsigned char)c) || (c && strchr("=()[]{}\"';|<>", c));
}

static const char *next_word(const char *at, const char **word, size_t *n)
{
    while (*at && (parts(*at) || *at == ':' || *at == ',')) at++;
    *word = at;
    while (*at && !parts(*at)) at++;
    *n = (size_t)(at - *word);
    while (*n && strchr(":,.", (*word)[*n - 1])) --*n;
    return at;
}

/* digits[.digits][e[+-]digits] with an optional sign: its length, 0 for something else; *decimals:
 * places behind the point, the exponent taken into account. */
static size_t number_length(const char *w, size_t n, int *decimals)
{
    size_t i = 0, digits = 0, start;
    *decimals = 0;
    if (i < n && (w[i] == '-' || w[i] == '+')) i++;
    for (; i < n && isdigit((unsigned char)w[i]); i++) digits++;
    if (i < n && w[i] == '.')
        for (i++; i < n && isdigit((unsigned char)w[i]); i++, digits++) ++*decimals;
    if (digits == 0) return 0;
    start = i;
    if (i < n && (w[i] == 'e' || w[i] == 'E')) {
        i++;
        if (i < n && (w[i] == '-' || w[i] == '+')) i++;
        if (i < n && isdigit((unsigned char)w[i])) {
            long exponent = strtol(w + start + 1, NULL, 10);
            *decimals -= exponent > 1000 ? 1000 : exponent < -1000 ? -1000 : (int)exponent;
            while (i < n && isdigit((unsigned char)w[i])) i++;
            return i;
        }
    }
    return start;
}

static bool has_comma(const char *w, size_t n)
{
    size_t lead = strspn(w, "+-0123456789");
    return lead > 0 && lead + 1 < n && w[lead] == ',' && isdigit((unsigned char)w[lead + 1]);
}

/* Quotes the beginning of the first line. */
static fr_status no_number(const char *text, fr_error *err)
{
    char line[64];
    snprintf(line, sizeof(line), "%s", text);
    line[strcspn(line, "\r\n")] = 0;
    for (char *c = line; *c; c++)
        if (!isprint((unsigned char)*c)) *c = '?';
    return fr_error_set(err, FR_ERR_FORMAT, "there is no number in \"%s\"", line);
}

fr_status fr__reading_parse(const char *text, fr_unit *unit, double *value, double *step,
                            fr_error *err)
{
    fr_status st = FR_OK;
    const char *at = text, *word = text;
    size_t n = 0, len = 0;
    int decimals = 0;
    fr_unit found = {0};
    char copy[MAX_WORD];
    for (;;) {
        at = next_word(at, &word, &n);
        if (n == 0) {
            st = no_number(text, err);
            goto cleanup;
        }
        if (has_comma(word, n))
            FR_FAIL(err, FR_ERR_FORMAT,
                    "\"%.*s\" has a comma: print numbers with a point and without separators",
                    (int)(n < MAX_WORD ? n : MAX_WORD), word);
        len = number_length(word, n, &decimals);
        if (len > 0 && (len == n || fr__unit_find(word + len, n - len, &found))) break;
    }
    if (len >= sizeof(copy)) FR_FAIL(err, FR_ERR_FORMAT, "a number of %zu digits", len);
    memcpy(copy, word, len);
    copy[len] = 0;
    if (!found.known) {
        next_word(at, &word, &n);
        if (!fr__unit_find(word, n, &found)) found = *unit;
    }
    if (!found.known)
        FR_FAIL(
            err, FR_ERR_FORMAT,
            "%s of what? Neither the output (\"%s W\") nor the source (\"W,...\") names a unit: "
            "W, J, Wh or kWh",
            copy, copy);
    if (unit->known && unit->kind != found.kind)
        FR_FAIL(err, FR_ERR_FORMAT, "%s is said to be %s, but it was to be %s", copy,
                found.kind == FR_SENSOR_POWER ? "a power" : "an energy",
                unit->kind == FR_SENSOR_POWER ? "a power" : "an energy");
    *value = fr_strtod(copy, NULL) * found.scale;
    *step = found.scale * pow(10, -decimals);
    if (!(*value >= 0) || !isfinite(*value) || !(*step > 0) || !isfinite(*step))
        FR_FAIL(err, FR_ERR_FORMAT, "%s is no possible %s", copy,
                found.kind == FR_SENSOR_POWER ? "power" : "count of energy");
    *unit = found;
cleanup:
    return st;
}
