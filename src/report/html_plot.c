/* html_plot.c - quality against g CO2e per 1,000 inferences, as SVG.
 *
 *      quality ^   - - - - - reference - - - - -
 *              |   :::::::: margin band ::::::::
 *              |      |-*-|               |-o-|
 *              |  0 // 0.1     1     10    100      g CO2e per 1,000, log
 *              |  quality not measured:      |--o--|
 *
 * Models that emit nothing stand on a 0 of their own, left of the log axis;
 * models without a quality stand in lanes below it. Labels take the nearest
 * free place around their marker, joined to it by a line when far. */
#include <math.h>
#include <string.h>

#include "report/format.h"
#include "report/html.h"
#include "report/summary.h"

enum { MAX_LABEL = 30, LANE = 24, LINE = 15, MARK = 7 };

/* Width of a letter of a label in the widest of the usual fonts. */
static const double LETTER = 7.6;

typedef struct box {
    double x0, y0, x1, y1;
} box;

typedef struct plot {
    const fr_results *r;
    fr_str *out;
    const char *id;
    double width, height, left, right, top, bottom; /* edges of the log plot */
    double zero_x;                                  /* where 0 g stands; NaN: nowhere */
    double x_low, x_high;                           /* log10 of g */
    const fr_result_metric *metric;
    double scale;         /* what is shown over the score; negative where less is better */
    double y_low, y_high; /* of shown scores, up is better */
    double off_chart;     /* models below this stand on the bottom edge; -INFINITY: none does */
    size_t n_lanes;
    box *taken; /* markers, bars and labels so far; room for 4 a model */
    size_t n_taken;
    int label_columns;
} plot;

static bool has_place(const fr_result_model *m)
{
    return fr__figure_exists(&m->g_per_1000) && m->g_per_1000.value >= 0 &&
           (m->g_per_1000.value == 0 || m->g_per_1000.value > 1e-12) && m->g_per_1000.value < 1e15;
}

static bool in_plot(const fr_result_model *m)
{
    return has_place(m) && fr__figure_exists(&m->quality) && fabs(m->quality.value) < 1e9;
}

static bool in_lane(const fr_result_model *m)
{
    return has_place(m) && !fr__figure_exists(&m->quality) && m->g_per_1000.value > 0;
}

static double x_of(const plot *p, double grams)
{
    if (grams <= 0) return p->zero_x;
    double t = (log10(grams) - p->x_low) / (p->x_high - p->x_low);
    return p->left + fmin(fmax(t, 0), 1) * (p->right - p->left);
}

/* A score as the plot shows it: up is better. */
static double shown(const plot *p, double score)
{
    return p->scale * score;
}

static double y_of(const plot *p, double y)
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

static double g_low(const fr_result_model *m)
{
    return limit_or(m->g_per_1000.low, m->g_per_1000.value, 1e-12, 1e15);
}

static double g_high(const fr_result_model *m)
{
    return limit_or(m->g_per_1000.high, m->g_per_1000.value, 1e-12, 1e15);
}

/* Quality as shown, and the limits of its interval: the lower one first. */
static double quality(const plot *p, const fr_result_model *m)
{
    return shown(p, m->quality.value);
}

static double q_low(const plot *p, const fr_result_model *m)
{
    double limit = p->scale < 0 ? m->quality.high : m->quality.low;
    return shown(p, limit_or(limit, m->quality.value, -1e9, 1e9));
}

static double q_high(const plot *p, const fr_result_model *m)
{
    double limit = p->scale < 0 ? m->quality.low : m->quality.high;
    return shown(p, limit_or(limit, m->quality.value, -1e9, 1e9));
}

static plot plot_of(const fr_results *r, fr_str *out)
{
    const fr_result_metric *t = fr__deciding(r);
    return (plot){.r = r,
                  .out = out,
                  .metric = t,
                  .scale = (t->highest == 1 ? 100 : 1) * (t->lower_is_better ? -1 : 1)};
}

/* What is far below the reference would press all that matters into one line:
 * such models go to the bottom edge, where their label says how good they are. */
static double focus(const plot *p)
{
    const fr_results *r = p->r;
    const fr_result_model *ref = fr__reference(r);
    if (!ref || !in_plot(ref) || !isfinite(r->margin)) return -INFINITY;
    double at = quality(p, ref), margin = fabs(p->scale) * r->margin;
    double far = at - fmax(5 * margin, 0.1 * (isfinite(p->metric->highest) ? 100 : fabs(at)));
    double high = at, near_low = at - margin, low = near_low;
    for (size_t i = 0; i < r->n_models; i++) {
        const fr_result_model *m = &r->models[i];
        if (!in_plot(m)) continue;
        high = fmax(high, q_high(p, m));
        low = fmin(low, q_low(p, m));
        if (quality(p, m) >= far) near_low = fmin(near_low, q_low(p, m));
    }
    return high - low > 1.6 * (high - near_low) ? far : -INFINITY;
}

static void set_x_domain(plot *p)
{
    bool zero = false;
    double x0 = INFINITY, x1 = -INFINITY;
    for (size_t i = 0; i < p->r->n_models; i++) {
        const fr_result_model *m = &p->r->models[i];
        if (!in_plot(m) && !in_lane(m)) continue;
        p->n_lanes += in_lane(m);
        if (m->g_per_1000.value > 0) {
            x0 = fmin(x0, log10(fmin(g_low(m), m->g_per_1000.value)));
            x1 = fmax(x1, log10(fmax(g_high(m), m->g_per_1000.value)));
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

static void set_y_domain(plot *p)
{
    double y0 = INFINITY, y1 = -INFINITY;
    const fr_result_model *ref = fr__reference(p->r);
    bool any_off = false;
    p->off_chart = focus(p);
    for (size_t i = 0; i < p->r->n_models; i++) {
        const fr_result_model *m = &p->r->models[i];
        if (!in_plot(m)) continue;
        if (quality(p, m) < p->off_chart) {
            any_off = true;
            continue;
        }
        y0 = fmin(y0, fmin(q_low(p, m), quality(p, m)));
        y1 = fmax(y1, fmax(q_high(p, m), quality(p, m)));
    }
    bool bounded = isfinite(p->metric->highest);
    double margin = bounded ? fmin(p->r->margin, p->metric->highest) : p->r->margin;
    if (ref && in_plot(ref) && isfinite(margin))
        y0 = fmin(y0, quality(p, ref) - fabs(p->scale) * margin);
    p->off_chart = any_off ? fmin(p->off_chart, y0) : -INFINITY; /* intervals stay to scale */
    double pad = fmax(0.07 * (y1 - y0), bounded ? 0.3 : 0.01 * fabs(y1));
    p->y_low = y0 - pad - (any_off ? 0.25 * (y1 - y0) : 0);
    p->y_high = y1 + pad;
    if (y0 >= 0) p->y_low = fmax(p->y_low, 0);
    if (bounded) p->y_high = fmin(p->y_high, p->scale * p->metric->highest);
    if (p->scale < 0) p->y_high = fmin(p->y_high, 0);
    if (!(p->y_high > p->y_low)) p->y_high = p->y_low + 1;
}

static fr_status x_axis(plot *p, fr_error *err)
{
    fr_status st = FR_OK;
    double decades = p->x_high - p->x_low, a_decade = (p->right - p->left) / decades;
    int step = (int)ceil(52 / a_decade);
    for (int e = (int)p->x_low; e <= (int)p->x_high; e++) {
        double x = x_of(p, pow(10, e));
        FR_TRY(fr_str_appendf(
            p->out, err, "<line class=\"ax\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", x,
            x, p->top, p->bottom + 5));
        if ((e - (int)p->x_low) % step != 0) continue;
        FR_TRY(fr_str_appendf(p->out, err,
                              "<text class=\"tx\" x=\"%.1f\" y=\"%.1f\" "
                              "text-anchor=\"middle\">",
                              x, p->bottom + 20));
        if (e < -4 || e > 6) {
            FR_TRY(fr_str_appendf(p->out, err,
                                  "10<tspan dy=\"-5\" font-size=\"9\">%s%d</tspan></text>",
                                  e < 0 ? "&#8722;" : "", e < 0 ? -e : e));
        } else {
            FR_TRY(
                fr_str_appendf(p->out, err, "%s</text>", fr__fixed(pow(10, e), e < 0 ? -e : 0).s));
        }
    }
    if (!isnan(p->zero_x)) {
        FR_TRY(fr_str_appendf(p->out, err,
                              "<line class=\"ax\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                              "<text class=\"tx\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">0"
                              "</text><text class=\"tx\" x=\"%.1f\" y=\"%.1f\" "
                              "text-anchor=\"middle\">//</text>",
                              p->zero_x, p->zero_x, p->top, p->bottom + 5, p->zero_x,
                              p->bottom + 20, (p->zero_x + p->left) / 2, p->bottom + 4));
    }
    FR_TRY(fr_str_appendf(p->out, err,
                          "<text class=\"tx\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">"
                          "g CO&#8322;e per 1,000 inferences (log scale)</text>",
                          p->right, p->bottom + 40));
cleanup:
    return st;
}

static fr_status y_axis(plot *p, fr_error *err)
{
    static const double steps[] = {1, 2, 5, 10};
    fr_status st = FR_OK;
    double far_left = isnan(p->zero_x) ? p->left : p->zero_x - 18;
    double range = p->y_high - p->y_low, decade = pow(10, floor(log10(range / 7)));
    double step = decade;
    for (size_t i = 0; i < 4 && range / step > 7; i++) step = steps[i] * decade;
    int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    for (double k = ceil(p->y_low / step); k * step <= p->y_high + 1e-9 * range; k++) {
        double y = k * step, at = y_of(p, y);
        if (y < p->off_chart) continue;
        FR_TRY(fr_str_appendf(p->out, err,
                              "<line class=\"ax\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                              "<text class=\"tx\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s"
                              "</text>",
                              far_left, p->right, at, at, far_left - 7, at + 4,
                              fr__fixed(p->scale < 0 ? -y : y, decimals).s));
    }
    FR_TRY(
        fr_str_appendf(p->out, err, "<text class=\"tx\" x=\"%.1f\" y=\"%.1f\">", 2.0, p->top - 14));
    FR_TRY(fr__html_metric(p->out, p->metric, err));
    FR_TRY(fr_str_appendf(p->out, err, "</text>"));
cleanup:
    return st;
}

static fr_status reference_band(plot *p, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_result_model *ref = fr__reference(p->r);
    if (!ref || !in_plot(ref) || !(p->r->margin > 0)) goto cleanup;
    double at = quality(p, ref), y = y_of(p, at);
    double below = y_of(p, at - fabs(p->scale) * p->r->margin);
    double far_left = isnan(p->zero_x) ? p->left : p->zero_x - 18;
    FR_TRY(fr_str_appendf(p->out, err,
                          "<rect class=\"band\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                          "height=\"%.1f\"/><line class=\"ref\" x1=\"%.1f\" x2=\"%.1f\" "
                          "y1=\"%.1f\" y2=\"%.1f\"/>",
                          far_left, y, p->right - far_left, below - y, far_left, p->right, y, y));
cleanup:
    return st;
}

static void take(plot *p, double x0, double y0, double x1, double y1)
{
    p->taken[p->n_taken++] = (box){x0, y0, x1, y1};
}

static double overlap(const box *a, const box *b)
{
    double w = fmin(a->x1, b->x1) - fmax(a->x0, b->x0);
    double h = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
    return w > 0 && h > 0 ? w * h : 0;
}

/* The nearest box of this size around (x, y) that covers least of what is there. */
static box free_place(const plot *p, double x, double y, double width, double height)
{
    static const double distances[] = {6, 14, 24, 38, 54, 72};
    /* right, left, above, below, and the corners; as shares of size and distance */
    static const double sides[][4] = {{0, -0.5, 1, 0},      {-1, -0.5, -1, 0},  {-0.5, -1, 0, -1},
                                      {-0.5, 0, 0, 1},      {0, -1, 0.7, -0.7}, {0, 0, 0.7, 0.7},
                                      {-1, -1, -0.7, -0.7}, {-1, 0, -0.7, 0.7}};
    box best = {x, y, x + width, y + height};
    double best_cost = INFINITY;
    for (size_t d = 0; d < sizeof(distances) / sizeof(distances[0]); d++) {
        for (size_t k = 0; k < sizeof(sides) / sizeof(sides[0]); k++) {
            double reach = distances[d] + MARK;
            double x0 = x + sides[k][0] * width + sides[k][2] * reach;
            double y0 = y + sides[k][1] * height + sides[k][3] * reach;
            box b = {x0, y0, x0 + width, y0 + height};
            if (b.x0 < 2 || b.x1 > p->width - 2 || b.y0 < p->top - 8 || b.y1 > p->bottom) continue;
            double cost = distances[d] * 0.6 + (double)k * 0.2;
            for (size_t i = 0; i < p->n_taken; i++) cost += 2 * overlap(&b, &p->taken[i]);
            if (cost < best_cost) {
                best = b;
                best_cost = cost;
            }
        }
    }
    return best;
}

static fr_status marker(plot *p, fr_kind kind, double x, double y, fr_error *err)
{
    switch (kind) {
    case FR_KIND_MEASURED:
        return fr_str_appendf(p->out, err,
                              "<circle class=\"mk full\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>", x, y);
    case FR_KIND_MODELLED:
        return fr_str_appendf(
            p->out, err, "<path class=\"mk full\" d=\"M%.1f %.1fl6 6l-6 6l-6 -6z\"/>", x, y - 6);
    case FR_KIND_ESTIMATED:
        return fr_str_appendf(p->out, err, "<circle class=\"mk\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>",
                              x, y);
    case FR_KIND_ASSUMED:
    case FR_KIND_NONE: break;
    }
    return fr_str_appendf(p->out, err,
                          "<rect class=\"mk\" x=\"%.1f\" y=\"%.1f\" width=\"9\" height=\"9\"/>",
                          x - 4.5, y - 4.5);
}

/* A bar with caps from one limit to the other. */
static fr_status bar(plot *p, double x0, double y0, double x1, double y1, fr_error *err)
{
    if (fabs(x1 - x0) + fabs(y1 - y0) < 1) return FR_OK;
    double cx = x0 == x1 ? 4 : 0, cy = x0 == x1 ? 0 : 4;
    return fr_str_appendf(p->out, err,
                          "<path class=\"bar\" d=\"M%.1f %.1fL%.1f %.1fM%.1f %.1fL%.1f %.1fM%.1f "
                          "%.1fL%.1f %.1f\"/>",
                          x0, y0, x1, y1, x0 - cx, y0 - cy, x0 + cx, y0 + cy, x1 - cx, y1 - cy,
                          x1 + cx, y1 + cy);
}

/* <g> of a model with the words a pointer shows. */
static fr_status open_group(plot *p, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(p->out, err, "<g class=\"p %s\"><title>", fr__html_class(m)));
    FR_TRY(fr__html_text(p->out, m->name, err));
    FR_TRY(fr_str_appendf(p->out, err, ": quality "));
    FR_TRY(fr__html_number(p->out, fr__score(p->metric, &m->quality).s, err));
    FR_TRY(fr_str_appendf(p->out, err, ", g CO&#8322;e per 1,000: %s (%s)</title>",
                          fr__figure(&m->g_per_1000).s, fr_kind_name(m->g_per_1000.kind)));
cleanup:
    return st;
}

static void take_model(plot *p, const fr_result_model *m)
{
    double x = x_of(p, m->g_per_1000.value), y = y_of(p, quality(p, m));
    take(p, x - MARK, y - MARK, x + MARK, y + MARK);
    take(p, x_of(p, g_low(m)), y - 3, x_of(p, g_high(m)), y + 3);
    take(p, x - 3, y_of(p, q_high(p, m)), x + 3, y_of(p, q_low(p, m)));
}

static fr_status draw_model(plot *p, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    double x = x_of(p, m->g_per_1000.value), y = y_of(p, quality(p, m));
    FR_TRY(open_group(p, m, err));
    if (m->g_per_1000.value > 0 && fr__figure_has_interval(&m->g_per_1000))
        FR_TRY(bar(p, x_of(p, g_low(m)), y, x_of(p, g_high(m)), y, err));
    if (quality(p, m) < p->off_chart) {
        FR_TRY(fr_str_appendf(p->out, err,
                              "<path class=\"bar\" d=\"M%.1f %.1fv18m-4 -5l4 5l4 -5\"/>", x, y));
    } else if (fr__figure_has_interval(&m->quality)) {
        FR_TRY(bar(p, x, y_of(p, q_low(p, m)), x, y_of(p, q_high(p, m)), err));
    }
    FR_TRY(marker(p, m->g_per_1000.kind, x, y, err));
    FR_TRY(fr_str_append(p->out, "</g>", 4, err));
cleanup:
    return st;
}

/* The model's name, shortened, into *label. */
static fr_status short_name(const plot *p, const fr_result_model *m, fr_str *label, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str clean = FR_STR_INIT;
    fr_str_clear(label);
    FR_TRY(fr__clean(&clean, m->name, false, err));
    const char *name = fr_str_text(&clean);
    if (fr__columns(name) <= p->label_columns) {
        FR_TRY(fr_str_append(label, name, strlen(name), err));
    } else {
        FR_TRY(fr_str_append(label, name, fr__bytes_in_columns(name, p->label_columns - 1), err));
        FR_TRY(fr_str_append(label, "\xe2\x80\xa6", 3, err));
    }
cleanup:
    fr_str_release(&clean);
    return st;
}

static fr_status draw_label(plot *p, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str label = FR_STR_INIT;
    double x = x_of(p, m->g_per_1000.value), y = y_of(p, quality(p, m));
    FR_TRY(short_name(p, m, &label, err));
    if (quality(p, m) < p->off_chart)
        FR_TRY(fr_str_appendf(&label, err, ", %s", fr__plain_score(p->metric, m->quality.value).s));
    double width = LETTER * fr__columns(fr_str_text(&label)) + 4;
    box b = free_place(p, x, y, width, LINE);
    take(p, b.x0, b.y0, b.x1, b.y1);
    /* The point of the label's box nearest to the marker. */
    double nx = fmin(fmax(x, b.x0), b.x1), ny = fmin(fmax(y, b.y0), b.y1);
    double away = hypot(nx - x, ny - y);
    if (away > 2.4 * MARK) {
        FR_TRY(fr_str_appendf(p->out, err,
                              "<line class=\"lead-line\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
                              "y2=\"%.1f\"/>",
                              x + (nx - x) * MARK / away, y + (ny - y) * MARK / away, nx, ny));
    }
    /* Anchored on the marker's side: the true width of the text may differ from ours. */
    double middle = (b.x0 + b.x1) / 2;
    const char *anchor = b.x0 >= x ? "start" : b.x1 <= x ? "end" : "middle";
    double at = b.x0 >= x ? b.x0 + 2 : b.x1 <= x ? b.x1 - 2 : middle;
    FR_TRY(fr_str_appendf(p->out, err,
                          "<text class=\"lb\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", at,
                          b.y0 + 11.5, anchor));
    FR_TRY(fr__html_text(p->out, fr_str_text(&label), err));
    FR_TRY(fr_str_append(p->out, "</text>", 7, err));
cleanup:
    fr_str_release(&label);
    return st;
}

static fr_status lanes(plot *p, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str label = FR_STR_INIT;
    if (p->n_lanes == 0) goto cleanup;
    double y = p->bottom + 66;
    FR_TRY(fr_str_appendf(p->out, err,
                          "<text class=\"tx\" x=\"2\" y=\"%.1f\">quality not measured, emissions "
                          "only</text>",
                          y));
    for (size_t i = 0; i < p->r->n_models; i++) {
        const fr_result_model *m = &p->r->models[i];
        if (!in_lane(m)) continue;
        y += LANE;
        double x = x_of(p, m->g_per_1000.value), x0 = x_of(p, g_low(m)), x1 = x_of(p, g_high(m));
        FR_TRY(fr_str_appendf(p->out, err,
                              "<line class=\"lane\" x1=\"2\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                              p->right, y, y));
        FR_TRY(open_group(p, m, err));
        if (fr__figure_has_interval(&m->g_per_1000)) FR_TRY(bar(p, x0, y, x1, y, err));
        FR_TRY(marker(p, m->g_per_1000.kind, x, y, err));
        FR_TRY(fr_str_append(p->out, "</g>", 4, err));
        FR_TRY(short_name(p, m, &label, err));
        double width = LETTER * fr__columns(fr_str_text(&label));
        bool left = fmin(x, x0) - 14 - width > 2;
        FR_TRY(fr_str_appendf(
            p->out, err, "<text class=\"lb\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
            left ? fmin(x, x0) - 12 : fmax(x, x1) + 12, y + 4, left ? "end" : "start"));
        FR_TRY(fr__html_text(p->out, fr_str_text(&label), err));
        FR_TRY(fr_str_append(p->out, "</text>", 7, err));
    }
cleanup:
    fr_str_release(&label);
    return st;
}

static fr_status description(plot *p, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(p->out, err,
                          "<title id=\"t-%s\">Quality against emissions</title><desc "
                          "id=\"d-%s\">Each model's ",
                          p->id, p->id));
    FR_TRY(fr__html_metric(p->out, p->metric, err));
    FR_TRY(
        fr_str_appendf(p->out, err,
                       " against its g CO&#8322;e per 1,000 inferences on a log scale, with 95 %% "
                       "intervals. All values are in the table below. "));
    for (size_t i = 0; i < p->r->n_models; i++) {
        const fr_result_model *m = &p->r->models[i];
        FR_TRY(fr__html_text(p->out, m->name, err));
        FR_TRY(fr_str_append(p->out, ": ", 2, err));
        FR_TRY(fr__html_number(p->out, fr__score(p->metric, &m->quality).s, err));
        FR_TRY(fr_str_appendf(p->out, err, " at %s g. ", fr__figure(&m->g_per_1000).s));
    }
    FR_TRY(fr_str_append(p->out, "</desc>", 7, err));
cleanup:
    return st;
}

static fr_status draw(const fr_results *r, const char *id, double width, double height,
                      fr_arena *arena, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    plot p = plot_of(r, out);
    p.id = id;
    p.width = width;
    p.label_columns = width > 600 ? MAX_LABEL : 20;
    p.left = 40;
    p.right = width - 26;
    p.top = 34;
    p.bottom = height;
    p.taken = fr_arena_alloc(arena, 4 * r->n_models + 1, sizeof(*p.taken));
    if (!p.taken) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory for the plot");
    set_x_domain(&p);
    set_y_domain(&p);
    p.height = height + 50 + (p.n_lanes ? 30 + LANE * (double)p.n_lanes : 0);

    FR_TRY(fr_str_appendf(out, err,
                          "<svg class=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
                          "aria-labelledby=\"t-%s d-%s\">",
                          id, width, p.height, id, id));
    FR_TRY(description(&p, err));
    FR_TRY(reference_band(&p, err));
    FR_TRY(y_axis(&p, err));
    FR_TRY(x_axis(&p, err));
    for (size_t i = 0; i < r->n_models; i++) {
        if (in_plot(&r->models[i])) take_model(&p, &r->models[i]);
    }
    for (size_t i = 0; i < r->n_models; i++) {
        if (in_plot(&r->models[i])) FR_TRY(draw_model(&p, &r->models[i], err));
    }
    for (size_t i = 0; i < r->n_models; i++) {
        if (in_plot(&r->models[i])) FR_TRY(draw_label(&p, &r->models[i], err));
    }
    FR_TRY(lanes(&p, err));
    FR_TRY(fr_str_append(out, "</svg>", 6, err));
cleanup:
    return st;
}

/* One small symbol of the legend. */
static fr_status legend_item(fr_str *out, fr_kind kind, const char *words, fr_error *err)
{
    fr_status st = FR_OK;
    plot p = {.out = out};
    FR_TRY(fr_str_appendf(out, err, "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\">"));
    FR_TRY(marker(&p, kind, 8, 8, err));
    FR_TRY(fr_str_appendf(out, err, "</svg>%s</li>", words));
cleanup:
    return st;
}

static fr_status legend(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const plot p = plot_of(r, out);
    bool seen[FR_KIND_ASSUMED + 1] = {false};
    for (size_t i = 0; i < r->n_models; i++) {
        if (in_plot(&r->models[i]) || in_lane(&r->models[i]))
            seen[r->models[i].g_per_1000.kind] = true;
    }
    FR_TRY(fr_str_appendf(out, err, "<ul class=\"legend\">"));
    for (fr_kind k = FR_KIND_MEASURED; k <= FR_KIND_ASSUMED; k++) {
        fr_str words = FR_STR_INIT;
        if (!seen[k]) continue;
        st = fr_str_appendf(&words, err, "emissions %s", fr_kind_name(k));
        if (st == FR_OK) st = legend_item(out, k, fr_str_text(&words), err);
        fr_str_release(&words);
        if (st != FR_OK) goto cleanup;
    }
    const fr_result_model *ref = fr__reference(r);
    if (ref && in_plot(ref)) {
        FR_TRY(
            fr_str_appendf(out, err,
                           "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><rect "
                           "class=\"band\" x=\"0\" y=\"4\" width=\"16\" height=\"9\"/><line "
                           "class=\"ref\" x1=\"0\" x2=\"16\" y1=\"4\" y2=\"4\"/></svg>quality of "
                           "the reference, and a margin of %s%s below it</li>",
                           fr__margin(p.metric, r->margin).s, fr__change_unit(p.metric)));
    }
    if (isfinite(focus(&p))) {
        FR_TRY(fr_str_appendf(out, err,
                              "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path "
                              "class=\"bar\" d=\"M8 1v13m-4 -5l4 5l4 -5\"/></svg>far below the "
                              "reference, not to scale</li>"));
    }
    FR_TRY(fr_str_appendf(out, err, "</ul>"));
cleanup:
    return st;
}

fr_status fr__html_plot(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_arena arena;
    fr_arena_init(&arena, 0);
    size_t drawn = 0;
    for (size_t i = 0; i < r->n_models; i++) drawn += in_plot(&r->models[i]);
    if (drawn == 0) goto cleanup;
    FR_TRY(fr_str_appendf(out, err,
                          "<h2 id=\"plot\">Quality against emissions</h2><p class=\"soft\">Up is "
                          "better, left is lighter. Bars are 95 %% intervals.</p><figure "
                          "class=\"card\">"));
    FR_TRY(draw(r, "wide", 1080, 420, &arena, out, err));
    FR_TRY(draw(r, "narrow", 390, 380, &arena, out, err));
    FR_TRY(legend(r, out, err));
    FR_TRY(fr_str_appendf(out, err, "</figure>\n"));
cleanup:
    fr_arena_release(&arena);
    return st;
}
