/* format.c - numbers and outside text as every report shows them. */
#include "report/format.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

#include "base/number.h"

bool fr__figure_exists(const fr_figure *f)
{
    return f->kind != FR_KIND_NONE && isfinite(f->value);
}

bool fr__figure_has_interval(const fr_figure *f)
{
    return fr__figure_exists(f) && isfinite(f->low) && isfinite(f->high) && f->low < f->high;
}

static fr__text dash(void)
{
    return (fr__text){"-"};
}

/* Puts a comma between each three digits in front of the point. */
static fr__text separate(const char *digits)
{
    fr__text t;
    size_t n = 0, i = 0;
    if (digits[i] == '-' || digits[i] == '+') t.s[n++] = digits[i++];
    size_t whole = strspn(digits + i, "0123456789");
    for (size_t k = 0; k < whole && n + 2 < sizeof(t.s); k++) {
        if (k > 0 && (whole - k) % 3 == 0) t.s[n++] = ',';
        t.s[n++] = digits[i + k];
    }
    snprintf(t.s + n, sizeof(t.s) - n, "%s", digits + i + whole);
    return t;
}

fr__text fr__fixed(double x, int decimals)
{
    if (!isfinite(x)) return dash();
    char digits[FR__TEXT_SIZE / 2];
    fr__text t = {""};
    if (fabs(x) >= 1e15) {
        fr_snprintf(t.s, sizeof(t.s), "%.3g", x);
        return t;
    }
    fr_snprintf(digits, sizeof(digits), "%.*f", decimals, x);
    /* "-0.0" is noise. */
    if (digits[0] == '-' && strspn(digits + 1, "0.") == strlen(digits + 1))
        return separate(digits + 1);
    return separate(digits);
}

fr__text fr__signed(double x, int decimals)
{
    fr__text t = fr__fixed(x, decimals), plus;
    if (!isfinite(x) || t.s[0] == '-' || strspn(t.s, "0.") == strlen(t.s)) return t;
    snprintf(plus.s, sizeof(plus.s), "+%.*s", FR__TEXT_SIZE - 2, t.s);
    return plus;
}

fr__text fr__count(double n)
{
    return fr__fixed(n, 0);
}

/* Decimals that show `digits` significant digits of x. */
static int decimals_of(double x, int digits)
{
    double magnitude = fabs(x);
    if (magnitude == 0 || magnitude >= 1e6) return 0;
    int decimals = digits - 1 - (int)floor(log10(magnitude));
    if (decimals <= 0) return 0;
    /* 9.996 becomes 10.0, not 10.00 */
    return decimals - (round(magnitude * pow(10, decimals)) >= pow(10, digits));
}

/* Whole numbers of more digits end in zeros. */
static double round_to(double x, int digits)
{
    double unit = x == 0 ? 1 : pow(10, floor(log10(fabs(x))) - digits + 1);
    return unit > 1 ? round(x / unit) * unit : x;
}

static fr__text rounded(double x, int digits)
{
    if (!isfinite(x)) return dash();
    fr__text t = {""};
    if (x != 0 && fabs(x) < 1e-4) {
        fr_snprintf(t.s, sizeof(t.s), "%.2g", x);
        return t;
    }
    x = round_to(x, digits);
    return fr__fixed(x, decimals_of(x, digits));
}

fr__text fr__number(double x)
{
    return rounded(x, 3);
}

/* Three digits, two where the interval is so wide that a third says nothing. */
static int digits_of(const fr_figure *f)
{
    return fr__figure_has_interval(f) && f->high - f->low > 0.2 * fabs(f->value) ? 2 : 3;
}

static fr__text in_unit(double x, const char *unit)
{
    fr__text t = fr__number(x), with;
    if (!isfinite(x)) return t;
    snprintf(with.s, sizeof(with.s), "%.40s %s", t.s, unit);
    return with;
}

static fr__text count_in_letters(double n)
{
    static const struct {
        double unit;
        const char *letter;
    } steps[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "K"}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (n < 0.9995 * steps[i].unit) continue;
        fr__text t = {""};
        fr_snprintf(t.s, sizeof(t.s), "%.3g%s", n / steps[i].unit, steps[i].letter);
        return t;
    }
    return fr__count(n);
}

fr__text fr__params(const fr_result_model *m)
{
    if (!(m->params_active > 0) || !isfinite(m->params_active)) return dash();
    fr__text active = count_in_letters(m->params_active), t;
    if (!(m->params_total > 1.005 * m->params_active) || !isfinite(m->params_total)) return active;
    fr__text total = count_in_letters(m->params_total);
    snprintf(t.s, sizeof(t.s), "%.40s of %.40s", active.s, total.s);
    return t;
}

fr__text fr__seconds(double s)
{
    if (!isfinite(s)) return dash();
    fr__text t;
    if (s < 0.9995) return in_unit(s * 1e3, "ms");
    if (s < 99.95) return in_unit(s, "s");
    if (s < 3570) {
        long whole = lround(s);
        snprintf(t.s, sizeof(t.s), "%ld min %ld s", whole / 60, whole % 60);
        return t;
    }
    if (s > 1e9) return in_unit(s / 3600, "h");
    long minutes = lround(s / 60);
    snprintf(t.s, sizeof(t.s), "%ld h %ld min", minutes / 60, minutes % 60);
    return t;
}

static fr__text scaled(double x, const char *const *units, size_t n, double step)
{
    if (!isfinite(x)) return dash();
    size_t i = 0;
    while (i + 1 < n && fabs(x) >= 0.9995 * step) {
        x /= step;
        i++;
    }
    return in_unit(x, units[i]);
}

fr__text fr__bytes(double n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    return scaled(n, units, 5, 1024);
}

fr__text fr__joules(double j)
{
    static const char *const units[] = {"J", "kJ", "MJ", "GJ"};
    return scaled(j, units, 4, 1000);
}

fr__text fr__grams(double g)
{
    static const char *const units[] = {"mg", "g", "kg", "t"};
    return fabs(g) < 0.9995 ? in_unit(g * 1e3, units[0]) : scaled(g, units + 1, 3, 1000);
}

static fr__text joined(const char *value, const char *low, const char *high)
{
    fr__text t;
    if (strcmp(value, low) == 0 && strcmp(value, high) == 0) { /* narrower than its digits */
        snprintf(t.s, sizeof(t.s), "%s", value);
        return t;
    }
    snprintf(t.s, sizeof(t.s), "%.29s [%.29s, %.29s]", value, low, high);
    return t;
}

fr__text fr__figure(const fr_figure *f)
{
    if (!fr__figure_exists(f)) return dash();
    int digits = digits_of(f);
    fr__text value = rounded(f->value, digits);
    if (!fr__figure_has_interval(f)) return value;
    return joined(value.s, rounded(f->low, digits).s, rounded(f->high, digits).s);
}

const fr_result_metric *fr__deciding(const fr_results *r)
{
    static const fr_result_metric none = {"quality", 1, false};
    return r->n_metrics ? &r->metrics[0] : &none;
}

const char *fr__score_unit(const fr_result_metric *t)
{
    return t->highest == 1 ? " %" : "";
}

const char *fr__change_unit(const fr_result_metric *t)
{
    return isfinite(t->highest) ? " points" : "";
}

static double score_scale(const fr_result_metric *t)
{
    return t->highest == 1 ? 100 : 1;
}

/* Of a metric with a highest score one, of others two digits of the interval's width. */
static int score_decimals(const fr_result_metric *t, const fr_figure *f)
{
    if (isfinite(t->highest)) return 1;
    if (!fr__figure_has_interval(f)) return decimals_of(f->value, 3);
    int decimals = decimals_of(f->high - f->low, 2);
    return decimals > 4 ? 4 : decimals;
}

static fr__text score_text(const fr_result_metric *t, const fr_figure *f,
                           fr__text (*number)(double x, int decimals))
{
    if (!fr__figure_exists(f)) return dash();
    double scale = score_scale(t);
    int decimals = score_decimals(t, f);
    fr__text value = number(scale * f->value, decimals);
    if (!fr__figure_has_interval(f)) return value;
    return joined(value.s, number(scale * f->low, decimals).s, number(scale * f->high, decimals).s);
}

fr__text fr__score(const fr_result_metric *t, const fr_figure *f)
{
    return score_text(t, f, fr__fixed);
}

fr__text fr__change(const fr_result_metric *t, const fr_figure *f)
{
    return score_text(t, f, fr__signed);
}

fr__text fr__plain_score(const fr_result_metric *t, double score)
{
    return fr__score(t, &(fr_figure){score, score, score, FR_KIND_MEASURED, NULL});
}

fr__text fr__margin(const fr_result_metric *t, double margin)
{
    fr__text text = {""};
    if (isfinite(t->highest) || !isfinite(margin)) return fr__fixed(score_scale(t) * margin, 1);
    fr_snprintf(text.s, sizeof(text.s), "%.3g", margin);
    return text;
}

static fr__text fraction(double factor, int digits)
{
    fr__text t;
    if (!isfinite(factor) || factor <= 0) return dash();
    if (factor >= 0.9995e6 && factor < 1e15) { /* a baseline of next to no energy: 1/20M */
        snprintf(t.s, sizeof(t.s), "1/%.60s", count_in_letters(round_to(factor, digits)).s);
    } else if (factor >= 0.995) {
        snprintf(t.s, sizeof(t.s), "1/%.60s", rounded(factor < 1 ? 1 : factor, digits).s);
    } else {
        snprintf(t.s, sizeof(t.s), "%.60sx", rounded(1 / factor, digits).s);
    }
    return t;
}

fr__text fr__fraction(const fr_figure *f)
{
    return fr__figure_exists(f) ? fraction(f->value, digits_of(f)) : dash();
}

fr__text fr__fractions(const fr_figure *f)
{
    fr__text value = fr__fraction(f);
    if (value.s[0] == '-' || !fr__figure_has_interval(f) || f->low <= 0) return value;
    int digits = digits_of(f);
    /* Below 1 the text counts times as much, so that its limits change places. */
    bool turned = f->value < 0.995;
    fr__text first = fraction(turned ? f->high : f->low, digits);
    fr__text second = fraction(turned ? f->low : f->high, digits);
    return joined(value.s, first.s, second.s);
}

const char *fr__kind_short(fr_kind kind)
{
    static const char *const names[] = {"", "meas", "mod", "est", "ass"};
    return names[kind];
}

/* Marks that reorder or hide the text around them. */
static bool turns_or_hides(utf8proc_int32_t c)
{
    return c == 0x061c || (c >= 0x200b && c <= 0x200f && c != 0x200d) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xe0000 && c <= 0xe007f);
}

fr_status fr__clean(fr_str *out, const char *text, bool ascii, fr_error *err)
{
    static const char replacement[] = "\xef\xbf\xbd";
    fr_status st = FR_OK;
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)(text ? text : "");
    size_t left = strlen((const char *)at);
    while (left > 0) {
        utf8proc_int32_t c = -1;
        utf8proc_ssize_t n = utf8proc_iterate(at, (utf8proc_ssize_t)left, &c);
        if (n <= 0) n = 1; /* a broken byte; c is -1 */
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            FR_TRY(fr_str_append(out, " ", 1, err));
        } else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffe || c == 0xffff ||
                   turns_or_hides(c) || (ascii && c > 0x7f)) {
            FR_TRY(fr_str_append(out, ascii ? "?" : replacement, ascii ? 1 : 3, err));
        } else {
            FR_TRY(fr_str_append(out, at, (size_t)n, err));
        }
        at += n;
        left -= (size_t)n;
    }
cleanup:
    return st;
}

/* Walks until `columns` are full; returns bytes, and the columns taken in *taken. */
static size_t walk(const char *text, int columns, int *taken)
{
    const utf8proc_uint8_t *start = (const utf8proc_uint8_t *)text, *at = start;
    size_t left = strlen(text);
    *taken = 0;
    while (left > 0) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate(at, (utf8proc_ssize_t)left, &c);
        if (n <= 0) break;
        int width = utf8proc_charwidth(c);
        if (*taken + width > columns) break;
        *taken += width;
        at += n;
        left -= (size_t)n;
    }
    return (size_t)(at - start);
}

int fr__columns(const char *text)
{
    int taken;
    walk(text, 1 << 30, &taken);
    return taken;
}

size_t fr__bytes_in_columns(const char *text, int columns)
{
    int taken;
    return walk(text, columns, &taken);
}
