/* bootstrap.c - the bootstrap over items. */
#include "stat/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rng.h"
#include "stat/summary.h"

__extension__ typedef unsigned __int128 u128;

/* An item in [0, n): the whole part of n times a fraction of 64 bits. No item is likelier than
 * another by more than n / 2^64, and there is no division, which would take most of the time. */
static size_t draw_item(fr_rng *rng, size_t n)
{
    return (size_t)(((u128)fr_rng_next(rng) * n) >> 64);
}

fr_status fr_bootstrap_paired(const double *model, const double *reference, size_t n, double margin,
                              double level, uint64_t seed, fr_bootstrap *out, fr_error *err)
{
    fr_status st = FR_OK;
    double *difference = NULL, *means = NULL;
    size_t bytes = 0;

    if (n == 0) FR_FAIL(err, FR_ERR_USAGE, "bootstrap: no items to compare");
    if (!fr_size_mul(n, sizeof(*difference), &bytes))
        FR_FAIL(err, FR_ERR_NOMEM, "bootstrap: too many items");
    difference = malloc(bytes);
    means = malloc(FR_BOOTSTRAP_DRAWS * sizeof(*means));
    if (!difference || !means) FR_FAIL(err, FR_ERR_NOMEM, "bootstrap: out of memory");

    for (size_t i = 0; i < n; i++) {
        difference[i] = model[i] - reference[i];
        if (!isfinite(difference[i]))
            FR_FAIL(err, FR_ERR_USAGE, "bootstrap: the score of item %zu is not a finite number",
                    i);
    }

    fr_rng rng;
    fr_rng_init(&rng, seed);
    size_t not_above = 0;
    for (size_t draw = 0; draw < FR_BOOTSTRAP_DRAWS; draw++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += difference[draw_item(&rng, n)];
        means[draw] = sum / (double)n;
        not_above += means[draw] <= -margin;
    }
    fr_sort(means, FR_BOOTSTRAP_DRAWS);

    double sd = fr_sd(difference, n);
    *out = (fr_bootstrap){
        .mean = fr_mean(difference, n),
        .variance = sd * sd,
        .interval = {fr_quantile_sorted(means, FR_BOOTSTRAP_DRAWS, (1 - level) / 2),
                     fr_quantile_sorted(means, FR_BOOTSTRAP_DRAWS, (1 + level) / 2)},
        .p_non_inferior = (1 + (double)not_above) / (1 + (double)FR_BOOTSTRAP_DRAWS),
    };
cleanup:
    free(difference);
    free(means);
    return st;
}

fr_status fr_bootstrap_scores(fr_score_of score_of, const void *ctx, size_t n, double margin,
                              double level, uint64_t seed, fr_bootstrap *out, fr_error *err)
{
    fr_status st = FR_OK;
    double *scores = NULL;
    size_t *index = NULL, bytes = 0;

    if (n == 0) FR_FAIL(err, FR_ERR_USAGE, "bootstrap: no items to score");
    if (!fr_size_mul(n, sizeof(*index), &bytes))
        FR_FAIL(err, FR_ERR_NOMEM, "bootstrap: too many items");
    index = malloc(bytes);
    scores = malloc(FR_BOOTSTRAP_DRAWS * sizeof(*scores));
    if (!index || !scores) FR_FAIL(err, FR_ERR_NOMEM, "bootstrap: out of memory");

    for (size_t i = 0; i < n; i++) index[i] = i;
    double observed = score_of(ctx, index, n);
    if (!isfinite(observed)) FR_FAIL(err, FR_ERR_USAGE, "bootstrap: the score is no finite number");
    fr_rng rng;
    fr_rng_init(&rng, seed);
    size_t not_above = 0;
    for (size_t draw = 0; draw < FR_BOOTSTRAP_DRAWS; draw++) {
        for (size_t i = 0; i < n; i++) index[i] = draw_item(&rng, n);
        scores[draw] = score_of(ctx, index, n);
        if (!isfinite(scores[draw]))
            FR_FAIL(err, FR_ERR_USAGE, "bootstrap: the score of a draw is no finite number");
        not_above += scores[draw] <= -margin;
    }
    fr_sort(scores, FR_BOOTSTRAP_DRAWS);

    double sd = fr_sd(scores, FR_BOOTSTRAP_DRAWS);
    *out = (fr_bootstrap){
        .mean = observed,
        .variance = sd * sd * (double)n,
        .interval = {fr_quantile_sorted(scores, FR_BOOTSTRAP_DRAWS, (1 - level) / 2),
                     fr_quantile_sorted(scores, FR_BOOTSTRAP_DRAWS, (1 + level) / 2)},
        .p_non_inferior = (1 + (double)not_above) / (1 + (double)FR_BOOTSTRAP_DRAWS),
    };
cleanup:
    free(index);
    free(scores);
    return st;
}
