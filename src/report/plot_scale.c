/* plot_scale.c - who is in the plot of report.html, and where. */
#include <math.h>

#include "report/format.h"
#include "report/plot.h"
#include "report/summary.h"

static bool has_place(const fr_result_model *m)
{
    return fr__figure_exists(&m->g_per_1000) && m->g_per_1000.value >= 0 &&
           (m->g_per_1000.value == 0 || m->g_per_1000.value > 1e-12) && m->g_per_1000.value < 1e15;
}

bool fr__plot_has(const fr_result_model *m)
{
    return has_place(m) && fr__figure_exists(&m->quality) && fabs(m->quality.value) < 1e9;
}

bool fr__plot_has_lane(const fr_result_model *m)
{
    return has_place(m) && !fr__figure_exists(&m->quality) && m->g_per_1000.value > 0;
}

double fr__plot_x(const fr__plot *p, double grams)
{
    if (grams <= 0) return p->zero_x;
    double t = (log10(grams) - p->x_low) / (p->x_high - p->x_low);
    return p->left + fmin(fmax(t, 0), 1) * (p->right - p->left);
}

/* A score as the plot shows it: up is better. */
static double shown(const fr__plot *p, double score)
{
    return p->scale * score;
}

double fr__plot_y(const fr__plot *p, double y)
{
    if (y < p->off_chart) return p->bottom - 14;
    double t = (y - p->y_low) / (p->y_high - p->y_low);
    return p->bottom - fmin(fmax(t, 0), 1) * (p->bottom - p->top);
}

/* A limit of an interval that may be drawn: sane, else the value itself. */
static double limit_or(double x, double value, double least, double most)
{
    return isfinite(x) && x >= least && x <= most ? x : value;
}

double fr__plot_g_low(const fr_result_model *m)
{
    return limit_or(m->g_per_1000.low, m->g_per_1000.value, 1e-12, 1e15);
}

double fr__plot_g_high(const fr_result_model *m)
{
    return limit_or(m->g_per_1000.high, m->g_per_1000.value, 1e-12, 1e15);
}

/* Quality as shown, and the limits of its interval: the lower one first. */
double fr__plot_quality(const fr__plot *p, const fr_result_model *m)
{
    return shown(p, m->quality.value);
}

double fr__plot_q_low(const fr__plot *p, const fr_result_model *m)
{
    double limit = p->scale < 0 ? m->quality.high : m->quality.low;
    return shown(p, limit_or(limit, m->quality.value, -1e9, 1e9));
}

double fr__plot_q_high(const fr__plot *p, const fr_result_model *m)
{
    double limit = p->scale < 0 ? m->quality.low : m->quality.high;
    return shown(p, limit_or(limit, m->quality.value, -1e9, 1e9));
}

fr__plot fr__plot_of(const fr_results *r, fr_str *out)
{
    const fr_result_metric *t = fr__deciding(r);
    return (fr__plot){.r = r,
                      .out = out,
                      .metric = t,
                      .scale = (t->highest == 1 ? 100 : 1) * (t->lower_is_better ? -1 : 1)};
}

/* What is far below the reference would press all that matters into one line:
 * such models go to the bottom edge, where their label says how good they are. */
double fr__plot_focus(const fr__plot *p)
{
    const fr_results *r = p->r;
    const fr_result_model *ref = fr__reference(r);
    if (!ref || !fr__plot_has(ref) || !isfinite(r->margin)) return -INFINITY;
    double at = fr__plot_quality(p, ref), margin = fabs(p->scale) * r->margin;
    double far = at - fmax(5 * margin, 0.1 * (isfinite(p->metric->highest) ? 100 : fabs(at)));
    double high = at, near_low = at - margin, low = near_low;
    for (size_t i = 0; i < r->n_models; i++) {
        const fr_result_model *m = &r->models[i];
        if (!fr__plot_has(m)) continue;
        high = fmax(high, fr__plot_q_high(p, m));
        low = fmin(low, fr__plot_q_low(p, m));
        if (fr__plot_quality(p, m) >= far) near_low = fmin(near_low, fr__plot_q_low(p, m));
    }
    return high - low > 1.6 * (high - near_low) ? far : -INFINITY;
}

void fr__plot_set_x(fr__plot *p)
{
    bool zero = false;
    double x0 = INFINITY, x1 = -INFINITY;
    for (size_t i = 0; i < p->r->n_models; i++) {
        const fr_result_model *m = &p->r->models[i];
        if (!fr__plot_has(m) && !fr__plot_has_lane(m)) continue;
        p->n_lanes += fr__plot_has_lane(m);
        if (m->g_per_1000.value > 0) {
            x0 = fmin(x0, log10(fmin(fr__plot_g_low(m), m->g_per_1000.value)));
            x1 = fmax(x1, log10(fmax(fr__plot_g_high(m), m->g_per_1000.value)));
        } else {
            zero = true;
        }
    }
    if (!(x0 <= x1)) x0 = -1, x1 = 1; /* only models that emit nothing */
    p->x_low = floor(x0 - 0.15);
    p->x_high = ceil(x1 + 0.15);
    p->zero_x = zero ? p->left + 18 : NAN;
    if (zero) p->left += 52;
}

void fr__plot_set_y(fr__plot *p)
{
    double y0 = INFINITY, y1 = -INFINITY;
    const fr_result_model *ref = fr__reference(p->r);
    bool any_off = false;
    p->off_chart = fr__plot_focus(p);
    for (size_t i = 0; i < p->r->n_models; i++) {
        const fr_result_model *m = &p->r->models[i];
        if (!fr__plot_has(m)) continue;
        if (fr__plot_quality(p, m) < p->off_chart) {
            any_off = true;
            continue;
        }
        y0 = fmin(y0, fmin(fr__plot_q_low(p, m), fr__plot_quality(p, m)));
        y1 = fmax(y1, fmax(fr__plot_q_high(p, m), fr__plot_quality(p, m)));
    }
    bool bounded = isfinite(p->metric->highest);
    double margin = bounded ? fmin(p->r->margin, p->metric->highest) : p->r->margin;
    if (ref && fr__plot_has(ref) && isfinite(margin))
        y0 = fmin(y0, fr__plot_quality(p, ref) - fabs(p->scale) * margin);
    p->off_chart = any_off ? fmin(p->off_chart, y0) : -INFINITY; /* intervals stay to scale */
    double pad = fmax(0.07 * (y1 - y0), bounded ? 0.3 : 0.01 * fabs(y1));
    p->y_low = y0 - pad - (any_off ? 0.25 * (y1 - y0) : 0);
    p->y_high = y1 + pad;
    if (y0 >= 0) p->y_low = fmax(p->y_low, 0);
    if (bounded) p->y_high = fmin(p->y_high, p->scale * p->metric->highest);
    if (p->scale < 0) p->y_high = fmin(p->y_high, 0);
    if (!(p->y_high > p->y_low)) p->y_high = p->y_low + 1;
}
