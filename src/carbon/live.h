/* live.h - the intensity of a grid now (internal to carbon). */
#ifndef FR_CARBON_LIVE_H
#define FR_CARBON_LIVE_H

#include "frugal/carbon.h"

enum { FR_LIVE_ZONE_SIZE = 33 };

typedef struct fr_live_figure {
    const char *service; /* static: "Electricity Maps" */
    char zone[FR_LIVE_ZONE_SIZE];
    double g_per_kwh;
    double from_unix_s, until_unix_s; /* the time that it holds for */
    bool life_cycle;                  /* else direct */
    bool estimated;                   /* by the service; else from meters of the grid */
} fr_live_figure;

/* place->live, from the cache or the service.
 * Errors: FR_ERR_USAGE for an unknown service, a zone that it cannot have, or a region that it
 * does not cover; FR_ERR_NET and FR_ERR_FORMAT when there is no figure to be had. */
FR_NODISCARD fr_status fr__live_find(const fr_place *place, const fr_region *region,
                                     fr_live_figure *out, fr_error *err);

#endif
