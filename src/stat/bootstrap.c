/* bootstrap.c - the bootstrap over items. */
#include "stat/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rng.h"
#include "stat/resample.h"

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
    for (size_t draw = 0; draw < FR_BOOTSTRAP_DRAWS; draw++) {
        for (size_t i = 0; i < n; i++) index[i] = fr_rng_item(&rng, n);
        scores[draw] = score_of(ctx, index, n);
        if (!isfinite(scores[draw]))
            FR_FAIL(err, FR_ERR_USAGE, "bootstrap: the score of a draw is no finite number");
    }
    fr_resample_summary(scores, n, observed, margin, level, out);
cleanup:
    free(index);
    free(scores);
    return st;
}
