/* sample.c - greedy and random choice of the next token. */
#include "infer/sample.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "infer/infer.h"

fr_status fr_sampling_check(const fr_sampling *s, fr_error *err)
{
    fr_status st = FR_OK;
    if (!(s->temperature >= 0 && s->temperature <= 100))
        FR_FAIL(err, FR_ERR_USAGE, "temperature %g, expected 0 to 100", s->temperature);
    if (!(s->top_p > 0 && s->top_p <= 1))
        FR_FAIL(err, FR_ERR_USAGE, "top-p %g, expected above 0, up to 1", s->top_p);
    if (!(s->min_p >= 0 && s->min_p <= 1))
        FR_FAIL(err, FR_ERR_USAGE, "min-p %g, expected 0 to 1", s->min_p);
    if (!(s->repetition_penalty > 0 && s->repetition_penalty <= 100))
        FR_FAIL(err, FR_ERR_USAGE, "repetition penalty %g, expected above 0, up to 100",
                s->repetition_penalty);
cleanup:
    return st;
}

/* A token seen twice is penalised once, as transformers does it. */
static void penalise(float *logits, const int32_t *seen, size_t n_seen, float penalty)
{
    for (size_t i = 0; i < n_seen; i++) {
        size_t first = 0;
        while (seen[first] != seen[i]) first++;
        if (first < i) continue;
        float *x = &logits[seen[i]];
        *x = *x < 0 ? *x * penalty : *x / penalty;
    }
}

/* The most likely first; of equals the smaller id. */
static int by_logit(const void *a, const void *b)
{
    const fr_candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit < y->logit ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

/* How many of the sorted candidates stay; room[i].logit becomes exp(logit - first). */
static size_t keep(const fr_sampling *s, fr_candidate *room, size_t n)
{
    double sum = 0, reached = 0;
    float first = room[0].logit;
    if (s->top_k && s->top_k < n) n = s->top_k;
    for (size_t i = 0; i < n; i++) {
        room[i].logit = expf(room[i].logit - first);
        sum += (double)room[i].logit;
    }
    for (size_t i = 0; i < n; i++) {
        if ((double)room[i].logit < s->min_p || (i && reached >= s->top_p * sum)) return i;
        reached += (double)room[i].logit;
    }
    return n;
}

int32_t fr_sample(const fr_sampling *s, float *logits, size_t n, const int32_t *seen, size_t n_seen,
                  uint64_t stream, fr_candidate *room)
{
    if (s->repetition_penalty != 1) penalise(logits, seen, n_seen, (float)s->repetition_penalty);
    if (s->temperature == 0) return fr_argmax(logits, n);
    for (size_t i = 0; i < n; i++)
        room[i] = (fr_candidate){logits[i] / (float)s->temperature, (int32_t)i};
    qsort(room, n, sizeof(*room), by_logit);
    size_t kept = keep(s, room, n);

    double sum = 0;
    for (size_t i = 0; i < kept; i++) sum += (double)room[i].logit;
    fr_rng rng;
    fr_rng_init(&rng, fr_mix64(fr_mix64(s->seed, stream), n_seen));
    double at = fr_rng_uniform(&rng) * sum;
    for (size_t i = 0; i + 1 < kept; i++) {
        at -= (double)room[i].logit;
        if (at < 0) return room[i].id;
    }
    return room[kept - 1].id;
}
