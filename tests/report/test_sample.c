/* Leaves a sample of every report under $FR_SAMPLE_DIR, to be looked at. */
#include "report/report.h"
#include "support/results_fixture.h"
#include "support/test.h"

static void write_samples(void **state)
{
    (void)state;
    fr_error err;
    const char *dir = getenv("FR_SAMPLE_DIR");
    if (!dir) skip();
    fr_results r = fixture_study();
    ASSERT_OK(fr_report_write_all(&r, dir, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(write_samples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
