/* A line of shell, what it prints and how it ends. */
#include "os/shell.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/test.h"

static fr_error err;

static bool at_once(void *ctx)
{
    (void)ctx;
    return true;
}

static void output_of_the_line_is_given_whole(void **state)
{
    (void)state;
    fr_str out = FR_STR_INIT;
    ASSERT_OK(fr_shell_read("echo a; echo b 'c d'; echo hidden >&2; cat; echo $LC_ALL", 10, NULL,
                            NULL, &out, &err));
    assert_string_equal(fr_str_text(&out), "a\nb c d\nC\n"); /* cat has no input */
    fr_str_release(&out);
}

static void failures_are_told_with_status_and_first_words(void **state)
{
    (void)state;
    fr_str out = FR_STR_INIT;
    ASSERT_FAILS(fr_shell_read("printf 'one\\001\\ntwo' >&2; exit 3", 10, NULL, NULL, &out, &err),
                 FR_ERR_IO, "exit status 3: one?");
    assert_null(strchr(err.message, '\n'));
    ASSERT_FAILS(fr_shell_read("kill -TERM $$", 10, NULL, NULL, &out, &err), FR_ERR_IO,
                 "signal 15");
    ASSERT_FAILS(fr_shell_read("syntax (", 10, NULL, NULL, &out, &err), FR_ERR_IO, "exit status");
    ASSERT_FAILS(fr_shell_read("yes", 10, NULL, NULL, &out, &err), FR_ERR_IO, "more than 65536");
    fr_str_release(&out);
}

static void line_that_takes_too_long_is_killed_with_all_its_children(void **state)
{
    (void)state;
    fr_str out = FR_STR_INIT;
    ASSERT_FAILS(fr_shell_read("sleep 1000 & echo $!; sleep 1000", 0.2, NULL, NULL, &out, &err),
                 FR_ERR_IO, "not done within 0.2 s");
    pid_t child = (pid_t)atol(fr_str_text(&out));
    assert_true(child > 0);
    /* The signal was sent; its descriptor becomes readable once the child has died of it. */
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    if (fd < 0) {
        assert_int_equal(errno, ESRCH); /* already waited for */
    } else {
        struct pollfd ended = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&ended, 1, 30000), 1);
        close(fd);
    }
    fr_str_release(&out);
}

static void child_that_outlives_the_line_is_not_waited_for(void **state)
{
    (void)state;
    fr_str out = FR_STR_INIT;
    ASSERT_OK(fr_shell_read("sleep 1000 & echo 5", 2000, NULL, NULL, &out, &err));
    assert_string_equal(fr_str_text(&out), "5\n");
    fr_str_release(&out);
}

static void wish_to_stop_ends_it(void **state)
{
    (void)state;
    fr_str out = FR_STR_INIT;
    ASSERT_FAILS(fr_shell_read("sleep 1000", 2000, at_once, NULL, &out, &err), FR_ERR_INTERRUPTED,
                 "interrupted");
    fr_str_release(&out);
}

static void blocked_and_ignored_signals_are_not_handed_on(void **state)
{
    (void)state;
    fr_str out = FR_STR_INIT;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    void (*old)(int) = signal(SIGTERM, SIG_IGN);
    fr_status st = fr_shell_read("kill -TERM $$; echo alive", 10, NULL, NULL, &out, &err);
    signal(SIGTERM, old);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ASSERT_FAILS(st, FR_ERR_IO, "signal 15");
    fr_str_release(&out);
}

static void output_comes_also_where_nobody_may_wait_for_children(void **state)
{
    (void)state;
    fr_str out = FR_STR_INIT;
    void (*old)(int) = signal(SIGCHLD, SIG_IGN);
    fr_status st = fr_shell_read("echo 5", 2000, NULL, NULL, &out, &err);
    signal(SIGCHLD, old);
    ASSERT_OK(st);
    assert_string_equal(fr_str_text(&out), "5\n");
    fr_str_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_of_the_line_is_given_whole),
        cmocka_unit_test(failures_are_told_with_status_and_first_words),
        cmocka_unit_test(line_that_takes_too_long_is_killed_with_all_its_children),
        cmocka_unit_test(child_that_outlives_the_line_is_not_waited_for),
        cmocka_unit_test(wish_to_stop_ends_it),
        cmocka_unit_test(output_comes_also_where_nobody_may_wait_for_children),
        cmocka_unit_test(blocked_and_ignored_signals_are_not_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
