/* figure.h - a number that can be traced: value, interval, kind and source. */
#ifndef FR_BASE_FIGURE_H
#define FR_BASE_FIGURE_H

#define FR_KIND_MAP(X)                                                            \
    X(NONE, "not measured")                                                       \
    X(MEASURED, "measured")   /* a sensor, a clock or a count said so */          \
    X(MODELLED, "modelled")   /* computed from observed load and a power model */ \
    X(ESTIMATED, "estimated") /* computed without observing the run at all */     \
    X(ASSUMED, "assumed")     /* a default or the user's word */

typedef enum fr_kind {
#define FR_KIND_ENUM(name, text) FR_KIND_##name,
    FR_KIND_MAP(FR_KIND_ENUM)
#undef FR_KIND_ENUM
} fr_kind;

typedef struct fr_figure {
    double value;
    double low, high;   /* 95 % interval; equal to value where there is none */
    fr_kind kind;       /* FR_KIND_NONE: there is no value */
    const char *source; /* where it comes from, in words; not owned; may be NULL */
} fr_figure;

static inline const char *fr_kind_name(fr_kind kind)
{
    static const char *const names[] = {
#define FR_KIND_NAME(name, text) text,
        FR_KIND_MAP(FR_KIND_NAME)
#undef FR_KIND_NAME
    };
    return names[kind];
}

#endif
