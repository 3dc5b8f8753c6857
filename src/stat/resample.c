/* resample.c - the bootstrap over items for scores that follow from sums. */
#include "stat/resample.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "stat/summary.h"

fr_status fr_resample_sums(const double *statistics, size_t n, size_t width, uint64_t seed,
                           fr_score_of_sums score_of, const void *ctx, double *scores,
                           fr_error *err)
{
    fr_status st = FR_OK;
    fr_rng rng;
    double *sums = malloc((width + 1) * sizeof(*sums));
    if (!sums) FR_FAIL(err, FR_ERR_NOMEM, "bootstrap: out of memory");
    if (n == 0) FR_FAIL(err, FR_ERR_USAGE, "bootstrap: no items to score");
    fr_rng_init(&rng, seed);
    for (size_t draw = 0; draw < FR_BOOTSTRAP_DRAWS; draw++) {
        memset(sums, 0, width * sizeof(*sums));
        for (size_t i = 0; i < n; i++) {
            const double *item = statistics + fr_rng_item(&rng, n) * width;
            for (size_t k = 0; k < width; k++) sums[k] += item[k];
        }
        scores[draw] = score_of(ctx, sums, n);
    }
cleanup:
    free(sums);
    return st;
}

void fr_resample_summary(double *draws, size_t n, double observed, double margin, double level,
                         fr_bootstrap *out)
{
    size_t not_above = 0;
    for (size_t i = 0; i < FR_BOOTSTRAP_DRAWS; i++) not_above += !(draws[i] > -margin);
    fr_sort(draws, FR_BOOTSTRAP_DRAWS);
    double sd = fr_sd(draws, FR_BOOTSTRAP_DRAWS);
    *out = (fr_bootstrap){
        .mean = observed,
        .variance = sd * sd * (double)n,
        .interval = {fr_quantile_sorted(draws, FR_BOOTSTRAP_DRAWS, (1 - level) / 2),
                     fr_quantile_sorted(draws, FR_BOOTSTRAP_DRAWS, (1 + level) / 2)},
        .p_non_inferior = (1 + (double)not_above) / (1 + (double)FR_BOOTSTRAP_DRAWS),
    };
}
