/* test_score.c - log-probabilities of completions against transformers, and their own rules. */
#include "infer/score.h"

#include <math.h>

#include "support/completions.h"
#include "support/test.h"

enum { MAX_TEXTS = 16 };

static fr_error err;

static fr_model *load(void)
{
    fr_model *m;
    fr_model_options options = {.decoder = true};
    ASSERT_OK(fr_model_load(&m, COMPLETIONS_MODEL, &options, &err));
    return m;
}

static void check(const char *prefix, fr_score_options options)
{
    char name[32];
    size_t n;
    fr_score scores[MAX_TEXTS];
    fr_scorer *scorer;
    fr_sequences texts = FR_SEQUENCES_INIT;
    fr_tensors *file = completions_open();
    fr_model *m = load();
    completions_texts(file, prefix, &texts);
    snprintf(name, sizeof(name), "%slog_p", prefix);
    float *want = completions_read(file, name, &n);
    assert_int_equal(n, texts.n);
    ASSERT_OK(fr_scorer_create(&scorer, m, fr_kernels_cpu(), &options, &err));
    ASSERT_OK(fr_scorer_run(scorer, &texts, 0, n, scores, &err));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(scores[i].n_tokens, fr_sequences_n_targets(&texts, i));
        ASSERT_NEAR(scores[i].log_p, (double)want[i], 1e-5 * fabs((double)want[i]));
    }
    /* A part of them alone: other batches, the same scores. */
    ASSERT_OK(fr_scorer_run(scorer, &texts, 1, 2, scores, &err));
    for (size_t i = 0; i < 2; i++)
        ASSERT_NEAR(scores[i].log_p, (double)want[1 + i], 1e-5 * fabs((double)want[1 + i]));
    fr_scorer_destroy(scorer);
    free(want);
    fr_sequences_release(&texts);
    fr_tensors_close(file);
    fr_model_destroy(m);
}

static void completions_are_as_likely_as_transformers_finds_them(void **state)
{
    (void)state;
    check("", (fr_score_options){0});
}

static void long_texts_are_read_in_windows_that_overlap(void **state)
{
    (void)state;
    check("long.", (fr_score_options){.window = 16, .stride = 7});
}

static void every_token_counts_once_whatever_the_windows(void **state)
{
    (void)state;
    int32_t ids[5000];
    fr_score scores[2];
    fr_scorer *scorer;
    fr_sequences texts = FR_SEQUENCES_INIT;
    fr_model *m = load();
    for (int i = 0; i < 5000; i++) ids[i] = 3 + i % 38;
    ASSERT_OK(fr_sequences_append_completion(&texts, ids, 5000, 1, &err)); /* many batches */
    ASSERT_OK(fr_sequences_append_completion(&texts, ids, 100, 97, &err));
    for (size_t stride = 0; stride < 40; stride += 13) {
        fr_score_options options = {.stride = stride};
        ASSERT_OK(fr_scorer_create(&scorer, m, fr_kernels_cpu(), &options, &err));
        ASSERT_OK(fr_scorer_run(scorer, &texts, 0, 2, scores, &err));
        assert_int_equal(scores[0].n_tokens, 4999);
        assert_int_equal(scores[1].n_tokens, 3);
        fr_scorer_destroy(scorer);
    }
    fr_sequences_release(&texts);
    fr_model_destroy(m);
}

static void what_cannot_be_scored_is_refused(void **state)
{
    (void)state;
    static const int32_t ids[] = {3, 9, 7, 41};
    fr_score score;
    fr_scorer *scorer;
    fr_sequences texts = FR_SEQUENCES_INIT;
    const fr_kernels *k = fr_kernels_cpu();
    size_t n;
    fr_model *m = load(), *encoder;
    ASSERT_FAILS(fr_sequences_append_completion(&texts, ids, 3, 0, &err), FR_ERR_USAGE,
                 "no token before the completion");
    ASSERT_FAILS(fr_sequences_append_completion(&texts, ids, 3, 4, &err), FR_ERR_USAGE,
                 "behind token 4");
    ASSERT_FAILS(fr_scorer_create(&scorer, m, k, &(fr_score_options){.window = 41}, &err),
                 FR_ERR_USAGE, "41 tokens; the model takes 2 to 40");
    ASSERT_FAILS(
        fr_scorer_create(&scorer, m, k, &(fr_score_options){.window = 8, .stride = 8}, &err),
        FR_ERR_USAGE, "gaps");
    ASSERT_OK(
        fr_model_load(&encoder, FR_TEST_DIR "/golden/encoders/bert", &(fr_model_options){0}, &err));
    ASSERT_FAILS(fr_scorer_create(&scorer, encoder, k, &(fr_score_options){0}, &err),
                 FR_ERR_UNSUPPORTED, "bert");

    ASSERT_OK(fr_scorer_create(&scorer, m, k, &(fr_score_options){0}, &err));
    ASSERT_OK(fr_sequences_append_completion(&texts, ids, 4, 1, &err));
    ASSERT_FAILS(fr_scorer_run(scorer, &texts, 0, 1, &score, &err), FR_ERR_SHAPE, "41");
    texts.ids[3] = 4;
    fr_model_params(m, &n)[0]->t.data[9 * 16] = NAN;
    fr_model_touch(m);
    ASSERT_FAILS(fr_scorer_run(scorer, &texts, 0, 1, &score, &err), FR_ERR_STATE,
                 "not a finite number");
    fr_scorer_destroy(scorer);
    fr_sequences_release(&texts);
    fr_model_destroy(m);
    fr_model_destroy(encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completions_are_as_likely_as_transformers_finds_them),
        cmocka_unit_test(long_texts_are_read_in_windows_that_overlap),
        cmocka_unit_test(every_token_counts_once_whatever_the_windows),
        cmocka_unit_test(what_cannot_be_scored_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
