/* resample.c - the bootstrap over items for scores that follow from sums. */
#include "stat/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "stat/summary.h"

/* Draws that are made at once, side by side: so the statistics are read once for all of them, in
 * order, in vectors. */
enum { BLOCK = 8 };
_Static_assert(FR_BOOTSTRAP_DRAWS % BLOCK == 0, "whole blocks of draws");

/* counts [n, BLOCK]: how often each item is in each draw. */
static void draw_items(fr_rng *rng, size_t n, double *counts)
{
    memset(counts, 0, n * BLOCK * sizeof(*counts));
    for (size_t d = 0; d < BLOCK; d++)
        for (size_t i = 0; i < n; i++) counts[fr_rng_item(rng, n) * BLOCK + d]++;
}

/* Numbers of two draws: four of them are a block, which fits in the registers of any processor. */
typedef double two __attribute__((vector_size(2 * sizeof(double)), aligned(sizeof(double))));

/* sums [width, BLOCK]. A few items at a time, so that they stay in the nearest cache. */
static void add_up(const double *statistics, size_t n, size_t width, const double *counts,
                   double *sums)
{
    enum { NEAR = 64 };
    memset(sums, 0, width * BLOCK * sizeof(*sums));
    for (size_t first = 0; first < n; first += NEAR) {
        size_t end = n - first < NEAR ? n : first + NEAR;
        for (size_t k = 0; k < width; k++) {
            two *sum = (two *)(void *)(sums + k * BLOCK);
            two a = sum[0], b = sum[1], c = sum[2], d = sum[3];
            for (size_t i = first; i < end; i++) {
                const two *count = (const two *)(const void *)(counts + i * BLOCK);
                double x = statistics[i * width + k];
                a += count[0] * x;
                b += count[1] * x;
                c += count[2] * x;
                d += count[3] * x;
            }
            sum[0] = a, sum[1] = b, sum[2] = c, sum[3] = d;
        }
    }
}

fr_status fr_resample_sums(const double *statistics, size_t n, size_t width, uint64_t seed,
                           fr_score_of_sums score_of, const void *ctx, double *scores,
                           fr_error *err)
{
    fr_status st = FR_OK;
    fr_rng rng;
    double *sums = calloc(width + 1, BLOCK * sizeof(*sums));
    double *of_draw = calloc(width + 1, sizeof(*of_draw));
    double *counts = calloc(n + 1, BLOCK * sizeof(*counts));
    if (!sums || !of_draw || !counts) FR_FAIL(err, FR_ERR_NOMEM, "bootstrap: out of memory");
    if (n == 0) FR_FAIL(err, FR_ERR_USAGE, "bootstrap: no items to score");
    fr_rng_init(&rng, seed);
    for (size_t draw = 0; draw < FR_BOOTSTRAP_DRAWS; draw += BLOCK) {
        draw_items(&rng, n, counts);
        add_up(statistics, n, width, counts, sums);
        for (size_t d = 0; d < BLOCK; d++) {
            for (size_t k = 0; k < width; k++) of_draw[k] = sums[k * BLOCK + d];
            scores[draw + d] = score_of(ctx, of_draw, n);
        }
    }
cleanup:
    free(sums);
    free(of_draw);
    free(counts);
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

bool fr_resample_widen(fr_bootstrap *b, size_t n, double range, double margin, double level)
{
    /* Sums of alike items differ in their last bits. */
    bool alike = isfinite(range) && b->interval.high - b->interval.low <= 1e-9 * range;
    if (n >= FR_BOOTSTRAP_LEAST && !alike) return false;
    if (alike) b->variance = 0;
    double z = fr_normal_z(level), half = range * z * z / ((double)n + z * z);
    b->interval.low = fmin(b->interval.low, b->mean - half);
    b->interval.high = fmax(b->interval.high, b->mean + half);
    /* Tango's statistic at -margin, of a table without items that differ. */
    double far = (b->mean + margin) / range;
    double p = !(far > 0) ? 1 : far < 1 ? fr_normal_cdf(-sqrt((double)n * far / (1 - far))) : 0;
    b->p_non_inferior = fmax(b->p_non_inferior, p);
    return true;
}
