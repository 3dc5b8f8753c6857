/* test_rope.c - rotary scaling out of config.json, and through GGUF back again. */
#include <jansson.h>

#include "format/gguf.h"
#include "format/json.h"
#include "model/rope.h"
#include "support/test.h"

static fr_error err;

static fr_rope parse(const char *text, size_t n_dims)
{
    fr_rope rope;
    json_t *json;
    double partial = 1;
    ASSERT_OK(fr_json_parse(&json, text, strlen(text), "config.json", &err));
    ASSERT_OK(fr__rope_from_json(&rope, &partial, json, "rope_theta", "config.json", &err));
    json_decref(json);
    rope.n_dims = n_dims;
    return rope;
}

/* Factors by transformers 5.23, ROPE_INIT_FUNCTIONS["llama3"]: 1 up to `first`, then these, then
 * the factor. */
static const struct {
    const char *config;
    size_t n_dims, first, n;
    float factor, between[8];
} cases[] = {
    {"{\"rope_theta\":500000.0,\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,"
     "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":8192}}",
     128,
     29,
     6,
     8,
     {1.207484F, 1.553415F, 2.026313F, 2.69453F, 3.684253F, 5.257327F}},
    {"{\"rope_parameters\":{\"rope_theta\":10000.0,\"rope_type\":\"llama3\",\"factor\":8.0,"
     "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":64}}",
     16,
     1,
     2,
     8,
     {1.293976F, 7.667385F}},
    {"{\"rope_scaling\":{\"type\":\"llama3\",\"factor\":32,\"low_freq_factor\":1,"
     "\"high_freq_factor\":4,\"original_max_position_embeddings\":8192}}",
     8,
     3,
     1,
     32,
     {7.730888F}},
    {"{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":4,\"low_freq_factor\":2,"
     "\"high_freq_factor\":3,\"original_max_position_embeddings\":100}}",
     6,
     1,
     0,
     4,
     {0}},
};

enum { N_CASES = sizeof(cases) / sizeof(*cases), MAX_PAIRS = 64 };

static void factors_are_those_of_transformers(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        float factors[MAX_PAIRS];
        fr_rope rope = parse(cases[i].config, cases[i].n_dims);
        fr__rope_factors(&rope, factors);
        for (size_t j = 0; j < rope.n_dims / 2; j++) {
            float wanted = j < cases[i].first                ? 1
                           : j < cases[i].first + cases[i].n ? cases[i].between[j - cases[i].first]
                                                             : cases[i].factor;
            ASSERT_NEAR(factors[j], wanted, wanted * 2e-6);
        }
    }
}

/* A GGUF file with this scaling; its path. */
static const char *write_gguf(const fr_rope *rope, const float *factors, size_t n)
{
    static char path[512];
    fr_gguf_meta meta = {.n = 0};
    fr_entry entry = {.name = FR_ROPE_TENSOR, .n_dims = 1, .shape = {n}, .data = factors};
    snprintf(path, sizeof(path), "%s/m.gguf", test_tmp_dir());
    ASSERT_OK(fr__rope_to_gguf(rope, "llama", &meta, &err));
    ASSERT_OK(fr_gguf_write(path, &meta, &entry, factors ? 1 : 0, &err));
    fr_gguf_meta_release(&meta);
    return path;
}

static void the_numbers_come_back_from_the_factors(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        fr_gguf *g;
        float factors[MAX_PAIRS], again[MAX_PAIRS];
        fr_rope rope = parse(cases[i].config, cases[i].n_dims), back = {.n_dims = rope.n_dims};
        fr__rope_factors(&rope, factors);
        ASSERT_OK(fr_gguf_open(&g, write_gguf(&rope, factors, rope.n_dims / 2), &err));
        ASSERT_OK(fr__rope_from_gguf(&back, g, "llama", &err));
        assert_int_equal(back.kind, FR_ROPE_LLAMA3);
        fr__rope_factors(&back, again);
        for (size_t j = 0; j < rope.n_dims / 2; j++)
            ASSERT_NEAR(again[j], factors[j], factors[j] * 1e-5);
        /* Those of a published model, to the letter. */
        if (i == 0)
            assert_true(back.factor == 8 && back.low_freq == 1 && back.high_freq == 4 &&
                        back.original_tokens == 8192 && back.theta == 500000);
        fr_gguf_close(g);
    }
}

static void other_factors_are_refused(void **state)
{
    (void)state;
    static const float odd[4] = {1, 3, 2, 8}, nan[4] = {1, 1, 0.0F / 0.0F, 2}, zero[4] = {0};
    static const float *const wrong[] = {odd, nan, zero};
    fr_rope rope = parse("{}", 8);
    fr_gguf *g;
    for (size_t i = 0; i < 3; i++) {
        fr_rope back = {.n_dims = 8};
        ASSERT_OK(fr_gguf_open(&g, write_gguf(&rope, wrong[i], 4), &err));
        ASSERT_FAILS(fr__rope_from_gguf(&back, g, "llama", &err), FR_ERR_UNSUPPORTED,
                     "not of Llama 3's form");
        fr_gguf_close(g);
    }
    fr_rope back = {.n_dims = 16};
    ASSERT_OK(fr_gguf_open(&g, write_gguf(&rope, odd, 4), &err));
    ASSERT_FAILS(fr__rope_from_gguf(&back, g, "llama", &err), FR_ERR_SHAPE, "8 pairs");
    fr_gguf_close(g);
}

static void linear_scaling_is_metadata(void **state)
{
    (void)state;
    fr_gguf *g;
    fr_rope rope = parse("{\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.5}}", 8), back = rope;
    back.factor = 0;
    ASSERT_OK(fr_gguf_open(&g, write_gguf(&rope, NULL, 0), &err));
    assert_non_null(fr_gguf_find(g, "llama.rope.scaling.type"));
    ASSERT_OK(fr__rope_from_gguf(&back, g, "llama", &err));
    assert_true(back.kind == FR_ROPE_LINEAR && back.factor == 2.5 && back.theta == 10000);
    fr_gguf_close(g);
}

static void numbers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{\"rope_theta\":0}", "{\"rope_theta\":-1}",
        "{\"rope_scaling\":{\"type\":\"linear\",\"factor\":0}}",
        "{\"rope_scaling\":{\"type\":\"llama3\",\"factor\":2,\"low_freq_factor\":4,"
        "\"high_freq_factor\":4,\"original_max_position_embeddings\":64}}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        fr_rope rope;
        double partial = 1;
        json_t *json;
        ASSERT_OK(fr_json_parse(&json, wrong[i], strlen(wrong[i]), "config.json", &err));
        ASSERT_FAILS(fr__rope_from_json(&rope, &partial, json, "rope_theta", "config.json", &err),
                     FR_ERR_USAGE, "cannot be");
        json_decref(json);
    }
}

/* Else those of no layer would be taken: theta 10000. */
static void parameters_of_each_kind_of_layer_are_refused(void **state)
{
    (void)state;
    static const char config[] = "{\"rope_parameters\":{\"full_attention\":{\"rope_theta\":1e6},"
                                 "\"sliding_attention\":{\"rope_theta\":1e4}}}";
    fr_rope rope;
    double partial = 1;
    json_t *json;
    ASSERT_OK(fr_json_parse(&json, config, strlen(config), "config.json", &err));
    ASSERT_FAILS(fr__rope_from_json(&rope, &partial, json, "rope_theta", "config.json", &err),
                 FR_ERR_UNSUPPORTED, "each kind of layer (\"full_attention\")");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_are_those_of_transformers),
        cmocka_unit_test(the_numbers_come_back_from_the_factors),
        cmocka_unit_test(other_factors_are_refused),
        cmocka_unit_test(linear_scaling_is_metadata),
        cmocka_unit_test(numbers_that_cannot_be_are_refused),
        cmocka_unit_test(parameters_of_each_kind_of_layer_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
