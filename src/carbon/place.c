/* place.c - which intensity counts at a place: the caller's own, a live one, or the table's. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"
#include "carbon/live.h"

static void set(fr_intensity *out, double g_per_kwh, double relative_uncertainty, fr_kind kind)
{
    out->g_per_kwh = g_per_kwh;
    out->low = g_per_kwh / (1 + relative_uncertainty);
    out->high = g_per_kwh * (1 + relative_uncertainty);
    out->kind = kind;
}

/* Being of this hour takes the weather out of a figure, not the method: 25 % as for a country. */
static const double live_uncertainty = 0.25;

static void set_live(fr_intensity *out, const fr_live_figure *f)
{
    char from[FR_ISO_TIME_SIZE], until[FR_ISO_TIME_SIZE];
    set(out, f->g_per_kwh, live_uncertainty, FR_KIND_ESTIMATED);
    out->live = true;
    out->from_unix_s = f->from_unix_s;
    out->until_unix_s = f->until_unix_s;
    const char *gas = f->life_cycle ? "CO2e" : "CO2";
    fr_snprintf(out->source, sizeof(out->source),
                "%s zone %s, %.1f g %s/kWh, live, %s to %s, %s %s, %s by the service", f->service,
                f->zone, f->g_per_kwh, gas, fr_time_iso(f->from_unix_s, from),
                fr_time_iso(f->until_unix_s, until), f->life_cycle ? "life-cycle" : "direct", gas,
                f->estimated ? "estimated" : "measured");
}

fr_status fr_intensity_find(const fr_place *place, fr_intensity *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_live_figure figure;
    fr_error why;
    memset(out, 0, sizeof(*out));

    FR_TRY(fr_region_find(place->region ? place->region : FR_REGION_WORLD, &out->region, err));
    if (!isnan(place->g_per_kwh)) {
        if (!(place->g_per_kwh >= 0 && place->g_per_kwh <= 5000))
            FR_FAIL(err, FR_ERR_USAGE, "an intensity must lie between 0 and 5000 g/kWh, not %g",
                    place->g_per_kwh);
        set(out, place->g_per_kwh, 0, FR_KIND_ASSUMED);
        fr_snprintf(out->source, sizeof(out->source), "%.1f g CO2e/kWh, as given",
                    place->g_per_kwh);
        goto cleanup;
    }
    set(out, out->region.g_per_kwh, out->region.relative_uncertainty, FR_KIND_ESTIMATED);
    fr_region_provenance(&out->region, out->source);
    if (!place->live) goto cleanup;

    fr_status live = fr__live_find(place, &out->region, &figure, &why);
    if (live == FR_ERR_USAGE) FR_FAIL(err, live, "%s", why.message);
    if (live == FR_OK)
        set_live(out, &figure);
    else
        snprintf(out->note, sizeof(out->note), "no live intensity, the table is used: %.200s",
                 why.message);
cleanup:
    return st;
}
