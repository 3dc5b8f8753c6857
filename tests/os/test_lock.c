/* The lock of an output folder. */
#include "support/test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/lock.h"

static fr_error err;

static const char *lock_path(void)
{
    static char path[300];
    snprintf(path, sizeof(path), "%s/lock", test_tmp_dir());
    return path;
}

static void second_taker_is_told_the_pid_of_the_first(void **state)
{
    (void)state;
    const char *path = lock_path();
    char words[64];
    fr_lock *lock = NULL, *other = NULL;
    ASSERT_OK(fr_lock_acquire(&lock, path, &err));
    snprintf(words, sizeof(words), "process %ld;", (long)getpid());
    ASSERT_FAILS(fr_lock_acquire(&other, path, &err), FR_ERR_BUSY, words);
    assert_null(other);
    fr_lock_release(lock);
    ASSERT_OK(fr_lock_acquire(&other, path, &err));
    fr_lock_release(other);
    fr_lock_release(NULL);
}

static void lock_of_a_killed_process_is_free_again(void **state)
{
    (void)state;
    const char *path = lock_path();
    char words[64];
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test must not leave it behind */
        fr_lock *held = NULL;
        char ok = fr_lock_acquire(&held, path, NULL) == FR_OK ? 'y' : 'n';
        (void)!write(ready[1], &ok, 1);
        pause();
        _exit(0);
    }
    char byte = 0;
    fr_lock *lock = NULL;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    snprintf(words, sizeof(words), "process %ld;", (long)child);
    ASSERT_FAILS(fr_lock_acquire(&lock, path, &err), FR_ERR_BUSY, words);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ASSERT_OK(fr_lock_acquire(&lock, path, &err));
    fr_lock_release(lock);
    close(ready[0]);
    close(ready[1]);
}

static void stale_lock_file_without_a_holder_means_nothing(void **state)
{
    (void)state;
    const char *path = test_write_file(test_tmp_dir(), "lock", "1\n");
    fr_lock *lock = NULL;
    ASSERT_OK(fr_lock_acquire(&lock, path, &err));
    fr_lock_release(lock);
}

static void missing_folder_is_an_io_error_that_names_the_path(void **state)
{
    (void)state;
    fr_lock *lock = NULL;
    ASSERT_FAILS(fr_lock_acquire(&lock, "/nonexistent/lock", &err), FR_ERR_IO, "/nonexistent/lock");
    assert_null(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_taker_is_told_the_pid_of_the_first),
        cmocka_unit_test(lock_of_a_killed_process_is_free_again),
        cmocka_unit_test(stale_lock_file_without_a_holder_means_nothing),
        cmocka_unit_test(missing_folder_is_an_io_error_that_names_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
