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
#include "report/plot.h"
#include "report/summary.h"

enum { MAX_LABEL = 30, LANE = 24, OFF_CHART = 30 };

static fr_status x_axis(fr__plot *p, fr_error *err)
{
    fr_status st = FR_OK;
    double decades = p->x_high - p->x_low, a_decade = (p->right - p->left) / decades;
    int step = (int)ceil(52 / a_decade);
    for (int e = (int)p->x_low; e <= (int)p->x_high; e++) {
        double x = fr__plot_x(p, pow(10, e));
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

static fr_status y_axis(fr__plot *p, fr_error *err)
{
    static const double steps[] = {1, 2, 5, 10};
    fr_status st = FR_OK;
    double far_left = isnan(p->zero_x) ? p->left : p->zero_x - 18;
    double range = p->y_high - p->y_low, decade = pow(10, floor(log10(range / 7)));
    double step = decade;
    for (size_t i = 0; i < 4 && range / step > 7; i++) step = steps[i] * decade;
    int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    for (double k = ceil(p->y_low / step); k * step <= p->y_high + 1e-9 * range; k++) {
        double y = k * step, at = fr__plot_y(p, y);
        /* Nothing is to scale where models stand that are off the chart. */
        if (isfinite(p->off_chart) && (y < p->off_chart || at > p->bottom - OFF_CHART)) continue;
        fr__text number = fr__fixed(p->scale < 0 ? -y : y, decimals);
        fr__plot_take(p, far_left - 7 - FR__PLOT_LETTER * (double)strlen(number.s), at - 6,
                      far_left - 4, at + 6);
        FR_TRY(fr_str_appendf(p->out, err,
                              "<line class=\"ax\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                              "<text class=\"tx\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s"
                              "</text>",
                              far_left, p->right, at, at, far_left - 7, at + 4, number.s));
    }
    FR_TRY(
        fr_str_appendf(p->out, err, "<text class=\"tx\" x=\"%.1f\" y=\"%.1f\">", 2.0, p->top - 14));
    FR_TRY(fr__html_metric(p->out, p->metric, err));
    FR_TRY(fr_str_appendf(p->out, err, "</text>"));
cleanup:
    return st;
}

static fr_status reference_band(fr__plot *p, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_result_model *ref = fr__reference(p->r);
    if (!ref || !fr__plot_has(ref) || !(p->r->margin > 0)) goto cleanup;
    double at = fr__plot_quality(p, ref), y = fr__plot_y(p, at);
    double below = fr__plot_y(p, at - fabs(p->scale) * p->r->margin);
    double far_left = isnan(p->zero_x) ? p->left : p->zero_x - 18;
    fr__plot_take(p, far_left, y - 1, p->right, y + 1);
    FR_TRY(fr_str_appendf(p->out, err,
                          "<rect class=\"band\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                          "height=\"%.1f\"/><line class=\"ref\" x1=\"%.1f\" x2=\"%.1f\" "
                          "y1=\"%.1f\" y2=\"%.1f\"/>",
                          far_left, y, p->right - far_left, below - y, far_left, p->right, y, y));
cleanup:
    return st;
}

static fr_status marker(fr__plot *p, fr_kind kind, double x, double y, fr_error *err)
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
static fr_status bar(fr__plot *p, double x0, double y0, double x1, double y1, fr_error *err)
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
static fr_status open_group(fr__plot *p, const fr_result_model *m, fr_error *err)
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

static fr_status draw_model(fr__plot *p, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    double x = fr__plot_x(p, m->g_per_1000.value), y = fr__plot_y(p, fr__plot_quality(p, m));
    FR_TRY(open_group(p, m, err));
    if (m->g_per_1000.value > 0 && fr__figure_has_interval(&m->g_per_1000))
        FR_TRY(
            bar(p, fr__plot_x(p, fr__plot_g_low(m)), y, fr__plot_x(p, fr__plot_g_high(m)), y, err));
    if (fr__plot_quality(p, m) < p->off_chart) {
        FR_TRY(fr_str_appendf(p->out, err,
                              "<path class=\"bar\" d=\"M%.1f %.1fv18m-4 -5l4 5l4 -5\"/>", x, y));
    } else if (fr__figure_has_interval(&m->quality)) {
        FR_TRY(bar(p, x, fr__plot_y(p, fr__plot_q_low(p, m)), x,
                   fr__plot_y(p, fr__plot_q_high(p, m)), err));
    }
    FR_TRY(marker(p, m->g_per_1000.kind, x, y, err));
    FR_TRY(fr_str_append(p->out, "</g>", 4, err));
cleanup:
    return st;
}

static fr_status lanes(fr__plot *p, fr_error *err)
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
        if (!fr__plot_has_lane(m)) continue;
        y += LANE;
        double x = fr__plot_x(p, m->g_per_1000.value), x0 = fr__plot_x(p, fr__plot_g_low(m)),
               x1 = fr__plot_x(p, fr__plot_g_high(m));
        FR_TRY(fr_str_appendf(p->out, err,
                              "<line class=\"lane\" x1=\"2\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                              p->right, y, y));
        FR_TRY(open_group(p, m, err));
        if (fr__figure_has_interval(&m->g_per_1000)) FR_TRY(bar(p, x0, y, x1, y, err));
        FR_TRY(marker(p, m->g_per_1000.kind, x, y, err));
        FR_TRY(fr_str_append(p->out, "</g>", 4, err));
        FR_TRY(fr__plot_name(p, m, &label, err));
        double width = FR__PLOT_LETTER * fr__columns(fr_str_text(&label));
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

static fr_status description(fr__plot *p, fr_error *err)
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
    fr__plot p = fr__plot_of(r, out);
    p.id = id;
    p.width = width;
    p.label_columns = width > 600 ? MAX_LABEL : 20;
    p.left = 40;
    p.right = width - 26;
    p.top = 34;
    p.bottom = height;
    p.taken = fr_arena_alloc(arena, 4 * r->n_models + FR__PLOT_FIXED, sizeof(*p.taken));
    if (!p.taken) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory for the plot");
    fr__plot_set_x(&p);
    fr__plot_set_y(&p);
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
        if (fr__plot_has(&r->models[i])) fr__plot_take_model(&p, &r->models[i]);
    }
    for (size_t i = 0; i < r->n_models; i++) {
        if (fr__plot_has(&r->models[i])) FR_TRY(draw_model(&p, &r->models[i], err));
    }
    for (size_t i = 0; i < r->n_models; i++) {
        if (fr__plot_has(&r->models[i])) FR_TRY(fr__plot_label(&p, &r->models[i], err));
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
    fr__plot p = {.out = out};
    FR_TRY(fr_str_appendf(out, err, "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\">"));
    FR_TRY(marker(&p, kind, 8, 8, err));
    FR_TRY(fr_str_appendf(out, err, "</svg>%s</li>", words));
cleanup:
    return st;
}

static fr_status legend(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr__plot p = fr__plot_of(r, out);
    bool seen[FR_KIND_ASSUMED + 1] = {false};
    for (size_t i = 0; i < r->n_models; i++) {
        if (fr__plot_has(&r->models[i]) || fr__plot_has_lane(&r->models[i]))
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
    if (ref && fr__plot_has(ref)) {
        FR_TRY(
            fr_str_appendf(out, err,
                           "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><rect "
                           "class=\"band\" x=\"0\" y=\"4\" width=\"16\" height=\"9\"/><line "
                           "class=\"ref\" x1=\"0\" x2=\"16\" y1=\"4\" y2=\"4\"/></svg>quality of "
                           "the reference, and a margin of %s%s below it</li>",
                           fr__margin(p.metric, r->margin).s, fr__change_unit(p.metric)));
    }
    if (isfinite(fr__plot_focus(&p))) {
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
    for (size_t i = 0; i < r->n_models; i++) drawn += fr__plot_has(&r->models[i]);
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
