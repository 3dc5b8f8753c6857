/* test_file.c - reading, mapping, and writing all or nothing. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "support/test.h"

static size_t count_files(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static void a_file_is_written_whole_and_read_back(void **state)
{
    (void)state;
    fr_error err;
    fr_str path = FR_STR_INIT, text = FR_STR_INIT;
    fr_map map;
    const char *dir = test_tmp_dir();
    ASSERT_OK(fr_path_join(&path, dir, "a", &err));
    ASSERT_OK(fr_file_write_atomic(path.data, "old", 3, &err));
    ASSERT_OK(fr_file_write_atomic(path.data, "newer", 5, &err));
    ASSERT_OK(fr_file_read(&text, path.data, 5, &err));
    assert_string_equal(text.data, "newer");
    ASSERT_OK(fr_map_open(&map, path.data, &err));
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "newer", 5);
    fr_map_close(&map);
    assert_int_equal(count_files(dir), 1);
    ASSERT_FAILS(fr_file_read(&text, path.data, 4, &err), FR_ERR_FORMAT, "limit of 4 bytes");
    fr_str_release(&path);
    fr_str_release(&text);
}

static void a_writer_that_does_not_commit_leaves_the_old_file(void **state)
{
    (void)state;
    fr_error err;
    fr_file_writer *w;
    fr_str text = FR_STR_INIT;
    const char *dir = test_tmp_dir(), *path = test_write_file(dir, "a", "old");
    ASSERT_OK(fr_file_writer_open(&w, path, &err));
    ASSERT_OK(fr_file_writer_write(w, "new", 3, &err));
    fr_file_writer_close(w);
    ASSERT_OK(fr_file_read(&text, path, 100, &err));
    assert_string_equal(text.data, "old");
    assert_int_equal(count_files(dir), 1);
    fr_str_release(&text);
}

/* No process has a number as high as the first one's; our parent lives. */
static void what_killed_writers_left_is_removed_by_the_next(void **state)
{
    (void)state;
    fr_error err;
    char alive[64];
    const char *dir = test_tmp_dir();
    snprintf(alive, sizeof(alive), "a.%ld-0.tmp", (long)getppid());
    test_write_file(dir, "a.99999999-12.tmp", "half");
    test_write_file(dir, alive, "being written");
    test_write_file(dir, "a.99999999-1.tmp.gz", "another's");
    test_write_file(dir, "b.99999999-1.tmp", "another's");
    ASSERT_OK(fr_file_write_atomic(test_write_file(dir, "a", "old"), "new", 3, &err));
    assert_int_equal(count_files(dir), 4);
    fr_str path = FR_STR_INIT;
    ASSERT_OK(fr_path_join(&path, dir, "a.99999999-12.tmp", &err));
    assert_false(fr_file_exists(path.data));
    fr_str_release(&path);
}

/* A limit on the size of files fails a write in the middle, as a full disk does. */
static void a_write_that_fails_names_the_path_and_leaves_the_old_file(void **state)
{
    (void)state;
    fr_error err;
    fr_str text = FR_STR_INIT;
    static char much[1 << 20];
    struct rlimit old, small;
    const char *dir = test_tmp_dir(), *path = test_write_file(dir, "kept", "old");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){4096, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    fr_status st = fr_file_write_atomic(path, much, sizeof(much), &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(st, FR_ERR_IO);
    assert_non_null(strstr(err.message, "kept: cannot write: "));
    ASSERT_OK(fr_file_read(&text, path, 100, &err));
    assert_string_equal(text.data, "old");
    assert_int_equal(count_files(dir), 1);
    fr_str_release(&text);
}

static void pipe_under_the_name_is_written_to_and_stays_a_pipe(void **state)
{
    (void)state;
    fr_error err;
    struct stat info;
    char path[512], text[8] = "";
    const char *dir = test_tmp_dir();
    snprintf(path, sizeof(path), "%s/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    fr_status st = fr_file_write_atomic(path, "new", 3, &err);
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    ASSERT_OK(st);
    assert_int_equal(n, 3);
    assert_string_equal(text, "new");
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(count_files(dir), 1);
}

static void what_cannot_be_read_is_named_with_the_reason(void **state)
{
    (void)state;
    fr_error err;
    fr_map map;
    fr_str text = FR_STR_INIT;
    const char *dir = test_tmp_dir();
    ASSERT_FAILS(fr_map_open(&map, "/no/such/file", &err), FR_ERR_IO,
                 "/no/such/file: cannot open: No such file");
    ASSERT_FAILS(fr_map_open(&map, dir, &err), FR_ERR_IO, "is a folder");
    ASSERT_FAILS(fr_file_read(&text, "/dev/null", 10, &err), FR_ERR_IO, "special file");
    ASSERT_FAILS(fr_file_write_atomic("/no/such/file", "", 0, &err), FR_ERR_IO, "/no/such/file");
    ASSERT_FAILS(fr_file_copy("/no/such/file", "/tmp/x", &err), FR_ERR_IO, "/no/such/file");
    fr_str_release(&text);
}

static void an_empty_file_is_no_error(void **state)
{
    (void)state;
    fr_error err;
    fr_map map;
    fr_str text = FR_STR_INIT;
    const char *path = test_write_file(test_tmp_dir(), "empty", "");
    ASSERT_OK(fr_map_open(&map, path, &err));
    assert_int_equal(map.size, 0);
    fr_map_close(&map);
    ASSERT_OK(fr_file_read(&text, path, 10, &err));
    assert_int_equal(text.len, 0);
    fr_str_release(&text);
}

static void folders_are_created_with_those_above(void **state)
{
    (void)state;
    fr_error err;
    fr_str path = FR_STR_INIT;
    const char *dir = test_tmp_dir();
    ASSERT_OK(fr_path_join(&path, dir, "a/b//c/", &err));
    ASSERT_OK(fr_dir_create(path.data, &err));
    assert_true(fr_dir_exists(path.data));
    ASSERT_OK(fr_dir_create(path.data, &err));
    test_write_file(dir, "file", "");
    ASSERT_OK(fr_path_join(&path, dir, "file/x", &err));
    ASSERT_FAILS(fr_dir_create(path.data, &err), FR_ERR_IO, "cannot create the folder");
    fr_str_release(&path);
}

static void paths_are_joined_and_split(void **state)
{
    (void)state;
    static const char *const joined[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"a", "/b", "/b"}, {"/", "b", "/b"}};
    static const char *const dirs[][2] = {{"a/b/c", "a/b"}, {"c", "."}, {"/c", "/"}, {"a/", "a"}};
    fr_error err;
    fr_str path = FR_STR_INIT;
    for (size_t i = 0; i < sizeof(joined) / sizeof(joined[0]); i++) {
        ASSERT_OK(fr_path_join(&path, joined[i][0], joined[i][1], &err));
        assert_string_equal(path.data, joined[i][2]);
    }
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        ASSERT_OK(fr_path_dir(&path, dirs[i][0], &err));
        assert_string_equal(path.data, dirs[i][1]);
    }
    fr_str_release(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_whole_and_read_back),
        cmocka_unit_test(a_writer_that_does_not_commit_leaves_the_old_file),
        cmocka_unit_test(what_killed_writers_left_is_removed_by_the_next),
        cmocka_unit_test(a_write_that_fails_names_the_path_and_leaves_the_old_file),
        cmocka_unit_test(pipe_under_the_name_is_written_to_and_stays_a_pipe),
        cmocka_unit_test(what_cannot_be_read_is_named_with_the_reason),
        cmocka_unit_test(an_empty_file_is_no_error),
        cmocka_unit_test(folders_are_created_with_those_above),
        cmocka_unit_test(paths_are_joined_and_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
