/* count.c - 124M, 7B, 7e9. */
#include "base/count.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

static bool parse_count(const char *text, uint64_t *out)
{
    static const char letters[] = "kmbtKMBT";
    static const double scales[] = {1e3, 1e6, 1e9, 1e12};
    char *end;
    if (text[0] < '0' || text[0] > '9' || text[strspn(text, ".eE+-0123456789kmbtKMBT")])
        return false;
    double value = fr_strtod(text, &end);
    const char *letter = *end ? strchr(letters, *end) : NULL;
    if (*end && (!letter || end[1])) return false;
    if (letter) value *= scales[(letter - letters) % 4];
    /* 1.1 * 1e9 is not 1100000000 to the last bit; a real fraction is much farther off. */
    double whole = round(value);
    if (!(value < 1e18) || fabs(value - whole) > 1e-9 * value) return false;
    *out = (uint64_t)whole;
    return true;
}

fr_status fr_count_parse(const char *text, uint64_t *out, fr_error *err)
{
    if (parse_count(text, out)) return FR_OK;
    return fr_error_set(err, FR_ERR_USAGE,
                        "'%.40s' is not a count; write it like 124M, 7B, 1.5T, 7e9 or 4096", text);
}
