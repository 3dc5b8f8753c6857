/* prometheus_text.h - sums of series in the Prometheus text format: a pure function over texts that
 * nobody should trust.
 *
 * Reference: prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4 */
#ifndef FR_METER_PROMETHEUS_TEXT_H
#define FR_METER_PROMETHEUS_TEXT_H

#include <stddef.h>

#include "base/error.h"

enum { FR_SELECT_MAX_LABELS = 8, FR_SELECT_MAX_TEXT = 64 };

/* metric{label="value",...}: the series that have at least these labels. */
typedef struct fr_selector {
    char metric[128];
    size_t n;
    struct {
        char name[FR_SELECT_MAX_TEXT], value[FR_SELECT_MAX_TEXT];
    } label[FR_SELECT_MAX_LABELS];
} fr_selector;

/* Reads a selector from the beginning of `text`; *end is what follows it.
 * Errors: FR_ERR_USAGE. */
FR_NODISCARD fr_status fr__selector_parse(const char *text, fr_selector *out, const char **end,
                                          fr_error *err);

/* Adds up the matching series; *n: how many there are. Lines of other metrics are not looked at.
 * Errors: FR_ERR_FORMAT: a matching line is malformed, or its value is not a finite number of at
 * least 0. */
FR_NODISCARD fr_status fr__prometheus_sum(const char *text, const fr_selector *selector,
                                          double *sum, size_t *n, fr_error *err);

#endif
