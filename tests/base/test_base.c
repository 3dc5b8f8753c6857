/* test_base.c - errors, arena, strings, random numbers, SHA-256. */
#include "base/arena.h"
#include "base/embedded.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "base/str.h"
#include "support/test.h"

static void error_prefix_goes_in_front(void **state)
{
    (void)state;
    fr_error err;
    assert_int_equal(fr_error_set(&err, FR_ERR_IO, "no %s", "file"), FR_ERR_IO);
    fr_error_prefix(&err, "study %d", 7);
    assert_string_equal(err.message, "study 7: no file");
    assert_string_equal(fr_status_name(FR_ERR_IO), "ERR_IO");
}

static void arena_memory_is_aligned_and_reused_after_a_reset(void **state)
{
    (void)state;
    fr_arena a;
    fr_arena_init(&a, 128);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 1; i < 100; i++) {
            unsigned char *p = fr_arena_calloc(&a, i, 3);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % FR_ALIGN, 0);
            for (size_t j = 0; j < 3 * i; j++) assert_int_equal(p[j], 0);
            memset(p, 0xff, 3 * i);
        }
        size_t used = a.used;
        fr_arena_reset(&a);
        assert_int_equal(a.used, 0);
        assert_int_equal(a.high_water, used);
    }
    fr_arena_release(&a);
}

static void arena_refuses_a_product_that_overflows(void **state)
{
    (void)state;
    fr_arena a;
    fr_arena_init(&a, 0);
    assert_null(fr_arena_alloc(&a, SIZE_MAX / 2, 3));
    assert_null(fr_arena_alloc(&a, SIZE_MAX - 10, 1));
    fr_arena_release(&a);
}

static void strings_grow(void **state)
{
    (void)state;
    fr_error err;
    fr_str s = FR_STR_INIT;
    assert_string_equal(fr_str_text(&s), "");
    for (int i = 0; i < 1000; i++) ASSERT_OK(fr_str_appendf(&s, &err, "%d,", i));
    assert_int_equal(s.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_memory_equal(s.data + s.len - 4, "999,", 5);
    fr_str_release(&s);
}

static void nearest_name_is_suggested_only_when_it_is_near(void **state)
{
    (void)state;
    const char *names[] = {"margin", "models", "endpoint"};
    assert_string_equal(fr_nearest("marign", names, 3), "margin");
    assert_string_equal(fr_nearest("model", names, 3), "models");
    assert_null(fr_nearest("zebra", names, 3));
}

static void sha256_of_the_published_vectors(void **state)
{
    (void)state;
    /* FIPS 180-4 examples, and a million times "a". */
    char hex[FR_SHA256_HEX_SIZE];
    fr_sha256 h;
    fr_sha256_init(&h);
    fr_sha256_update(&h, "abc", 3);
    fr_sha256_final_hex(&h, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    fr_sha256_init(&h);
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    fr_sha256_update(&h, two, strlen(two));
    fr_sha256_final_hex(&h, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    fr_sha256_init(&h);
    for (int i = 0; i < 100000; i++) fr_sha256_update(&h, "aaaaaaaaaa", 10);
    fr_sha256_final_hex(&h, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void normal_numbers_have_mean_0_and_variance_1(void **state)
{
    (void)state;
    fr_rng rng;
    fr_rng_init(&rng, 7);
    double sum = 0, squares = 0;
    const int n = 200000;
    for (int i = 0; i < n; i++) {
        double x = fr_rng_normal(&rng);
        sum += x;
        squares += x * x;
    }
    ASSERT_NEAR(sum / n, 0, 0.01);
    ASSERT_NEAR(squares / n, 1, 0.02);
}

static void items_are_drawn_equally_often_and_to_the_last(void **state)
{
    (void)state;
    fr_rng rng;
    size_t seen[7] = {0};
    fr_rng_init(&rng, 2);
    for (int i = 0; i < 70000; i++) {
        uint64_t item = fr_rng_item(&rng, 7);
        assert_true(item < 7);
        seen[item]++;
    }
    for (int i = 0; i < 7; i++) ASSERT_NEAR((double)seen[i], 10000, 400); /* 4 sd */
    assert_true(fr_rng_item(&rng, 1) == 0);
}

static void shuffle_is_a_permutation_fixed_by_the_seed(void **state)
{
    (void)state;
    size_t a[50], b[50], seen[50] = {0};
    for (size_t i = 0; i < 50; i++) a[i] = b[i] = i;
    fr_rng rng;
    fr_rng_init(&rng, 1);
    fr_rng_shuffle(&rng, a, 50);
    fr_rng_init(&rng, 1);
    fr_rng_shuffle(&rng, b, 50);
    assert_memory_equal(a, b, sizeof(a));
    for (size_t i = 0; i < 50; i++) seen[a[i]]++;
    for (size_t i = 0; i < 50; i++) assert_int_equal(seen[i], 1);
}

static void unknown_embedded_file_is_null(void **state)
{
    (void)state;
    size_t size;
    assert_null(fr_embedded_find("no/such/file", &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_prefix_goes_in_front),
        cmocka_unit_test(arena_memory_is_aligned_and_reused_after_a_reset),
        cmocka_unit_test(arena_refuses_a_product_that_overflows),
        cmocka_unit_test(strings_grow),
        cmocka_unit_test(nearest_name_is_suggested_only_when_it_is_near),
        cmocka_unit_test(sha256_of_the_published_vectors),
        cmocka_unit_test(normal_numbers_have_mean_0_and_variance_1),
        cmocka_unit_test(items_are_drawn_equally_often_and_to_the_last),
        cmocka_unit_test(shuffle_is_a_permutation_fixed_by_the_seed),
        cmocka_unit_test(unknown_embedded_file_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
