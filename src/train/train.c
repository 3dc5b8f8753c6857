/* train.c - the loop of fine-tuning: batches, steps, validation, checkpoints. */
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "train/memory.h"
#include "train/objective.h"
#include "train/state.h"

typedef struct run {
    fr_model *model;
    const fr_objective *objective;
    const fr_kernels *kernels;
    const fr_sequences *train, *validation;
    const fr_train_options *options;
    const fr_observer *observer;
    fr_graph *graph;
    fr_gathered gathered;
    size_t *order;     /* [train->n]: this epoch's */
    size_t step_items; /* of a whole step: micro-batches times their items */
    size_t steps_per_epoch, n_steps, n_warmup;
    char identity[FR_SHA256_HEX_SIZE];
    double last_checkpoint_s;
    fr_train_state state;
} run;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

double fr_linear_schedule(size_t step, size_t n_warmup, size_t n_steps)
{
    if (step < n_warmup) return (double)step / (double)n_warmup;
    if (step >= n_steps) return 0;
    size_t falling = n_steps > n_warmup ? n_steps - n_warmup : 1;
    return (double)(n_steps - step) / (double)falling;
}

static fr_status check_options(const run *r, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_train_options *o = r->options;
    if (r->train->n == 0) FR_FAIL(err, FR_ERR_USAGE, "there are no items to train on");
    if (o->epochs == 0) FR_FAIL(err, FR_ERR_USAGE, "epochs must be at least 1");
    if (o->batch_size == 0) FR_FAIL(err, FR_ERR_USAGE, "batch must be at least 1");
    if (o->accumulate == 0) FR_FAIL(err, FR_ERR_USAGE, "accumulate must be at least 1");
    if (!(o->lr > 0) || !isfinite(o->lr))
        FR_FAIL(err, FR_ERR_USAGE, "the learning rate must be above 0, not %g", o->lr);
    if (!(o->warmup_ratio >= 0 && o->warmup_ratio <= 1))
        FR_FAIL(err, FR_ERR_USAGE, "warmup must lie in [0, 1], not %g", o->warmup_ratio);
    if (!(o->weight_decay >= 0) || !isfinite(o->weight_decay))
        FR_FAIL(err, FR_ERR_USAGE, "weight decay must be at least 0, not %g", o->weight_decay);
    if (!(o->clip >= 0)) FR_FAIL(err, FR_ERR_USAGE, "clip must be at least 0, not %g", o->clip);
    size_t n_params;
    if (fr_model_get_info(r->model)->is_decoder)
        FR_TRY(fr_score_options_check(&o->windows, r->model, err));
    (void)fr_model_trainable(r->model, &n_params);
    if (n_params == 0) FR_FAIL(err, FR_ERR_STATE, "the model was not loaded for training");
    for (size_t i = 0; i < r->train->n; i++)
        FR_TRY(r->objective->check(r->model, r->train, i, "training", err));
    for (size_t i = 0; r->validation && i < r->validation->n; i++)
        FR_TRY(r->objective->check(r->model, r->validation, i, "validation", err));
cleanup:
    return st;
}

/* What a checkpoint must agree on: all that changes the result. */
static void make_identity(run *r)
{
    const fr_train_options *o = r->options;
    char text[512];
    int n =
        fr_snprintf(text, sizeof(text), "%zu %zu %zu %zu %zu %a %a %a %a %a %a %a %llu %zu %s",
                    o->epochs, o->batch_size, o->accumulate, o->windows.window, o->windows.stride,
                    o->lr, o->warmup_ratio, o->weight_decay, o->clip, o->beta1, o->beta2, o->eps,
                    (unsigned long long)o->seed, r->train->n, r->kernels->name);
    fr_sha256 h;
    fr_sha256_init(&h);
    fr_sha256_field(&h, text, (size_t)n);
    if (o->fingerprint) fr_sha256_field(&h, o->fingerprint, strlen(o->fingerprint));
    fr_sha256_final_hex(&h, r->identity);
}

static void shuffle_epoch(run *r, size_t epoch)
{
    fr_rng rng;
    fr_rng_init(&rng, fr_mix64(r->options->seed, epoch));
    for (size_t i = 0; i < r->train->n; i++) r->order[i] = i;
    fr_rng_shuffle(&rng, r->order, r->train->n);
}

static fr_status diverged(const run *r, const char *what, fr_error *err)
{
    return fr_error_set(err, FR_ERR_STATE,
                        "the %s is not a finite number at step %zu of %zu; try a smaller learning "
                        "rate than %g",
                        what, r->state.step + 1, r->n_steps, r->options->lr);
}

/* Factor that brings the global norm of all gradients down to clip. */
static fr_status clip_factor(const run *r, double *factor, fr_error *err)
{
    double squares = 0;
    for (size_t i = 0; i < r->state.n_params; i++)
        squares += r->kernels->sum_squares(r->state.params[i]->t.grad,
                                           fr__train_state_count(&r->state, i));
    double norm = sqrt(squares);
    *factor = 1;
    if (!isfinite(norm)) return diverged(r, "gradient", err);
    if (r->options->clip > 0 && norm > r->options->clip) *factor = r->options->clip / (norm + 1e-6);
    return FR_OK;
}

static fr_status update_weights(run *r, fr_error *err)
{
    fr_status st = FR_OK;
    double factor;
    FR_TRY(clip_factor(r, &factor, err));
    const fr_train_options *o = r->options;
    double lr = o->lr * fr_linear_schedule(r->state.step, r->n_warmup, r->n_steps);
    fr_adamw adamw = {.lr = (float)lr,
                      .beta1 = (float)o->beta1,
                      .beta2 = (float)o->beta2,
                      .eps = (float)o->eps,
                      .grad_scale = (float)factor,
                      .step = r->state.step + 1};
    for (size_t i = 0; i < r->state.n_params; i++) {
        fr_param *p = r->state.params[i];
        size_t count = fr__train_state_count(&r->state, i);
        adamw.weight_decay = p->decays ? (float)o->weight_decay : 0;
        r->kernels->adamw(p->t.data, r->state.m[i], r->state.v[i], p->t.grad, &adamw, count);
        memset(p->t.grad, 0, count * sizeof(float));
    }
    fr_model_touch(r->model);
cleanup:
    return st;
}

/* Adds the gradients of n items to those of the step; *sum grows by their share of its loss.
 * stream: of dropout. */
static fr_status add_gradients(run *r, const size_t *items, size_t n, uint64_t stream,
                               float divisor, double *sum, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *loss;
    FR_TRY(fr_batch_gather(&r->gathered, r->train, items, n, err));
    fr_graph_begin(r->graph, true, r->options->seed, stream);
    FR_TRY(r->objective->loss(r->model, r->graph, &r->gathered, divisor, &loss, err));
    if (!isfinite(loss->data[0])) FR_TRY(diverged(r, "loss", err));
    FR_TRY(fr_graph_backward(r->graph, loss, err));
    *sum += (double)loss->data[0];
cleanup:
    return st;
}

static fr_status train_step(run *r, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_train_options *o = r->options;
    double loss = 0;
    size_t first = (r->state.step % r->steps_per_epoch) * r->step_items, divisor = 0;
    size_t n = smaller(r->train->n - first, r->step_items);
    const size_t *items = r->order + first;
    for (size_t i = 0; i < n; i++) divisor += r->objective->weight(r->train, items[i]);
    for (size_t at = 0, part = 0; at < n; at += o->batch_size, part++)
        FR_TRY(add_gradients(r, items + at, smaller(n - at, o->batch_size),
                             r->state.step * o->accumulate + part, (float)divisor, &loss, err));
    FR_TRY(update_weights(r, err));
    r->state.epoch_loss += loss;
    r->state.step++;
    fr_observe_step(r->observer, r->state.step, r->n_steps, loss);
cleanup:
    return st;
}

static fr_status write_checkpoint(run *r, fr_error *err)
{
    r->last_checkpoint_s = fr_clock_monotonic(NULL);
    return fr__checkpoint_write(&r->state, r->options->checkpoint_dir, r->identity, err);
}

/* Than the best so far; also where there is none yet: NaN. */
static bool is_better(const run *r, double score)
{
    double best = r->state.best_validation;
    return r->objective->lower_is_better ? !(score >= best) : !(score <= best);
}

static fr_status end_epoch(run *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_train_state *s = &r->state;
    s->last_loss = s->epoch_loss / (double)r->steps_per_epoch;
    s->epoch_loss = 0;
    if (r->validation && r->validation->n) {
        double score = 0;
        FR_TRY(r->objective->score(r->model, r->kernels, r->validation, &r->options->windows,
                                   &score, err));
        if (is_better(r, score)) {
            s->best_validation = score;
            s->best_epoch = s->step / r->steps_per_epoch;
            FR_TRY(fr__train_state_keep_best(s, err));
        }
    } else {
        s->best_epoch = s->step / r->steps_per_epoch;
    }
    if (r->options->checkpoint_dir) FR_TRY(write_checkpoint(r, err));
cleanup:
    return st;
}

static bool checkpoint_is_due(const run *r)
{
    const fr_train_options *o = r->options;
    if (!o->checkpoint_dir) return false;
    if (o->checkpoint_every && r->state.step % o->checkpoint_every == 0) return true;
    return fr_clock_monotonic(NULL) - r->last_checkpoint_s >= o->checkpoint_every_s;
}

static fr_status train_all(run *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t shuffled_epoch = SIZE_MAX;
    while (r->state.step < r->n_steps) {
        size_t epoch = r->state.step / r->steps_per_epoch;
        if (epoch != shuffled_epoch) shuffle_epoch(r, epoch);
        shuffled_epoch = epoch;
        if (fr_observe_stop(r->observer)) {
            if (r->options->checkpoint_dir) FR_TRY(write_checkpoint(r, err));
            FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted at step %zu of %zu", r->state.step,
                    r->n_steps);
        }
        FR_TRY(train_step(r, err));
        if (r->state.step % r->steps_per_epoch == 0)
            FR_TRY(end_epoch(r, err));
        else if (checkpoint_is_due(r))
            FR_TRY(write_checkpoint(r, err));
    }
cleanup:
    return st;
}

static void restore_best(run *r)
{
    for (size_t i = 0; i < r->state.n_params; i++)
        if (r->state.best[i])
            memcpy(r->state.params[i]->t.data, r->state.best[i],
                   fr__train_state_count(&r->state, i) * sizeof(float));
    fr_model_touch(r->model);
}

fr_status fr_train(fr_model *model, const fr_kernels *kernels, const fr_sequences *train,
                   const fr_sequences *validation, const fr_train_options *options,
                   const fr_observer *observer, fr_train_result *result, fr_error *err)
{
    fr_status st = FR_OK;
    run r = {.model = model,
             .objective = fr__objective_of(model),
             .kernels = kernels,
             .train = train,
             .validation = validation,
             .options = options,
             .observer = observer,
             .gathered = FR_GATHERED_INIT};
    memset(result, 0, sizeof(*result));

    FR_TRY(check_options(&r, err));
    if (!fr_size_mul(options->batch_size, options->accumulate, &r.step_items))
        FR_FAIL(err, FR_ERR_USAGE, "%zu batches of %zu are too many for a step",
                options->accumulate, options->batch_size);
    r.step_items = smaller(r.step_items, train->n);
    r.steps_per_epoch = (train->n + r.step_items - 1) / r.step_items;
    if (!fr_size_mul(r.steps_per_epoch, options->epochs, &r.n_steps))
        FR_FAIL(err, FR_ERR_USAGE, "%zu epochs are too many", options->epochs);
    r.n_warmup = (size_t)ceil(options->warmup_ratio * (double)r.n_steps);
    r.order = malloc(train->n * sizeof(*r.order));
    if (!r.order) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu training items", train->n);
    make_identity(&r);
    FR_TRY(fr_graph_create(&r.graph, kernels, err));
    fr_graph_set_recompute(r.graph, options->recompute);
    FR_TRY(fr__train_expect_memory(model, r.graph, train, validation, options, err));
    FR_TRY(fr__train_state_init(&r.state, model, err));
    if (options->checkpoint_dir) {
        bool found;
        FR_TRY(fr__checkpoint_read(&r.state, options->checkpoint_dir, r.identity, &found, err));
        fr_model_touch(model);
        if (found) result->resumed_at = r.state.step;
    }
    r.last_checkpoint_s = fr_clock_monotonic(NULL);
    FR_TRY(train_all(&r, err));
    restore_best(&r);

    result->n_steps = r.n_steps;
    result->best_epoch = r.state.best_epoch;
    result->best_validation = r.state.best_validation;
    result->last_loss = r.state.last_loss;
cleanup:
    fr_graph_destroy(r.graph);
    fr_gathered_release(&r.gathered);
    fr__train_state_release(&r.state);
    free(r.order);
    return st;
}
