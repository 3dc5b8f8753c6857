/* sample.c - greedy and random choice of the next token. */
#include "infer/sample.h"

#include <math.h>
#include <stdbool.h>

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

/* A token seen twice is penalised once, as transformers does it. room: where the seen ones are
 * ticked off; it holds nothing yet. */
static void penalise(float *logits, const int32_t *seen, size_t n_seen, float penalty,
                     fr_candidate *room)
{
    for (size_t i = 0; i < n_seen; i++) room[seen[i]].id = 0;
    for (size_t i = 0; i < n_seen; i++) {
        if (room[seen[i]].id++) continue;
        float *x = &logits[seen[i]];
        *x = *x < 0 ? *x * penalty : *x / penalty;
    }
}

/* Comes a before b? The most likely first; of equals the smaller id. */
static bool before(fr_candidate a, fr_candidate b)
{
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/* heap [n] is a heap below i: puts heap[i] where it belongs. */
static void sink_down(fr_candidate *heap, size_t n, size_t i)
{
    fr_candidate x = heap[i];
    for (size_t child = 2 * i + 1; child < n; i = child, child = 2 * i + 1) {
        if (child + 1 < n && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], x)) break;
        heap[i] = heap[child];
    }
    heap[i] = x;
}

/* Candidates in order, as far as they are asked for: room [0, n - ordered) is a heap of those that
 * are not, the others lie behind it, the first of them last. Few are asked for as a rule, and
 * sorting a vocabulary takes longer than running a small model. */
typedef struct ranking {
    fr_candidate *room;
    size_t n, ordered;
} ranking;

static fr_candidate nth(ranking *r, size_t i)
{
    while (r->ordered <= i) {
        fr_candidate first = r->room[0];
        size_t rest = r->n - ++r->ordered;
        r->room[0] = r->room[rest];
        if (rest) sink_down(r->room, rest, 0);
        r->room[rest] = first;
    }
    return r->room[r->n - 1 - i];
}

static double weight(fr_candidate c, float first)
{
    return (double)expf(c.logit - first);
}

/* How many of the first candidates stay; *sum becomes that of their exp(logit - first). */
static size_t keep(const fr_sampling *s, ranking *r, float first, double *sum)
{
    size_t most = s->top_k && s->top_k < r->n ? s->top_k : r->n;
    double all = 0, reached = 0;
    for (size_t i = 0; i < most; i++) all += weight(most < r->n ? nth(r, i) : r->room[i], first);
    *sum = all;
    if (s->top_p == 1 && s->min_p == 0) return most;
    for (size_t i = 0; i < most; i++) {
        double w = weight(nth(r, i), first);
        *sum = reached;
        if (w < s->min_p || (i && reached >= s->top_p * all)) return i;
        reached += w;
    }
    *sum = reached;
    return most;
}

int32_t fr_sample(const fr_sampling *s, float *logits, size_t n, const int32_t *seen, size_t n_seen,
                  uint64_t stream, fr_candidate *room)
{
    if (s->repetition_penalty != 1)
        penalise(logits, seen, n_seen, (float)s->repetition_penalty, room);
    if (s->temperature == 0) return fr_argmax(logits, n);
    for (size_t i = 0; i < n; i++)
        room[i] = (fr_candidate){logits[i] / (float)s->temperature, (int32_t)i};
    for (size_t i = n / 2; i-- > 0;) sink_down(room, n, i);
    ranking r = {room, n, 0};
    float first = room[0].logit;
    if (!isfinite(first)) return fr_argmax(logits, n); /* so cold that quotients overflow */
    double sum;
    size_t kept = keep(s, &r, first, &sum);

    fr_rng rng;
    fr_rng_init(&rng, fr_mix64(fr_mix64(s->seed, stream), n_seen));
    double at = fr_rng_uniform(&rng) * sum;
    for (size_t i = 0; i + 1 < kept; i++) {
        fr_candidate c = nth(&r, i);
        at -= weight(c, first);
        if (at < 0) return c.id;
    }
    return nth(&r, kept - 1).id;
}
