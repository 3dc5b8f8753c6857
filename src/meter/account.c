/* account.c - wraps, resets, gaps, frozen and wild values: for all sensors alike.
 *
 * A counter only grows, and starts again at 0 after its own range. A second wrap
 * between two looks is invisible, so the sampler looks at least twice per wrap at
 * a power that the sensor cannot exceed; a longer gap is a lower bound and noted.
 * A look that fails adds nothing; the next good one covers the gap. */
#include "meter/account.h"

#include <math.h>

/* A counter is read late by up to this; it widens what is believed. */
#define SLACK_S 0.1
/* Power may change a lot between two samples; longer gaps than this are noted. */
#define MAX_POWER_GAP_S 30.0

static void add(fr_account *a, const fr_sensor *s, const fr_raw *raw, double joules,
                double cpu_share)
{
    double share = s->share == FR_SHARE_ALL ? 1 : s->share == FR_SHARE_CPU ? cpu_share : raw->share;
    a->joules += joules;
    if (share >= 0 && share <= 1)
        a->tree_joules += share * joules;
    else
        a->unknown_joules += joules;
}

static void take_count(fr_account *a, const fr_sensor *s, const fr_raw *raw, double cpu_share,
                       double at_s, fr_notes *notes)
{
    double dt = at_s - a->last_s, value = raw->value;
    if (value == a->last_value) {
        if (!(s->frozen_s > 0) || at_s - a->moved_s < s->frozen_s) {
            a->last_s = at_s;
            return;
        }
        if (!a->frozen)
            fr_notes_add(notes, "%s: the counter has not moved for %.1f s", s->id,
                         at_s - a->moved_s);
        a->frozen = true;
        return;
    }
    bool fell = value < a->last_value;
    double joules = s->scale * (value - a->last_value + (fell ? s->range : 0));
    bool possible = joules >= 0 && !(s->max_w > 0 && joules > s->max_w * (dt + SLACK_S));
    if (!possible) {
        fr_notes_add(notes,
                     "%s: %.0f to %.0f in %.3f s is no possible power: the counter was reset or "
                     "is wrong; these joules are lost",
                     s->id, a->last_value, value, dt);
    } else {
        add(a, s, raw, joules, cpu_share);
        if (s->range > 0 && s->max_w > 0 && dt * s->max_w > s->range * s->scale)
            fr_notes_add(notes,
                         "%s: not read for %.0f s, in which the counter may have wrapped unseen: "
                         "a lower bound",
                         s->id, dt);
    }
    a->moved_s = at_s;
    a->frozen = false;
    a->last_value = value;
    a->last_s = at_s;
}

/* A sample holds until the next one comes, if that does not take much longer than it should: a
 * sensor with a pace of its own is looked at more often than it says something new. */
static bool still_holds(const fr_account *a, const fr_sensor *s, double at_s, double now_s)
{
    return at_s > a->sample_s || now_s - at_s <= 3 * s->update_s;
}

static void take_power(fr_account *a, const fr_sensor *s, const fr_raw *raw, double cpu_share,
                       double at_s, double now_s, fr_notes *notes)
{
    double dt = now_s - a->last_s, w = s->scale * raw->value;
    double gap_s = 3 * s->update_s > MAX_POWER_GAP_S ? 3 * s->update_s : MAX_POWER_GAP_S;
    if (dt > gap_s)
        fr_notes_add(notes, "%s: no power was read for %.0f s; taken as a straight line", s->id,
                     dt);
    add(a, s, raw, 0.5 * s->scale * (a->last_value + raw->value) * dt, cpu_share);
    a->last_value = raw->value;
    a->last_s = now_s;
    if (at_s <= a->sample_s) return;
    a->sample_s = at_s;
    a->n_w++;
    a->sum_w += w;
    a->sum_w2 += w * w;
}

void fr__account_take(fr_account *a, const fr_sensor *s, const fr_raw *raw, double cpu_share,
                      double now_s, fr_notes *notes)
{
    double at_s = raw->at_s > 0 && raw->at_s < now_s ? raw->at_s : now_s;
    bool power = s->kind == FR_SENSOR_POWER;
    a->aside = raw->aside;
    if (raw->aside) { /* the next look counts from here */
        a->started = raw->ok && isfinite(raw->value);
        a->frozen = false;
        a->last_value = raw->value;
        a->last_s = a->moved_s = at_s;
        return;
    }
    if (!raw->ok) {
        if (raw->why[0]) fr_notes_add(notes, "%s: %s", s->id, raw->why);
        return;
    }
    if (!(raw->value >= 0) || !isfinite(raw->value)) {
        fr_notes_add(notes, "%s: a value of %g is nonsense", s->id, raw->value);
        return;
    }
    if (!power && s->range > 0 && raw->value > s->range) {
        fr_notes_add(notes, "%s: %.0f is above the counter's range of %.0f", s->id, raw->value,
                     s->range);
        return;
    }
    if (power && s->max_w > 0 && raw->value * s->scale > s->max_w) {
        fr_notes_add(notes, "%s: %g W is no possible power", s->id, raw->value * s->scale);
        return;
    }
    if (!a->started) {
        a->started = true;
        a->moved_s = a->last_s = a->sample_s = at_s;
        a->last_value = raw->value;
        return;
    }
    if (power && now_s > a->last_s && still_holds(a, s, at_s, now_s))
        take_power(a, s, raw, cpu_share, at_s, now_s, notes);
    else if (!power && at_s >= a->last_s) /* else: seen already */
        take_count(a, s, raw, cpu_share, at_s, notes);
}

double fr__account_max_interval_s(const fr_sensor *s)
{
    enum { FASTEST_HZ = 10 }; /* more often than this costs more than it tells */
    double need_s = 0;
    if (s->kind == FR_SENSOR_COUNTER && s->range > 0 && s->max_w > 0)
        need_s = s->range * s->scale / s->max_w / 2;
    if (s->kind == FR_SENSOR_POWER) need_s = s->update_s;
    return need_s > 0 && need_s < 1.0 / FASTEST_HZ ? 1.0 / FASTEST_HZ : need_s;
}

double fr__account_random_j(const fr_sensor *s, const fr_account *before, const fr_account *after,
                            double duration_s)
{
    const double z = 1.96;
    double joules = after->joules - before->joules;
    double n = after->n_w - before->n_w;
    if (!(duration_s > 0)) return 0;
    if (s->kind == FR_SENSOR_COUNTER) {
        /* Each edge is late by a uniform part of one step: the difference of two has a variance of
         * a sixth of the step's square. */
        double step_j = s->scale + s->update_s * joules / duration_s;
        return z * step_j / sqrt(6.0);
    }
    if (n < 2) return joules;
    double mean = (after->sum_w - before->sum_w) / n;
    double variance = (after->sum_w2 - before->sum_w2 - n * mean * mean) / (n - 1);
    return variance > 0 ? z * sqrt(variance / n) * duration_s : 0;
}
