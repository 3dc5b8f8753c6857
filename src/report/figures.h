/* figures.h - the figures of a model by the names that JSON and CSV give them (internal to
 * report). The names are stable: programs read them. */
#ifndef FR_REPORT_FIGURES_H
#define FR_REPORT_FIGURES_H

#include <stddef.h>

#include "study/results.h"

#define FR__FIGURE_MAP(X)                                              \
    X(quality, "quality")               /* by the deciding metric */   \
    X(j_per_item, "j_per_item")         /* gross joules */             \
    X(j_per_item_net, "j_per_item_net") /* idle subtracted */          \
    X(g_per_1000, "g_co2e_per_1000")    /* per 1,000 items */          \
    X(latency_p50_s, "latency_p50_s")   /* batch 1 */                  \
    X(latency_p95_s, "latency_p95_s")                                  \
    X(items_per_s, "items_per_s") /* batched */                        \
    X(peak_memory_bytes, "peak_memory_bytes")                          \
    X(difference, "difference") /* to the reference; plus is better */ \
    X(gain, "over_baseline")    /* the same to the best baseline */    \
    X(factor, "factor")         /* reference over it */                \
    X(factor_same_basis, "factor_same_basis")                          \
    X(tune_j, "tune_j")                                                \
    X(tune_g, "tune_g_co2e")                                           \
    X(break_even, "break_even_queries")

typedef struct fr__named_figure {
    const char *key;
    size_t offset; /* in fr_result_model */
} fr__named_figure;

static const fr__named_figure fr__figures[] = {
#define FR__FIGURE_ROW(field, key) {key, offsetof(fr_result_model, field)},
    FR__FIGURE_MAP(FR__FIGURE_ROW)
#undef FR__FIGURE_ROW
};

enum { FR__N_FIGURES = sizeof(fr__figures) / sizeof(fr__figures[0]) };

static inline const fr_figure *fr__figure_of(const fr_result_model *m, size_t i)
{
    return (const fr_figure *)(const void *)((const char *)m + fr__figures[i].offset);
}

#endif
