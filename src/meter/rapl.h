/* rapl.h - what the two ways to RAPL share. */
#ifndef FR_METER_RAPL_H
#define FR_METER_RAPL_H

#include "meter/source.h"

#define FR_RAPL_CITATION                                                                          \
    "packages 5 %: Khan et al. 2018, RAPL in Action (doi 10.1145/3177754), readings close to "    \
    "plug power since Haswell; AMD 15 %: Schoene et al. 2021 (CLUSTER), Zen 2 models instead of " \
    "measuring; DRAM 20 %: Desrochers et al. 2016 (doi 10.1145/2989081.2989088)"

/* Systematic, about 95 %, after FR_RAPL_CITATION; domain: CPU (packages) or RAM. */
double fr__rapl_uncertainty(const fr_machine *machine, fr_domain domain);

#endif
