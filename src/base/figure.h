/* figure.h - a number that can be traced: value, interval, kind and source. */
#ifndef FR_BASE_FIGURE_H
#define FR_BASE_FIGURE_H

#include "frugal/status.h"

typedef struct fr_figure {
    double value;
    double low, high;   /* 95 % interval; equal to value where there is none */
    fr_kind kind;       /* FR_KIND_NONE: there is no value */
    const char *source; /* where it comes from, in words; not owned; may be NULL */
} fr_figure;

#endif
