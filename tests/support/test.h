/* test.h - what every test file starts with: cmocka, and assertions of our own.
 *
 *     static void missing_file_is_an_io_error_that_names_the_path(void **state) { ... }
 *
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = {cmocka_unit_test(missing_file_...)};
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     } */
#ifndef FR_TESTS_SUPPORT_TEST_H
#define FR_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* The call succeeds; otherwise its message is shown. `err` is in scope. */
#define ASSERT_OK(call)                                              \
    do {                                                             \
        if ((call) != FR_OK) fail_msg("%s: %s", #call, err.message); \
    } while (0)

/* The call fails with this status and a message that contains `words`. */
#define ASSERT_FAILS(call, wanted, words)                                             \
    do {                                                                              \
        fr_status got_ = (call);                                                      \
        if (got_ != (wanted)) fail_msg("%s: status %s", #call, fr_status_name(got_)); \
        if (!strstr(err.message, (words)))                                            \
            fail_msg("%s: \"%s\" is not in: %s", #call, (words), err.message);        \
    } while (0)

/* |a - b| <= tolerance; NaN fails, and both values are shown. */
#define ASSERT_NEAR(a, b, tolerance)                                    \
    do {                                                                \
        double a_ = (a), b_ = (b), t_ = (tolerance);                    \
        if (!(a_ - b_ <= t_ && b_ - a_ <= t_))                          \
            fail_msg("%s = %.9g, expected %.9g +- %g", #a, a_, b_, t_); \
    } while (0)

/* A new empty folder under $TMPDIR, removed at exit. Static buffer a call (up to 64). */
const char *test_tmp_dir(void);

/* Writes `text` to dir/name; returns the path (static, valid for the program). */
const char *test_write_file(const char *dir, const char *name, const char *text);

/* Writes n bytes. */
const char *test_write_bytes(const char *dir, const char *name, const void *bytes, size_t n);

/* Fills `folder` with a golden model's configuration and weights, by links, and with a vocabulary
 * of n_words: BERT's five special tokens, then w5, w6, ... */
void test_word_model(const char *folder, const char *golden, int n_words);

/* dir/pairs.jsonl: n rows {q, a, text, label} of the words of such a model: behind w8 comes w9, and
 * so on; labels are w5 and w6 in turn. Returns its path as test_write_file does. */
const char *test_word_pairs(const char *dir, int n);

/* Fails with both texts where `words` are not in `text`. */
void assert_contains(const char *text, const char *words);

/* FR_SHARED_DIR/name if it exists, else skips the running test and says so. */
const char *test_shared_or_skip(const char *name);

#endif
