/* eval_answers.c - a decoder over labelled texts: the class is read out of what it writes. */
#include <jansson.h>
#include <stdlib.h>

#include "base/observer.h"
#include "cli/eval.h"
#include "format/jsonl.h"
#include "infer/generate.h"
#include "kernel/kernel.h"
#include "metric/accuracy.h"

typedef struct answers {
    const cli_job *job;
    const fr_dataset *items;
    fr_tokens *texts; /* [n] ids that were written; owned */
    fr_str *words;    /* [n] the same as text; owned */
    int *predicted;   /* [n]; owned */
    size_t n, n_ended;
    fr_error *err;
    fr_status st; /* of the sink */
} answers;

static bool take_token(void *ctx, size_t prompt, int32_t id)
{
    answers *a = ctx;
    fr_tokens *text = &a->texts[prompt];
    bool ends = cli_job_is_end(a->job, id);
    if (a->st != FR_OK || cli_job_should_stop(NULL)) return false;
    if (!ends) {
        a->st = fr_tokens_reserve(text, 1, a->err);
        if (a->st != FR_OK) return false;
        text->ids[text->n++] = id;
    }
    ends |= text->n == a->job->task->max_tokens;
    if (ends) cli_eval_progress(++a->n_ended, a->n);
    return !ends;
}

static fr_status generate(const cli_eval_words *w, answers *a, const fr_sequences *tokens,
                          fr_error *err)
{
    fr_status st = FR_OK;
    fr_generator *generator = NULL;
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    fr_sink sink = {a, take_token};
    fr_generator_options options = {.slots = tokens->n < w->batch ? tokens->n : w->batch};
    fr_prompt *prompts = calloc(tokens->n, sizeof(*prompts));
    if (!prompts) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu prompts", tokens->n);
    for (size_t i = 0; i < tokens->n; i++)
        prompts[i] = (fr_prompt){.ids = tokens->ids + tokens->offsets[i],
                                 .n = fr_sequences_length(tokens, i),
                                 .max_tokens = a->job->task->max_tokens};
    FR_TRY(fr_generator_create(&generator, a->job->model, fr_kernels_cpu(), &options, err));
    FR_TRY(fr_generate(generator, prompts, tokens->n, &greedy, &sink, err));
    FR_TRY(a->st);
    if (cli_job_should_stop(NULL))
        FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted after %zu of %zu items", a->n_ended,
                tokens->n);
cleanup:
    fr_generator_destroy(generator);
    free(prompts);
    return st;
}

static fr_status read_answers(answers *a, cli_eval_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i < a->n; i++) {
        fr_str *words = &a->words[i];
        FR_TRY(fr_tokenizer_decode(a->job->tokenizer, a->texts[i].ids, a->texts[i].n, FR_NO_SPECIAL,
                                   words, err));
        a->predicted[i] = fr_task_read_answer(a->job->task, fr_str_text(words), words->len);
        r->n_unread += a->predicted[i] < 0;
        r->n_new += a->texts[i].n;
    }
cleanup:
    return st;
}

static json_t *answer_row(const void *ctx, size_t i)
{
    const answers *a = ctx;
    int class = a->predicted[i];
    return json_pack("{s:I, s:i, s:i, s:s?, s:s%}", "line", (json_int_t)a->items->items[i].line,
                     "label", a->items->items[i].label, "class", class, "prediction",
                     class < 0 ? NULL : a->job->task->labels[class], "output",
                     fr_str_text(&a->words[i]), a->words[i].len);
}

fr_status cli_eval_answers(const cli_eval_words *w, cli_job *job, const fr_dataset *items,
                           cli_eval_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sequences tokens = FR_SEQUENCES_INIT;
    fr_encoding encoding = cli_job_encoding(job, job->max_tokens);
    fr_window *window = NULL;
    size_t n_cut;
    answers a = {.job = job, .items = items, .n = items->n, .err = err};
    a.texts = calloc(a.n, sizeof(*a.texts));
    a.words = calloc(a.n, sizeof(*a.words));
    a.predicted = calloc(a.n, sizeof(*a.predicted));
    if (!a.texts || !a.words || !a.predicted)
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu answers", a.n);
    FR_TRY(fr_dataset_encode_prompts(items, &encoding, &tokens, &n_cut, err));
    cli_tell_cut(n_cut, a.n, job->max_tokens - job->task->max_tokens, "text");
    r->n_tokens = tokens.offsets[tokens.n];
    FR_TRY(fr_window_begin(job->meter, fr_phase_name(FR_PHASE_INFER), &window, err));
    st = generate(w, &a, &tokens, err);
    if (st == FR_OK) st = read_answers(&a, r, err);
    fr_window_end(window, &r->energy);
    if (st != FR_OK) goto cleanup;
    FR_TRY(fr_accuracy(a.predicted, tokens.labels, a.n, NULL, &r->accuracy, err));
    if (w->predictions) FR_TRY(fr_jsonl_save(w->predictions, a.n, answer_row, &a, err));
cleanup:
    for (size_t i = 0; a.texts && i < a.n; i++) fr_tokens_release(&a.texts[i]);
    for (size_t i = 0; a.words && i < a.n; i++) fr_str_release(&a.words[i]);
    free(a.texts);
    free(a.words);
    free(a.predicted);
    fr_sequences_release(&tokens);
    return st;
}
