/* Rows of JSON written line by line. */
#include <unistd.h>

#include "format/jsonl.h"
#include "format/rows.h"
#include "support/test.h"

static size_t count_rows(const char *path)
{
    fr_error err;
    fr_rows *r;
    const json_t *row;
    size_t n = 0;
    ASSERT_OK(fr_rows_open(&r, path, FR_ROWS_BY_NAME, &err));
    for (;;) {
        ASSERT_OK(fr_rows_next(r, &row, &err));
        if (!row) break;
        n++;
    }
    fr_rows_close(r);
    return n;
}

static void appending_drops_a_row_that_was_not_finished(void **state)
{
    (void)state;
    fr_error err;
    fr_jsonl_writer *w;
    json_t *row = json_pack("{s:i}", "n", 1);
    const char *path = test_write_file(test_tmp_dir(), "p.jsonl", "{\"n\":1}\n{\"n\":2}\n{\"n\":");
    ASSERT_OK(fr_jsonl_writer_open(&w, path, true, &err));
    ASSERT_OK(fr_jsonl_write(w, row, &err));
    assert_int_equal(count_rows(path), 3); /* a row is on its way before the writer closes */
    ASSERT_OK(fr_jsonl_writer_finish(w, &err));
    fr_jsonl_writer_close(w);
    ASSERT_OK(fr_jsonl_writer_open(&w, path, false, &err));
    fr_jsonl_writer_close(w);
    assert_int_equal(count_rows(path), 0);
    json_decref(row);
}

static void full_disk_is_an_error_that_names_the_file(void **state)
{
    (void)state;
    fr_error err;
    fr_jsonl_writer *w;
    json_t *row = json_object();
    if (access("/dev/full", W_OK)) skip();
    ASSERT_OK(fr_jsonl_writer_open(&w, "/dev/full", false, &err));
    ASSERT_FAILS(fr_jsonl_write(w, row, &err), FR_ERR_IO, "/dev/full: cannot write: No space left");
    fr_jsonl_writer_close(w);
    json_decref(row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending_drops_a_row_that_was_not_finished),
        cmocka_unit_test(full_disk_is_an_error_that_names_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
