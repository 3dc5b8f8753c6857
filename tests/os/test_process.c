/* Process trees and machines, from planted /proc trees and from the real one. */
#include "support/test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/process.h"

static fr_error err;

/* The planted child that is reaped in the very moment in which somebody asks for the times of our
 * children, with its seconds; NULL: ask the kernel. */
static const char *reaped_stat;
static const time_t reaped_s = 5;

/* In place of the C library's. */
int getrusage(__rusage_who_t who, struct rusage *usage)
{
    if (!reaped_stat || who != RUSAGE_CHILDREN) return (int)syscall(SYS_getrusage, who, usage);
    memset(usage, 0, sizeof(*usage));
    usage->ru_utime.tv_sec = reaped_s;
    return unlink(reaped_stat);
}

static void make_dir(const char *root, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    if (mkdir(path, 0755)) fail_msg("cannot make %s", path);
}

/* A process with a nasty name; ticks of utime, stime, cutime, cstime; rss in pages. */
static void plant(const char *root, int pid, int parent, const int ticks[4], long rss)
{
    char dir[32], text[512];
    snprintf(dir, sizeof(dir), "%d", pid);
    make_dir(root, dir);
    snprintf(text, sizeof(text),
             "%d (a) R (b c) S %d 1 1 0 -1 4194560 100 200 0 0 %d %d %d %d 20 0 1 0 "
             "99 1000000 %ld 18446744073709551615 1 1 0 0\n",
             pid, parent, ticks[0], ticks[1], ticks[2], ticks[3], rss);
    snprintf(dir, sizeof(dir), "%d/stat", pid);
    test_write_file(root, dir, text);
}

static void plant_children(const char *root, int pid, const char *children)
{
    char name[64];
    snprintf(name, sizeof(name), "%d/task", pid);
    make_dir(root, name);
    snprintf(name, sizeof(name), "%d/task/%d", pid, pid);
    make_dir(root, name);
    if (!children) return;
    snprintf(name, sizeof(name), "%d/task/%d/children", pid, pid);
    test_write_file(root, name, children);
}

static const char *planted_tree(void)
{
    const char *root = test_tmp_dir();
    plant(root, 10, 1, (int[]){100, 50, 25, 25}, 1000);
    plant(root, 11, 10, (int[]){10, 0, 0, 0}, 100);
    plant(root, 12, 11, (int[]){0, 20, 0, 0}, 10);
    plant(root, 20, 1, (int[]){7000, 0, 0, 0}, 7000); /* not of this tree */
    return root;
}

static void check_tree(const char *root)
{
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK), page = (double)sysconf(_SC_PAGESIZE);
    fr_usage u;
    ASSERT_OK(fr_usage_read(root, 10, &u, &err));
    ASSERT_NEAR(u.cpu_s, 230 * tick, 1e-9);
    ASSERT_NEAR(u.rss_bytes, 1110 * page, 0);
    assert_int_equal(u.n_processes, 3);
}

static void tree_is_summed_by_children_files(void **state)
{
    (void)state;
    const char *root = planted_tree();
    plant_children(root, 10, "11 ");
    plant_children(root, 11, "12 999 "); /* 999 has just ended */
    plant_children(root, 12, "");
    check_tree(root);
}

static void tree_is_summed_by_search_where_the_kernel_has_no_children_files(void **state)
{
    (void)state;
    const char *root = planted_tree();
    plant_children(root, 10, NULL);
    check_tree(root);
}

static void a_process_tells_its_name_its_parent_and_that_it_is_leaving(void **state)
{
    (void)state;
    const char *root = planted_tree();
    fr_process p;
    ASSERT_OK(fr_process_read(root, 12, &p, &err));
    assert_int_equal(p.parent, 11);
    assert_string_equal(p.name, "a) R (b c");
    assert_false(p.exiting);
    test_write_file(root, "12/stat", "12 (z) Z 11 1 1 0 -1 4 0 0 0 0 0 1 0 0 20 0 1 0 99 0 0 0\n");
    ASSERT_OK(fr_process_read(root, 12, &p, &err));
    assert_true(p.exiting);
    test_write_file(root, "12/stat", "12 (z) R 11 1 1 0 -1 4 0 0 0 0 0 1 0 0 20 0 1 0 99 0 0 0\n");
    ASSERT_OK(fr_process_read(root, 12, &p, &err));
    assert_true(p.exiting);
    ASSERT_FAILS(fr_process_read(root, 999, &p, &err), FR_ERR_IO, "999/stat");
}

static void a_tree_as_a_set_knows_its_use_and_its_members(void **state)
{
    (void)state;
    fr_proc_tree tree = {.proc_root = planted_tree(), .pid = 10};
    fr_process_set set = fr_proc_tree_set(&tree);
    fr_usage u;
    ASSERT_OK(set.usage(set.ctx, &u, &err));
    assert_int_equal(u.n_processes, 3);
    assert_true(set.contains(set.ctx, 10));
    assert_true(set.contains(set.ctx, 12));
    assert_false(set.contains(set.ctx, 20));
    assert_false(set.contains(set.ctx, 999));
    plant(tree.proc_root, 31, 32, (int[]){0, 0, 0, 0}, 0); /* a circle ends, too */
    plant(tree.proc_root, 32, 31, (int[]){0, 0, 0, 0}, 0);
    assert_false(set.contains(set.ctx, 31));
}

static void missing_or_malformed_root_is_an_error_that_names_the_file(void **state)
{
    (void)state;
    const char *root = planted_tree();
    fr_usage u;
    ASSERT_FAILS(fr_usage_read(root, 4242, &u, &err), FR_ERR_IO, "4242/stat");
    static const char *const bad[] = {"",
                                      "10",
                                      "10 (x",
                                      "10 (x) S 1 2",
                                      "10 (x) S a b c",
                                      "10 (x) S 1 1 1 0 -1 1 1 1 1 1 -5 0 0 0 0 0 0 0 0 0 0 0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        test_write_file(root, "10/stat", bad[i]);
        ASSERT_FAILS(fr_usage_read(root, 10, &u, &err), FR_ERR_FORMAT, "10/stat");
    }
}

static double burn(double seconds)
{
    volatile double x = 1;
    clock_t begin = clock();
    while ((double)(clock() - begin) / CLOCKS_PER_SEC < seconds)
        for (int i = 0; i < 1000; i++) x = x * 1.000001;
    return x;
}

static void own_cpu_seconds_and_those_of_children_are_seen(void **state)
{
    (void)state;
    fr_usage a, b, c;
    ASSERT_OK(fr_usage_read("/proc", 0, &a, &err));
    burn(0.1);
    ASSERT_OK(fr_usage_read("/proc", 0, &b, &err));
    ASSERT_NEAR(b.cpu_s - a.cpu_s, 0.1, 0.05);
    assert_true(b.rss_bytes > 100000);

    int done[2];
    assert_int_equal(pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test must not leave it behind */
        burn(0.1);
        (void)!write(done[1], "x", 1);
        pause();
        _exit(0);
    }
    char byte;
    assert_int_equal(read(done[0], &byte, 1), 1);
    ASSERT_OK(fr_usage_read("/proc", 0, &c, &err));
    assert_int_equal(c.n_processes, b.n_processes + 1);
    ASSERT_NEAR(c.cpu_s - b.cpu_s, 0.1, 0.05);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ASSERT_OK(fr_usage_read("/proc", 0, &c, &err));
    assert_int_equal(c.n_processes, b.n_processes);
    ASSERT_NEAR(c.cpu_s - b.cpu_s, 0.1, 0.05); /* reaped: not lost */
    close(done[0]);
    close(done[1]);
}

static void child_reaped_while_we_look_is_never_counted_twice(void **state)
{
    (void)state;
    const char *root = test_tmp_dir();
    int own = (int)getpid(), tick = (int)sysconf(_SC_CLK_TCK);
    char path[300];
    fr_usage u;
    plant(root, own, 1, (int[]){0, 0, 0, 0}, 1);
    plant_children(root, own, "77 ");
    plant(root, 77, own, (int[]){(int)reaped_s * tick, 0, 0, 0}, 1);
    plant_children(root, 77, "");
    snprintf(path, sizeof(path), "%s/77/stat", root);
    pid_t living = fork(); /* or nobody looks for children */
    if (living == 0) {
        pause();
        _exit(0);
    }
    reaped_stat = path;
    fr_status st = fr_usage_read(root, 0, &u, &err);
    reaped_stat = NULL;
    kill(living, SIGKILL);
    waitpid(living, NULL, 0);
    ASSERT_OK(st);
    ASSERT_NEAR(u.cpu_s, (double)reaped_s, 2);
}

static void busy_threads_are_cpu_seconds_over_wall_seconds(void **state)
{
    (void)state;
    fr_usage a = {.cpu_s = 1}, b = {.cpu_s = 4};
    ASSERT_NEAR(fr_usage_busy_threads(&a, &b, 2), 1.5, 0);
    ASSERT_NEAR(fr_usage_busy_threads(&a, &b, 0), 0, 0);
    ASSERT_NEAR(fr_usage_busy_threads(&b, &a, 2), 0, 0);
}

static void peak_memory_is_vmhwm(void **state)
{
    (void)state;
    const char *root = test_tmp_dir();
    double bytes;
    make_dir(root, "7");
    test_write_file(root, "7/status",
                    "Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t   2048 kB\nVmRSS:\t1 kB\n");
    ASSERT_OK(fr_peak_memory_read(root, 7, &bytes, &err));
    ASSERT_NEAR(bytes, 2048 * 1024.0, 0);
    test_write_file(root, "7/status", "Name:\tx\nVmHWM:\tmany\n");
    ASSERT_FAILS(fr_peak_memory_read(root, 7, &bytes, &err), FR_ERR_FORMAT, "7/status");
    ASSERT_OK(fr_peak_memory_read("/proc", 0, &bytes, &err));
    assert_true(bytes > 100000);
}

static void peak_memory_falls_after_a_reset(void **state)
{
    (void)state;
    double before, after;
    enum { SIZE = 64 << 20 };
    volatile char *big = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i += 4096) big[i] = 1;
    free((void *)big);
    ASSERT_OK(fr_peak_memory_read("/proc", 0, &before, &err));
    if (fr_peak_memory_reset("/proc", &err)) {
        print_message("skipped: %s\n", err.message);
        skip();
    }
    ASSERT_OK(fr_peak_memory_read("/proc", 0, &after, &err));
    assert_true(after <= before);
#ifndef __SANITIZE_ADDRESS__ /* which keeps freed memory */
    assert_true(before - after > 0.5 * SIZE);
#endif
    ASSERT_FAILS(fr_peak_memory_reset(test_tmp_dir(), &err), FR_ERR_UNSUPPORTED, "clear_refs");
}

static void machine_is_read_from_x86_cpuinfo(void **state)
{
    (void)state;
    const char *root = test_tmp_dir();
    fr_machine m;
    test_write_file(
        root, "cpuinfo",
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
        "model name\t: Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz\nstepping\t: 7\n"
        "physical id\t: 0\nsiblings\t: 2\ncpu cores\t: 1\nflags\t\t: fpu hypervisory\n\n"
        "processor\t: 1\nphysical id\t: 0\n\nprocessor\t: 2\nphysical id\t: 1\n\n"
        "processor\t: 3\nphysical id\t: 1\n");
    test_write_file(root, "meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\n");
    ASSERT_OK(fr_machine_read(root, &m, &err));
    assert_string_equal(m.cpu_model, "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz");
    assert_string_equal(m.cpu_vendor, "GenuineIntel");
    assert_int_equal(m.cpu_family, 6);
    assert_int_equal(m.cpu_model_id, 85);
    assert_int_equal(m.cpu_stepping, 7);
    assert_int_equal(m.n_threads, 4);
    assert_int_equal(m.n_sockets, 2);
    assert_int_equal(m.n_cores, 2);
    assert_false(m.virtual_machine);
    ASSERT_NEAR(m.ram_bytes, 16384 * 1024.0, 0);
    assert_non_null(strstr(m.os, "Linux"));
}

static void machine_is_read_from_arm_cpuinfo(void **state)
{
    (void)state;
    const char *root = test_tmp_dir();
    fr_machine m;
    test_write_file(root, "cpuinfo",
                    "processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\n"
                    "CPU architecture: 8\nCPU part\t: 0xd0c\nCPU revision\t: 1\n");
    ASSERT_OK(fr_machine_read(root, &m, &err));
    assert_string_equal(m.cpu_model, "unknown");
    assert_string_equal(m.cpu_vendor, "0x41");
    assert_int_equal(m.cpu_family, 8);
    assert_int_equal(m.cpu_model_id, 0xd0c);
    assert_int_equal(m.n_sockets, 1);
    ASSERT_NEAR(m.ram_bytes, 0, 0);
}

static void machine_survives_garbage_and_misses_cpuinfo_by_name(void **state)
{
    (void)state;
    const char *root = test_tmp_dir();
    fr_machine m;
    ASSERT_FAILS(fr_machine_read(root, &m, &err), FR_ERR_IO, "cpuinfo");
    static char junk[20000];
    memset(junk, ':', sizeof(junk));
    memcpy(junk, "model name\t: \x01\xff<x>\nphysical id : 99999999999\ncpu cores : -7\n", 58);
    test_write_bytes(root, "cpuinfo", junk, sizeof(junk));
    ASSERT_OK(fr_machine_read(root, &m, &err));
    assert_int_equal(m.n_threads, 1);
    assert_int_equal(m.n_sockets, 1);
    assert_int_equal(m.n_cores, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree_is_summed_by_children_files),
        cmocka_unit_test(tree_is_summed_by_search_where_the_kernel_has_no_children_files),
        cmocka_unit_test(a_process_tells_its_name_its_parent_and_that_it_is_leaving),
        cmocka_unit_test(a_tree_as_a_set_knows_its_use_and_its_members),
        cmocka_unit_test(missing_or_malformed_root_is_an_error_that_names_the_file),
        cmocka_unit_test(own_cpu_seconds_and_those_of_children_are_seen),
        cmocka_unit_test(child_reaped_while_we_look_is_never_counted_twice),
        cmocka_unit_test(busy_threads_are_cpu_seconds_over_wall_seconds),
        cmocka_unit_test(peak_memory_is_vmhwm),
        cmocka_unit_test(peak_memory_falls_after_a_reset),
        cmocka_unit_test(machine_is_read_from_x86_cpuinfo),
        cmocka_unit_test(machine_is_read_from_arm_cpuinfo),
        cmocka_unit_test(machine_survives_garbage_and_misses_cpuinfo_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
