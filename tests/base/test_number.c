/* Numbers in text, in a program whose locale has a decimal comma. */
#include "base/number.h"

#include <locale.h>
#include <stdbool.h>

#include "base/str.h"
#include "support/test.h"

/* A locale of our own, since few systems have another than C; false where it cannot be made. */
static bool comma_locale(void)
{
    char command[1024];
    const char *dir = test_tmp_dir();
    const char *source = test_write_file(
        dir, "source", "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\nEND LC_NUMERIC\n");
    snprintf(command, sizeof(command), "localedef -c -i '%s' '%s/comma' >'%s/log' 2>&1", source,
             dir, dir);
    if (system(command) == -1) return false; /* what it warns of is no failure */
    setenv("LOCPATH", dir, 1);
    return setlocale(LC_NUMERIC, "comma") != NULL;
}

static void numbers_have_a_point_where_the_locale_has_a_comma(void **state)
{
    (void)state;
    fr_error err;
    fr_str text = FR_STR_INIT;
    char plain[16], *end;
    if (!comma_locale()) {
        print_message("localedef is missing: there is no locale with a comma\n");
        skip();
    }
    snprintf(plain, sizeof(plain), "%g", 0.5);
    assert_string_equal(plain, "0,5");

    ASSERT_NEAR(fr_strtod("475.25 W", &end), 475.25, 0);
    assert_string_equal(end, " W");
    ASSERT_NEAR(fr_strtod("1,5", &end), 1, 0);
    assert_int_equal(fr_snprintf(plain, sizeof(plain), "%.2f", 0.5), 4);
    assert_string_equal(plain, "0.50");
    ASSERT_OK(fr_str_appendf(&text, &err, "%g W", 12.5));
    assert_string_equal(text.data, "12.5 W");
    fr_error_set(&err, FR_ERR_FORMAT, "not %g", 2.5);
    assert_string_equal(err.message, "not 2.5");

    snprintf(plain, sizeof(plain), "%g", 0.5); /* the program's own locale is as it was */
    assert_string_equal(plain, "0,5");
    setlocale(LC_NUMERIC, "C");
    fr_str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_a_point_where_the_locale_has_a_comma)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
