/* What memory is left, on planted machines. */
#include <sys/stat.h>

#include "os/memory.h"
#include "support/test.h"

static fr_error err;

#define MIB (1024.0 * 1024)

static const char *make_dir(const char *root, const char *name)
{
    static char paths[16][512];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0755), 0);
    return path;
}

/* /proc of a machine with so much available whose process is in the cgroup /a/b of `groups`. */
static const char *plant(const char *meminfo, const char *groups)
{
    const char *root = test_tmp_dir();
    make_dir(root, "self");
    if (meminfo) test_write_file(root, "meminfo", meminfo);
    if (groups) {
        char line[1024];
        snprintf(line, sizeof(line), "30 23 0:26 / %s rw - cgroup2 cgroup2 rw\n", groups);
        test_write_file(root, "self/mountinfo", line);
        test_write_file(root, "self/cgroup", "0::/a/b\n");
    }
    return root;
}

static void limit(const char *dir, const char *max, const char *current, const char *stat)
{
    test_write_file(dir, "memory.max", max);
    test_write_file(dir, "memory.current", current);
    if (stat) test_write_file(dir, "memory.stat", stat);
}

static const char available[] = "MemTotal: 9999999 kB\nMemFree: 1 kB\nMemAvailable:    8192 kB\n";

static void without_limits_it_is_what_the_machine_has_available(void **state)
{
    (void)state;
    fr_memory m;
    ASSERT_OK(fr_memory_read(plant(available, NULL), &m, &err));
    ASSERT_NEAR(m.free_bytes, 8 * MIB, 0);
    assert_string_equal(m.bound, "MemAvailable");
}

static void the_narrowest_cgroup_above_us_binds_and_its_cache_can_be_dropped(void **state)
{
    (void)state;
    fr_memory m;
    const char *groups = test_tmp_dir(), *a = make_dir(groups, "a"), *b = make_dir(a, "b");
    const char *root = plant(available, groups);
    limit(b, "max\n", "1048576\n", NULL);
    ASSERT_OK(fr_memory_read(root, &m, &err));
    assert_string_equal(m.bound, "MemAvailable");
    limit(a, "4194304\n", "3145728\n", "anon 5\ninactive_file 1048576\nactive_file 524288\n");
    ASSERT_OK(fr_memory_read(root, &m, &err));
    ASSERT_NEAR(m.free_bytes, 2.5 * MIB, 0);
    assert_non_null(strstr(m.bound, "/a/memory.max"));
    limit(b, "2097152\n", "1048576\n", "inactive_file nonsense\n");
    ASSERT_OK(fr_memory_read(root, &m, &err));
    ASSERT_NEAR(m.free_bytes, 1 * MIB, 0);
    limit(b, "1048576\n", "2097152\n", NULL); /* a limit that was lowered under what is used */
    ASSERT_OK(fr_memory_read(root, &m, &err));
    ASSERT_NEAR(m.free_bytes, 0, 0);
}

static void what_cannot_be_read_is_unknown_and_denies_nothing(void **state)
{
    (void)state;
    fr_memory m;
    static const char *const texts[] = {NULL,
                                        "",
                                        "MemAvailable:\n",
                                        "MemAvailable: x kB\n",
                                        "XMemAvailable: 5 kB\n",
                                        "MemAvailable: -5 kB\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        const char *root = plant(texts[i], NULL);
        ASSERT_FAILS(fr_memory_read(root, &m, &err), FR_ERR_UNSUPPORTED, "MemAvailable");
        ASSERT_OK(fr_memory_expect(root, 1e18, "x", "y", &err));
    }
}

static void too_much_is_refused_with_both_figures_and_what_to_do(void **state)
{
    (void)state;
    const char *root = plant("MemAvailable: 6396314 kB\n", NULL);
    ASSERT_OK(fr_memory_expect(root, 6.0 * 1024 * MIB, "gpt2", "take a smaller one", &err));
    ASSERT_FAILS(
        fr_memory_expect(root, 9.4 * 1024 * MIB, "gpt2", "take a smaller one", &err), FR_ERR_NOMEM,
        "gpt2: needs about 9.40 GiB, 6.10 GiB are free (MemAvailable): take a smaller one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_limits_it_is_what_the_machine_has_available),
        cmocka_unit_test(the_narrowest_cgroup_above_us_binds_and_its_cache_can_be_dropped),
        cmocka_unit_test(what_cannot_be_read_is_unknown_and_denies_nothing),
        cmocka_unit_test(too_much_is_refused_with_both_figures_and_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
