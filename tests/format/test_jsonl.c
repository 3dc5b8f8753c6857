/* Rows of JSON written line by line. */
#include <unistd.h>

#include "format/jsonl.h"
#include "os/file.h"
#include "support/test.h"

static json_t *number(const void *ctx, size_t i)
{
    return json_pack("{s:i}", "n", (int)i + *(const int *)ctx);
}

static void rows_replace_what_the_file_held(void **state)
{
    (void)state;
    fr_error err;
    int first = 7;
    fr_str text = FR_STR_INIT;
    const char *path = test_write_file(test_tmp_dir(), "p.jsonl", "{\"n\":1}\n{\"n\":2}\n{\"n\":");
    ASSERT_OK(fr_jsonl_save(path, 2, number, &first, &err));
    ASSERT_OK(fr_file_read(&text, path, 100, &err));
    assert_string_equal(fr_str_text(&text), "{\"n\": 7}\n{\"n\": 8}\n");
    fr_str_release(&text);
}

static json_t *nothing(const void *ctx, size_t i)
{
    (void)ctx;
    (void)i;
    return NULL;
}

static void row_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    fr_error err;
    const char *path = test_write_file(test_tmp_dir(), "p.jsonl", "");
    ASSERT_FAILS(fr_jsonl_save(path, 1, nothing, NULL, &err), FR_ERR_NOMEM, "for row 1");
    ASSERT_FAILS(fr_jsonl_save("/no/such/folder", 1, nothing, NULL, &err), FR_ERR_IO,
                 "/no/such/folder: cannot write");
}

static void full_disk_is_an_error_that_names_the_file(void **state)
{
    (void)state;
    fr_error err;
    int first = 0;
    if (access("/dev/full", W_OK)) skip();
    ASSERT_FAILS(fr_jsonl_save("/dev/full", 1, number, &first, &err), FR_ERR_IO,
                 "/dev/full: cannot write: No space left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_replace_what_the_file_held),
        cmocka_unit_test(row_that_cannot_be_made_is_named),
        cmocka_unit_test(full_disk_is_an_error_that_names_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
