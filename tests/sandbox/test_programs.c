/* HumanEval and MBPP with the solutions that they come with, which all pass, and with functions
 * that return None, which all fail: every 20th program, or with FR_TEST_WHOLE=1 in the environment
 * the whole of both (six minutes on 2 cores). Skipped where ../shared is absent. */
#include "support/test.h"

#include "base/clock.h"
#include "base/str.h"
#include "format/rows.h"
#include "sandbox/sandbox.h"

enum { MAX_PROGRAMS = 512, ONE_IN = 20 };

typedef struct set {
    fr_program programs[MAX_PROGRAMS];
    fr_program_verdict verdicts[MAX_PROGRAMS];
    fr_str code[MAX_PROGRAMS], tests[MAX_PROGRAMS], setup[MAX_PROGRAMS], entry[MAX_PROGRAMS];
    char id[MAX_PROGRAMS][32];
    size_t n;
} set;

static const char *text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    assert_non_null(text);
    return text;
}

static void append(fr_str *s, const char *text)
{
    assert_int_equal(fr_str_append(s, text, strlen(text), NULL), FR_OK);
}

static void add_humaneval(set *s, size_t i, const json_t *row, bool solved)
{
    snprintf(s->id[i], sizeof(s->id[i]), "%s", text_of(row, "task_id"));
    append(&s->entry[i], text_of(row, "entry_point"));
    append(&s->setup[i], text_of(row, "prompt"));
    append(&s->code[i], text_of(row, "prompt"));
    append(&s->code[i], solved ? text_of(row, "canonical_solution") : "    return None\n");
    append(&s->tests[i], text_of(row, "test"));
    append(&s->tests[i], "\ncheck(");
    append(&s->tests[i], text_of(row, "entry_point"));
    append(&s->tests[i], ")\n");
}

/* The last function of the solution that the tests call. */
static void find_entry(fr_str *entry, const char *code, const char *tests)
{
    for (const char *at = code; (at = strstr(at, "def ")); at += 4) {
        char call[128];
        int n = (int)strcspn(at + 4, " (:");
        snprintf(call, sizeof(call), "%.*s(", n, at + 4);
        if (!strstr(tests, call)) continue;
        fr_str_clear(entry);
        assert_int_equal(fr_str_append(entry, at + 4, (size_t)n, NULL), FR_OK);
    }
}

static void add_mbpp(set *s, size_t i, const json_t *row, bool solved)
{
    size_t at;
    json_t *line;
    snprintf(s->id[i], sizeof(s->id[i]), "MBPP/%d",
             (int)json_integer_value(json_object_get(row, "task_id")));
    json_array_foreach(json_object_get(row, "test_list"), at, line)
    {
        append(&s->tests[i], json_string_value(line));
        append(&s->tests[i], "\n");
    }
    append(&s->setup[i], text_of(row, "test_setup_code"));
    append(&s->code[i], text_of(row, "code"));
    find_entry(&s->entry[i], text_of(row, "code"), fr_str_text(&s->tests[i]));
    if (solved) return;
    append(&s->code[i], "\n\ndef ");
    append(&s->code[i], fr_str_text(&s->entry[i]));
    append(&s->code[i], "(*arguments):\n    return None\n");
}

static void read_set(set *s, const char *file, size_t n, bool solved,
                     void (*add)(set *s, size_t i, const json_t *row, bool solved))
{
    fr_error err = {0};
    fr_rows *rows = NULL;
    const json_t *row = NULL;
    size_t n_rows = 0;
    ASSERT_OK(fr_rows_open(&rows, test_shared_or_skip(file), FR_ROWS_JSONL, &err));
    for (;; n_rows++) {
        ASSERT_OK(fr_rows_next(rows, &row, &err));
        if (!row) break;
        if (!getenv("FR_TEST_WHOLE") && n_rows % ONE_IN) continue;
        size_t i = s->n++;
        assert_true(i < MAX_PROGRAMS);
        add(s, i, row, solved);
        s->programs[i] = (fr_program){.code = fr_str_text(&s->code[i]),
                                      .setup = fr_str_text(&s->setup[i]),
                                      .tests = fr_str_text(&s->tests[i]),
                                      .entry = fr_str_text(&s->entry[i]),
                                      .limits = FR_SANDBOX_LIMITS_INIT};
        s->programs[i].limits.cpu_s = 30; /* MBPP/123 takes 5 s */
        s->programs[i].limits.wall_s = 300;
    }
    fr_rows_close(rows);
    assert_int_equal(n_rows, n);
}

static void release_set(set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        fr_str_release(&s->code[i]);
        fr_str_release(&s->tests[i]);
        fr_str_release(&s->setup[i]);
        fr_str_release(&s->entry[i]);
    }
    free(s);
}

static void all_become(const char *file, size_t n, bool solved,
                       void (*add)(set *s, size_t i, const json_t *row, bool solved))
{
    fr_error err = {0};
    fr_sandbox *sb = NULL;
    fr_sandbox_options options = FR_SANDBOX_OPTIONS_INIT;
    fr_outcome wanted = solved ? FR_OUTCOME_PASSED : FR_OUTCOME_FAILED;
    size_t wrong = 0;
    test_shared_or_skip(file);
    if (fr_sandbox_open(&sb, &options, &err) != FR_OK) {
        print_message("%s\n", err.message);
        skip();
    }
    set *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    read_set(s, file, n, solved, add);
    double began_s = fr_clock_monotonic(NULL);
    ASSERT_OK(fr_sandbox_run(sb, s->programs, s->n, s->verdicts, &err));
    print_message("%zu programs in %.1f s, %u at a time: %s\n", s->n,
                  fr_clock_monotonic(NULL) - began_s, options.slots, fr_sandbox_describe(sb));
    for (size_t i = 0; i < s->n; i++) {
        if (s->verdicts[i].outcome == wanted) continue;
        print_message("%s: %s: %s\n", s->id[i], fr_outcome_name(s->verdicts[i].outcome),
                      s->verdicts[i].why);
        wrong++;
    }
    assert_int_equal(wrong, 0);
    release_set(s);
    fr_sandbox_close(sb);
}

static void canonical_solutions_of_humaneval_pass(void **state)
{
    (void)state;
    all_become("data/code-generation/HumanEval.jsonl", 164, true, add_humaneval);
}

static void bodies_that_return_none_fail_humaneval(void **state)
{
    (void)state;
    all_become("data/code-generation/HumanEval.jsonl", 164, false, add_humaneval);
}

static void reference_solutions_of_mbpp_pass(void **state)
{
    (void)state;
    all_become("data/code-generation/mbpp.test.jsonl", 500, true, add_mbpp);
}

static void functions_that_return_none_fail_mbpp(void **state)
{
    (void)state;
    all_become("data/code-generation/mbpp.test.jsonl", 500, false, add_mbpp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_solutions_of_humaneval_pass),
        cmocka_unit_test(bodies_that_return_none_fail_humaneval),
        cmocka_unit_test(reference_solutions_of_mbpp_pass),
        cmocka_unit_test(functions_that_return_none_fail_mbpp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
