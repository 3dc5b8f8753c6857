/* test_attention.c - attention over packed segments against the oracle, and its bits. */
#include "base/half.h"
#include "kernel/support.h"

typedef struct problem {
    fr_attention a;
    uint32_t offsets[64];
    size_t t, size;         /* tokens; floats of out */
    size_t q_size, kv_size; /* floats of q; of k and of v */
    float *q, *k, *v, *dout;
} problem;

static problem make_like(fr_attention a, const size_t *lengths, size_t n, size_t heads,
                         size_t head_dim, float rate)
{
    problem p = {.a = a};
    p.a.n_segments = n;
    p.a.n_heads = heads;
    p.a.head_dim = head_dim;
    for (size_t s = 0; s < n; s++) p.offsets[s + 1] = p.offsets[s] + (uint32_t)lengths[s];
    p.t = p.offsets[n];
    p.size = p.t * heads * head_dim;
    p.a.scale = 1 / sqrtf((float)head_dim);
    p.a.dropout = (fr_dropout){rate, fr_dropout_stream(7, 3, head_dim)};
    p.q_size = p.t * fr_attention_q_stride(&p.a);
    p.kv_size = p.t * fr_attention_kv_stride(&p.a);
    p.q = numbers(p.q_size, 1, 2);
    p.k = numbers(p.kv_size, 2, 2);
    p.v = numbers(p.kv_size, 3, 1);
    p.dout = numbers(p.size, 4, 1);
    return p;
}

static problem make(const size_t *lengths, size_t n, size_t heads, size_t head_dim, float rate)
{
    return make_like((fr_attention){0}, lengths, n, heads, head_dim, rate);
}

typedef struct result {
    float *out, *lse, *dq, *dk, *dv;
} result;

/* Gradients start from random numbers: they must be added to. */
static result run(const fr_kernels *k, problem *p)
{
    result r = {numbers(p->size, 0, 1), numbers(p->t * p->a.n_heads, 0, 1),
                numbers(p->q_size, 5, 1), numbers(p->kv_size, 6, 1), numbers(p->kv_size, 7, 1)};
    p->a.offsets = p->offsets;
    k->attention_forward(r.out, r.lse, p->q, p->k, p->v, &p->a);
    k->attention_backward(r.dq, r.dk, r.dv, p->dout, r.out, r.lse, p->q, p->k, p->v, &p->a);
    return r;
}

static void compare_like(fr_attention a, const size_t *lengths, size_t n, size_t heads,
                         size_t head_dim, float rate)
{
    fr_kernels tables[MAX_DEVICES];
    int n_tables = devices(tables);
    problem p = make_like(a, lengths, n, heads, head_dim, rate);
    result want = run(fr_kernels_scalar(), &p);
    for (int i = 0; i < n_tables; i++) {
        result got = run(&tables[i], &p);
        assert_close("out", got.out, want.out, p.size, 1e-5);
        assert_close("lse", got.lse, want.lse, p.t * heads, 1e-5);
        assert_close("dq", got.dq, want.dq, p.q_size, 5e-5);
        assert_close("dk", got.dk, want.dk, p.kv_size, 5e-5);
        assert_close("dv", got.dv, want.dv, p.kv_size, 5e-5);
    }
    release_all();
}

static void compare(const size_t *lengths, size_t n, size_t heads, size_t head_dim, float rate)
{
    compare_like((fr_attention){0}, lengths, n, heads, head_dim, rate);
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

static void causal_attention_agrees_with_the_oracle(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 100, 131};
    compare_like((fr_attention){.causal = true}, lengths, 12, 2, 32, 0);
    compare_like((fr_attention){.causal = true}, lengths, 12, 3, 20, 0.1f);
}

static void a_window_hides_what_is_too_old(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 33, 5, 100, 161}, windows[] = {1, 2, 7, 16, 31, 32, 33, 50, 200};
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
        compare_like((fr_attention){.causal = true, .window = windows[i]}, lengths, 5, 2, 16,
                     i % 2 ? 0.2f : 0);
}

static void heads_share_keys_and_values(void **state)
{
    (void)state;
    const size_t lengths[] = {3, 40, 1, 66}, many[] = {5, 9, 2, 7, 3, 1, 4, 8, 20, 6, 2, 2};
    compare_like((fr_attention){.causal = true, .n_kv_heads = 2}, lengths, 4, 6, 16, 0);
    compare_like((fr_attention){.n_kv_heads = 1}, lengths, 4, 4, 24, 0.1f);
    compare_like((fr_attention){.causal = true, .n_kv_heads = 3}, many, 12, 9, 32, 0);
}

static void rows_may_stand_apart(void **state)
{
    (void)state;
    const size_t lengths[] = {9, 34};
    compare_like((fr_attention){.causal = true, .n_kv_heads = 2, .q_stride = 131, .kv_stride = 77},
                 lengths, 2, 4, 24, 0);
}

/* The last queries of every sequence, with its keys kept elsewhere, give the rows that the whole
 * sequence gives. */
static void check_cached(const fr_kernels *k, fr_attention a, const size_t *lengths,
                         const size_t *queries, size_t n, size_t heads, size_t head_dim)
{
    a.causal = true;
    problem p = make_like(a, lengths, n, heads, head_dim, 0);
    p.a.offsets = p.offsets;
    size_t row = heads * head_dim, q_stride = fr_attention_q_stride(&p.a), n_rows = 0;
    float *all = numbers(p.size, 0, 1), *q = numbers(p.q_size, 0, 1), *out = numbers(p.size, 0, 1);
    fr_kernels_scalar()->attention_forward(all, NULL, p.q, p.k, p.v, &p.a);
    uint32_t offsets[64] = {0};
    fr_kv kv[64];
    for (size_t s = 0; s < n; s++) {
        size_t first = p.offsets[s], from = p.offsets[s + 1] - queries[s];
        kv[s] = (fr_kv){p.k + first * fr_attention_kv_stride(&p.a),
                        p.v + first * fr_attention_kv_stride(&p.a), lengths[s], false};
        memcpy(q + n_rows * q_stride, p.q + from * q_stride, queries[s] * q_stride * sizeof(float));
        memmove(all + n_rows * row, all + from * row, queries[s] * row * sizeof(float));
        n_rows += queries[s];
        offsets[s + 1] = (uint32_t)n_rows;
    }
    p.a.offsets = offsets;
    k->attention_cached(out, q, kv, &p.a);
    assert_close("out", out, all, n_rows * row, 1e-5);
}

static void kept_keys_give_the_rows_of_the_whole_sequence(void **state)
{
    (void)state;
    fr_kernels tables[MAX_DEVICES + 1];
    int n = devices(tables);
    tables[n++] = *fr_kernels_scalar();
    const size_t lengths[] = {1, 37, 64, 100, 8}, one[] = {1, 1, 1, 1, 1}, few[] = {1, 4, 2, 3, 1},
                 many[] = {1, 36, 33, 5, 8};
    const size_t *const queries[] = {one, few, many};
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < 3; j++) {
            check_cached(&tables[i], (fr_attention){0}, lengths, queries[j], 5, 2, 32);
            check_cached(&tables[i], (fr_attention){.window = 20, .n_kv_heads = 2}, lengths,
                         queries[j], 5, 6, 50);
            check_cached(&tables[i], (fr_attention){.n_kv_heads = 1, .q_stride = 200}, lengths,
                         queries[j], 5, 3, 64);
            release_all();
        }
    }
}

/* Keys and values of whole arrays of floats as binary16, and what they then stand for. */
static uint16_t *rounded(float *x, size_t n)
{
    uint16_t *half = (uint16_t *)(void *)numbers((n + 1) / 2, 0, 1);
    for (size_t i = 0; i < n; i++) {
        half[i] = fr_float_to_half(x[i]);
        x[i] = fr_half_to_float(half[i]);
    }
    return half;
}

/* Binary16 keys and values are those of the same numbers as floats; and against the floats they
 * were rounded from, outputs are off by what 2^-11 of each can do: of values directly, and through
 * scores that are off by delta = 2^-11 scale sum |q k|, so that weights are off by e^(2 delta). */
static void check_half(const fr_kernels *k, fr_attention a, size_t queries, size_t heads,
                       size_t head_dim)
{
    const size_t lengths[] = {71, 8, 40};
    a.causal = true;
    problem p = make_like(a, lengths, 3, heads, head_dim, 0);
    uint32_t offsets[4] = {0};
    fr_kv kept[3], wide[3], before[3];
    size_t stride = fr_attention_kv_stride(&p.a), n = 3 * queries * heads * head_dim;
    float *k0 = copy_of(p.k, p.kv_size), *v0 = copy_of(p.v, p.kv_size);
    uint16_t *hk = rounded(p.k, p.kv_size), *hv = rounded(p.v, p.kv_size);
    for (size_t s = 0; s < 3; s++) {
        size_t at = p.offsets[s] * stride;
        kept[s] = (fr_kv){hk + at, hv + at, lengths[s], true};
        wide[s] = (fr_kv){p.k + at, p.v + at, lengths[s], false};
        before[s] = (fr_kv){k0 + at, v0 + at, lengths[s], false};
        offsets[s + 1] = offsets[s] + (uint32_t)queries;
    }
    p.a.offsets = offsets;
    float *got = numbers(n, 0, 1), *want = numbers(n, 0, 1), *exact = numbers(n, 0, 1);
    k->attention_cached(got, p.q, kept, &p.a);
    fr_kernels_scalar()->attention_cached(want, p.q, wide, &p.a);
    fr_kernels_scalar()->attention_cached(exact, p.q, before, &p.a);
    assert_close("out", got, want, n, 1e-5);
    double q_most = 0, k_most = 0, v_most = 0;
    for (size_t i = 0; i < p.q_size; i++) q_most = fmax(q_most, fabs((double)p.q[i]));
    for (size_t i = 0; i < p.kv_size; i++) {
        k_most = fmax(k_most, fabs((double)k0[i]));
        v_most = fmax(v_most, fabs((double)v0[i]));
    }
    double delta = 0x1p-11 * (double)p.a.scale * (double)head_dim * q_most * k_most;
    double bound = v_most * (0x1p-11 + exp(2 * delta) - 1);
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)exact[i]) <= bound))
            fail_msg("out[%zu] = %.9g, from floats %.9g, bound %.3g", i, got[i], exact[i], bound);
}

static void binary16_keys_give_what_they_stand_for(void **state)
{
    (void)state;
    fr_kernels tables[MAX_DEVICES + 1];
    int n = devices(tables);
    tables[n++] = *fr_kernels_scalar();
    for (int i = 0; i < n; i++) {
        for (size_t queries = 1; queries < 9; queries += 3) {
            check_half(&tables[i], (fr_attention){0}, queries, 2, 33);
            check_half(&tables[i], (fr_attention){.n_kv_heads = 1}, queries, 7, 64);
            check_half(&tables[i], (fr_attention){.n_kv_heads = 2, .window = 9, .kv_stride = 51},
                       queries, 6, 17);
            release_all();
        }
    }
}

static void numbers_become_binary16_as_the_oracle_rounds_them(void **state)
{
    (void)state;
    enum { N = 4099 };
    float x[N];
    uint16_t want[N], got[N + 1];
    fr_kernels tables[MAX_DEVICES];
    for (int i = 0; i < N; i++) /* all magnitudes, halfway cases, over- and underflow */
        x[i] = ldexpf(1 + (float)(i % 129) / 2048 + (i % 3 ? 0 : 0x1p-11f), i % 47 - 28) *
               (i % 2 ? -1 : 1);
    x[7] = INFINITY;
    fr_kernels_scalar()->to_half(want, x, N);
    int n = devices(tables);
    for (int i = 0; i < n; i++) {
        for (size_t length = N - 17; length <= N; length++) {
            got[length] = 0xabcd;
            tables[i].to_half(got, x, length);
            assert_memory_equal(got, want, length * sizeof(*got));
            assert_int_equal(got[length], 0xabcd);
        }
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
        cmocka_unit_test(causal_attention_agrees_with_the_oracle),
        cmocka_unit_test(a_window_hides_what_is_too_old),
        cmocka_unit_test(heads_share_keys_and_values),
        cmocka_unit_test(rows_may_stand_apart),
        cmocka_unit_test(kept_keys_give_the_rows_of_the_whole_sequence),
        cmocka_unit_test(binary16_keys_give_what_they_stand_for),
        cmocka_unit_test(numbers_become_binary16_as_the_oracle_rounds_them),
        cmocka_unit_test(agrees_with_the_oracle_at_any_head_dim),
        cmocka_unit_test(no_segments_and_empty_segments_are_fine),
        cmocka_unit_test(large_scores_do_not_overflow),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_repeats),
        cmocka_unit_test(lse_and_unwanted_gradients_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
