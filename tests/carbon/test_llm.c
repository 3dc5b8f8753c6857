/* Emissions of language models that were not run. */
#include "support/test.h"

#include "frugal/carbon.h"

static fr_error err;

static void study_k_gives_the_grams_that_the_study_prints(void **state)
{
    (void)state;
    /* 150 tokens on Mistral-7B, Qwen3-235B-A22B, DeepSeek-R1, as printed: three digits. */
    ASSERT_NEAR(fr_llm_study_grams(7e9, 150), 0.259, 0.0005);
    ASSERT_NEAR(fr_llm_study_grams(22e9, 150), 0.815, 0.0005);
    ASSERT_NEAR(fr_llm_study_grams(37e9, 150), 1.370, 0.0005);
    ASSERT_NEAR(fr_llm_study_k(), 2.4686e-4, 0.00005e-4);
    ASSERT_NEAR(fr_llm_study_grams(175e9, 100), 4.32, 1e-12); /* what K was made from */
}

static void same_basis_ratio_is_that_of_parameters_times_tokens(void **state)
{
    (void)state;
    ASSERT_NEAR(fr_llm_study_ratio(37e9, 150, 13.5e6, 150), 37e9 / 13.5e6, 1e-6);
    ASSERT_NEAR(fr_llm_study_ratio(7e9, 300, 7e9, 100), 3, 1e-12);
    assert_true(isnan(fr_llm_study_ratio(7e9, 100, 0, 100)));
}

static void ecologits_regression_agrees_with_its_published_values_to_four_digits(void **state)
{
    (void)state;
    static const struct {
        double active, total, n_gpus, it_j, with_pue_j;
    } rows[] = {
        {7.3e9, 7.3e9, 1, 0.2649, 0.3179},
        {22e9, 235e9, 8, 2.5474, 3.0568},
        {37e9, 671e9, 32, 11.9367, 14.3240},
    };
    for (size_t i = 0; i < 3; i++) {
        fr_llm_ecologits e;
        ASSERT_OK(fr_llm_ecologits_energy(rows[i].active, rows[i].total, 250, 1.2, &e, &err));
        ASSERT_NEAR(e.n_gpus, rows[i].n_gpus, 0);
        ASSERT_NEAR(e.j_per_token_it, rows[i].it_j, 0.00005);
        ASSERT_NEAR(e.j_per_token, rows[i].with_pue_j, 0.00005);
        ASSERT_NEAR(e.j, 250 * e.j_per_token, 1e-9);
    }
    /* 7.3 B: 6.785088e-4 x 7.3 + 3.119310e-4 x 64 + 1.947372e-2 = 0.0443904 s a token; a 64th of
     * (5700 / 8 + 164) kg over 3 x 365 x 86400 s: 0.0443904 x 876500 / 64 / 94608000 g a token. */
    fr_llm_ecologits one;
    ASSERT_OK(fr_llm_ecologits_energy(7.3e9, 7.3e9, 1000, 1.2, &one, &err));
    ASSERT_NEAR(one.seconds_per_token, 0.0443904, 1e-7);
    ASSERT_NEAR(one.embodied_g, 6.42589e-3, 1e-8);
}

static void ecologits_refuses_small_models_and_says_why(void **state)
{
    (void)state;
    fr_llm_ecologits e;
    ASSERT_FAILS(fr_llm_ecologits_energy(0.1e9, 0.1e9, 10, 1.2, &e, &err), FR_ERR_UNSUPPORTED,
                 "measure small models");
    ASSERT_OK(fr_llm_ecologits_energy(1e9, 1e9, 10, 1, &e, &err));
}

static void ecologits_refuses_figures_without_sense(void **state)
{
    (void)state;
    fr_llm_ecologits e;
    ASSERT_FAILS(fr_llm_ecologits_energy(7e9, 1e9, 10, 1.2, &e, &err), FR_ERR_USAGE, "total");
    ASSERT_FAILS(fr_llm_ecologits_energy(7e9, 7e9, -1, 1.2, &e, &err), FR_ERR_USAGE, "tokens");
    ASSERT_FAILS(fr_llm_ecologits_energy(7e9, 7e9, 1, 0.9, &e, &err), FR_ERR_USAGE, "PUE");
    ASSERT_FAILS(fr_llm_ecologits_energy(NAN, 7e9, 1, 1, &e, &err), FR_ERR_USAGE, "active");
    ASSERT_FAILS(fr_llm_ecologits_energy(7e9, INFINITY, 1, 1, &e, &err), FR_ERR_USAGE, "total");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(study_k_gives_the_grams_that_the_study_prints),
        cmocka_unit_test(same_basis_ratio_is_that_of_parameters_times_tokens),
        cmocka_unit_test(ecologits_regression_agrees_with_its_published_values_to_four_digits),
        cmocka_unit_test(ecologits_refuses_small_models_and_says_why),
        cmocka_unit_test(ecologits_refuses_figures_without_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
