/* Counts of parameters and tokens. */
#include "base/count.h"

#include "support/test.h"

static void counts_are_read_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0},
                {"4096", 4096},
                {"7e9", 7000000000u},
                {"7B", 7000000000u},
                {"7b", 7000000000u},
                {"124M", 124000000},
                {"13.5M", 13500000},
                {"1.1B", 1100000000},
                {"0.1B", 100000000},
                {"1.5T", 1500000000000u},
                {"32k", 32000},
                {"671.026B", 671026000000u}};
    static const char *const bad[] = {"",     "B",    "-7B", "7BB", "7 B", "1.5",     "0x10",
                                      "1e18", "1e30", "nan", "inf", "7e",  "0.0001k", "seven"};
    fr_error err;
    uint64_t n;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ASSERT_OK(fr_count_parse(good[i].text, &n, &err));
        if (n != good[i].value) fail_msg("%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (fr_count_parse(bad[i], &n, &err) != FR_ERR_USAGE) fail_msg("'%s' is taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_are_read_in_every_spelling)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
