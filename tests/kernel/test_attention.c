/* test_attention.c - attention over packed segments against the oracle, and its bits. */
#include "kernel/support.h"

typedef struct problem {
    fr_attention a;
    uint32_t offsets[64];
    size_t t, size; /* tokens; floats of q */
    float *q, *k, *v, *dout;
} problem;

static problem make(const size_t *lengths, size_t n, size_t heads, size_t head_dim, float rate)
{
    problem p = {.a = {.n_segments = n, .n_heads = heads, .head_dim = head_dim}};
    for (size_t s = 0; s < n; s++) p.offsets[s + 1] = p.offsets[s] + (uint32_t)lengths[s];
    p.t = p.offsets[n];
    p.size = p.t * heads * head_dim;
    p.a.scale = 1 / sqrtf((float)head_dim);
    p.a.dropout = (fr_dropout){rate, fr_dropout_stream(7, 3, head_dim)};
    p.q = numbers(p.size, 1, 2);
    p.k = numbers(p.size, 2, 2);
    p.v = numbers(p.size, 3, 1);
    p.dout = numbers(p.size, 4, 1);
    return p;
}

typedef struct result {
    float *out, *lse, *dq, *dk, *dv;
} result;

/* Gradients start from random numbers: they must be added to. */
static result run(const fr_kernels *k, problem *p)
{
    result r = {numbers(p->size, 0, 1), numbers(p->t * p->a.n_heads, 0, 1), numbers(p->size, 5, 1),
                numbers(p->size, 6, 1), numbers(p->size, 7, 1)};
    p->a.offsets = p->offsets;
    k->attention_forward(r.out, r.lse, p->q, p->k, p->v, &p->a);
    k->attention_backward(r.dq, r.dk, r.dv, p->dout, r.out, r.lse, p->q, p->k, p->v, &p->a);
    return r;
}

static void compare(const size_t *lengths, size_t n, size_t heads, size_t head_dim, float rate)
{
    fr_kernels tables[MAX_DEVICES];
    int n_tables = devices(tables);
    problem p = make(lengths, n, heads, head_dim, rate);
    result want = run(fr_kernels_scalar(), &p);
    for (int i = 0; i < n_tables; i++) {
        result got = run(&tables[i], &p);
        assert_close("out", got.out, want.out, p.size, 1e-5);
        assert_close("lse", got.lse, want.lse, p.t * heads, 1e-5);
        assert_close("dq", got.dq, want.dq, p.size, 5e-5);
        assert_close("dk", got.dk, want.dk, p.size, 5e-5);
        assert_close("dv", got.dv, want.dv, p.size, 5e-5);
    }
    release_all();
}

static void agrees_with_the_oracle_on_mixed_lengths(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 100, 128, 131, 300};
    compare(lengths, 18, 2, 32, 0);
    compare(lengths, 18, 2, 32, 0.1f);
    compare(lengths, 17, 1, 64, 0.1f);
}

static void agrees_with_the_oracle_at_any_head_dim(void **state)
{
    (void)state;
    const size_t lengths[] = {5, 33, 1, 18};
    const size_t dims[] = {1, 2, 3, 5, 7, 8, 12, 16, 17, 31, 33, 40, 63, 65, 80, 96, 127, 128, 200};
    for (size_t i = 0; i < sizeof(dims) / sizeof(dims[0]); i++) {
        compare(lengths, 4, 3, dims[i], i % 2 ? 0.25f : 0);
    }
}

static void no_segments_and_empty_segments_are_fine(void **state)
{
    (void)state;
    const size_t lengths[] = {0, 3, 0, 0, 5, 0};
    compare(lengths, 6, 2, 32, 0);
    compare(lengths, 1, 2, 32, 0);
    compare(lengths, 0, 2, 32, 0);
}

static void large_scores_do_not_overflow(void **state)
{
    (void)state;
    const size_t lengths[] = {20, 50};
    problem p = make(lengths, 2, 2, 32, 0);
    p.a.offsets = p.offsets;
    for (size_t i = 0; i < p.size; i++) p.q[i] *= 100;
    fr_kernels tables[MAX_DEVICES];
    int n = devices(tables);
    result want = run(fr_kernels_scalar(), &p);
    for (int i = 0; i < n; i++) {
        result got = run(&tables[i], &p);
        assert_close("out", got.out, want.out, p.size, 2e-3);
        assert_close("lse", got.lse, want.lse, p.t * 2, 1e-5);
    }
    release_all();
}

static void bits_do_not_depend_on_threads_or_repeats(void **state)
{
    (void)state;
    const size_t lengths[] = {40, 128, 3,  77, 90, 128, 61, 12, 9,
                              30, 31,  70, 55, 45, 25,  15, 5,  60};
    problem p = make(lengths, 18, 4, 64, 0.1f);
    int threads = fr_kernels_threads();
    fr_kernels_set_threads(1);
    result want = run(fr_kernels_cpu(), &p);
    for (int n = 1; n <= 3; n++) {
        fr_kernels_set_threads(n);
        result got = run(fr_kernels_cpu(), &p);
        assert_same_bits("out", got.out, want.out, p.size);
        assert_same_bits("lse", got.lse, want.lse, p.t * 4);
        assert_same_bits("dq", got.dq, want.dq, p.size);
        assert_same_bits("dk", got.dk, want.dk, p.size);
        assert_same_bits("dv", got.dv, want.dv, p.size);
    }
    fr_kernels_set_threads(threads);
    release_all();
}

static void lse_and_unwanted_gradients_may_be_null(void **state)
{
    (void)state;
    const size_t lengths[] = {10, 33};
    problem p = make(lengths, 2, 2, 32, 0.1f);
    result want = run(fr_kernels_scalar(), &p);
    fr_kernels tables[MAX_DEVICES + 1];
    int n = devices(tables);
    tables[n++] = *fr_kernels_scalar();
    for (int i = 0; i < n; i++) {
        float *out = numbers(p.size, 0, 1);
        tables[i].attention_forward(out, NULL, p.q, p.k, p.v, &p.a);
        assert_close("out", out, want.out, p.size, 1e-5);
        float *g[3] = {numbers(p.size, 5, 1), numbers(p.size, 6, 1), numbers(p.size, 7, 1)};
        for (int j = 0; j < 3; j++) {
            tables[i].attention_backward(j == 0 ? g[0] : NULL, j == 1 ? g[1] : NULL,
                                         j == 2 ? g[2] : NULL, p.dout, want.out, want.lse, p.q, p.k,
                                         p.v, &p.a);
        }
        assert_close("dq", g[0], want.dq, p.size, 5e-5);
        assert_close("dk", g[1], want.dk, p.size, 5e-5);
        assert_close("dv", g[2], want.dv, p.size, 5e-5);
    }
    release_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_oracle_on_mixed_lengths),
        cmocka_unit_test(agrees_with_the_oracle_at_any_head_dim),
        cmocka_unit_test(no_segments_and_empty_segments_are_fine),
        cmocka_unit_test(large_scores_do_not_overflow),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_repeats),
        cmocka_unit_test(lse_and_unwanted_gradients_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
