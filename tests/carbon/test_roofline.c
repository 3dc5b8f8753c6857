/* The roofline over a named accelerator, and all estimators side by side. */
#include "frugal/carbon.h"
#include "support/test.h"

static fr_error err;

/* 100 Tflop/s (200 in 8 bits), 1 TB/s, 100 GB, 400 W: figures that can be worked by hand. */
static const fr_accelerator board = {.name = "test board",
                                     .flops_16 = 100e12,
                                     .flops_8 = 200e12,
                                     .bytes_per_s = 1e12,
                                     .memory_bytes = 100e9,
                                     .board_w = 400,
                                     .source = "a test"};

static fr_llm_request request_of(double active, double total)
{
    fr_llm_request r = FR_LLM_REQUEST_INIT;
    r.params_active = active;
    r.params_total = total;
    r.pue = 1;
    r.batch = 1;
    r.host_w = 100;
    r.kv_bytes = 0;
    return r;
}

static void a_prompt_costs_its_arithmetic(void **state)
{
    (void)state;
    fr_llm_request r = request_of(10e9, 10e9);
    fr_llm_roofline x;
    r.tokens_in = 1000;
    /* 2 x 1e10 x 1000 / (0.5 x 1e14) = 0.4 s at 500 W */
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    ASSERT_NEAR(x.n_boards, 1, 0); /* 1.2 x 20 GB */
    ASSERT_NEAR(x.prefill_s, 0.4, 1e-12);
    ASSERT_NEAR(x.j, 200, 1e-9);
    ASSERT_NEAR(x.j_low, 100, 1e-9);
    ASSERT_NEAR(x.j_high, 400, 1e-9);
    r.pue = 1.5;
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    ASSERT_NEAR(x.j_it, 200, 1e-9);
    ASSERT_NEAR(x.j, 300, 1e-9);
}

static void an_output_costs_reading_the_weights_until_the_batch_is_large(void **state)
{
    (void)state;
    fr_llm_request r = request_of(10e9, 10e9);
    fr_llm_roofline x;
    r.tokens_out = 100;
    /* 20 GB at 0.5 TB/s: 40 ms a token at 500 W */
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    assert_true(x.decode_memory_bound);
    ASSERT_NEAR(x.j, 2000, 1e-9);
    /* ten share one reading */
    r.batch = 10;
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    ASSERT_NEAR(x.j, 200, 1e-9);
    /* 1,000 tokens a step: 2 x 1e10 x 1000 / 0.5e14 = 0.4 s of arithmetic, above 0.04 of reading */
    r.batch = 1000;
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    assert_false(x.decode_memory_bound);
    ASSERT_NEAR(x.j, 20, 1e-9);
}

static void the_attention_cache_is_read_for_each_request_of_the_batch(void **state)
{
    (void)state;
    fr_llm_request r = request_of(10e9, 10e9);
    fr_llm_roofline x;
    r.tokens_in = 950;
    r.tokens_out = 100;
    r.batch = 20;
    r.kv_bytes = 1e6;
    /* a step reads 20 GB of weights and 20 x (950 + 50) x 1 MB = 20 GB: 80 ms for 20 requests */
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    ASSERT_NEAR(x.decode_s, 100 * 0.08 / 20, 1e-12);
}

static void a_batch_touches_more_experts_than_one_request_does(void **state)
{
    (void)state;
    fr_llm_request r = request_of(10e9, 40e9);
    fr_llm_roofline x;
    r.tokens_out = 1;
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    ASSERT_NEAR(x.decode_s, 0.04, 1e-12); /* a quarter of 80 GB */
    r.batch = 2;                          /* 80 GB x (1 - 0.75^2) = 35 GB for two */
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    ASSERT_NEAR(x.decode_s, 0.035, 1e-12);
}

static void boards_follow_the_weights_and_eight_bits_need_half(void **state)
{
    (void)state;
    fr_llm_request r = request_of(100e9, 100e9);
    fr_llm_roofline x;
    r.tokens_in = 1000;
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    ASSERT_NEAR(x.n_boards, 4, 0); /* 240 GB: 3, rounded up to a power of two */
    ASSERT_NEAR(x.prefill_s, 1, 1e-12);
    /* (5700 / 8 + 164) kg x 4 boards over 3 years for 1 s */
    ASSERT_NEAR(x.embodied_g, 4 * 876.5e3 / (3 * 365 * 86400.0), 1e-9);
    double j16 = x.j;
    r.weight_bits = 8;
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    ASSERT_NEAR(x.n_boards, 2, 0);
    ASSERT_NEAR(x.j, j16 / 2, 1e-9);
    r.weight_bits = 4; /* half the bytes again, arithmetic back in 16 bits */
    ASSERT_OK(fr_llm_roofline_energy(&r, &board, &x, &err));
    ASSERT_NEAR(x.n_boards, 1, 0);
    ASSERT_NEAR(x.j, j16, 1e-9);
}

static void figures_without_sense_are_refused(void **state)
{
    (void)state;
    const fr_llm_request good = request_of(7e9, 7e9);
    fr_llm_request r;
    fr_llm_roofline x;
#define REFUSED(member, value, words)                                                    \
    do {                                                                                 \
        r = good;                                                                        \
        r.member = (value);                                                              \
        ASSERT_FAILS(fr_llm_roofline_energy(&r, &board, &x, &err), FR_ERR_USAGE, words); \
    } while (0)
    REFUSED(params_active, 0, "active parameters");
    REFUSED(params_active, NAN, "active parameters");
    REFUSED(params_total, 1e9, "active parameters");
    REFUSED(tokens_in, -1, "tokens");
    REFUSED(tokens_out, INFINITY, "tokens");
    REFUSED(pue, 0.9, "PUE");
    REFUSED(batch, 0, "batch");
    REFUSED(weight_bits, 5, "16, 8 or 4");
    REFUSED(utilisation, 0, "utilisation");
    REFUSED(utilisation, 1.1, "utilisation");
    REFUSED(board_w, -1, "watts");
#undef REFUSED
}

static void accelerators_are_found_by_name_however_it_is_written(void **state)
{
    (void)state;
    static const char *const ways[] = {"H100 SXM", "h100-sxm", "H100SXM", "H100", "h100"};
    fr_accelerator a;
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        ASSERT_OK(fr_accelerator_find(ways[i], &a, &err));
        assert_string_equal(a.name, "H100 SXM");
    }
    ASSERT_NEAR(a.flops_16, 989.5e12, 0);
    ASSERT_NEAR(a.bytes_per_s, 3.35e12, 0);
    ASSERT_NEAR(a.memory_bytes, 80e9, 0);
    ASSERT_NEAR(a.board_w, 700, 0);
    ASSERT_OK(fr_accelerator_find("mi300x", &a, &err));
    ASSERT_NEAR(a.memory_bytes, 192e9, 0);
    ASSERT_FAILS(fr_accelerator_find("H100 SXN", &a, &err), FR_ERR_USAGE,
                 "did you mean \"H100 SXM\"");
    ASSERT_FAILS(fr_accelerator_find("abacus", &a, &err), FR_ERR_USAGE, "H200 SXM, H100 SXM");
    ASSERT_FAILS(fr_accelerator_find("", &a, &err), FR_ERR_USAGE, "not known");
    size_t n = 0;
    while (fr_accelerator_at(n, &a, &err) == FR_OK) {
        if (!(a.flops_16 > 1e13 && a.bytes_per_s > 1e11 && a.memory_bytes >= 16e9 &&
              a.board_w >= 70 && a.board_w <= 1200 && a.flops_8 >= 0 && a.source[0]))
            fail_msg("%s", a.name);
        n++;
    }
    assert_true(n >= 15);
}

static void estimators_stand_side_by_side_and_say_what_they_assume(void **state)
{
    (void)state;
    const fr_intensity grid = {.g_per_kwh = 360, .low = 300, .high = 432};
    fr_llm_request r = FR_LLM_REQUEST_INIT;
    fr_llm_estimate e[FR_N_LLM_ESTIMATORS];
    r.params_active = 7.3e9;
    r.tokens_in = 100;
    r.tokens_out = 50;
    r.j_per_token = 2;
    ASSERT_OK(fr_llm_estimate_all(&r, &board, &grid, e, &err));
    for (size_t i = 0; i < FR_N_LLM_ESTIMATORS; i++) {
        assert_true(e[i].usable);
        assert_true(e[i].low <= e[i].g && e[i].g <= e[i].high);
        assert_true(e[i].detail[0] && !e[i].why_not[0]);
    }
    assert_true(isnan(e[0].j));
    ASSERT_NEAR(e[0].g, fr_llm_study_grams(7.3e9, 150), 0);
    ASSERT_NEAR(e[1].j, 50 * 0.3179, 50 * 0.00005);
    ASSERT_NEAR(e[1].g, e[1].j * 1e-4, 1e-12);
    ASSERT_NEAR(e[1].low, e[1].g / 1.2, 1e-9);
    ASSERT_NEAR(e[3].j, 2 * 50 * 1.2, 1e-9);
    ASSERT_NEAR(e[3].g, 0.012, 1e-12);
    assert_non_null(strstr(e[2].detail, "test board"));
    ASSERT_NEAR(e[2].sci_g, e[2].g + e[2].embodied_g, 1e-12);
    assert_true(isnan(e[0].sci_g) && isnan(e[3].sci_g)); /* of which one part is not known */
}

static void an_estimator_that_does_not_hold_is_left_out_with_the_reason(void **state)
{
    (void)state;
    const fr_intensity grid = {.g_per_kwh = 360, .low = 300, .high = 432};
    fr_llm_request r = FR_LLM_REQUEST_INIT;
    fr_llm_estimate e[FR_N_LLM_ESTIMATORS];
    r.params_active = 124e6;
    r.tokens_out = 50;
    ASSERT_OK(fr_llm_estimate_all(&r, &board, &grid, e, &err));
    assert_true(e[0].usable && e[2].usable);
    assert_false(e[1].usable);
    assert_non_null(strstr(e[1].why_not, "measure small models"));
    assert_true(isnan(e[1].g) && isnan(e[1].embodied_g));
    assert_false(e[3].usable);
    r.j_per_token = -1;
    ASSERT_FAILS(fr_llm_estimate_all(&r, &board, &grid, e, &err), FR_ERR_USAGE, "J per token");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_costs_its_arithmetic),
        cmocka_unit_test(an_output_costs_reading_the_weights_until_the_batch_is_large),
        cmocka_unit_test(the_attention_cache_is_read_for_each_request_of_the_batch),
        cmocka_unit_test(a_batch_touches_more_experts_than_one_request_does),
        cmocka_unit_test(boards_follow_the_weights_and_eight_bits_need_half),
        cmocka_unit_test(figures_without_sense_are_refused),
        cmocka_unit_test(accelerators_are_found_by_name_however_it_is_written),
        cmocka_unit_test(estimators_stand_side_by_side_and_say_what_they_assume),
        cmocka_unit_test(an_estimator_that_does_not_hold_is_left_out_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
