/* baseline.c - majority class; TF-IDF with logistic regression by L-BFGS.
 *
 * The loss is mean over texts of -log p(label) + |w|^2 / (2 C n), intercepts free: scikit-learn's,
 * divided by C n. With two labels there is one vector of weights, that of label 1; else one a
 * label. L-BFGS: Nocedal and Wright 2006, algorithm 7.4, with backtracking. */
#include "task/baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "metric/runes.h"
#include "metric/words.h"

enum { HISTORY = 10, MAX_STEPS = 300, MAX_HALVINGS = 40 };

static const double C = 1, ENOUGH = 1e-5; /* largest entry of the gradient */

struct fr_baseline {
    size_t n_words, n_labels, n_rows; /* rows of weights: 1 for two labels */
    fr_words words;                   /* the vocabulary first, then what predict has met */
    fr_runes runes;
    double *idf;     /* [n_words] */
    double *weights; /* [n_rows, n_words + 1], the intercept last */
};

/* Texts as sparse vectors. */
typedef struct vectors {
    size_t n;
    size_t *offsets; /* [n + 1] */
    uint32_t *ids;   /* words, each once a text */
    double *values;
} vectors;

static void vectors_release(vectors *v)
{
    free(v->offsets);
    free(v->ids);
    free(v->values);
}

void fr_baseline_destroy(fr_baseline *b)
{
    if (!b) return;
    fr__words_release(&b->words);
    fr__runes_release(&b->runes);
    free(b->idf);
    free(b->weights);
    free(b);
}

/* --- Texts as vectors ------------------------------------------------------------ */

static bool is_word_letter(int32_t c)
{
    return c == '_' || fr__is_alnum(c);
}

/* Adds the text's words of two letters and more as a new text of b->words. */
static fr_status split(fr_baseline *b, fr_text text, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_runes *r = &b->runes;
    FR_TRY(fr__runes_read(&b->runes, text.data, text.len, err));
    FR_TRY(fr__runes_lower(&b->runes, err));
    FR_TRY(fr__words_begin(&b->words, err));
    for (size_t at = 0; at < r->n; at++) {
        size_t end = at;
        while (end < r->n && is_word_letter(r->c[end])) end++;
        if (end - at >= 2) FR_TRY(fr__words_add(&b->words, r->c + at, end - at, err));
        at = end;
    }
cleanup:
    return st;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Counts of the different words below n_words of the n in ids, which become those words. */
static size_t count_words(uint32_t *ids, size_t n, size_t n_words, double *counts)
{
    size_t different = 0;
    if (n) qsort(ids, n, sizeof(*ids), compare_ids);
    for (size_t i = 0; i < n && ids[i] < n_words; i++) {
        if (different && ids[different - 1] == ids[i]) {
            counts[different - 1]++;
        } else {
            ids[different] = ids[i];
            counts[different++] = 1;
        }
    }
    return different;
}

/* Counts times idf, of length 1. */
static void weigh(const fr_baseline *b, const uint32_t *ids, double *values, size_t n)
{
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        values[i] *= b->idf[ids[i]];
        square += values[i] * values[i];
    }
    for (size_t i = 0; i < n; i++) values[i] /= sqrt(square);
}

static fr_status make_vectors(fr_baseline *b, const fr_text *texts, size_t n, vectors *v,
                              fr_error *err)
{
    fr_status st = FR_OK;
    const fr_words *w = &b->words;
    for (size_t i = 0; i < n; i++) {
        st = split(b, texts[i], err);
        if (st != FR_OK) {
            fr_error_prefix(err, "text %zu", i + 1);
            goto cleanup;
        }
    }
    size_t all = w->offsets[n], used = 0;
    b->n_words = w->n_distinct;
    v->n = n;
    v->offsets = calloc(n + 1, sizeof(*v->offsets));
    v->ids = malloc((all + 1) * sizeof(*v->ids));
    v->values = malloc((all + 1) * sizeof(*v->values));
    b->idf = calloc(b->n_words + 1, sizeof(*b->idf));
    if (!v->offsets || !v->ids || !v->values || !b->idf)
        FR_FAIL(err, FR_ERR_NOMEM, "TF-IDF: out of memory for %zu words", all);
    for (size_t i = 0; i < n; i++) {
        size_t length = fr__words_length(w, i);
        if (length) memcpy(v->ids + used, w->ids + w->offsets[i], length * sizeof(*v->ids));
        size_t different = count_words(v->ids + used, length, b->n_words, v->values + used);
        for (size_t k = used; k < used + different; k++) b->idf[v->ids[k]]++;
        used += different;
        v->offsets[i + 1] = used;
    }
    for (size_t i = 0; i < b->n_words; i++) b->idf[i] = log((1 + (double)n) / (1 + b->idf[i])) + 1;
    for (size_t i = 0; i < n; i++)
        weigh(b, v->ids + v->offsets[i], v->values + v->offsets[i],
              v->offsets[i + 1] - v->offsets[i]);
cleanup:
    return st;
}

/* --- Logistic regression ----------------------------------------------------------- */

/* p [n_labels] of a sparse vector */
static void probabilities_of(const fr_baseline *b, const double *weights, const uint32_t *ids,
                             const double *values, size_t n, double *p)
{
    size_t first = b->n_labels - b->n_rows, width = b->n_words + 1;
    double highest = 0, sum = 0;
    memset(p, 0, first * sizeof(*p));
    for (size_t r = 0; r < b->n_rows; r++) {
        const double *w = weights + r * width;
        double z = w[width - 1];
        for (size_t i = 0; i < n; i++) z += w[ids[i]] * values[i];
        p[first + r] = z;
    }
    for (size_t k = 0; k < b->n_labels; k++) highest = fmax(highest, p[k]);
    for (size_t k = 0; k < b->n_labels; k++) sum += exp(p[k] - highest);
    for (size_t k = 0; k < b->n_labels; k++) p[k] = exp(p[k] - highest) / sum;
}

typedef struct problem {
    const fr_baseline *b;
    const vectors *v;
    const int *labels;
    double *p; /* [n_labels] */
} problem;

/* The loss at x and its gradient. */
static double loss(const problem *q, const double *x, double *gradient)
{
    const fr_baseline *b = q->b;
    size_t width = b->n_words + 1, first = b->n_labels - b->n_rows;
    double total = 0, share = 1 / (double)q->v->n;
    memset(gradient, 0, b->n_rows * width * sizeof(*gradient));
    for (size_t i = 0; i < q->v->n; i++) {
        size_t at = q->v->offsets[i], n = q->v->offsets[i + 1] - at;
        const uint32_t *ids = q->v->ids + at;
        const double *values = q->v->values + at;
        probabilities_of(b, x, ids, values, n, q->p);
        total -= share * log(fmax(q->p[q->labels[i]], 1e-300));
        for (size_t r = 0; r < b->n_rows; r++) {
            double d = share * (q->p[first + r] - (q->labels[i] == (int)(first + r)));
            double *g = gradient + r * width;
            for (size_t k = 0; k < n; k++) g[ids[k]] += d * values[k];
            g[width - 1] += d;
        }
    }
    for (size_t r = 0; r < b->n_rows; r++)
        for (size_t k = 0; k + 1 < width; k++) {
            double w = x[r * width + k];
            total += 0.5 * share / C * w * w;
            gradient[r * width + k] += share / C * w;
        }
    return total;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void add_scaled(double *y, double a, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* The last steps s and changes of the gradient y. */
typedef struct history {
    double *s[HISTORY], *y[HISTORY], rho[HISTORY];
    size_t n; /* ever */
} history;

/* direction = -H gradient, H the inverse Hessian as the history knows it */
static void find_direction(const history *h, const double *gradient, double *direction, size_t n)
{
    double alpha[HISTORY] = {0};
    size_t kept = h->n < HISTORY ? h->n : HISTORY;
    for (size_t i = 0; i < n; i++) direction[i] = -gradient[i];
    for (size_t k = 0; k < kept; k++) {
        size_t at = (h->n - 1 - k) % HISTORY;
        alpha[at] = h->rho[at] * dot(h->s[at], direction, n);
        add_scaled(direction, -alpha[at], h->y[at], n);
    }
    if (kept) {
        size_t at = (h->n - 1) % HISTORY;
        double scale = 1 / (h->rho[at] * dot(h->y[at], h->y[at], n));
        for (size_t i = 0; i < n; i++) direction[i] *= scale;
    }
    for (size_t k = kept; k-- > 0;) {
        size_t at = (h->n - 1 - k) % HISTORY;
        add_scaled(direction, alpha[at] - h->rho[at] * dot(h->y[at], direction, n), h->s[at], n);
    }
}

static double largest(const double *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

/* Descends from x until the gradient is small or no step helps. work: (2 HISTORY + 4) n zeros. */
static void minimise(const problem *q, double *x, size_t n, double *work)
{
    history h = {.n = 0};
    double *gradient = work, *direction = work + n, *next = work + 2 * n, *next_g = work + 3 * n;
    for (size_t k = 0; k < HISTORY; k++) {
        h.s[k] = work + (4 + 2 * k) * n;
        h.y[k] = h.s[k] + n;
    }
    double value = loss(q, x, gradient);
    for (int step = 0; step < MAX_STEPS && largest(gradient, n) > ENOUGH; step++) {
        double length = 1, next_value = value;
        find_direction(&h, gradient, direction, n);
        double slope = dot(gradient, direction, n);
        bool lower = false;
        for (int i = 0; i < MAX_HALVINGS && !lower; i++, length /= 2) {
            memcpy(next, x, n * sizeof(*x));
            add_scaled(next, length, direction, n);
            next_value = loss(q, next, next_g);
            lower = next_value <= value + 1e-4 * length * slope;
        }
        if (!lower) return;
        size_t at = h.n % HISTORY;
        for (size_t i = 0; i < n; i++) {
            h.s[at][i] = next[i] - x[i];
            h.y[at][i] = next_g[i] - gradient[i];
        }
        double curvature = dot(h.s[at], h.y[at], n);
        if (curvature > 0) h.rho[at] = 1 / curvature, h.n++;
        memcpy(x, next, n * sizeof(*x));
        memcpy(gradient, next_g, n * sizeof(*x));
        value = next_value;
    }
}

/* --- Fit and predict ---------------------------------------------------------------- */

static fr_status check_labels(const int *labels, size_t n, size_t n_labels, fr_error *err)
{
    bool differ = false;
    if (n == 0 || n_labels < 2)
        return fr_error_set(err, FR_ERR_USAGE, "TF-IDF: %zu texts of %zu labels to learn from", n,
                            n_labels);
    for (size_t i = 0; i < n; i++) {
        if (labels[i] < 0 || (size_t)labels[i] >= n_labels)
            return fr_error_set(err, FR_ERR_FORMAT, "TF-IDF: text %zu has label %d of %zu", i + 1,
                                labels[i], n_labels);
        differ |= labels[i] != labels[0];
    }
    if (differ) return FR_OK;
    return fr_error_set(err, FR_ERR_USAGE, "TF-IDF: all texts have the same label");
}

fr_status fr_baseline_fit(fr_baseline **out, const fr_text *texts, const int *labels, size_t n,
                          size_t n_labels, fr_error *err)
{
    fr_status st = FR_OK;
    vectors v = {.n = 0};
    double *work = NULL, *p = NULL;
    size_t size;
    fr_baseline *b = calloc(1, sizeof(*b));
    *out = NULL;
    if (!b) FR_FAIL(err, FR_ERR_NOMEM, "TF-IDF: out of memory");
    FR_TRY(check_labels(labels, n, n_labels, err));
    b->n_labels = n_labels;
    b->n_rows = n_labels == 2 ? 1 : n_labels;
    FR_TRY(make_vectors(b, texts, n, &v, err));
    if (!fr_size_mul(b->n_words + 1, b->n_rows, &size))
        FR_FAIL(err, FR_ERR_NOMEM, "TF-IDF: too many words and labels");
    b->weights = calloc(size, sizeof(*b->weights));
    work = calloc(size, (2 * HISTORY + 4) * sizeof(*work));
    p = malloc(n_labels * sizeof(*p));
    if (!b->weights || !work || !p)
        FR_FAIL(err, FR_ERR_NOMEM, "TF-IDF: out of memory for %zu words and %zu labels", b->n_words,
                n_labels);
    minimise(&(problem){b, &v, labels, p}, b->weights, size, work);
    *out = b;
    b = NULL;
cleanup:
    fr_baseline_destroy(b);
    vectors_release(&v);
    free(work);
    free(p);
    return st;
}

/* The vector of a text: *ids, of the room's own memory, and *values, which the caller frees. */
static fr_status make_vector(fr_baseline *b, fr_text text, uint32_t **ids, double **values,
                             size_t *n, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(split(b, text, err));
    size_t last = b->words.n_texts - 1;
    *n = fr__words_length(&b->words, last);
    *ids = b->words.ids + b->words.offsets[last];
    *values = malloc((*n + 1) * sizeof(**values));
    if (!*values) FR_FAIL(err, FR_ERR_NOMEM, "TF-IDF: out of memory for %zu words", *n);
    *n = count_words(*ids, *n, b->n_words, *values);
    weigh(b, *ids, *values, *n);
cleanup:
    return st;
}

fr_status fr_baseline_predict(fr_baseline *b, fr_text text, double *probabilities, fr_error *err)
{
    fr_status st = FR_OK;
    double *values = NULL;
    uint32_t *ids;
    size_t n;
    FR_TRY(make_vector(b, text, &ids, &values, &n, err));
    probabilities_of(b, b->weights, ids, values, n, probabilities);
cleanup:
    free(values);
    return st;
}

/* --- The nearest text ----------------------------------------------------------------- */

struct fr_closest {
    fr_baseline *words; /* vocabulary and idf; no weights */
    vectors v;
    double *query; /* [n_words] zeros between calls */
};

void fr_closest_destroy(fr_closest *b)
{
    if (!b) return;
    fr_baseline_destroy(b->words);
    vectors_release(&b->v);
    free(b->query);
    free(b);
}

fr_status fr_closest_fit(fr_closest **out, const fr_text *texts, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_closest *b = calloc(1, sizeof(*b));
    *out = NULL;
    if (!b) FR_FAIL(err, FR_ERR_NOMEM, "TF-IDF: out of memory");
    b->words = calloc(1, sizeof(*b->words));
    if (!b->words) FR_FAIL(err, FR_ERR_NOMEM, "TF-IDF: out of memory");
    if (n == 0) FR_FAIL(err, FR_ERR_USAGE, "TF-IDF: no texts to be near to");
    FR_TRY(make_vectors(b->words, texts, n, &b->v, err));
    b->query = calloc(b->words->n_words + 1, sizeof(*b->query));
    if (!b->query) FR_FAIL(err, FR_ERR_NOMEM, "TF-IDF: out of memory");
    *out = b;
    b = NULL;
cleanup:
    fr_closest_destroy(b);
    return st;
}

fr_status fr_closest_find(fr_closest *b, fr_text text, size_t *index, fr_error *err)
{
    fr_status st = FR_OK;
    double *values = NULL, best = 0;
    uint32_t *ids;
    size_t n;
    *index = 0;
    FR_TRY(make_vector(b->words, text, &ids, &values, &n, err));
    for (size_t i = 0; i < n; i++) b->query[ids[i]] = values[i];
    for (size_t i = 0; i < b->v.n; i++) {
        double cosine = 0;
        for (size_t k = b->v.offsets[i]; k < b->v.offsets[i + 1]; k++)
            cosine += b->query[b->v.ids[k]] * b->v.values[k];
        if (cosine <= best) continue;
        best = cosine;
        *index = i;
    }
    for (size_t i = 0; i < n; i++) b->query[ids[i]] = 0;
cleanup:
    free(values);
    return st;
}

fr_status fr_majority_label(const int *labels, size_t n, size_t n_labels, int *out, fr_error *err)
{
    size_t *counts = calloc(n_labels + 1, sizeof(*counts));
    *out = 0;
    if (!counts) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu labels", n_labels);
    for (size_t i = 0; i < n; i++)
        if (labels[i] >= 0 && (size_t)labels[i] < n_labels) counts[labels[i]]++;
    for (size_t k = 1; k < n_labels; k++)
        if (counts[k] > counts[*out]) *out = (int)k;
    free(counts);
    return FR_OK;
}
