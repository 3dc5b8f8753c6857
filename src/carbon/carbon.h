/* carbon.h - from joules to grams of CO2 equivalent.
 *
 *     fr_region in;
 *     FR_TRY(fr_region_find("India", &in, err));
 *     double g = fr_carbon_grams(joules, in.g_per_kwh, 1.0);
 *
 * The table is data/carbon/regions.csv, part of the binary; each row carries
 * its own primary source, year, gas and scope. There is no geolocation: without
 * a region it is FR_REGION_WORLD, and the report says so.
 *
 * Not here: what LLMs emit (llm.h). */
#ifndef FR_CARBON_CARBON_H
#define FR_CARBON_CARBON_H

#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

#define FR_REGION_WORLD "WORLD" /* the one named world average */

typedef struct fr_region {
    char code[16]; /* ISO 3166 alpha-3, or WORLD, or a variant such as IND-OWID */
    char iso2[4];  /* "" where there is none */
    char name[64]; /* "India" */
    double g_per_kwh;
    int year;
    char gas[8];                 /* "CO2e" or "CO2" */
    char scope[16];              /* "life-cycle" or "direct" */
    char source[192];            /* primary source, and the collection it was taken from */
    char notes[160];             /* "" for none */
    double relative_uncertainty; /* systematic, about 95 %: see the top of carbon.c */
} fr_region;

/* Finds a row by code, ISO 3166 alpha-2 or English name, in any case.
 * Errors: FR_ERR_USAGE, with the nearest known name. */
FR_NODISCARD fr_status fr_region_find(const char *what, fr_region *out, fr_error *err);

/* The i-th row of the table; FR_ERR_USAGE past the last one. */
FR_NODISCARD fr_status fr_region_at(size_t i, fr_region *out, fr_error *err);

/* "India, 625.6 g CO2e/kWh, <source>, 2021, life-cycle CO2e". */
FR_NODISCARD fr_status fr_region_provenance(const fr_region *region, fr_str *out, fr_error *err);

/* joules / 3.6e6 x g_per_kwh x pue, in grams.  Source: SCI (ISO/IEC 21031), E x I. */
double fr_carbon_grams(double joules, double g_per_kwh, double pue);

#endif
