/* test_completions.c - decoders learn completions: the steps of torch, in one batch or in parts,
 * and across a stop. */
#include <math.h>

#include "support/completions.h"
#include "support/test.h"
#include "train/train.h"

static fr_error err;

static fr_model *load(void)
{
    fr_model *m;
    fr_model_options options = {.decoder = true, .trainable = true};
    ASSERT_OK(fr_model_load(&m, COMPLETIONS_MODEL, &options, &err));
    return m;
}

/* The recipe of tools/golden/completions.py: a step is all eight texts. */
static fr_train_options recipe(size_t batch, size_t accumulate)
{
    fr_train_options o = FR_TRAIN_DEFAULTS;
    o.epochs = 10;
    o.batch_size = batch;
    o.accumulate = accumulate;
    o.lr = 1e-2;
    o.warmup_ratio = 0.2;
    o.weight_decay = 0.1;
    o.clip = 0.5;
    return o;
}

static void check_weights(const fr_model *m, const fr_tensors *file)
{
    size_t n;
    fr_param *const *params = fr_model_params(m, &n);
    for (size_t i = 0; i < n; i++) {
        char name[128];
        size_t count;
        snprintf(name, sizeof(name), "adamw.%s", params[i]->name);
        float *want = completions_read(file, name, &count);
        for (size_t k = 0; k < count; k++)
            if (!(fabsf(params[i]->t.data[k] - want[k]) < 1e-4f))
                fail_msg("%s[%zu] = %g, torch has %g", name, k, (double)params[i]->t.data[k],
                         (double)want[k]);
        free(want);
    }
}

static void steps_are_those_of_torch_however_many_batches_they_are_computed_in(void **state)
{
    (void)state;
    static const size_t parts[][2] = {{8, 1}, {3, 3}, {1, 8}, {8, 5}};
    fr_tensors *file = completions_open();
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        fr_sequences texts = FR_SEQUENCES_INIT;
        fr_train_options o = recipe(parts[i][0], parts[i][1]);
        fr_train_result result;
        fr_model *m = load();
        completions_texts(file, "", &texts);
        ASSERT_OK(fr_train(m, fr_kernels_cpu(), &texts, NULL, &o, NULL, &result, &err));
        assert_int_equal(result.n_steps, 10);
        ASSERT_NEAR(result.last_loss, 2.1524, 1e-4); /* printed by the script */
        check_weights(m, file);
        fr_model_destroy(m);
        fr_sequences_release(&texts);
    }
    fr_tensors_close(file);
}

typedef struct stopper {
    size_t at, steps;
} stopper;

static void on_step(void *ctx, size_t step, size_t n_steps, double loss)
{
    stopper *s = ctx;
    (void)step;
    (void)n_steps;
    (void)loss;
    s->steps++;
}

static bool should_stop(void *ctx)
{
    const stopper *s = ctx;
    return s->at && s->steps >= s->at;
}

/* Trains in steps of three single texts, stopping after every stop_at steps (0: never). */
static fr_train_result train(const char *checkpoint_dir, size_t stop_at, char hex[65])
{
    fr_sequences texts = FR_SEQUENCES_INIT;
    fr_tensors *file = completions_open();
    fr_train_options o = recipe(1, 3);
    fr_train_result result = {0};
    fr_status st;
    o.checkpoint_dir = checkpoint_dir;
    completions_texts(file, "", &texts);
    do {
        stopper s = {.at = stop_at};
        fr_observer observer = {.ctx = &s, .on_step = on_step, .should_stop = should_stop};
        fr_model *m = load();
        st = fr_train(m, fr_kernels_cpu(), &texts, &texts, &o, &observer, &result, &err);
        fr_model_hash(m, hex);
        fr_model_destroy(m);
        if (st != FR_OK && st != FR_ERR_INTERRUPTED) fail_msg("%s", err.message);
    } while (st == FR_ERR_INTERRUPTED);
    fr_sequences_release(&texts);
    fr_tensors_close(file);
    return result;
}

static void a_run_stopped_in_mid_epoch_ends_with_the_bits_of_one_that_was_not(void **state)
{
    (void)state;
    char whole[65], parts[65];
    fr_train_result a = train(NULL, 0, whole), b = train(test_tmp_dir(), 4, parts);
    assert_int_equal(a.n_steps, 30); /* 3 an epoch, the last of them of 2 texts */
    assert_int_equal(b.resumed_at, 28);
    assert_string_equal(whole, parts);
    assert_int_equal(a.best_epoch, b.best_epoch);
    ASSERT_NEAR(a.best_validation, b.best_validation, 0);
}

static void the_epoch_of_the_lowest_perplexity_is_kept(void **state)
{
    (void)state;
    fr_sequences texts = FR_SEQUENCES_INIT;
    fr_tensors *file = completions_open();
    fr_train_options o = recipe(8, 1);
    fr_train_result result;
    fr_scorer *scorer;
    fr_score scores[8];
    double log_p = 0, n = 0;
    fr_model *m = load();
    completions_texts(file, "", &texts);
    o.lr = 50; /* far too much: no epoch is better than the first */
    o.warmup_ratio = 0.9;
    ASSERT_OK(fr_train(m, fr_kernels_cpu(), &texts, &texts, &o, NULL, &result, &err));
    assert_int_equal(result.best_epoch, 1);
    ASSERT_OK(fr_scorer_create(&scorer, m, fr_kernels_cpu(), &(fr_score_options){0}, &err));
    ASSERT_OK(fr_scorer_run(scorer, &texts, 0, texts.n, scores, &err));
    for (size_t i = 0; i < texts.n; i++) {
        log_p += scores[i].log_p;
        n += (double)scores[i].n_tokens;
    }
    ASSERT_NEAR(result.best_validation, exp(-log_p / n), 0);
    ASSERT_NEAR(result.best_validation, exp(4.3398), 1e-2); /* step 1 has learning rate 0 */
    fr_scorer_destroy(scorer);
    fr_sequences_release(&texts);
    fr_tensors_close(file);
    fr_model_destroy(m);
}

static void texts_that_teach_nothing_or_do_not_fit_are_refused(void **state)
{
    (void)state;
    int32_t ids[41] = {0};
    fr_sequences good = FR_SEQUENCES_INIT, none = FR_SEQUENCES_INIT, long_one = FR_SEQUENCES_INIT;
    fr_train_options o = recipe(1, 1);
    fr_train_result result;
    const fr_kernels *k = fr_kernels_cpu();
    fr_model *m = load();
    ASSERT_OK(fr_sequences_append_completion(&good, ids, 4, 2, &err));
    ASSERT_OK(fr_sequences_append_completion(&none, ids, 4, 2, &err));
    ASSERT_OK(fr_sequences_append_completion(&none, ids, 4, 4, &err));
    ASSERT_OK(fr_sequences_append_completion(&long_one, ids, 41, 2, &err));
    ASSERT_FAILS(fr_train(m, k, &none, NULL, &o, NULL, &result, &err), FR_ERR_USAGE,
                 "training item 2 has no token to learn");
    ASSERT_FAILS(fr_train(m, k, &good, &none, &o, NULL, &result, &err), FR_ERR_USAGE,
                 "validation item 2 has no token to learn");
    ASSERT_FAILS(fr_train(m, k, &long_one, NULL, &o, NULL, &result, &err), FR_ERR_SHAPE, "40");
    o.accumulate = 0;
    ASSERT_FAILS(fr_train(m, k, &good, NULL, &o, NULL, &result, &err), FR_ERR_USAGE, "accumulate");
    o.accumulate = 1;
    o.lr = 1e30;
    o.clip = 0;
    ASSERT_FAILS(fr_train(m, k, &good, NULL, &o, NULL, &result, &err), FR_ERR_STATE,
                 "not a finite number at step ");
    fr_sequences_release(&good);
    fr_sequences_release(&none);
    fr_sequences_release(&long_one);
    fr_model_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_torch_however_many_batches_they_are_computed_in),
        cmocka_unit_test(a_run_stopped_in_mid_epoch_ends_with_the_bits_of_one_that_was_not),
        cmocka_unit_test(the_epoch_of_the_lowest_perplexity_is_kept),
        cmocka_unit_test(texts_that_teach_nothing_or_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
