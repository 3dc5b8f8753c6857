/* place.c - where the grid's intensity comes from, as the options say. */
#include "base/log.h"
#include "cli/cli.h"
#include "frugal/carbon.h"

fr_status cli_place(const char *region, const char *live, fr_intensity *out, fr_error *err)
{
    fr_place place = FR_PLACE_INIT;
    place.region = region;
    place.live = live;
    fr_status st = fr_intensity_find(&place, out, err);
    if (st == FR_OK && out->note[0]) fr_log(FR_LOG_WARNING, "%s", out->note);
    return st;
}
