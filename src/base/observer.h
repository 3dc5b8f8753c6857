/* observer.h - how news travels upwards.
 *
 * The engine tells an observer what it is doing and knows nothing of meters,
 * ledgers or terminals; room study binds those to it. Any callback may be NULL,
 * and so may the observer. All are called on the thread that runs the work. */
#ifndef FR_BASE_OBSERVER_H
#define FR_BASE_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>

/* What energy is booked under. Ledgers hold the numbers: new ones come last. */
#define FR_PHASE_MAP(X)   \
    X(IDLE, "idle")       \
    X(LOAD, "load")       \
    X(TUNE, "tune")       \
    X(WARMUP, "warm-up")  \
    X(INFER, "infer")     \
    X(LATENCY, "latency") \
    X(PREFILL, "prefill") \
    X(DECODE, "decode")   \
    X(SCORE, "scoring")

typedef enum fr_phase {
#define FR_PHASE_ENUM(name, text) FR_PHASE_##name,
    FR_PHASE_MAP(FR_PHASE_ENUM)
#undef FR_PHASE_ENUM
        FR_N_PHASES
} fr_phase;

const char *fr_phase_name(fr_phase phase); /* "warm-up" */

typedef struct fr_observer {
    void *ctx;
    void (*on_phase)(void *ctx, fr_phase phase, bool begins);
    /* One optimizer step: done so far, planned in all, mean loss of the step. */
    void (*on_step)(void *ctx, size_t step, size_t n_steps, double loss);
    /* Items finished so far, of how many. */
    void (*on_item)(void *ctx, size_t done, size_t n_items);
    /* True: stop at the next safe point with FR_ERR_INTERRUPTED (Ctrl-C). */
    bool (*should_stop)(void *ctx);
} fr_observer;

void fr_observe_phase(const fr_observer *o, fr_phase phase, bool begins);
void fr_observe_step(const fr_observer *o, size_t step, size_t n_steps, double loss);
void fr_observe_item(const fr_observer *o, size_t done, size_t n_items);
bool fr_observe_stop(const fr_observer *o);

#endif
