#include "metric/accuracy.h"
#include "support/test.h"

static void an_item_without_an_answer_counts_as_wrong(void **state)
{
    (void)state;
    fr_error err;
    const int predicted[] = {1, 0, FR_LABEL_NO_ANSWER, 2}, truth[] = {1, 1, 0, 2};
    unsigned char correct[4];
    double accuracy;
    ASSERT_OK(fr_accuracy(predicted, truth, 4, correct, &accuracy, &err));
    ASSERT_NEAR(accuracy, 0.5, 0);
    const unsigned char expected[] = {1, 0, 0, 1};
    assert_memory_equal(correct, expected, 4);
    ASSERT_OK(fr_accuracy(predicted, truth, 1, NULL, &accuracy, &err));
    ASSERT_NEAR(accuracy, 1, 0);
}

static void no_items_and_no_truth_are_errors(void **state)
{
    (void)state;
    fr_error err;
    const int predicted[] = {0, -1}, truth[] = {0, -1};
    double accuracy;
    ASSERT_FAILS(fr_accuracy(predicted, truth, 0, NULL, &accuracy, &err), FR_ERR_USAGE, "no items");
    ASSERT_FAILS(fr_accuracy(predicted, truth, 2, NULL, &accuracy, &err), FR_ERR_FORMAT, "item 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_without_an_answer_counts_as_wrong),
        cmocka_unit_test(no_items_and_no_truth_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
