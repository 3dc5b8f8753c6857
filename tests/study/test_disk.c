/* A full disk: one clear error, nothing lost, and the study goes on when there is room. */
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

/* Runs in a child, whose exit status is 0 done, 1 failed; its message goes to `message`. */
static int run_child(const char *file, const char *out, size_t file_limit, char *message,
                     size_t size)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fr_error err = {0};
        if (file_limit) {
            struct rlimit limit = {file_limit, file_limit};
            signal(SIGXFSZ, SIG_IGN);
            if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(99);
        }
        fr_status st = fixture_run(file, out, NULL, &err);
        ssize_t n = write(pipes[1], err.message, strlen(err.message));
        (void)n;
        _exit(st == FR_OK ? 0 : 1);
    }
    close(pipes[1]);
    ssize_t n = read(pipes[0], message, size - 1);
    message[n > 0 ? n : 0] = '\0';
    close(pipes[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const char *write_study(const char *dir)
{
    return test_write_file(dir, "study.yaml", FIXTURE_HEAD "models:\n" FIXTURE_TINY);
}

static void a_file_that_may_not_grow_is_one_error_and_nothing_is_lost(void **state)
{
    (void)state;
    const char *dir = fixture_folder();
    char out[512], message[FR_ERROR_MAX];
    snprintf(out, sizeof(out), "%s/out", dir);
    const char *file = write_study(dir);
    double n_before = 0;
    size_t n_failed = 0, limits[] = {20000, 60000, 120000, 200000};
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        if (run_child(file, out, limits[i], message, sizeof(message)) == 0) continue;
        n_failed++;
        if (!message[0]) fail_msg("no message at a limit of %zu bytes", limits[i]);
        if (strchr(message, '\n')) fail_msg("more than one line: %s", message);
        if (!strstr(message, out)) fail_msg("the path is not in: %s", message);
        if (i < 2) continue; /* the schema may not be there yet */
        double n = fixture_query(out, "SELECT COUNT(*) FROM result");
        assert_true(n >= n_before);
        n_before = n;
    }
    assert_true(n_failed >= 2);
    assert_int_equal(run_child(file, out, 0, message, sizeof(message)), 0);
    ASSERT_NEAR(fixture_query(out, "SELECT COUNT(*) FROM result"), 2 * FIXTURE_TEST, 0);
}

static void a_full_file_system_is_one_error_that_says_so(void **state)
{
    (void)state;
    const char *dir = fixture_folder(), *disk = test_tmp_dir();
    char out[512], message[FR_ERROR_MAX], filler[512];
    if (mount("tmpfs", disk, "tmpfs", 0, "size=8m") != 0) {
        print_message("mounting a tmpfs is not permitted here (%s)\n", strerror(errno));
        skip();
    }
    snprintf(out, sizeof(out), "%s/out", disk);
    snprintf(filler, sizeof(filler), "%s/filler", disk);
    const char *file = write_study(dir);
    /* leave some 190 kB: enough to begin, not enough to end */
    FILE *f = fopen(filler, "wb");
    for (int i = 0; f && i < 8000; i++) {
        char block[1024] = {1};
        if (fwrite(block, 1, sizeof(block), f) != sizeof(block)) break;
    }
    if (f) fclose(f);
    int failed = run_child(file, out, 0, message, sizeof(message));
    unlink(filler);
    int then = run_child(file, out, 0, filler, sizeof(filler));
    double n = fixture_query(out, "SELECT COUNT(*) FROM result");
    umount2(disk, MNT_DETACH);
    assert_int_equal(failed, 1);
    if (!strstr(message, "No space left") && !strstr(message, "no space left"))
        fail_msg("the full disk is not named: %s", message);
    if (then != 0) fail_msg("with room again: %s", filler);
    ASSERT_NEAR(n, 2 * FIXTURE_TEST, 0);
}

static void results_are_read_from_a_read_only_folder(void **state)
{
    (void)state;
    const char *disk = test_tmp_dir();
    fr_error err;
    fr_results r;
    char odd[512];
    if (mount("tmpfs", disk, "tmpfs", 0, "size=8m") != 0) {
        print_message("mounting a tmpfs is not permitted here (%s)\n", strerror(errno));
        skip();
    }
    fixture_data(disk, "test.jsonl", 20, 3);
    fixture_predictions(disk, "a.jsonl", 20, 1);
    const char *file = test_write_file(disk, "study.yaml",
                                       "name: x\ntask: sentiment\ndata: {test: test.jsonl}\n"
                                       "models: [{name: a, predictions: a.jsonl}]\n");
    snprintf(odd, sizeof(odd), "%s/100%% #1", disk);
    fr_status ran = fixture_run(file, odd, NULL, &err);
    int remounted = mount(NULL, disk, NULL, MS_REMOUNT | MS_RDONLY, NULL);
    fr_status read = ran == FR_OK ? fr_study_results(&r, odd, &err) : ran;
    umount2(disk, MNT_DETACH);
    assert_int_equal(remounted, 0);
    if (read != FR_OK) fail_msg("%s", err.message);
    assert_int_equal(fixture_model(&r, "a")->n_items, 20);
    fr_results_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_may_not_grow_is_one_error_and_nothing_is_lost),
        cmocka_unit_test(a_full_file_system_is_one_error_that_says_so),
        cmocka_unit_test(results_are_read_from_a_read_only_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
