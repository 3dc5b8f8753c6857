/* test_threads.c - the number of threads, and waiting without spinning. */
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/support.h"

static void the_number_of_threads_can_be_set_and_reset(void **state)
{
    (void)state;
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    fr_kernels_set_threads(3);
#ifdef _OPENMP
    assert_int_equal(fr_kernels_threads(), 3);
    fr_kernels_set_threads(0);
    assert_int_equal(fr_kernels_threads(), CPU_COUNT(&set));
#else
    assert_int_equal(fr_kernels_threads(), 1);
#endif
}

/* Runs this program again with `arguments` as a shell line in front; returns its status. */
static int again(const char *environment, const char *argument)
{
    char self[4096], line[5000];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(n > 0);
    self[n] = '\0';
    snprintf(line, sizeof(line), "env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT %s '%s' %s", environment,
             self, argument);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_second_start_keeps_arguments_and_gives_children_a_clean_environment(void **state)
{
    (void)state;
    assert_int_equal(again("", "child"), 0);
    assert_int_equal(again("OMP_WAIT_POLICY=active", "child-of-user-policy"), 0);
}

static void idle_threads_do_not_spin(void **state)
{
    (void)state;
#ifndef _OPENMP
    skip();
#endif
    assert_int_equal(again("", "idle"), 0);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int child(char **argv)
{
    fr_kernels_wait_passively(argv);
    if (strcmp(argv[1], "child-of-user-policy") == 0) {
        const char *policy = getenv("OMP_WAIT_POLICY");
        return policy && strcmp(policy, "active") == 0 ? 0 : 1;
    }
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT") || getenv("FRUGAL_WAITS_PASSIVELY"))
        return 2;
    if (strcmp(argv[1], "child") == 0) return argv[2] == NULL ? 0 : 3;

    /* idle: a hundred short parallel regions with pauses; spinning costs about 8 ms each */
    enum { N = 100000 };
    float *x = numbers(N, 1, 1), *y = numbers(N, 2, 1);
    struct timespec pause = {0, 10 * 1000 * 1000};
    fr_kernels_set_threads(2);
    double start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < 50; i++) {
        fr_kernels_cpu()->add(y, x, 1, N);
        nanosleep(&pause, NULL);
    }
    double used = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    release_all();
    if (used > 0.15)
        fprintf(stderr, "50 short regions took %.0f ms of processor time\n", 1e3 * used);
    return used > 0.15 ? 4 : 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) return child(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_threads_can_be_set_and_reset),
        cmocka_unit_test(the_second_start_keeps_arguments_and_gives_children_a_clean_environment),
        cmocka_unit_test(idle_threads_do_not_spin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
