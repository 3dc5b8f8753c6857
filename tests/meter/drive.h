/* drive.h - the same ride for every sensor: steady, spoilt for a while, reset, standing still.
 *
 * A test plants a machine and gives the few functions that move its sensor; each ride then compares
 * the meter's joules with those that were planted. */
#ifndef FR_TESTS_METER_DRIVE_H
#define FR_TESTS_METER_DRIVE_H

#include "fake.h"

typedef struct drive {
    fake f;
    fr_meter *m;
    fr_domain domain;
    bool counter;                  /* else power */
    double step_s;                 /* between two looks */
    double noise;                  /* relative: by what the sensor rounds */
    double energy_j, w;            /* what it has taken; its power now */
    void (*show)(struct drive *d); /* writes energy_j and w where the sensor shows them */
    int spoilt; /* case of the test's own: what show() writes instead; 0: nothing */
} drive;

static inline const fr_energy *drive_energy(const drive *d, const fr_reading *r)
{
    const fr_energy *all[FR_N_DOMAINS] = {&r->cpu, &r->ram, &r->gpu, &r->system};
    return all[d->domain];
}

/* Time passes in steps of d->step_s, from the present power to `w`, in a straight line. */
static inline void drive_on(drive *d, double seconds, double w)
{
    int n = (int)lround(seconds / d->step_s);
    double from_w = d->w;
    for (int i = 1; i <= n; i++) {
        double before_w = d->w;
        d->w = from_w + (w - from_w) * i / n;
        d->energy_j += 0.5 * (before_w + d->w) * d->step_s;
        d->f.now_s += d->step_s;
        d->show(d);
        fr_meter_tick(d->m);
    }
}

static inline void drive_open(drive *d, const fr_meter_options *o)
{
    fr_error err;
    d->show(d);
    ASSERT_OK(fr_meter_open(&d->m, o, &err));
}

static inline fr_window *drive_begin(drive *d)
{
    fr_window *w = NULL;
    fr_error err;
    ASSERT_OK(fr_window_begin(d->m, "ride", &w, &err));
    return w;
}

/* Up and down again, for long enough that small counters wrap many times. */
static inline void drive_steadily(drive *d)
{
    fr_reading r;
    d->w = 40;
    fr_window *w = drive_begin(d);
    double from_j = d->energy_j;
    for (int i = 0; i < 20; i++) drive_on(d, 10, i % 2 ? 40 : 250);
    fr_window_end(w, &r);
    const fr_energy *e = drive_energy(d, &r);
    double truth = d->energy_j - from_j;
    if (r.n_errors) fail_msg("%s", r.first_error);
    ASSERT_NEAR(e->j, truth, 1e-3 * truth + d->noise);
    ASSERT_NEAR(e->covered_s, 200, 1e-6);
    assert_int_equal(e->kind, FR_KIND_MEASURED);
}

/* Reads fail for five seconds and are well again. */
static inline void drive_through(drive *d, int spoilt, const char *words)
{
    fr_reading r;
    fr_window *w = drive_begin(d);
    double from_j = d->energy_j;
    drive_on(d, 5, 100);
    d->spoilt = spoilt;
    drive_on(d, 5, 100);
    fr_window_peek(w, &r);
    const fr_energy *e = drive_energy(d, &r);
    assert_true(r.n_errors >= 1);
    if (!strstr(r.first_error, words)) fail_msg("no \"%s\" in: %s", words, r.first_error);
    assert_true(e->j >= 0 && e->j <= 1.001 * (d->energy_j - from_j) + d->noise);
    assert_true(e->covered_s < 9);
    d->spoilt = 0;
    drive_on(d, 5, 100);
    fr_window_end(w, &r);
    double truth = d->energy_j - from_j;
    ASSERT_NEAR(drive_energy(d, &r)->j, truth, 1e-3 * truth + d->noise);
    ASSERT_NEAR(drive_energy(d, &r)->covered_s, 15, 1e-6);
    assert_true(r.n_errors >= 1);
}

/* Nothing can be read in a whole window: not known, never zero. */
static inline void drive_blind(drive *d, int spoilt)
{
    fr_reading r;
    d->spoilt = spoilt;
    drive_on(d, 2, 100);
    fr_window *w = drive_begin(d);
    drive_on(d, 5, 100);
    fr_window_end(w, &r);
    assert_true(isnan(drive_energy(d, &r)->j));
    assert_int_equal(drive_energy(d, &r)->kind, FR_KIND_NONE);
    assert_true(r.n_errors > 0);
    d->spoilt = 0;
    drive_on(d, 2, 100);
}

/* A counter starts again at nothing: noted, and only the joules of that step are lost. */
static inline void drive_reset(drive *d, const char *words)
{
    fr_reading r;
    d->w = 100;
    fr_window *w = drive_begin(d);
    drive_on(d, 5, 100);
    d->energy_j = 0; /* by the device's own count */
    drive_on(d, d->step_s, 100);
    double lost_j = d->energy_j;
    drive_on(d, 5, 100);
    fr_window_end(w, &r);
    assert_true(r.n_errors >= 1);
    if (!strstr(r.first_error, words)) fail_msg("no \"%s\" in: %s", words, r.first_error);
    ASSERT_NEAR(drive_energy(d, &r)->j, 1000 + d->step_s * 100 - lost_j, 1 + d->noise);
}

/* A counter that stands still is doubted, and believed again when it moves. */
static inline void drive_frozen(drive *d, double seconds)
{
    fr_reading r;
    d->w = 100;
    fr_window *w = drive_begin(d);
    drive_on(d, 5, 100);
    for (int i = 0; i < (int)(seconds / d->step_s); i++) {
        d->f.now_s += d->step_s;
        fr_meter_tick(d->m);
    }
    fr_window_peek(w, &r);
    assert_true(r.n_errors >= 1);
    assert_non_null(strstr(r.first_error, "has not moved"));
    assert_true(drive_energy(d, &r)->covered_s < r.duration_s - 1);
    drive_on(d, 5, 100);
    fr_window_end(w, &r);
    ASSERT_NEAR(drive_energy(d, &r)->j, 1000, 1 + d->noise);
    ASSERT_NEAR(drive_energy(d, &r)->covered_s, r.duration_s, 1e-6);
}

#endif
