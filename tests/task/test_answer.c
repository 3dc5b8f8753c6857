/* test_answer.c - reading a class out of free text. */
#include "support/test.h"
#include "task/task.h"

static int32_t read_answer(const char *answer)
{
    char *labels[] = {(char *)"negative", (char *)"positive"};
    fr_task task = {.labels = labels, .n_labels = 2};
    return fr_task_read_answer(&task, answer, strlen(answer));
}

static void the_first_label_word_counts_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(read_answer("positive"), 1);
    assert_int_equal(read_answer("Negative."), 0);
    assert_int_equal(read_answer("**POSITIVE**\n"), 1);
    assert_int_equal(read_answer("The sentiment is positive, not negative."), 1);
    assert_int_equal(read_answer("negative or positive? negative"), 0);
}

static void a_negated_word_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(read_answer("not positive"), -1);
    assert_int_equal(read_answer("It is not positive but negative."), 0);
    assert_int_equal(read_answer("neither negative nor positive"), -1);
    assert_int_equal(read_answer("It isn't negative: positive"), 1);
    assert_int_equal(read_answer("non-negative"), -1);
}

static void a_part_of_a_word_is_no_answer(void **state)
{
    (void)state;
    assert_int_equal(read_answer("positively dreadful"), -1);
    assert_int_equal(read_answer("seropositive"), -1);
    assert_int_equal(read_answer("positive_x"), -1);
    assert_int_equal(read_answer(""), -1);
    assert_int_equal(read_answer("I cannot tell."), -1);
    assert_int_equal(read_answer("posit"), -1);
}

static void bytes_after_the_length_are_not_read(void **state)
{
    (void)state;
    char *labels[] = {(char *)"negative", (char *)"positive"};
    fr_task task = {.labels = labels, .n_labels = 2};
    assert_int_equal(fr_task_read_answer(&task, "positive", 5), -1);
    assert_int_equal(fr_task_read_answer(&task, "x\0positive", 10), 1);
}

/* As DeepSeek-R1 and Qwen3 write, where their server does not take thoughts apart. */
static void thoughts_are_no_answer(void **state)
{
    (void)state;
    assert_int_equal(read_answer("<think>\nIs it positive? No.\n</think>\n\nNegative"), 0);
    assert_int_equal(read_answer("It looks positive ... </think> negative"), 0);
    assert_int_equal(read_answer("<think>positive</think> hm </think> negative"), 0);
    assert_int_equal(read_answer("\n<think>\nIt says positive, but then"), -1); /* cut off */
    assert_int_equal(read_answer("<think>positive</think>"), -1);
    assert_int_equal(read_answer("I <think> it is positive"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_label_word_counts_in_any_case),
        cmocka_unit_test(a_negated_word_does_not_count),
        cmocka_unit_test(a_part_of_a_word_is_no_answer),
        cmocka_unit_test(bytes_after_the_length_are_not_read),
        cmocka_unit_test(thoughts_are_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
