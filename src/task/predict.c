/* predict.c - items in, answers out: which of a model's abilities a task asks for. */
#include "task/predict.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "task/predict_impl.h"

fr_encoding fr_encoding_of(const fr_task *task, const fr_model *model,
                           const fr_tokenizer *tokenizer, size_t max_tokens)
{
    const fr_model_info *info = fr_model_get_info(model);
    int32_t eos = fr_tokenizer_special_id(tokenizer, FR_TOKEN_EOS);
    if (eos < 0 && info->n_eos) eos = info->eos[0];
    return (fr_encoding){
        .task = task, .tokenizer = tokenizer, .max_tokens = max_tokens, .eos = eos};
}

bool fr_ends_text(const fr_model *model, const fr_tokenizer *tokenizer, int32_t id)
{
    const fr_model_info *info = fr_model_get_info(model);
    for (size_t i = 0; i < info->n_eos; i++)
        if (info->eos[i] == id) return true;
    return id == fr_tokenizer_special_id(tokenizer, FR_TOKEN_EOS);
}

fr_model_options fr_predict_model_options(const fr_task *task)
{
    bool writes = task->kind != FR_TASK_CLASSIFY;
    return (fr_model_options){.decoder = writes, .either = !writes, .as_stored = true};
}

static fr_status check(const fr_predictor *p, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_predict_options *o = &p->options;
    const fr_model_info *info = fr_model_get_info(p->model);
    size_t n_tokens = fr_tokenizer_vocab_size(p->tokenizer);
    if (n_tokens > info->vocab_size)
        FR_FAIL(err, FR_ERR_SHAPE,
                "the tokenizer has %zu tokens, the model only %zu embeddings: they do not belong "
                "together",
                n_tokens, info->vocab_size);
    if (!info->is_decoder && p->task->kind != FR_TASK_CLASSIFY)
        FR_FAIL(err, FR_ERR_USAGE,
                "task %s has no labels: it needs a model that writes, and %s is an encoder",
                p->task->name, info->architecture);
    if (!info->is_decoder && info->n_labels != p->task->n_labels)
        FR_FAIL(err, FR_ERR_SHAPE, "the model's head has %zu labels, task %s has %zu",
                info->n_labels, p->task->name, p->task->n_labels);
    if (!o->max_tokens || o->max_tokens > info->max_tokens)
        FR_FAIL(err, FR_ERR_USAGE, "texts of %zu tokens: the model takes 1 to %zu", o->max_tokens,
                info->max_tokens);
    if (!o->batch || !o->samples)
        FR_FAIL(err, FR_ERR_USAGE, "batch and samples must be at least 1");
    if (!p->writes && (o->samples > 1 || o->temperature != 0))
        FR_FAIL(err, FR_ERR_USAGE,
                "samples and temperature are for models that write: of task %s %s writes nothing",
                p->task->name, info->architecture);
    if (!info->is_decoder && (o->prompting.template || o->prompting.shots.len))
        FR_FAIL(err, FR_ERR_USAGE, "prompt and shots are for models that write; %s is an encoder",
                info->architecture);
    if (o->samples > 1 && o->temperature == 0)
        FR_FAIL(err, FR_ERR_USAGE,
                "%zu samples without a temperature are all the same; give one, like 0.8",
                o->samples);
    if (o->stride && !p->reads_target)
        FR_FAIL(err, FR_ERR_USAGE,
                "stride is for tasks that score whole texts by a decoder; %s needs none",
                p->task->name);
cleanup:
    return st;
}

static fr_status open_engine(fr_predictor *p, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_predict_options *o = &p->options;
    fr_generator_options generator = {.slots = o->batch, .observer = o->observer};
    fr_score_options windows = {.window = o->max_tokens, .stride = o->stride};
    if (!fr_model_get_info(p->model)->is_decoder)
        FR_TRY(fr_classifier_create(&p->classifier, p->model, fr_kernels_cpu(), err));
    if (p->writes)
        FR_TRY(fr_generator_create(&p->generator, p->model, fr_kernels_cpu(), &generator, err));
    if (p->reads_target)
        FR_TRY(fr_scorer_create(&p->scorer, p->model, fr_kernels_cpu(), &windows, err));
cleanup:
    return st;
}

fr_status fr_predictor_create(fr_predictor **out, fr_model *model, const fr_tokenizer *tokenizer,
                              const fr_task *task, const fr_predict_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_predictor *p = calloc(1, sizeof(*p));
    *out = NULL;
    if (!p) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for predictions");
    p->model = model;
    p->tokenizer = tokenizer;
    p->task = task;
    p->options = *options;
    p->writes = fr_model_get_info(model)->is_decoder && fr_task_writes(task);
    p->reads_target = fr_model_get_info(model)->is_decoder && fr_task_reads_target(task);
    FR_TRY(check(p, err));
    FR_TRY(open_engine(p, err));
    *out = p;
    p = NULL; /* ownership has moved to the caller */
cleanup:
    fr_predictor_destroy(p);
    return st;
}

static void release_inputs(fr_inputs *in)
{
    fr_sequences_release(&in->texts);
    fr_sequences_release(&in->targets);
}

static void release_run(fr_predictor *p)
{
    for (size_t i = 0; p->writings && i < p->cap * p->options.samples; i++) {
        fr_tokens_release(&p->writings[i].ids);
        fr_str_release(&p->writings[i].text);
    }
    free(p->done.answers);
    free(p->done.logits);
    free(p->done.tokens_in);
    free(p->done.tokens_out);
    free(p->index);
    free(p->writings);
    free(p->texts);
    free(p->prompts);
    free(p->scores);
    p->done = (fr_predictions){0};
    p->writings = NULL;
    p->cap = 0;
}

void fr_predictor_destroy(fr_predictor *p)
{
    if (!p) return;
    release_inputs(&p->all);
    release_inputs(&p->one);
    fr_classifier_destroy(p->classifier);
    fr_generator_destroy(p->generator);
    fr_scorer_destroy(p->scorer);
    release_run(p);
    fr_str_release(&p->before);
    fr_str_release(&p->whole);
    free(p);
}

/* --- Reading ------------------------------------------------------------------- */

static fr_status encode(const fr_predictor *p, const fr_dataset *items, fr_inputs *out,
                        size_t *n_cut, fr_error *err)
{
    fr_status st = FR_OK;
    size_t most = p->options.max_tokens, cut;
    fr_encoding whole = fr_encoding_of(p->task, p->model, p->tokenizer, 0);
    fr_encoding limited = fr_encoding_of(p->task, p->model, p->tokenizer, most);
    whole.prompting = limited.prompting = &p->options.prompting;
    *n_cut = 0;
    if (p->classifier) {
        FR_TRY(fr_dataset_encode(items, p->tokenizer, most, &out->texts, err));
        goto cleanup;
    }
    if (p->writes) FR_TRY(fr_dataset_encode_prompts(items, &limited, &out->texts, n_cut, err));
    if (p->reads_target)
        FR_TRY(fr_dataset_encode_completions(items, &whole, &out->targets, &cut, err));
cleanup:
    return st;
}

fr_status fr_predictor_read(fr_predictor *p, const fr_dataset *items, fr_error *err)
{
    fr_status st = FR_OK;
    fr_predict_reading *r = &p->reading;
    size_t most = p->options.max_tokens;
    p->items = items;
    *r = (fr_predict_reading){0};
    release_inputs(&p->all);
    FR_TRY(encode(p, items, &p->all, &r->n_cut, err));
    const fr_sequences *read = p->classifier || p->writes ? &p->all.texts : &p->all.targets;
    r->n_tokens = read->offsets[read->n];
    if (p->reads_target) r->stride = p->options.stride ? p->options.stride : most / 2;
    for (size_t i = 0; i < p->all.targets.n; i++)
        r->n_windows += fr_sequences_length(&p->all.targets, i) > most;
cleanup:
    return st;
}

fr_predict_reading fr_predictor_reading(const fr_predictor *p)
{
    return p->reading;
}

/* --- Running ------------------------------------------------------------------- */

/* Room for the outputs of n items; what is there is kept where it suffices. */
static fr_status reserve(fr_predictor *p, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    size_t samples = p->options.samples, n_labels = p->task->n_labels;
    if (n > p->cap) {
        release_run(p);
        p->cap = n;
        p->done.answers = calloc(n, sizeof(*p->done.answers));
        p->done.tokens_in = calloc(n, sizeof(*p->done.tokens_in));
        p->done.tokens_out = calloc(n, sizeof(*p->done.tokens_out));
        p->index = calloc(n, sizeof(*p->index));
        p->scores = calloc(n, sizeof(*p->scores));
        p->writings = calloc(n * samples, sizeof(*p->writings));
        p->texts = calloc(n * samples, sizeof(*p->texts));
        p->prompts = calloc(n * samples, sizeof(*p->prompts));
        if (p->classifier) p->done.logits = calloc(n * n_labels, sizeof(*p->done.logits));
        if (!p->done.answers || !p->done.tokens_in || !p->done.tokens_out || !p->index ||
            !p->scores || !p->writings || !p->texts || !p->prompts ||
            (p->classifier && !p->done.logits))
            FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the answers of %zu items", n);
    }
    p->done.n = n;
    for (size_t i = 0; i < n; i++) {
        p->done.answers[i] = (fr_answer){.label = -1};
        p->done.tokens_in[i] = p->done.tokens_out[i] = 0;
    }
cleanup:
    return st;
}

/* The next batch of a run in which `at` items are done; 0: there is none. */
static size_t next_batch(const fr_predictor *p, size_t at)
{
    size_t left = p->done.n - at;
    return left < p->options.batch ? left : p->options.batch;
}

static fr_status stop_if_asked(const fr_predictor *p, size_t at, fr_error *err)
{
    if (!fr_observe_stop(p->options.observer)) return FR_OK;
    return fr_error_set(err, FR_ERR_INTERRUPTED, "interrupted after %zu of %zu items", at,
                        p->done.n);
}

static fr_status classify(fr_predictor *p, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_sequences *texts = &p->inputs->texts;
    size_t n_labels = p->task->n_labels;
    for (size_t at = 0, n; (n = next_batch(p, at)) > 0; at += n) {
        FR_TRY(stop_if_asked(p, at, err));
        for (size_t i = 0; i < n; i++) p->index[i] = p->first + at + i;
        FR_TRY(fr_classifier_run(p->classifier, texts, p->index, n, p->done.logits + at * n_labels,
                                 err));
        for (size_t i = at; i < at + n; i++) {
            p->done.answers[i].label = fr_argmax(p->done.logits + i * n_labels, n_labels);
            p->done.tokens_in[i] = fr_sequences_length(texts, p->first + i);
        }
        fr_observe_item(p->options.observer, at + n, p->done.n);
    }
cleanup:
    return st;
}

static fr_status score_targets(fr_predictor *p, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_sequences *targets = &p->inputs->targets;
    for (size_t at = 0, n; (n = next_batch(p, at)) > 0; at += n) {
        FR_TRY(stop_if_asked(p, at, err));
        FR_TRY(fr_scorer_run(p->scorer, targets, p->first + at, n, p->scores + at, err));
        for (size_t i = at; i < at + n; i++) {
            p->done.answers[i].log_p = p->scores[i].log_p;
            p->done.answers[i].n_tokens = p->scores[i].n_tokens;
            if (!p->writes) p->done.tokens_in[i] = fr_sequences_length(targets, p->first + i);
        }
        fr_observe_item(p->options.observer, at + n, p->done.n);
    }
cleanup:
    return st;
}

static fr_status run(fr_predictor *p, const fr_inputs *inputs, size_t first, size_t at, size_t n,
                     const fr_predictions **out, fr_error *err)
{
    fr_status st = FR_OK;
    p->inputs = inputs;
    p->first = first;
    p->at = at;
    *out = &p->done;
    FR_TRY(reserve(p, n, err));
    if (p->classifier)
        FR_TRY(classify(p, err));
    else if (p->writes)
        FR_TRY(fr__predict_write(p, err));
    else if (p->reads_target)
        FR_TRY(score_targets(p, err));
cleanup:
    return st;
}

fr_status fr_predictor_run(fr_predictor *p, size_t first, size_t n, const fr_predictions **out,
                           fr_error *err)
{
    return run(p, &p->all, first, first, n, out, err);
}

fr_status fr_predictor_score_targets(fr_predictor *p, fr_error *err)
{
    return p->writes && p->reads_target ? score_targets(p, err) : FR_OK;
}

fr_status fr_predictor_run_alone(fr_predictor *p, size_t i, const fr_predictions **out,
                                 fr_error *err)
{
    fr_status st = FR_OK;
    const fr_dataset one = {.items = p->items->items + i, .n = 1};
    size_t n_cut;
    release_inputs(&p->one);
    FR_TRY(encode(p, &one, &p->one, &n_cut, err));
    FR_TRY(run(p, &p->one, 0, i, 1, out, err));
cleanup:
    return st;
}
