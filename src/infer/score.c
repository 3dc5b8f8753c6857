/* score.c - log-probabilities of completions, in packed batches of windows. */
#include "infer/score.h"

#include <math.h>
#include <stdlib.h>

/* A piece of one sequence. */
typedef struct window {
    size_t begin, end; /* tokens of the sequence */
    size_t counts;     /* from this token on they count */
} window;

struct fr_scorer {
    fr_model *model; /* borrowed */
    fr_graph *graph;
    size_t window, stride;
    fr_sequences windows; /* of the batch at work; what counts stands as its completion */
    size_t *owners;       /* [windows.n] whose they are; owned */
    size_t cap_owners;
    size_t *index; /* [cap_owners] 0, 1, ...; owned */
    fr_gathered gathered;
};

static size_t window_of(const fr_score_options *o, const fr_model *model)
{
    return o->window ? o->window : fr_model_get_info(model)->max_tokens;
}

fr_status fr_score_options_check(const fr_score_options *options, const fr_model *model,
                                 fr_error *err)
{
    fr_status st = FR_OK;
    size_t width = window_of(options, model), most = fr_model_get_info(model)->max_tokens;
    if (width < 2 || width > most)
        FR_FAIL(err, FR_ERR_USAGE, "a window of %zu tokens; the model takes 2 to %zu", width, most);
    if (options->stride >= width)
        FR_FAIL(err, FR_ERR_USAGE, "a stride of %zu leaves gaps between windows of %zu tokens",
                options->stride, width);
cleanup:
    return st;
}

fr_status fr_scorer_create(fr_scorer **out, fr_model *model, const fr_kernels *kernels,
                           const fr_score_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    *out = NULL;
    const fr_model_info *info = fr_model_get_info(model);
    fr_scorer *s = calloc(1, sizeof(*s));
    if (!s) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a scorer");
    if (!info->is_decoder)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "an encoder (%s) gives texts no probability",
                info->architecture);
    FR_TRY(fr_score_options_check(options, model, err));
    s->model = model;
    s->window = window_of(options, model);
    s->stride = options->stride ? options->stride : s->window / 2;
    FR_TRY(fr_graph_create(&s->graph, kernels, err));
    *out = s;
    s = NULL; /* ownership has moved to the caller */
cleanup:
    fr_scorer_destroy(s);
    return st;
}

void fr_scorer_destroy(fr_scorer *s)
{
    if (!s) return;
    fr_graph_destroy(s->graph);
    fr_sequences_release(&s->windows);
    fr_gathered_release(&s->gathered);
    free(s->owners);
    free(s->index);
    free(s);
}

static fr_status reserve(fr_scorer *s, size_t n, fr_error *err)
{
    if (n <= s->cap_owners) return FR_OK;
    size_t cap = 2 * n;
    size_t *owners = realloc(s->owners, cap * sizeof(*owners));
    if (owners) s->owners = owners;
    size_t *index = realloc(s->index, cap * sizeof(*index));
    if (index) s->index = index;
    if (!owners || !index) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for scores");
    for (size_t i = s->cap_owners; i < cap; i++) s->index[i] = i;
    s->cap_owners = cap;
    return FR_OK;
}

/* Runs the windows that wait, and adds to their owners' scores. */
static fr_status flush(fr_scorer *s, fr_score *scores, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensor *log_p;
    const fr_sequences *w = &s->windows;
    if (!w->n) return FR_OK;
    FR_TRY(fr_batch_gather(&s->gathered, w, s->index, w->n, err));
    FR_TRY(fr_targets_gather(&s->gathered, err));
    fr_graph_begin(s->graph, false, 0, 0);
    FR_TRY(
        fr_model_scores(s->model, s->graph, &s->gathered.batch, s->gathered.targets, &log_p, err));
    for (size_t i = 0; i < w->n; i++) {
        fr_score *to = &scores[s->owners[i]];
        for (size_t t = w->offsets[i]; t < w->offsets[i + 1]; t++) {
            if (s->gathered.targets[t] == FR_IGNORE) continue;
            to->log_p += (double)log_p->data[t];
            to->n_tokens++;
        }
        if (!isfinite(to->log_p))
            FR_FAIL(err, FR_ERR_STATE,
                    "the probability of a token is not a finite number; the model's weights are "
                    "damaged or training has diverged");
    }
    s->windows.n = 0;
cleanup:
    return st;
}

/* The window behind `w` in a text of so many tokens. */
static window next_window(const fr_scorer *s, window w, size_t n_tokens)
{
    size_t begin = w.begin + s->stride, end = begin + s->window;
    return (window){begin, end < n_tokens ? end : n_tokens, w.end};
}

/* Adds the windows of sequence i; scores are those of the sequences from `first` on. */
static fr_status add(fr_scorer *s, const fr_sequences *from, size_t i, size_t first,
                     fr_score *scores, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = fr_sequences_length(from, i), start = from->starts[i];
    const int32_t *ids = from->ids + from->offsets[i];
    window w = {0, s->window < n ? s->window : n, start};
    for (;; w = next_window(s, w, n)) {
        if (w.counts < start) w.counts = start;
        size_t waiting = s->windows.n ? s->windows.offsets[s->windows.n] : 0;
        if (waiting && waiting + (w.end - w.begin) > FR_SCORE_TOKENS) FR_TRY(flush(s, scores, err));
        if (w.counts < w.end) {
            FR_TRY(reserve(s, s->windows.n + 1, err));
            s->owners[s->windows.n] = i - first;
            FR_TRY(fr_sequences_append_completion(&s->windows, ids + w.begin, w.end - w.begin,
                                                  w.counts - w.begin, err));
        }
        if (w.end == n) break;
    }
cleanup:
    return st;
}

fr_status fr_scorer_run(fr_scorer *s, const fr_sequences *sequences, size_t first, size_t n,
                        fr_score *scores, fr_error *err)
{
    fr_status st = FR_OK;
    s->windows.n = 0; /* what an error may have left */
    for (size_t i = 0; i < n; i++) scores[i] = (fr_score){0, 0};
    for (size_t i = first; i < first + n; i++) FR_TRY(add(s, sequences, i, first, scores, err));
    FR_TRY(flush(s, scores, err));
cleanup:
    return st;
}
