/* plot_labels.c - the names of models beside their markers: each takes the nearest place that
 * covers least of what is there. */
#include <math.h>
#include <string.h>

#include "report/format.h"
#include "report/html.h"
#include "report/plot.h"

enum { LINE = 15 };

void fr__plot_take(fr__plot *p, double x0, double y0, double x1, double y1)
{
    p->taken[p->n_taken++] = (fr__plot_box){x0, y0, x1, y1};
}

static double overlap(const fr__plot_box *a, const fr__plot_box *b)
{
    double w = fmin(a->x1, b->x1) - fmax(a->x0, b->x0);
    double h = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
    return w > 0 && h > 0 ? w * h : 0;
}

/* The nearest box of this size around (x, y) that covers least of what is there. */
static fr__plot_box free_place(const fr__plot *p, double x, double y, double width, double height)
{
    static const double distances[] = {6, 14, 24, 38, 54, 72};
    /* right, left, above, below, and the corners; as shares of size and distance */
    static const double sides[][4] = {{0, -0.5, 1, 0},      {-1, -0.5, -1, 0},  {-0.5, -1, 0, -1},
                                      {-0.5, 0, 0, 1},      {0, -1, 0.7, -0.7}, {0, 0, 0.7, 0.7},
                                      {-1, -1, -0.7, -0.7}, {-1, 0, -0.7, 0.7}};
    fr__plot_box best = {x, y, x + width, y + height};
    double best_cost = INFINITY;
    for (size_t d = 0; d < sizeof(distances) / sizeof(distances[0]); d++) {
        for (size_t k = 0; k < sizeof(sides) / sizeof(sides[0]); k++) {
            double reach = distances[d] + FR__PLOT_MARK;
            double x0 = x + sides[k][0] * width + sides[k][2] * reach;
            double y0 = y + sides[k][1] * height + sides[k][3] * reach;
            fr__plot_box b = {x0, y0, x0 + width, y0 + height};
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

void fr__plot_take_model(fr__plot *p, const fr_result_model *m)
{
    double x = fr__plot_x(p, m->g_per_1000.value), y = fr__plot_y(p, fr__plot_quality(p, m));
    fr__plot_take(p, x - FR__PLOT_MARK, y - FR__PLOT_MARK, x + FR__PLOT_MARK, y + FR__PLOT_MARK);
    fr__plot_take(p, fr__plot_x(p, fr__plot_g_low(m)), y - 3, fr__plot_x(p, fr__plot_g_high(m)),
                  y + 3);
    fr__plot_take(p, x - 3, fr__plot_y(p, fr__plot_q_high(p, m)), x + 3,
                  fr__plot_y(p, fr__plot_q_low(p, m)));
}

/* The model's name, shortened, into *label. */
fr_status fr__plot_name(const fr__plot *p, const fr_result_model *m, fr_str *label, fr_error *err)
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

fr_status fr__plot_label(fr__plot *p, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str label = FR_STR_INIT;
    double x = fr__plot_x(p, m->g_per_1000.value), y = fr__plot_y(p, fr__plot_quality(p, m));
    FR_TRY(fr__plot_name(p, m, &label, err));
    if (fr__plot_quality(p, m) < p->off_chart)
        FR_TRY(fr_str_appendf(&label, err, ", %s", fr__plain_score(p->metric, m->quality.value).s));
    double width = FR__PLOT_LETTER * fr__columns(fr_str_text(&label)) + 4;
    fr__plot_box b = free_place(p, x, y, width, LINE);
    fr__plot_take(p, b.x0, b.y0, b.x1, b.y1);
    /* The point of the label's box nearest to the marker. */
    double nx = fmin(fmax(x, b.x0), b.x1), ny = fmin(fmax(y, b.y0), b.y1);
    double away = hypot(nx - x, ny - y);
    if (away > 2.4 * FR__PLOT_MARK) {
        FR_TRY(fr_str_appendf(p->out, err,
                              "<line class=\"lead-line\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
                              "y2=\"%.1f\"/>",
                              x + (nx - x) * FR__PLOT_MARK / away,
                              y + (ny - y) * FR__PLOT_MARK / away, nx, ny));
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
