/* eval_completions.c - how likely a decoder finds the texts of a generate task. */
#include <jansson.h>
#include <stdlib.h>

#include "base/observer.h"
#include "cli/eval.h"
#include "format/jsonl.h"
#include "infer/score.h"
#include "kernel/kernel.h"

static fr_status score(const cli_eval_words *w, const cli_job *job, const fr_sequences *tokens,
                       fr_score *scores, fr_error *err)
{
    fr_status st = FR_OK;
    fr_scorer *scorer = NULL;
    fr_score_options options = {.window = job->max_tokens, .stride = w->stride};
    FR_TRY(fr_scorer_create(&scorer, job->model, fr_kernels_cpu(), &options, err));
    for (size_t at = 0; at < tokens->n; at += w->batch) {
        size_t n = tokens->n - at < w->batch ? tokens->n - at : w->batch;
        if (cli_job_should_stop(NULL))
            FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted after %zu of %zu items", at, tokens->n);
        FR_TRY(fr_scorer_run(scorer, tokens, at, n, scores + at, err));
        cli_eval_progress(at + n, tokens->n);
    }
cleanup:
    fr_scorer_destroy(scorer);
    return st;
}

typedef struct scored {
    const fr_item *items;
    const fr_score *scores;
} scored;

static json_t *score_row(const void *ctx, size_t i)
{
    const scored *s = ctx;
    return json_pack("{s:I, s:f, s:I, s:I}", "line", (json_int_t)s->items[i].line, "log_p",
                     s->scores[i].log_p, "tokens", (json_int_t)s->scores[i].n_tokens, "bytes",
                     (json_int_t)s->items[i].target_len);
}

fr_status cli_eval_completions(const cli_eval_words *w, cli_job *job, const fr_dataset *items,
                               cli_eval_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sequences tokens = FR_SEQUENCES_INIT;
    fr_encoding encoding = cli_job_encoding(job, 0);
    fr_window *window = NULL;
    size_t n_cut;
    fr_score *scores = calloc(items->n, sizeof(*scores));
    if (!scores) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu scores", items->n);
    FR_TRY(fr_dataset_encode_completions(items, &encoding, &tokens, &n_cut, err));
    FR_TRY(fr_window_begin(job->meter, fr_phase_name(FR_PHASE_INFER), &window, err));
    st = score(w, job, &tokens, scores, err);
    fr_window_end(window, &r->energy);
    if (st != FR_OK) goto cleanup;
    r->n_tokens = tokens.offsets[tokens.n];
    r->stride = w->stride ? w->stride : job->max_tokens / 2;
    for (size_t i = 0; i < items->n; i++) {
        r->log_p += scores[i].log_p;
        r->n_targets += scores[i].n_tokens;
        r->n_bytes += items->items[i].target_len;
        r->n_long += fr_sequences_length(&tokens, i) > job->max_tokens;
    }
    const scored all = {items->items, scores};
    if (w->predictions) FR_TRY(fr_jsonl_save(w->predictions, items->n, score_row, &all, err));
cleanup:
    free(scores);
    fr_sequences_release(&tokens);
    return st;
}
