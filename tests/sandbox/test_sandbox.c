/* Verdicts, their order and words, bad options, what is said where no jail holds, and the end of
 * everything with the process that runs it. Attempts to get out are in test_escapes.c. */
#include "support/test.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "os/process.h"
#include "sandbox/sandbox.h"

static fr_sandbox *shared;

static int open_shared(void **state)
{
    fr_error err = {0};
    fr_sandbox_options options = FR_SANDBOX_OPTIONS_INIT;
    (void)state;
    if (fr_sandbox_open(&shared, &options, &err) != FR_OK) print_message("%s\n", err.message);
    return 0;
}

static int close_shared(void **state)
{
    (void)state;
    fr_sandbox_close(shared);
    return 0;
}

static fr_sandbox *sandbox_or_skip(void)
{
    if (!shared) skip();
    return shared;
}

static fr_program program_of(const char *code, const char *tests)
{
    return (fr_program){
        .code = code, .tests = tests, .entry = "f", .limits = FR_SANDBOX_LIMITS_INIT};
}

static fr_program_verdict verdict_of(const char *code, const char *tests)
{
    fr_error err = {0};
    fr_program_verdict v;
    fr_program p = program_of(code, tests);
    ASSERT_OK(fr_sandbox_run(sandbox_or_skip(), &p, 1, &v, &err));
    return v;
}

static void expect(fr_program_verdict v, fr_outcome outcome, const char *words)
{
    if (v.outcome != outcome || !strstr(v.why, words))
        fail_msg("%s (%s), and not %s (%s)", fr_outcome_name(v.outcome), v.why,
                 fr_outcome_name(outcome), words);
}

static void verdicts_keep_the_order_of_their_programs(void **state)
{
    (void)state;
    enum { N = 12 };
    fr_error err = {0};
    fr_program programs[N];
    fr_program_verdict verdicts[N];
    char code[N][64];
    for (int i = 0; i < N; i++) {
        /* The first take the longest. */
        snprintf(code[i], sizeof(code[i]), "import time\ntime.sleep(%g)\ndef f(): return %d",
                 i < 2 ? 0.5 : 0.0, i % 3);
        programs[i] = program_of(code[i], "assert f() == 0");
    }
    ASSERT_OK(fr_sandbox_run(sandbox_or_skip(), programs, N, verdicts, &err));
    for (int i = 0; i < N; i++)
        expect(verdicts[i], i % 3 ? FR_OUTCOME_FAILED : FR_OUTCOME_PASSED, "");
}

static void a_failed_test_is_named_by_line_and_text(void **state)
{
    (void)state;
    expect(verdict_of("def f(): return 1", "assert f() == 1\nassert f() == 2, 'two'\n"),
           FR_OUTCOME_FAILED, "AssertionError: two in the tests, line 2: assert f() == 2");
}

static void an_exception_in_a_call_is_a_failure_with_its_words(void **state)
{
    (void)state;
    expect(verdict_of("def f(): return {}['x']", "f()"), FR_OUTCOME_FAILED, "KeyError: \"'x'\"");
    expect(verdict_of("class Mine(ValueError): pass\ndef f(): raise Mine('no')", "f()"),
           FR_OUTCOME_FAILED, "Mine (ValueError): no");
}

static void a_test_may_expect_an_exception(void **state)
{
    (void)state;
    expect(verdict_of("def f(): raise ValueError('no')",
                      "try:\n    f()\n    raise SystemExit(1)\nexcept ValueError as e:\n"
                      "    assert str(e) == 'no'\n"),
           FR_OUTCOME_PASSED, "");
}

static void data_of_all_kinds_arrives_as_it_was(void **state)
{
    (void)state;
    /* Python's own repr on both sides is the oracle. */
    expect(
        verdict_of(
            "def f(x): return x, repr(x)\n",
            "import sys\n"
            "for x in (None, True, -0.0, 1e-320, float('inf'), 3 ** 5000, -7, 2 - 3j, '',\n"
            "          'gr\\u00fc\\u00df \\U0001f600 \\ud800 \\0', b'\\0\\xff', bytearray(b'x'),\n"
            "          range(3, 9, 2), [], [[1], (2,), (), {3: {4}}], frozenset({5}), {6, 7},\n"
            "          {'b': 1, 'a': (None, 2.5)}, int, object):\n"
            "    sys.set_int_max_str_digits(0)\n"
            "    back, there = f(x)\n"
            "    assert type(back) is type(x) and repr(back) == repr(x), repr(x)\n"
            "    if x != 3 ** 5000: assert there == repr(x), there\n"
            "nan = f(float('nan'))[0]\n"
            "assert nan != nan\n"),
        FR_OUTCOME_PASSED, "");
}

static void what_a_call_does_to_its_arguments_is_seen(void **state)
{
    (void)state;
    expect(verdict_of("def f(a, d, s): a.sort(); a[0].append(9); d['x'] = a; s.clear()",
                      "a, d, s = [[2], [1]], {}, {1}\ninner = a[1]\nf(a, d, s)\n"
                      "assert a == [[1, 9], [2]] and d == {'x': [[1, 9], [2]]} and s == set()\n"),
           FR_OUTCOME_PASSED, "");
}

static void objects_of_the_candidate_are_asked_from_afar(void **state)
{
    (void)state;
    expect(verdict_of("class Node:\n"
                      "    def __init__(self, v): self.v, self.next = v, None\n"
                      "    def __eq__(self, o): return self.v == o.v\n"
                      "def f(n):\n"
                      "    while n: yield n.v; n = n.next\n",
                      "a, b = Node(1), Node(2)\na.next = b\n"
                      "assert list(f(a)) == [1, 2] and a.next == Node(2) and a != b\n"
                      "assert a != 1 and a.next.v == 2\n"),
           FR_OUTCOME_PASSED, "");
}

static void a_candidate_may_be_called_as_a_builtin_but_not_hide_another(void **state)
{
    (void)state;
    fr_error err = {0};
    fr_program_verdict v;
    fr_program p = program_of("def sum(a, b): return a + b\ndef abs(x): return 0",
                              "assert sum(1, 2) == 3 and abs(-1) == 1");
    p.entry = "sum";
    ASSERT_OK(fr_sandbox_run(sandbox_or_skip(), &p, 1, &v, &err));
    expect(v, FR_OUTCOME_PASSED, "");
}

static void first_words_of_the_output_are_kept(void **state)
{
    (void)state;
    fr_program_verdict v = verdict_of("import sys\nprint('hello')\nprint('x' * 5000)\n"
                                      "def f(): print('err', file=sys.stderr)",
                                      "f()");
    expect(v, FR_OUTCOME_PASSED, "");
    assert_memory_equal(v.output, "hello\nxxx", 9);
    assert_int_equal(strlen(v.output), FR_SANDBOX_OUTPUT_SIZE - 1);
}

static void programs_of_no_known_encoding_or_of_much_text_are_told_apart(void **state)
{
    (void)state;
    fr_str code = FR_STR_INIT;
    expect(verdict_of("def f(): return '\xff\xfe'", "f()"), FR_OUTCOME_ERROR, "UnicodeEncodeError");
    expect(verdict_of("", "f()"), FR_OUTCOME_FAILED, "NameError");
    for (int i = 0; i < 20000; i++)
        assert_int_equal(fr_str_appendf(&code, NULL, "x%d = '%d' * 10\n", i, i), FR_OK);
    assert_int_equal(fr_str_appendf(&code, NULL, "def f(): return x19999"), FR_OK);
    expect(verdict_of(code.data, "assert f() == '19999' * 10"), FR_OUTCOME_PASSED, "");
    fr_str_release(&code);
}

static void a_program_without_tests_passes_when_it_loads(void **state)
{
    (void)state;
    expect(verdict_of("x = 1", NULL), FR_OUTCOME_PASSED, "");
    expect(verdict_of("x = y", NULL), FR_OUTCOME_ERROR, "NameError");
    expect(verdict_of("raise Exception('\\udc80' * 300)", NULL), FR_OUTCOME_ERROR,
           "udc80"); /* long */
}

static void bad_limits_programs_and_slots_are_refused(void **state)
{
    (void)state;
    fr_error err = {0};
    fr_program_verdict v;
    fr_sandbox *sb = NULL;
    fr_program p = program_of("x = 1", NULL);
    fr_sandbox_options options = FR_SANDBOX_OPTIONS_INIT;
    p.limits.memory_bytes = 0;
    ASSERT_FAILS(fr_sandbox_run(sandbox_or_skip(), &p, 1, &v, &err), FR_ERR_USAGE, "program 0");
    p = program_of(NULL, NULL);
    ASSERT_FAILS(fr_sandbox_run(shared, &p, 1, &v, &err), FR_ERR_USAGE, "no code");
    ASSERT_OK(fr_sandbox_run(shared, NULL, 0, NULL, &err));
    options.slots = 0;
    ASSERT_FAILS(fr_sandbox_open(&sb, &options, &err), FR_ERR_USAGE, "slots");
    options = (fr_sandbox_options)FR_SANDBOX_OPTIONS_INIT;
    options.python = "python3; rm";
    ASSERT_FAILS(fr_sandbox_open(&sb, &options, &err), FR_ERR_USAGE, "absolute path");
    options.python = "/nowhere/python3";
    ASSERT_FAILS(fr_sandbox_open(&sb, &options, &err), FR_ERR_UNSUPPORTED,
                 "/nowhere/python3 cannot be run");
}

static void memory_too_small_for_python_is_no_verdict(void **state)
{
    (void)state;
    fr_error err = {0};
    fr_program_verdict v;
    fr_program p = program_of("x = 1", NULL);
    p.limits.memory_bytes = 1 << 20;
    ASSERT_FAILS(fr_sandbox_run(sandbox_or_skip(), &p, 1, &v, &err), FR_ERR_IO,
                 "before it had begun");
    assert_int_equal(v.outcome, FR_OUTCOME_NOT_RUN);
}

static void where_nothing_holds_the_reasons_are_told(void **state)
{
    (void)state;
    fr_error err = {0};
    fr_sandbox *sb = NULL;
    fr_sandbox_options options = FR_SANDBOX_OPTIONS_INIT;
    options.bwrap = "/nowhere/bwrap";
    options.no_landlock = true;
    ASSERT_FAILS(fr_sandbox_open(&sb, &options, &err), FR_ERR_UNSUPPORTED,
                 "/nowhere/bwrap: No such file or directory; install package bubblewrap");
    assert_null(sb);
    options.no_bubblewrap = true;
    ASSERT_FAILS(fr_sandbox_open(&sb, &options, &err), FR_ERR_UNSUPPORTED,
                 "nothing here can hold untrusted code");
}

static void a_worse_jail_says_why_not_a_better_one(void **state)
{
    (void)state;
    fr_error err = {0};
    fr_sandbox *sb = NULL;
    fr_sandbox_options options = FR_SANDBOX_OPTIONS_INIT;
    /* A bwrap that may make no namespaces, as in a container. */
    const char *bwrap = test_write_file(test_tmp_dir(), "bwrap",
                                        "#!/bin/sh\necho 'bwrap: No permissions' >&2\nexit 1\n");
    chmod(bwrap, 0755);
    char folder[256];
    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(bwrap, '/') - bwrap), bwrap);
    chmod(folder, 0755);
    options.bwrap = bwrap;
    fr_status st = fr_sandbox_open(&sb, &options, &err);
    if (st == FR_ERR_UNSUPPORTED) skip(); /* no Landlock here */
    ASSERT_OK(st);
    assert_int_equal(fr_sandbox_jail(sb), FR_JAIL_LANDLOCK);
    assert_non_null(strstr(fr_sandbox_describe(sb), "Landlock"));
    assert_non_null(strstr(fr_sandbox_why_not(sb), "bwrap: No permissions"));
    fr_sandbox_close(sb);
}

static void a_jail_that_does_not_hide_is_not_taken(void **state)
{
    (void)state;
    fr_error err = {0};
    fr_sandbox *sb = NULL;
    fr_sandbox_options options = FR_SANDBOX_OPTIONS_INIT;
    /* One that starts what it is told and walls off nothing. */
    const char *bwrap =
        test_write_file(test_tmp_dir(), "bwrap",
                        "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\n\"$@\"\n");
    chmod(bwrap, 0755);
    char folder[256];
    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(bwrap, '/') - bwrap), bwrap);
    chmod(folder, 0755);
    options.bwrap = bwrap;
    options.no_landlock = true;
    ASSERT_FAILS(fr_sandbox_open(&sb, &options, &err), FR_ERR_UNSUPPORTED,
                 "a first program: failed");
}

static void unprotected_code_runs_only_where_it_was_asked_for(void **state)
{
    (void)state;
    fr_error err = {0};
    fr_sandbox *sb = NULL;
    fr_program_verdict v;
    fr_program p =
        program_of("import os\ndef f(): return len(os.listdir('/etc'))", "assert f() > 0");
    fr_sandbox_options options = FR_SANDBOX_OPTIONS_INIT;
    options.no_bubblewrap = options.no_landlock = options.run_unprotected_code = true;
    ASSERT_OK(fr_sandbox_open(&sb, &options, &err));
    assert_int_equal(fr_sandbox_jail(sb), FR_JAIL_NONE);
    ASSERT_OK(fr_sandbox_run(sb, &p, 1, &v, &err));
    expect(v, FR_OUTCOME_PASSED, "");
    fr_sandbox_close(sb);
}

static bool after_a_while(void *ctx)
{
    return fr_clock_monotonic(NULL) > *(double *)ctx;
}

static void an_interrupted_run_leaves_nobody(void **state)
{
    (void)state;
    fr_error err = {0};
    fr_sandbox *sb = NULL;
    fr_program_verdict v[2];
    double until_s = 1e300;
    fr_program p[2] = {program_of("while True: pass", NULL), program_of("x = 1", NULL)};
    fr_sandbox_options options = FR_SANDBOX_OPTIONS_INIT;
    options.slots = 1;
    options.should_stop = after_a_while;
    options.ctx = &until_s;
    sandbox_or_skip();
    ASSERT_OK(fr_sandbox_open(&sb, &options, &err));
    until_s = fr_clock_monotonic(NULL) + 0.3;
    ASSERT_FAILS(fr_sandbox_run(sb, p, 2, v, &err), FR_ERR_INTERRUPTED, "interrupted");
    assert_int_equal(v[1].outcome, FR_OUTCOME_NOT_RUN);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    fr_sandbox_close(sb);
}

/* Living processes of Python below us that have used this much time. */
static size_t n_below_us(double cpu_s)
{
    fr_process *all = NULL;
    size_t n = 0, found = 0;
    assert_int_equal(fr_process_tree("/proc", getpid(), &all, &n, NULL), FR_OK);
    for (size_t i = 0; i < n; i++)
        if (!all[i].exiting && !strncmp(all[i].name, "python3", 7) && all[i].cpu_s >= cpu_s)
            found++;
    free(all);
    return found;
}

static void programs_die_with_the_process_that_runs_them(void **state)
{
    (void)state;
    sandbox_or_skip();
    /* Orphans come to us, so that they can be seen and waited for. */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t runner = fork();
    if (runner == 0) {
        fr_program_verdict v[2];
        fr_program p[2] = {program_of("while True: pass", NULL),
                           program_of("while True: pass", NULL)};
        _exit(fr_sandbox_run(shared, p, 2, v, NULL) != FR_OK);
    }
    double until_s = fr_clock_monotonic(NULL) + 60;
    while (n_below_us(0.3) < 2 && fr_clock_monotonic(NULL) < until_s) usleep(10000);
    assert_int_equal(n_below_us(0.3), 2); /* both candidates are in their loop */
    kill(runner, SIGKILL);
    while (fr_clock_monotonic(NULL) < until_s)
        if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD) break;
    assert_int_equal(n_below_us(0), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_keep_the_order_of_their_programs),
        cmocka_unit_test(a_failed_test_is_named_by_line_and_text),
        cmocka_unit_test(an_exception_in_a_call_is_a_failure_with_its_words),
        cmocka_unit_test(a_test_may_expect_an_exception),
        cmocka_unit_test(data_of_all_kinds_arrives_as_it_was),
        cmocka_unit_test(what_a_call_does_to_its_arguments_is_seen),
        cmocka_unit_test(objects_of_the_candidate_are_asked_from_afar),
        cmocka_unit_test(a_candidate_may_be_called_as_a_builtin_but_not_hide_another),
        cmocka_unit_test(first_words_of_the_output_are_kept),
        cmocka_unit_test(programs_of_no_known_encoding_or_of_much_text_are_told_apart),
        cmocka_unit_test(a_program_without_tests_passes_when_it_loads),
        cmocka_unit_test(bad_limits_programs_and_slots_are_refused),
        cmocka_unit_test(memory_too_small_for_python_is_no_verdict),
        cmocka_unit_test(where_nothing_holds_the_reasons_are_told),
        cmocka_unit_test(a_worse_jail_says_why_not_a_better_one),
        cmocka_unit_test(a_jail_that_does_not_hide_is_not_taken),
        cmocka_unit_test(unprotected_code_runs_only_where_it_was_asked_for),
        cmocka_unit_test(an_interrupted_run_leaves_nobody),
        cmocka_unit_test(programs_die_with_the_process_that_runs_them),
    };
    return cmocka_run_group_tests(tests, open_shared, close_shared);
}
