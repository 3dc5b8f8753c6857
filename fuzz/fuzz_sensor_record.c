/* fuzz_sensor_record.c - any bytes as a record of sensors: replayed to its end or refused with a
 * line. Joules are never
 * negative, and no more is covered than has passed. */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "meter/record.h"

static void check(const fr_energy *e, double duration_s)
{
    if (e->j < 0 || e->attributed_j < 0 || e->idle_j < 0) abort();
    if (!(e->covered_s >= 0 && e->covered_s <= duration_s)) abort();
}

static void on_window(void *ctx, const fr_meter *m, const char *name, const fr_reading *r)
{
    (void)ctx;
    (void)name;
    check(&r->cpu, r->duration_s);
    check(&r->ram, r->duration_s);
    check(&r->gpu, r->duration_s);
    check(&r->system, r->duration_s);
    check(&r->total, r->duration_s);
    if (!memchr(fr_meter_summary(m), 0, 256)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fr_error err;
    if (size == 0) return 0;
    FILE *f = fmemopen((void *)data, size, "r");
    if (!f) abort();
    if (fr__replay_stream(f, "fuzz", on_window, NULL, &err) && strchr(err.message, '\n')) abort();
    fclose(f);
    return 0;
}
