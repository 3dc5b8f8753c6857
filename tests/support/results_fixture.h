/* results_fixture.h - a study's results made by hand, for tests of reports.
 *
 * All storage is static, except the arena, which is empty: a fixture needs no release. */
#ifndef FR_TESTS_SUPPORT_RESULTS_FIXTURE_H
#define FR_TESTS_SUPPORT_RESULTS_FIXTURE_H

#include "study/results.h"

/* A usual study: a reference LLM behind an endpoint, tuned models of each
 * verdict, a baseline that emits nothing, an LLM that is only estimated; an
 * interrupted attempt; five seeds. */
fr_results fixture_study(void);

/* Names, notes and sources that attack the formats; figures that are NaN,
 * infinite, negative, huge, or do not exist. */
fr_results fixture_hostile(void);

/* Nothing but a name; and one model, which is the reference. */
fr_results fixture_empty(void);
fr_results fixture_one_model(void);

#endif
