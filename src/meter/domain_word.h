/* domain_word.h - how users write a domain. */
#ifndef FR_METER_DOMAIN_WORD_H
#define FR_METER_DOMAIN_WORD_H

#include "frugal/meter.h"

/* "system", "cpu", "gpu" or "ram", n bytes long, in any case. */
bool fr__domain_word(const char *word, size_t n, fr_domain *out);

#endif
