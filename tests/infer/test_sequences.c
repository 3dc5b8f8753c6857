/* test_sequences.c - packing sequences into batches. */
#include "infer/infer.h"
#include "infer/sequences.h"
#include "support/test.h"

static void a_gathered_batch_holds_the_chosen_sequences_in_order(void **state)
{
    (void)state;
    fr_error err;
    fr_sequences s = FR_SEQUENCES_INIT;
    fr_gathered g = FR_GATHERED_INIT;
    int32_t ids[300], types[300];
    for (int32_t i = 0; i < 300; i++) {
        for (int32_t j = 0; j < i; j++) {
            ids[j] = 1000 * i + j;
            types[j] = j % 2;
        }
        ASSERT_OK(fr_sequences_append(&s, ids, i % 3 ? types : NULL, (size_t)i, i, &err));
    }
    for (int round = 0; round < 2; round++) {
        size_t index[] = {7, 0, 299, 7};
        ASSERT_OK(fr_batch_gather(&g, &s, index, 4, &err));
        assert_int_equal(g.batch.n_segments, 4);
        assert_int_equal(g.batch.offsets[0], 0);
        assert_int_equal(g.batch.offsets[1], 7);
        assert_int_equal(g.batch.offsets[2], 7);
        assert_int_equal(g.batch.offsets[3], 306);
        assert_int_equal(g.batch.offsets[4], 313);
        assert_int_equal(g.batch.ids[6], 7006);
        assert_int_equal(g.batch.ids[305], 299298);
        assert_int_equal(g.batch.types[6], 0);
        assert_int_equal(g.batch.types[5], 1);
        assert_int_equal(g.rows.labels[2], 299);
    }
    fr_gathered_release(&g);
    fr_sequences_release(&s);
}

static void argmax_is_the_first_of_equals(void **state)
{
    (void)state;
    float x[] = {1, 3, 3, 2};
    assert_int_equal(fr_argmax(x, 4), 1);
    assert_int_equal(fr_argmax(x, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gathered_batch_holds_the_chosen_sequences_in_order),
        cmocka_unit_test(argmax_is_the_first_of_equals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
