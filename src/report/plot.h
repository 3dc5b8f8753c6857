/* plot.h - the plot of quality against emissions: what stands where (internal to report).
 *
 * A plot is filled in this order: fr__plot_of, its edges and `taken`, the two
 * scales; then it is drawn, and whatever labels must not cover is taken. */
#ifndef FR_REPORT_PLOT_H
#define FR_REPORT_PLOT_H

#include "base/str.h"
#include "study/results.h"

enum {
    FR__PLOT_MARK = 7,   /* half of a marker's width, with some air */
    FR__PLOT_FIXED = 16, /* boxes of `taken` for the numbers of the axis and the reference's line */
};

/* Width of a letter of a label in the widest of the usual fonts. */
#define FR__PLOT_LETTER 7.6

typedef struct fr__plot_box {
    double x0, y0, x1, y1;
} fr__plot_box;

typedef struct fr__plot {
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
    fr__plot_box *taken; /* markers, bars, labels; room for 4 a model and FR__PLOT_FIXED */
    size_t n_taken;
    int label_columns;
} fr__plot;

/* Has the model a marker in the plot, or, without a quality, in a lane below it? */
bool fr__plot_has(const fr_result_model *m);
bool fr__plot_has_lane(const fr_result_model *m);

/* Metric and scale; no edges yet. */
fr__plot fr__plot_of(const fr_results *r, fr_str *out);

/* The shown score below which models go to the bottom edge; -INFINITY where none needs to. */
double fr__plot_focus(const fr__plot *p);

/* The axes: from the edges and the models. The x axis makes room for a 0 where one is needed. */
void fr__plot_set_x(fr__plot *p);
void fr__plot_set_y(fr__plot *p);

double fr__plot_x(const fr__plot *p, double grams);
double fr__plot_y(const fr__plot *p, double shown);

/* A model's grams and shown quality with the limits of their intervals, fit to be drawn. */
double fr__plot_g_low(const fr_result_model *m);
double fr__plot_g_high(const fr_result_model *m);
double fr__plot_quality(const fr__plot *p, const fr_result_model *m);
double fr__plot_q_low(const fr__plot *p, const fr_result_model *m);
double fr__plot_q_high(const fr__plot *p, const fr_result_model *m);

/* Labels keep away from this box; from a model's marker and bars. */
void fr__plot_take(fr__plot *p, double x0, double y0, double x1, double y1);
void fr__plot_take_model(fr__plot *p, const fr_result_model *m);

/* The model's name, shortened, into *label. */
FR_NODISCARD fr_status fr__plot_name(const fr__plot *p, const fr_result_model *m, fr_str *label,
                                     fr_error *err);

/* Draws the name, joined by a line where it is far from the marker. */
FR_NODISCARD fr_status fr__plot_label(fr__plot *p, const fr_result_model *m, fr_error *err);

#endif
