/* status.h - how frugal's functions fail, and of which kind a figure is.
 *
 * A function that can fail returns fr_status and takes `fr_error *err` last;
 * err may be NULL when the caller does not want the words. A message says what,
 * where and what to do. */
#ifndef FRUGAL_STATUS_H
#define FRUGAL_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
#define FR_STATUS_MAP(X)                                              \
    X(OK,              "done")                                        \
    X(ERR_NOMEM,       "out of memory")                               \
    X(ERR_IO,          "reading or writing failed")                   \
    X(ERR_FORMAT,      "malformed input")                             \
    X(ERR_SHAPE,       "sizes disagree")                              \
    X(ERR_USAGE,       "wrong argument or configuration")             \
    X(ERR_UNSUPPORTED, "not supported")                               \
    X(ERR_NET,         "the network or a server failed")              \
    X(ERR_BUSY,        "in use by another process")                   \
    X(ERR_STATE,       "not possible in this state")                  \
    X(ERR_INTERRUPTED, "interrupted")
/* clang-format on */

typedef enum fr_status {
#define FR_STATUS_ENUM(name, text) FR_##name,
    FR_STATUS_MAP(FR_STATUS_ENUM)
#undef FR_STATUS_ENUM
} fr_status;

#define FR_NODISCARD __attribute__((warn_unused_result))
#define FR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum { FR_ERROR_MAX = 1024 };

typedef struct fr_error {
    fr_status status;
    char message[FR_ERROR_MAX]; /* one line, cut at the end if longer */
} fr_error;

/* Short name of a status ("ERR_IO") and its meaning in words. Static text. */
const char *fr_status_name(fr_status status);
const char *fr_status_text(fr_status status);

/* Fills *err (if not NULL) and returns `status`. */
fr_status fr_error_set(fr_error *err, fr_status status, const char *fmt, ...) FR_PRINTF(3, 4);

/* How a figure came about. */
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

/* "measured", "modelled", ... Static text. */
const char *fr_kind_name(fr_kind kind);

#ifdef __cplusplus
}
#endif

#endif
