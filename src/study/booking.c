/* booking.c - joules on their way from the meter into the ledger and to the listener. */
#include "study/booking.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include <stdarg.h>

static const double write_every_s = 1.0;
static const double look_every_s = 0.1; /* reading the sources costs something, too */

static double or_zero(double j)
{
    return isfinite(j) ? j : 0;
}

/* Where a source measures the whole system, its joules are the total: no parts are told apart. */
static void energy_of(const fr_reading *r, fr_ledger_energy *e)
{
    bool whole = r->system.kind != FR_KIND_NONE || isnan(r->system.j);
    *e = (fr_ledger_energy){.duration_s = r->duration_s,
                            .cpu_j = or_zero(whole ? r->system.j : r->cpu.j),
                            .ram_j = whole ? 0 : or_zero(r->ram.j),
                            .gpu_j = whole ? 0 : or_zero(r->gpu.j),
                            .idle_j = or_zero(r->total.idle_j),
                            .uncertainty = or_zero(r->total.relative_uncertainty),
                            .kind = r->total.kind,
                            .source = r->total.source ? r->total.source : ""};
}

static double total_j(const fr_ledger_energy *e)
{
    return e->cpu_j + e->ram_j + e->gpu_j;
}

static void subtract(fr_ledger_energy *from, const fr_ledger_energy *e)
{
    from->duration_s -= e->duration_s;
    from->cpu_j -= e->cpu_j;
    from->ram_j -= e->ram_j;
    from->gpu_j -= e->gpu_j;
    from->idle_j -= e->idle_j;
}

/* Its own part of what its window has counted. */
static void own_part(const fr_booking *b, const fr_reading *reading, fr_ledger_energy *out)
{
    energy_of(reading, out);
    if (b->paused)
        *out = b->at_pause;
    else
        subtract(out, &b->elsewhere);
}

static void look(const fr_booking *b, fr_ledger_energy *out)
{
    fr_reading reading;
    fr_window_peek(b->window, &reading);
    own_part(b, &reading, out);
}

void fr__booking_pause(fr_booking *b)
{
    if (b->paused) return;
    look(b, &b->at_pause);
    b->paused = true;
}

void fr__booking_resume(fr_booking *b)
{
    fr_reading reading;
    if (!b->paused) return;
    fr_window_peek(b->window, &reading);
    energy_of(&reading, &b->elsewhere);
    subtract(&b->elsewhere, &b->at_pause);
    b->paused = false;
}

fr_status fr__booking_open(fr_booking *b, fr_running *run, const char *model, const char *cell,
                           fr_phase phase, fr_error *err)
{
    fr_status st = FR_OK;
    memset(b, 0, sizeof(*b));
    b->run = run;
    b->written_s = fr_clock_monotonic(NULL);
    FR_TRY(fr_window_begin(run->meter, fr_phase_name(phase), &b->window, err));
    FR_TRY(fr_ledger_open_window(run->ledger, &b->id, model, cell, phase, err));
cleanup:
    if (st != FR_OK) {
        fr_window_end(b->window, NULL);
        b->window = NULL;
    }
    return st;
}

fr_status fr__booking_tick(fr_booking *b, fr_error *err)
{
    fr_ledger_energy energy;
    double now = fr_clock_monotonic(NULL);
    if (now - b->written_s < write_every_s) return FR_OK;
    b->written_s = now;
    look(b, &energy);
    return fr_ledger_update_window(b->run->ledger, b->id, &energy, false, 0, err);
}

fr_status fr__booking_commit(fr_booking *b, size_t n_items, fr_ledger_energy *energy, fr_error *err)
{
    fr_ledger_energy so_far;
    look(b, &so_far);
    b->written_s = fr_clock_monotonic(NULL);
    if (energy) {
        *energy = so_far;
        subtract(energy, &b->committed);
    }
    b->committed = so_far;
    return fr_ledger_update_window(b->run->ledger, b->id, &so_far, true, n_items, err);
}

fr_status fr__booking_close(fr_booking *b, bool interrupted, fr_reading *reading, fr_error *err)
{
    fr_reading last;
    fr_ledger_energy energy;
    fr_window_end(b->window, &last);
    b->window = NULL;
    own_part(b, &last, &energy);
    b->run->joules_before += total_j(&energy);
    if (isnan(last.total.j))
        fr__running_note(b->run, FR_LOG_WARNING,
                         "meter: no joules of a window of %.3g s are known (%s): none are counted",
                         last.duration_s, last.total.source);
    if (last.n_errors)
        fr__running_note(b->run, FR_LOG_WARNING, "meter: %zu doubts, the first: %s", last.n_errors,
                         last.first_error);
    if (reading) *reading = last;
    return fr_ledger_close_window(b->run->ledger, b->id, &energy, interrupted, err);
}

void fr__booking_abandon(fr_booking *b)
{
    if (!b->window) return;
    fr_ledger_rollback(b->run->ledger);
    fr_status st = fr__booking_close(b, true, NULL, NULL);
    (void)st;
}

void fr__running_phase(fr_running *run, fr_phase phase, size_t done, size_t n)
{
    run->now.phase = phase;
    run->phase_began_s = fr_clock_monotonic(NULL);
    run->phase_began_at = done;
    run->now.loss = 0;
    fr__running_progress(run, NULL, done, n);
}

void fr__running_progress(fr_running *run, const fr_booking *b, size_t done, size_t n)
{
    const fr_study_listener *l = run->listener;
    if (!l || !l->on_progress) return;
    fr_study_progress *p = &run->now;
    double now_s = fr_clock_monotonic(NULL), elapsed_s = now_s - run->phase_began_s;
    size_t fresh = done > run->phase_began_at ? done - run->phase_began_at : 0;
    p->done = done;
    p->n = n;
    p->per_s = elapsed_s > 0 ? (double)fresh / elapsed_s : 0;
    p->eta_s = p->per_s > 0 && n >= done ? (double)(n - done) / p->per_s : 0;
    if (!b || !b->window) {
        p->joules = run->joules_before;
        p->watts = 0;
        run->looked_s = 0;
    } else if (now_s - run->looked_s >= look_every_s) {
        fr_ledger_energy energy;
        look(b, &energy);
        p->joules = run->joules_before + total_j(&energy);
        p->watts = or_zero(fr_meter_power_w(run->meter));
        run->looked_s = now_s;
    }
    p->grams = p->joules * run->g_per_joule;
    l->on_progress(l->ctx, p);
}

void fr__running_note(fr_running *run, fr_log_level level, const char *fmt, ...)
{
    const fr_study_listener *l = run->listener;
    char note[FR_ERROR_MAX];
    va_list args;
    if (!l || !l->on_note) return;
    va_start(args, fmt);
    fr_vsnprintf(note, sizeof(note), fmt, args);
    va_end(args);
    l->on_note(l->ctx, level, note);
}

bool fr__running_stop(const fr_running *run)
{
    const fr_study_listener *l = run->listener;
    return run->failed != FR_OK || (l && l->should_stop && l->should_stop(l->ctx));
}
