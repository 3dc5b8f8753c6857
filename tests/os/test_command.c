/* Commands and what comes of them, by each way of counting.
 *
 * The commands are this very program, called with a word and a number. The oracle for CPU seconds
 * is a cgroup that the test makes around everything. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/cgroup.h"
#include "os/command.h"

static fr_error err;

/* Set: the cgroup.procs that a tree writes itself into. */
static const char *const outer_procs = "FRUGAL_TEST_OUTER";

/* ---- the commands ---- */

static void burn(double seconds)
{
    struct timespec t;
    do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    while ((double)t.tv_sec + 1e-9 * (double)t.tv_nsec < seconds);
}

/* 1 to 50 ms; 2 ms in the mean. */
static double burden(int i)
{
    return 1e-3 * (i % 200 == 199 ? 50 : i % 50 == 49 ? 20 : i % 10 == 9 ? 5 : 1);
}

static _Noreturn void burn_and_exit(int i)
{
    burn(burden(i));
    _exit(0);
}

static void spawn_plain(int i)
{
    pid_t pid = fork();
    if (pid == 0) burn_and_exit(i);
    waitpid(pid, NULL, 0);
}

static void spawn_orphan(int i)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() == 0) burn_and_exit(i);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

/* A parent that ignores SIGCHLD, of children i to i + n. */
static void spawn_forgotten(int i, int n)
{
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGCHLD, SIG_IGN);
        for (int k = 0; k < n; k++) {
            if (fork() == 0) burn_and_exit(i + k);
            wait(NULL); /* ECHILD, once it has ended */
        }
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

/* Goes where the test counts, if it says so. */
static bool enter_outer(void)
{
    const char *procs = getenv(outer_procs);
    if (!procs) return true;
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, "0", 1) == 1;
    if (fd >= 0) close(fd);
    return ok;
}

/* n children, every tenth an orphan, and of each hundred twenty forgotten if `forget`. Ends when
 * all of them have: they hold the pipe open. */
static int be_tree(int n, bool forget)
{
    int ends[2];
    char byte;
    if (pipe(ends) || !enter_outer()) return 1;
    for (int i = 0; i < n;) {
        if (forget && i % 100 == 20) {
            spawn_forgotten(i, 20);
            i += 20;
            continue;
        }
        if (i % 10 == 5)
            spawn_orphan(i);
        else
            spawn_plain(i);
        i++;
    }
    close(ends[1]);
    return read(ends[0], &byte, 1) == 0 ? 0 : 1;
}

/* Says on standard output that it is there, and ends with 9 when the signal comes. */
static int be_waiting(void)
{
    sigset_t set;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (write(1, "ready", 5) != 5 || sigwait(&set, &sig)) return 1;
    return sig == SIGTERM ? 9 : 1;
}

/* Leaves a child behind that waits for the end of standard input, and tells its pid. */
static int be_daemon(void)
{
    int ready[2];
    char byte;
    if (pipe(ready)) return 1;
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        (void)!write(ready[1], "x", 1);
        (void)!read(0, &byte, 1);
        _exit(0);
    }
    if (read(ready[0], &byte, 1) != 1) return 1;
    return write(1, &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1;
}

/* 0 when signals are as a program expects them. */
static int be_ordinary(void)
{
    sigset_t mask;
    struct sigaction pipe_action, child_action;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    sigaction(SIGPIPE, NULL, &pipe_action);
    sigaction(SIGCHLD, NULL, &child_action);
    if (sigismember(&mask, SIGTERM) || sigismember(&mask, SIGINT)) return 1;
    if (pipe_action.sa_handler != SIG_DFL) return 2;
    return child_action.sa_handler == SIG_DFL ? 0 : 3;
}

static int be(const char *what, int n)
{
    if (!strcmp(what, "tree")) return be_tree(n, false);
    if (!strcmp(what, "forgetful")) return be_tree(n, true);
    if (!strcmp(what, "ignoring")) return signal(SIGCHLD, SIG_IGN) == SIG_ERR;
    if (!strcmp(what, "burner")) return burn(1e-3 * n), 0;
    if (!strcmp(what, "waiting")) return be_waiting();
    if (!strcmp(what, "daemon")) return be_daemon();
    if (!strcmp(what, "ordinary")) return be_ordinary();
    return 99;
}

/* ---- running them ---- */

static char own_path[PATH_MAX];

static const fr_counting ways[] = {FR_COUNT_CGROUP, FR_COUNT_PERF, FR_COUNT_REAPER};
static const char *const way_names[] = {"cgroup", "perf", "reaper"};
enum { N_WAYS = 3 };

/* NULL, with a word to the reader, where this place does not allow that way. */
static fr_command *open_way(fr_counting way)
{
    fr_command *c;
    fr_command_options o = FR_COMMAND_OPTIONS_INIT;
    o.no_cgroup = way != FR_COUNT_CGROUP;
    o.no_perf = way == FR_COUNT_REAPER;
    ASSERT_OK(fr_command_create(&c, &o, &err));
    if (fr_command_counting(c) == way) return c;
    print_message("skipped for %s: %s\n", way_names[way], fr_command_why_not(c));
    fr_command_destroy(c);
    return NULL;
}

static fr_command_result run_words(fr_command *c, const char *what, int n)
{
    char number[16];
    fr_command_result r;
    snprintf(number, sizeof(number), "%d", n);
    const char *const argv[] = {own_path, what, number, NULL};
    ASSERT_OK(fr_command_run(c, argv, &r, &err));
    return r;
}

static fr_command_result run_shell(fr_command *c, const char *script)
{
    fr_command_result r;
    const char *const argv[] = {"sh", "-c", script, NULL};
    ASSERT_OK(fr_command_run(c, argv, &r, &err));
    return r;
}

/* ---- what is to be shown ---- */

static void exit_status_and_signal_pass_through(void **state)
{
    (void)state;
    for (int i = 0; i < N_WAYS; i++) {
        fr_command *c = open_way(ways[i]);
        if (!c) continue;
        fr_command_result r = run_shell(c, "exit 7");
        assert_int_equal(r.status, 7);
        assert_int_equal(r.signal, 0);
        r = run_shell(c, "kill -TERM $$");
        assert_int_equal(r.status, 128 + SIGTERM);
        assert_int_equal(r.signal, SIGTERM);
        assert_int_equal(r.stop_signal, 0);
        assert_true(r.duration_s > 0);
        assert_int_equal(r.n_left, 0);
        fr_command_destroy(c);
    }
}

static void a_command_that_cannot_be_started_gives_127_or_126(void **state)
{
    (void)state;
    const char *file = test_write_file(test_tmp_dir(), "plain", "text");
    for (int i = 0; i < N_WAYS; i++) {
        fr_command *c = open_way(ways[i]);
        fr_command_result r;
        if (!c) continue;
        ASSERT_OK(fr_command_run(c, (const char *[]){"/no/such/program", NULL}, &r, &err));
        assert_int_equal(r.status, 127);
        assert_int_equal(r.start_errno, ENOENT);
        ASSERT_OK(fr_command_run(c, (const char *[]){file, NULL}, &r, &err));
        assert_int_equal(r.status, 126);
        assert_int_equal(r.start_errno, EACCES);
        assert_int_equal(run_shell(c, "exit 0").start_errno, 0); /* and nothing is broken */
        fr_command_destroy(c);
    }
}

static void signals_of_the_command_are_as_if_it_was_run_without_us(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < N_WAYS; i++) {
        fr_command *c = open_way(ways[i]);
        if (!c) continue;
        assert_int_equal(run_words(c, "ordinary", 0).status, 0);
        fr_command_destroy(c);
    }
    signal(SIGPIPE, SIG_DFL);
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGTERM));
}

/* Standard input or output of this program replaced by one end of a pipe; the other end. */
static int replace_stream(int stream, int *saved)
{
    int ends[2];
    *saved = fcntl(stream, F_DUPFD_CLOEXEC, 10);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(dup2(ends[stream], stream) == stream);
    close(ends[stream]);
    return ends[!stream];
}

static void put_back(int stream, int saved)
{
    dup2(saved, stream);
    close(saved);
}

static void standard_input_and_output_are_the_commands(void **state)
{
    (void)state;
    for (int i = 0; i < N_WAYS; i++) {
        fr_command *c = open_way(ways[i]);
        int in_before, out_before;
        char text[16] = "";
        if (!c) continue;
        fflush(stdout);
        int in = replace_stream(0, &in_before), out = replace_stream(1, &out_before);
        assert_int_equal(write(in, "hello", 5), 5);
        close(in);
        fr_command_result r = run_shell(c, "cat");
        put_back(0, in_before);
        put_back(1, out_before);
        assert_int_equal(r.status, 0);
        assert_int_equal(read(out, text, sizeof(text)), 5);
        assert_string_equal(text, "hello");
        close(out);
        fr_command_destroy(c);
    }
}

static void a_signal_sent_to_us_reaches_the_command_and_we_outlive_it(void **state)
{
    (void)state;
    for (int i = 0; i < N_WAYS; i++) {
        fr_command *c = open_way(ways[i]);
        int before;
        if (!c) continue;
        fflush(stdout);
        int out = replace_stream(1, &before);
        pid_t sender = fork();
        if (sender == 0) {
            char ready[5];
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (size_t n = 0; n < 5;) {
                ssize_t got = read(out, ready + n, 5 - n);
                if (got <= 0) _exit(1);
                n += (size_t)got;
            }
            _exit(kill(getppid(), SIGTERM) ? 1 : 0);
        }
        fr_command_result r = run_words(c, "waiting", 0);
        put_back(1, before);
        close(out);
        waitpid(sender, NULL, 0);
        assert_int_equal(r.status, 9);
        assert_int_equal(r.stop_signal, SIGTERM);
        fr_command_destroy(c);
    }
}

static void a_signal_before_the_start_keeps_the_command_from_starting(void **state)
{
    (void)state;
    fr_command *c = open_way(FR_COUNT_REAPER);
    fr_command_result r;
    raise(SIGTERM);
    ASSERT_FAILS(fr_command_run(c, (const char *[]){"true", NULL}, &r, &err), FR_ERR_INTERRUPTED,
                 "true");
    assert_int_equal(run_shell(c, "exit 3").status, 3);
    fr_command_destroy(c);
}

static void a_command_that_daemonises_is_noted_and_left_alone(void **state)
{
    (void)state;
    for (int i = 0; i < N_WAYS; i++) {
        fr_command *c = open_way(ways[i]);
        int in_before, out_before;
        pid_t pid = 0;
        char dir[PATH_MAX] = "";
        if (!c) continue;
        if (ways[i] == FR_COUNT_CGROUP) {
            const char *at = strchr(fr_command_method(c), '/');
            snprintf(dir, sizeof(dir), "%.*s", (int)strcspn(at, ")"), at);
            assert_int_equal(access(dir, F_OK), 0);
        }
        fflush(stdout);
        int in = replace_stream(0, &in_before), out = replace_stream(1, &out_before);
        fr_command_result r = run_words(c, "daemon", 0);
        put_back(0, in_before);
        put_back(1, out_before);
        assert_int_equal(r.status, 0);
        assert_int_equal(read(out, &pid, sizeof(pid)), sizeof(pid));
        assert_int_equal(r.n_left, 1);
        assert_int_equal(r.left_pid, pid);
        assert_true(strlen(r.left_name) > 0);
        assert_int_equal(kill(pid, 0), 0); /* it lives */
        const fr_process_set *set = fr_command_processes(c);
        assert_false(set->contains(set->ctx, pid)); /* and is no longer ours */
        assert_int_equal(run_shell(c, "exit 0").n_left, 0);
        fr_command_destroy(c);
        if (dir[0]) assert_int_equal(access(dir, F_OK), -1);
        assert_int_equal(kill(pid, 0), 0);
        close(in);
        close(out);
    }
}

typedef struct look {
    fr_command *command;
    int out; /* what the command writes */
    bool contains_it, contains_us;
    fr_usage usage;
} look;

/* Reads the command's pid from its output, looks at the set, and ends the command. */
static void *look_while_it_runs(void *arg)
{
    look *l = arg;
    const fr_process_set *set = fr_command_processes(l->command);
    char text[32] = "";
    for (size_t n = 0; n < sizeof(text) - 1 && !strchr(text, '\n');) {
        ssize_t got = read(l->out, text + n, sizeof(text) - 1 - n);
        if (got <= 0) return NULL;
        n += (size_t)got;
    }
    pid_t pid = (pid_t)atol(text);
    if (pid <= 0) return NULL;
    l->contains_it = set->contains(set->ctx, pid);
    l->contains_us = set->contains(set->ctx, getpid());
    if (set->usage(set->ctx, &l->usage, NULL)) l->usage.n_processes = 0;
    kill(pid, SIGKILL);
    return NULL;
}

static void the_set_tells_who_belongs_to_it_while_it_runs(void **state)
{
    (void)state;
    for (int i = 0; i < N_WAYS; i++) {
        fr_command *c = open_way(ways[i]);
        int before;
        pthread_t thread;
        if (!c) continue;
        fflush(stdout);
        look l = {.command = c, .out = replace_stream(1, &before)};
        assert_int_equal(pthread_create(&thread, NULL, look_while_it_runs, &l), 0);
        fr_command_result r = run_shell(c, "echo $$; while :; do :; done");
        put_back(1, before);
        pthread_join(thread, NULL);
        close(l.out);
        assert_int_equal(r.signal, SIGKILL);
        assert_true(l.contains_it);
        assert_false(l.contains_us);
        assert_int_equal(l.usage.n_processes, 1);
        assert_true(l.usage.rss_bytes > 50000);
        fr_command_destroy(c);
    }
}

static void cpu_seconds_add_up_over_runs(void **state)
{
    (void)state;
    for (int i = 0; i < N_WAYS; i++) {
        fr_command *c = open_way(ways[i]);
        fr_usage u;
        if (!c) continue;
        const fr_process_set *set = fr_command_processes(c);
        fr_command_result a = run_words(c, "burner", 100), b = run_words(c, "burner", 400);
        /* a sanitizer's start takes its part, the more the busier the machine */
        assert_true(a.cpu_s >= 0.1 && b.cpu_s >= 0.4);
        ASSERT_NEAR(b.cpu_s - a.cpu_s, 0.3, 0.1);
        ASSERT_OK(set->usage(set->ctx, &u, &err));
        ASSERT_NEAR(u.cpu_s, a.cpu_s + b.cpu_s, 1e-6);
        assert_int_equal(u.n_processes, 0);
        assert_false(a.lower_bound);
        fr_command_destroy(c);
    }
}

static void peak_memory_is_that_of_the_largest_process_not_ours(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    print_message("ThreadSanitizer's own memory counts in every fork of ours\n");
    skip();
#endif
    enum { OURS = 64 << 20 };
    char *ballast = malloc(OURS);
    assert_non_null(ballast);
    memset(ballast, 1, OURS);
    for (int i = 0; i < N_WAYS; i++) {
        fr_command *c = open_way(ways[i]);
        if (!c) continue;
        fr_command_result r = run_shell(c, "exit 0");
        assert_true(r.peak_rss_bytes == 0);
        r = run_shell(c, "head -c 100000000 /dev/zero | tail -n 1 >/dev/null");
        assert_int_equal(r.status, 0);
        assert_true(r.peak_rss_bytes > 95e6 && r.peak_rss_bytes < 600e6);
        const fr_process_set *set = fr_command_processes(c);
        fr_usage first, second;
        ASSERT_OK(set->usage(set->ctx, &first, &err));
        ASSERT_OK(set->usage(set->ctx, &second, &err));
        ASSERT_NEAR(first.rss_bytes, r.peak_rss_bytes, 0); /* what it held at its end */
        ASSERT_NEAR(second.rss_bytes, 0, 0);
        fr_command_destroy(c);
    }
    free(ballast);
}

/* ---- 2,000 children ---- */

static fr_cgroup *outer;

/* Runs the command in a fork of ours; the outer cgroup's CPU seconds. For a group of its own to lie
 * in the outer one, that fork must, too; otherwise the tree alone does. */
static double run_inside(fr_counting way, const char *what, int n, fr_command_result *result)
{
    fr_usage before, after;
    int ends[2];
    ASSERT_OK(fr_cgroup_usage(outer, &before, &err));
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char procs[PATH_MAX];
        snprintf(procs, sizeof(procs), "%.4000s/cgroup.procs", fr_cgroup_path(outer));
        if (way != FR_COUNT_CGROUP && setenv(outer_procs, procs, 1)) _exit(1);
        if (way == FR_COUNT_CGROUP && !fr_cgroup_enter(outer)) _exit(1);
        fr_command *c = open_way(way);
        fr_command_result r = run_words(c, what, n);
        fr_command_destroy(c);
        _exit(write(ends[1], &r, sizeof(r)) == sizeof(r) ? 0 : 1);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], result, sizeof(*result));
    close(ends[0]);
    waitpid(pid, NULL, 0);
    if (got != sizeof(*result)) fail_msg("the command could not be run inside of a cgroup");
    ASSERT_OK(fr_cgroup_usage(outer, &after, &err));
    return after.cpu_s - before.cpu_s;
}

static void check_tree(fr_counting way, const char *what, int n, double share, bool or_warned)
{
    fr_command_result r;
    fr_command *c = open_way(way);
    if (!c) return;
    fr_command_destroy(c);
    double truth_s = run_inside(way, what, n, &r);
    assert_int_equal(r.status, 0);
    print_message("%s, %d children of a %s: %.3f of %.3f CPU seconds, %.2f %%%s\n", way_names[way],
                  n, what, r.cpu_s, truth_s, 100 * r.cpu_s / truth_s,
                  r.lower_bound ? ", lower bound" : "");
    assert_true(r.cpu_s <= truth_s + 0.1); /* what a tree takes until it is in the outer group */
    if (or_warned && r.lower_bound) return;
    assert_false(r.lower_bound);
    if (r.cpu_s < share * truth_s)
        fail_msg("%s: %.3f of %.3f CPU seconds", way_names[way], r.cpu_s, truth_s);
}

static void two_thousand_children_are_counted(void **state)
{
    (void)state;
    if (fr_cgroup_create(&outer, "/proc", &err)) {
        print_message("skipped, for want of an oracle: %s\n", err.message);
        skip();
    }
    check_tree(FR_COUNT_CGROUP, "forgetful", 2000, 0.99, false);
    check_tree(FR_COUNT_PERF, "forgetful", 1000, 0.97, true);
    check_tree(FR_COUNT_REAPER, "forgetful", 2000, 0.97, true);
    check_tree(FR_COUNT_REAPER, "tree", 500, 0.97, false);
    fr_cgroup_destroy(outer);
}

static void a_parent_that_ignores_sigchld_makes_it_a_lower_bound(void **state)
{
    (void)state;
    fr_command *c = open_way(FR_COUNT_REAPER);
    assert_true(run_words(c, "ignoring", 0).lower_bound); /* seen at its end, short as it is */
    assert_false(run_shell(c, "true").lower_bound);       /* and it is forgotten with the run */
    fr_command_destroy(c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_status_and_signal_pass_through),
        cmocka_unit_test(a_command_that_cannot_be_started_gives_127_or_126),
        cmocka_unit_test(signals_of_the_command_are_as_if_it_was_run_without_us),
        cmocka_unit_test(standard_input_and_output_are_the_commands),
        cmocka_unit_test(a_signal_sent_to_us_reaches_the_command_and_we_outlive_it),
        cmocka_unit_test(a_signal_before_the_start_keeps_the_command_from_starting),
        cmocka_unit_test(a_command_that_daemonises_is_noted_and_left_alone),
        cmocka_unit_test(the_set_tells_who_belongs_to_it_while_it_runs),
        cmocka_unit_test(cpu_seconds_add_up_over_runs),
        cmocka_unit_test(peak_memory_is_that_of_the_largest_process_not_ours),
        cmocka_unit_test(two_thousand_children_are_counted),
        cmocka_unit_test(a_parent_that_ignores_sigchld_makes_it_a_lower_bound),
    };
    if (argc == 3) return be(argv[1], atoi(argv[2]));
    ssize_t n = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);
    if (n <= 0) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
