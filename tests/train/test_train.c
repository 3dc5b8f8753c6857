/* test_train.c - fine-tuning learns, repeats itself to the bit, and goes on after a stop. */
#include <math.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rng.h"
#include "support/test.h"
#include "train/train.h"

static const char config[] =
    "{\"model_type\": \"bert\", \"vocab_size\": 50, \"hidden_size\": 16, \"num_hidden_layers\": 1,"
    " \"num_attention_heads\": 2, \"intermediate_size\": 32, \"max_position_embeddings\": 24,"
    " \"type_vocab_size\": 2, \"hidden_act\": \"gelu\", \"hidden_dropout_prob\": 0.1,"
    " \"attention_probs_dropout_prob\": 0.1, \"layer_norm_eps\": 1e-12,"
    " \"initializer_range\": 0.1, \"pad_token_id\": 0}";

static fr_error err;

/* Sequences whose label is 1 when token 7 is among them. */
static void make_items(fr_sequences *s, size_t n, uint64_t seed)
{
    fr_rng rng;
    fr_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++) {
        int32_t ids[16];
        size_t len = 3 + (size_t)fr_rng_below(&rng, 13);
        int32_t label = (int32_t)(i % 2);
        for (size_t j = 0; j < len; j++) ids[j] = 8 + (int32_t)fr_rng_below(&rng, 42);
        ids[0] = 1;
        if (label) ids[1 + fr_rng_below(&rng, len - 1)] = 7;
        ASSERT_OK(fr_sequences_append(s, ids, NULL, len, label, &err));
    }
}

static fr_model *make_model(void)
{
    fr_model *m;
    const char *dir = test_tmp_dir();
    test_write_file(dir, "config.json", config);
    fr_model_options o = {.trainable = true, .from_config = true, .n_labels = 2, .seed = 5};
    ASSERT_OK(fr_model_load(&m, dir, &o, &err));
    return m;
}

typedef struct stopper {
    size_t at, steps;
    double first_loss, last_loss;
} stopper;

static void on_step(void *ctx, size_t step, size_t n_steps, double loss)
{
    stopper *s = ctx;
    (void)n_steps;
    if (step == 1) s->first_loss = loss;
    s->last_loss = loss;
    s->steps++;
}

static bool should_stop(void *ctx)
{
    stopper *s = ctx;
    return s->at && s->steps >= s->at;
}

static fr_train_options small_run(void)
{
    fr_train_options o = FR_TRAIN_DEFAULTS;
    o.epochs = 6;
    o.batch_size = 16;
    o.lr = 5e-3;
    o.seed = 3;
    return o;
}

/* Trains a fresh model with these options; its hash goes to hex. stop_every: 0 never. */
static fr_train_result train(const fr_train_options *o, size_t stop_every, stopper *seen,
                             char hex[65])
{
    fr_sequences items = FR_SEQUENCES_INIT, validation = FR_SEQUENCES_INIT;
    fr_train_result result;
    make_items(&items, 200, 1);
    make_items(&validation, 100, 2);
    for (;;) {
        fr_model *m = make_model();
        stopper s = {.at = stop_every};
        fr_observer observer = {.ctx = &s, .on_step = on_step, .should_stop = should_stop};
        fr_status st =
            fr_train(m, fr_kernels_cpu(), &items, &validation, o, &observer, &result, &err);
        if (seen) *seen = s;
        fr_model_hash(m, hex);
        fr_model_destroy(m);
        if (st == FR_OK) break;
        if (st != FR_ERR_INTERRUPTED) fail_msg("%s", err.message);
    }
    fr_sequences_release(&items);
    fr_sequences_release(&validation);
    return result;
}

static void a_rule_is_learned(void **state)
{
    (void)state;
    fr_train_options o = small_run();
    o.epochs = 12;
    char hex[65];
    stopper seen;
    fr_train_result r = train(&o, 0, &seen, hex);
    assert_int_equal(r.n_steps, 12 * 13);
    assert_int_equal(r.resumed_at, 0);
    assert_true(r.best_epoch >= 1 && r.best_epoch <= 12);
    assert_true(seen.last_loss < seen.first_loss / 2);
    if (!(r.best_validation >= 0.95)) fail_msg("validation accuracy %g", r.best_validation);
}

static void the_same_seed_gives_the_same_bits_and_another_one_others(void **state)
{
    (void)state;
    fr_train_options o = small_run();
    char a[65], b[65], c[65];
    train(&o, 0, NULL, a);
    train(&o, 0, NULL, b);
    o.seed = 4;
    train(&o, 0, NULL, c);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
}

static void layers_computed_again_change_no_bit(void **state)
{
    (void)state;
    fr_train_options o = small_run();
    char a[65], b[65];
    o.epochs = 1;
    train(&o, 0, NULL, a);
    o.recompute = true;
    train(&o, 0, NULL, b);
    assert_string_equal(a, b);
}

static void a_run_stopped_again_and_again_ends_with_the_bits_of_one_that_was_not(void **state)
{
    (void)state;
    fr_train_options o = small_run();
    char whole[65], parts[65];
    fr_train_result a = train(&o, 0, NULL, whole);
    o.checkpoint_dir = test_tmp_dir();
    fr_train_result b = train(&o, 7, NULL, parts); /* 7 steps do not divide an epoch of 13 */
    assert_string_equal(whole, parts);
    assert_int_equal(b.resumed_at, 77); /* 78 steps: the 12th attempt had one left to do */
    assert_int_equal(a.best_epoch, b.best_epoch);
    ASSERT_NEAR(a.best_validation, b.best_validation, 0);
    ASSERT_NEAR(a.last_loss, b.last_loss, 0);
}

/* Weights after two epochs without dropout; for the caller to free. */
static float *trained_weights(size_t batch, size_t accumulate, size_t *n)
{
    char still[sizeof(config)];
    memcpy(still, config, sizeof(config));
    for (char *at; (at = strstr(still, "dropout_prob\": 0.1"));)
        at[sizeof("dropout_prob\": 0")] = '0';
    const char *dir = test_tmp_dir();
    test_write_file(dir, "config.json", still);
    fr_model *m;
    fr_model_options options = {.trainable = true, .from_config = true, .n_labels = 2, .seed = 5};
    ASSERT_OK(fr_model_load(&m, dir, &options, &err));
    fr_sequences items = FR_SEQUENCES_INIT;
    fr_train_result result;
    fr_train_options o = small_run();
    make_items(&items, 200, 1);
    o.epochs = 2;
    o.eps = 1e-4; /* else the sign of a gradient of zero counts */
    o.batch_size = batch;
    o.accumulate = accumulate;
    ASSERT_OK(fr_train(m, fr_kernels_cpu(), &items, NULL, &o, NULL, &result, &err));
    assert_int_equal(result.n_steps, 2 * 17);
    size_t n_params, at = 0;
    fr_param *const *params = fr_model_params(m, &n_params);
    *n = 0;
    for (size_t i = 0; i < n_params; i++) *n += params[i]->t.rows * params[i]->t.cols;
    float *out = malloc(*n * sizeof(*out));
    assert_non_null(out);
    for (size_t i = 0; i < n_params; i++) {
        size_t count = params[i]->t.rows * params[i]->t.cols;
        memcpy(out + at, params[i]->t.data, count * sizeof(*out));
        at += count;
    }
    fr_sequences_release(&items);
    fr_model_destroy(m);
    return out;
}

static void parts_of_a_step_add_up_to_the_step_of_one_batch(void **state)
{
    (void)state;
    size_t n, n_parts;
    /* 17 steps of 12 items; the last has 8: as two parts, 6 and 2 */
    float *one = trained_weights(12, 1, &n), *two = trained_weights(6, 2, &n_parts);
    assert_int_equal(n, n_parts);
    for (size_t i = 0; i < n; i++) ASSERT_NEAR((double)two[i], (double)one[i], 2e-4);
    free(one);
    free(two);
}

static int n_warnings;

static void count_warning(void *ctx, fr_log_level level, const char *line)
{
    (void)ctx;
    (void)line;
    n_warnings += level == FR_LOG_WARNING;
}

static void a_checkpoint_of_other_settings_or_a_damaged_one_is_not_used(void **state)
{
    (void)state;
    fr_train_options o = small_run();
    char hex[65], expected[65];
    const char *dir = test_tmp_dir();
    o.checkpoint_dir = dir;
    train(&o, 0, NULL, hex);
    o.lr = 4e-3;
    fr_log_set_sink(count_warning, NULL);
    n_warnings = 0;
    fr_train_result r = train(&o, 0, NULL, expected);
    assert_int_equal(r.resumed_at, 0);
    assert_int_equal(n_warnings, 1);

    test_write_file(dir, "checkpoint.bin", "frugal-train-1\n but cut off");
    r = train(&o, 0, NULL, hex);
    assert_int_equal(r.resumed_at, 0);
    assert_int_equal(n_warnings, 2);
    assert_string_equal(hex, expected);
    fr_log_set_sink(NULL, NULL);
    fr_train_forget(dir);
    assert_int_not_equal(access(dir, F_OK), 0);
}

/* A process that was killed in the middle of writing leaves a file as large as the checkpoint.
 * No process has a number as high as these. */
static void what_a_killed_process_left_half_written_is_removed(void **state)
{
    (void)state;
    fr_train_options o = small_run();
    char hex[65], path[512];
    const char *dir = test_tmp_dir();
    o.checkpoint_dir = dir;
    test_write_file(dir, "checkpoint.bin.99999999-3.tmp", "half");
    test_write_file(dir, "notes.tmp", "somebody else's");
    train(&o, 0, NULL, hex);
    snprintf(path, sizeof(path), "%s/checkpoint.bin.99999999-3.tmp", dir);
    assert_int_not_equal(access(path, F_OK), 0);
    test_write_file(dir, "checkpoint.bin.99999999-0.tmp", "half");
    fr_train_forget(dir);
    snprintf(path, sizeof(path), "%s/checkpoint.bin.99999999-0.tmp", dir);
    assert_int_not_equal(access(path, F_OK), 0);
    snprintf(path, sizeof(path), "%s/notes.tmp", dir);
    assert_int_equal(unlink(path), 0);
    fr_train_forget(dir);
    assert_int_not_equal(access(dir, F_OK), 0);
}

static void a_checkpoint_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    fr_train_options o = small_run();
    fr_train_result result;
    fr_model *m = make_model();
    fr_sequences items = FR_SEQUENCES_INIT;
    make_items(&items, 32, 1);
    o.checkpoint_every = 1;
    o.checkpoint_dir = "/proc/no-such-place";
    ASSERT_FAILS(fr_train(m, fr_kernels_cpu(), &items, NULL, &o, NULL, &result, &err), FR_ERR_IO,
                 "/proc/no-such-place");
    fr_sequences_release(&items);
    fr_model_destroy(m);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    fr_train_result result;
    fr_model *m = make_model();
    fr_sequences items = FR_SEQUENCES_INIT, none = FR_SEQUENCES_INIT;
    make_items(&items, 4, 1);
    const fr_kernels *k = fr_kernels_cpu();
    fr_train_options o = small_run();
    ASSERT_FAILS(fr_train(m, k, &none, NULL, &o, NULL, &result, &err), FR_ERR_USAGE, "no items");
    o.epochs = 0;
    ASSERT_FAILS(fr_train(m, k, &items, NULL, &o, NULL, &result, &err), FR_ERR_USAGE, "epochs");
    o = small_run();
    o.lr = NAN;
    ASSERT_FAILS(fr_train(m, k, &items, NULL, &o, NULL, &result, &err), FR_ERR_USAGE,
                 "learning rate");
    o = small_run();
    items.labels[2] = 2;
    ASSERT_FAILS(fr_train(m, k, &items, NULL, &o, NULL, &result, &err), FR_ERR_USAGE,
                 "item 3 has label 2");
    fr_sequences_release(&items);
    fr_model_destroy(m);
}

static void divergence_is_an_error_that_names_the_step(void **state)
{
    (void)state;
    fr_train_options o = small_run();
    fr_train_result result;
    fr_model *m = make_model();
    fr_sequences items = FR_SEQUENCES_INIT;
    make_items(&items, 64, 1);
    o.lr = 1e30;
    o.clip = 0;
    ASSERT_FAILS(fr_train(m, fr_kernels_cpu(), &items, NULL, &o, NULL, &result, &err), FR_ERR_STATE,
                 "at step ");
    fr_sequences_release(&items);
    fr_model_destroy(m);
}

static void the_schedule_is_that_of_transformers(void **state)
{
    (void)state;
    /* transformers.get_linear_schedule_with_warmup(optimizer, 10, 100) */
    ASSERT_NEAR(fr_linear_schedule(0, 10, 100), 0, 0);
    ASSERT_NEAR(fr_linear_schedule(5, 10, 100), 0.5, 1e-12);
    ASSERT_NEAR(fr_linear_schedule(10, 10, 100), 1, 1e-12);
    ASSERT_NEAR(fr_linear_schedule(55, 10, 100), 0.5, 1e-12);
    ASSERT_NEAR(fr_linear_schedule(99, 10, 100), 1.0 / 90, 1e-12);
    ASSERT_NEAR(fr_linear_schedule(100, 10, 100), 0, 0);
    ASSERT_NEAR(fr_linear_schedule(0, 0, 4), 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_learned),
        cmocka_unit_test(the_same_seed_gives_the_same_bits_and_another_one_others),
        cmocka_unit_test(layers_computed_again_change_no_bit),
        cmocka_unit_test(a_run_stopped_again_and_again_ends_with_the_bits_of_one_that_was_not),
        cmocka_unit_test(parts_of_a_step_add_up_to_the_step_of_one_batch),
        cmocka_unit_test(a_checkpoint_of_other_settings_or_a_damaged_one_is_not_used),
        cmocka_unit_test(what_a_killed_process_left_half_written_is_removed),
        cmocka_unit_test(a_checkpoint_that_cannot_be_written_is_an_error),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(divergence_is_an_error_that_names_the_step),
        cmocka_unit_test(the_schedule_is_that_of_transformers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
