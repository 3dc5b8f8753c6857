/* Where our cgroup is, from planted /proc trees; groups of our own, where we may make them. */
#include "support/test.h"

#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/cgroup.h"

static fr_error err;
static char dir[PATH_MAX], path[PATH_MAX];

static const char *plant(const char *cgroup, const char *mountinfo)
{
    char name[512];
    const char *root = test_tmp_dir();
    snprintf(name, sizeof(name), "%s/self", root);
    assert_int_equal(mkdir(name, 0755), 0);
    if (cgroup) test_write_file(root, "self/cgroup", cgroup);
    if (mountinfo) test_write_file(root, "self/mountinfo", mountinfo);
    return root;
}

static void our_folder_is_found_in_each_layout(void **state)
{
    (void)state;
    static const struct {
        const char *cgroup, *mountinfo, *dir;
    } layouts[] = {
        /* unified */
        {"0::/user.slice/a.scope\n",
         "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
         "/sys/fs/cgroup/user.slice/a.scope"},
        /* hybrid, at the root */
        {"4:memory:/x\n0::/\n",
         "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw\n"
         "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
         "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
         "/sys/fs/cgroup/unified"},
        /* a part of the tree, mounted at a place with a space */
        {"0::/a/b/c\n", "30 23 0:26 /a/b /mnt/my\\040groups rw - cgroup2 none rw\n",
         "/mnt/my groups/c"},
        /* the second mount is the one that shows us */
        {"0::/a/b\n", "1 2 0:1 /ab /one rw - cgroup2 x rw\n3 2 0:1 /a /two rw - cgroup2 x rw\n",
         "/two/b"},
    };
    for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
        const char *root = plant(layouts[i].cgroup, layouts[i].mountinfo);
        ASSERT_OK(fr__cgroup_locate(root, dir, path, &err));
        assert_string_equal(dir, layouts[i].dir);
    }
}

static void where_there_is_none_the_reason_is_told(void **state)
{
    (void)state;
    static const char mount[] = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    static const struct {
        const char *cgroup, *mountinfo, *why;
    } cases[] = {
        {NULL, mount, "names no cgroup v2"},
        {"1:cpu:/x\n", mount, "names no cgroup v2"},
        {"0::\n", mount, "names no cgroup v2"},
        {"0::/a\n", NULL, "no cgroup v2 is mounted"},
        {"0::/a\n", "31 23 0:28 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu\n", "is mounted"},
        {"0::/a\n", "junk\n\n30 23 0:26 / /x\n- cgroup2 x\n", "is mounted"},
        {"0::/a\n", "30 23 0:26 /b /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "not below"},
        {"0::/../../a\n", mount, "not below"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *root = plant(cases[i].cgroup, cases[i].mountinfo);
        ASSERT_FAILS(fr__cgroup_locate(root, dir, path, &err), FR_ERR_UNSUPPORTED, cases[i].why);
    }
}

static void a_group_that_cannot_be_made_or_counts_nothing_is_unsupported(void **state)
{
    (void)state;
    fr_cgroup *g;
    char line[1024];
    const char *folder = test_tmp_dir();
    snprintf(line, sizeof(line), "30 23 0:26 / %s rw - cgroup2 cgroup2 rw\n", folder);
    /* An ordinary folder in the place of a cgroup: it can be made, but has no files in it. */
    ASSERT_FAILS(fr_cgroup_create(&g, plant("0::/\n", line), &err), FR_ERR_UNSUPPORTED,
                 "cgroup.procs");
    assert_null(g);
    assert_int_equal(rmdir(folder), 0); /* nothing is left in it */
    ASSERT_FAILS(fr_cgroup_create(&g, plant("0::/\n", line), &err), FR_ERR_UNSUPPORTED,
                 "cannot make");
}

static void memory_is_what_is_anonymous_and_what_is_mapped(void **state)
{
    (void)state;
    const char *folder = test_tmp_dir();
    double bytes;
    assert_false(fr__cgroup_memory(folder, &bytes));
    test_write_file(folder, "memory.stat",
                    "anon 1000\nfile 70000\nfile_mapped 20\nanon_thp 5\nshmem 3\n");
    assert_true(fr__cgroup_memory(folder, &bytes));
    ASSERT_NEAR(bytes, 1020, 0);
    static const char *const bad[] = {"", "anon 1\n", "anon x\nfile_mapped 1\n",
                                      "anon -1\nfile_mapped 1\n", "xanon 1\nfile_mapped"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        test_write_file(folder, "memory.stat", bad[i]);
        assert_false(fr__cgroup_memory(folder, &bytes));
    }
}

static fr_cgroup *create_or_skip(void)
{
    fr_cgroup *g;
    if (fr_cgroup_create(&g, "/proc", &err)) {
        print_message("skipped: %s\n", err.message);
        skip();
    }
    return g;
}

static void ours_are_found_in_groups_below_and_moved_out_in_the_end(void **state)
{
    (void)state;
    fr_cgroup *g = create_or_skip();
    char below[PATH_MAX], file[PATH_MAX + 32];
    int ready[2], go[2];
    char byte;
    pid_t *pids;
    size_t n;
    fr_usage u;
    snprintf(below, sizeof(below), "%.4000s/below", fr_cgroup_path(g));
    snprintf(file, sizeof(file), "%s/cgroup.procs", below);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    assert_false(fr_cgroup_populated(g));
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(go[1]);
        if (!fr_cgroup_enter(g) || mkdir(below, 0755)) _exit(1);
        FILE *f = fopen(file, "w");
        if (!f || fputs("0", f) < 0 || fclose(f)) _exit(2);
        (void)!write(ready[1], "x", 1);
        _exit(read(go[0], &byte, 1) == 0 ? 0 : 3);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_true(fr_cgroup_populated(g));
    assert_true(fr_cgroup_contains(g, pid));
    assert_false(fr_cgroup_contains(g, getpid()));
    ASSERT_OK(fr_cgroup_members(g, &pids, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(pids[0], pid);
    free(pids);
    ASSERT_OK(fr_cgroup_usage(g, &u, &err));
    assert_int_equal(u.n_processes, 1);
    assert_true(u.cpu_s > 0 && u.rss_bytes > 10000);

    assert_true(fr_cgroup_evict(g));
    assert_int_equal(access(below, F_OK), -1);
    assert_false(fr_cgroup_contains(g, pid));
    assert_int_equal(kill(pid, 0), 0);
    fr_cgroup_destroy(g);
    close(go[1]);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(go[0]);
}

static void what_a_killed_one_left_is_removed_by_the_next(void **state)
{
    (void)state;
    int made[2];
    char left[PATH_MAX] = "";
    fr_cgroup_destroy(create_or_skip());
    assert_int_equal(pipe(made), 0);
    pid_t pid = fork();
    if (pid == 0) { /* makes one and is killed */
        fr_cgroup *g;
        if (fr_cgroup_create(&g, "/proc", NULL)) _exit(1);
        (void)!write(made[1], fr_cgroup_path(g), strlen(fr_cgroup_path(g)));
        raise(SIGKILL);
    }
    waitpid(pid, NULL, 0);
    assert_true(read(made[0], left, sizeof(left) - 1) > 0);
    assert_int_equal(access(left, F_OK), 0);
    fr_cgroup *g = create_or_skip();
    assert_int_equal(access(left, F_OK), -1);
    fr_cgroup *another = create_or_skip(); /* one of the living stays */
    assert_int_equal(access(fr_cgroup_path(g), F_OK), 0);
    fr_cgroup_destroy(another);
    fr_cgroup_destroy(g);
    close(made[0]);
    close(made[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_folder_is_found_in_each_layout),
        cmocka_unit_test(where_there_is_none_the_reason_is_told),
        cmocka_unit_test(a_group_that_cannot_be_made_or_counts_nothing_is_unsupported),
        cmocka_unit_test(memory_is_what_is_anonymous_and_what_is_mapped),
        cmocka_unit_test(ours_are_found_in_groups_below_and_moved_out_in_the_end),
        cmocka_unit_test(what_a_killed_one_left_is_removed_by_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
