/* Interrupts, file systems, and short texts of /proc and /sys. */
#include "support/test.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fs.h"
#include "os/interrupt.h"
#include "os/pseudo.h"

static fr_error err;

static void first_signal_sets_the_flag(void **state)
{
    (void)state;
    ASSERT_OK(fr_interrupt_install(&err));
    assert_false(fr_interrupt_requested());
    raise(SIGTERM);
    assert_true(fr_interrupt_requested());
    assert_int_equal(fr_interrupt_signal(), SIGTERM);
    fr_interrupt_restore();
    ASSERT_OK(fr_interrupt_install(&err));
    assert_false(fr_interrupt_requested());
    fr_interrupt_restore();
}

static int status_of(void (*run)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        run();
        _exit(7);
    }
    waitpid(child, &status, 0);
    return status;
}

static void signal_twice(void)
{
    if (fr_interrupt_install(NULL)) _exit(1);
    raise(SIGINT);
    if (fr_interrupt_signal() != SIGINT) _exit(2);
    raise(SIGINT);
}

static void second_signal_ends_the_process(void **state)
{
    (void)state;
    int status = status_of(signal_twice);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

static void signal_where_ignored(void)
{
    signal(SIGINT, SIG_IGN);
    if (fr_interrupt_install(NULL)) _exit(1);
    raise(SIGINT);
    raise(SIGINT);
    _exit(fr_interrupt_requested() ? 3 : 0);
}

static void ignored_signal_stays_ignored(void **state)
{
    (void)state;
    int status = status_of(signal_where_ignored);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void network_file_systems_are_known_by_magic_number(void **state)
{
    (void)state;
    const char *name = NULL;
    assert_true(fr_fs_magic_is_network(0x6969, &name));
    assert_string_equal(name, "NFS");
    assert_true(fr_fs_magic_is_network(0xff534d42, &name));
    assert_string_equal(name, "CIFS");
    assert_true(fr_fs_magic_is_network(0x65735546, NULL));
    assert_false(fr_fs_magic_is_network(0xef53, &name)); /* ext4 */
    assert_null(name);
    assert_false(fr_fs_magic_is_network(0x01021994, NULL)); /* tmpfs */
    assert_false(fr_fs_is_network("/proc", &name));
    assert_false(fr_fs_is_network("/nonexistent", &name));
}

static void number_is_read_and_anything_else_is_an_error(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    uint64_t v = 0;
    test_write_file(dir, "n", "262143328850\n");
    ASSERT_OK(fr_pseudo_read_u64(dir, "n", &v, &err));
    assert_true(v == 262143328850u);
    static const char *const bad[] = {"",
                                      "\n",
                                      "-1\n",
                                      "+1\n",
                                      " 1\n",
                                      "0x10\n",
                                      "1 2\n",
                                      "1.5\n",
                                      "1a\n",
                                      "nan\n",
                                      "99999999999999999999\n",
                                      "\x01\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        test_write_file(dir, "n", bad[i]);
        ASSERT_FAILS(fr_pseudo_read_u64(dir, "n", &v, &err), FR_ERR_FORMAT, "/n");
    }
    test_write_bytes(dir, "n",
                     "12\0"
                     "34",
                     5);
    ASSERT_FAILS(fr_pseudo_read_u64(dir, "n", &v, &err), FR_ERR_FORMAT, "/n");
    ASSERT_FAILS(fr_pseudo_read_u64(dir, "gone", &v, &err), FR_ERR_IO, "/gone");
    assert_int_equal(errno, ENOENT);
    ASSERT_FAILS(fr_pseudo_read_u64("/", "proc", &v, &err), FR_ERR_IO, "directory");
}

static void long_text_is_cut_and_a_fifo_does_not_hang(void **state)
{
    (void)state;
    const char *dir = test_tmp_dir();
    char buf[5], path[300];
    size_t n = 0;
    test_write_file(dir, "long", "abcdefgh");
    ASSERT_OK(fr_pseudo_read(dir, "long", buf, sizeof(buf), &n, &err));
    assert_string_equal(buf, "abcd");
    assert_int_equal(n, 4);
    snprintf(path, sizeof(path), "%s/fifo", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    ASSERT_OK(fr_pseudo_read(dir, "fifo", buf, sizeof(buf), &n, &err));
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_signal_sets_the_flag),
        cmocka_unit_test(second_signal_ends_the_process),
        cmocka_unit_test(ignored_signal_stays_ignored),
        cmocka_unit_test(network_file_systems_are_known_by_magic_number),
        cmocka_unit_test(number_is_read_and_anything_else_is_an_error),
        cmocka_unit_test(long_text_is_cut_and_a_fifo_does_not_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
