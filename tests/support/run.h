/* run.h - running the frugal binary, or any program, and what it said. */
#ifndef FR_TESTS_SUPPORT_RUN_H
#define FR_TESTS_SUPPORT_RUN_H

#include <stddef.h>

typedef struct test_output {
    int status;      /* exit status; 128 + signal */
    char out[65536]; /* standard output, cut */
    char err[65536]; /* standard error, cut */
} test_output;

/* Runs argv (ends with NULL; argv[0] "frugal" is the binary under test) with standard input
 * closed; kills it after limit_s seconds, and then fails the test. */
void test_run(const char *const *argv, double limit_s, test_output *out);

#define TEST_FRUGAL(out, ...) \
    test_run((const char *const[]){"frugal", __VA_ARGS__, NULL}, 120, (out))

#endif
