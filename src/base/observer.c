/* observer.c - calls the callbacks that are there. */
#include "base/observer.h"

const char *fr_phase_name(fr_phase phase)
{
    static const char *const names[] = {
#define NAME(name, text) text,
        FR_PHASE_MAP(NAME)
#undef NAME
    };
    return names[phase];
}

void fr_observe_phase(const fr_observer *o, fr_phase phase, bool begins)
{
    if (o && o->on_phase) o->on_phase(o->ctx, phase, begins);
}

void fr_observe_step(const fr_observer *o, size_t step, size_t n_steps, double loss)
{
    if (o && o->on_step) o->on_step(o->ctx, step, n_steps, loss);
}

void fr_observe_item(const fr_observer *o, size_t done, size_t n_items)
{
    if (o && o->on_item) o->on_item(o->ctx, done, n_items);
}

bool fr_observe_stop(const fr_observer *o)
{
    return o && o->should_stop && o->should_stop(o->ctx);
}
