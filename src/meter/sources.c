/* sources.c - the list of sources, and what they share. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "meter/source.h"

/* In order of preference, domain by domain. */
const fr_source_class *const fr__source_classes[] = {
    &fr__rapl_class,       &fr__rapl_perf_class,
    &fr__nvml_class,       &fr__drm_class,
    &fr__cpu_model_class,  &fr__ram_model_class,
    &fr__hwmon_class,      &fr__command_class,
    &fr__prometheus_class, NULL,
};

void fr_notes_add(fr_notes *notes, const char *fmt, ...)
{
    if (notes->n++) return;
    va_list args;
    va_start(args, fmt);
    fr_vsnprintf(notes->first, sizeof(notes->first), fmt, args);
    va_end(args);
}

void fr_source_say(fr_source *s, const char *fmt, ...)
{
    size_t n = strlen(s->detail);
    va_list args;
    va_start(args, fmt);
    fr_vsnprintf(s->detail + n, sizeof(s->detail) - n, fmt, args);
    va_end(args);
}

void fr_raw_fail(fr_raw *raw, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fr_vsnprintf(raw->why, sizeof(raw->why), fmt, args);
    va_end(args);
    raw->ok = false;
}

fr_status fr_source_add(fr_source *s, const fr_sensor *sensor, size_t *index, fr_error *err)
{
    enum { MAX_SENSORS = 4096 };
    fr_status st = FR_OK;
    if (s->n_sensors == MAX_SENSORS)
        FR_FAIL(err, FR_ERR_USAGE, "%s: more than %d sensors", s->class->name, MAX_SENSORS);
    /* Grown at powers of two. */
    if ((s->n_sensors & (s->n_sensors - 1)) == 0) {
        size_t cap = s->n_sensors ? 2 * s->n_sensors : 1;
        fr_sensor *grown = realloc(s->sensors, cap * sizeof(*grown));
        if (!grown) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", s->class->name);
        s->sensors = grown;
    }
    s->sensors[s->n_sensors] = *sensor;
    if (index) *index = s->n_sensors;
    s->n_sensors++;
cleanup:
    return st;
}
