/* score_bert.c - frugal score --metric bertscore: an encoder's states of both texts, compared. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/score.h"
#include "infer/embed.h"
#include "kernel/kernel.h"
#include "metric/bertscore.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "text/tokenizer.h"

enum { TEXTS_AT_ONCE = 32, MAX_BASELINE = 1 << 20 };

typedef struct bert {
    const score_input *in;
    fr_model *model;
    fr_tokenizer *tokenizer;
    fr_embedder *embedder;
    fr_sequences texts; /* all hypotheses, then all of the first references, then the second ... */
    double *idf;        /* [vocabulary]; NULL: all tokens weigh the same */
    double *weights;    /* of the batch at hand */
    size_t cap_weights;
    fr_bertscore baseline;
    size_t n_cut; /* texts longer than the encoder takes */
} bert;

/* bert-score takes white space off both ends before it encodes. */
static fr_status encode(bert *b, const score_texts *t, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokens tokens = FR_TOKENS_INIT;
    size_t most = fr_model_get_info(b->model)->max_tokens;
    for (size_t i = 0; i < t->n; i++) {
        fr_text text = score_text(t, i);
        while (text.len && strchr(" \t\n\v\f\r", text.data[text.len - 1])) text.len--;
        while (text.len && strchr(" \t\n\v\f\r", *text.data)) text.data++, text.len--;
        st = fr_tokenizer_encode(b->tokenizer, text.data, text.len, FR_SPECIAL, most, &tokens, err);
        if (st != FR_OK) {
            fr_error_prefix(err, "%s: text %zu", t->path, i + 1);
            goto cleanup;
        }
        b->n_cut += tokens.truncated;
        FR_TRY(fr_sequences_append(&b->texts, tokens.ids, NULL, tokens.n, FR_IGNORE, err));
    }
cleanup:
    fr_tokens_release(&tokens);
    return st;
}

/* "L,P,R,F" with baselines below 1, and nothing behind it. */
static bool read_row(const char *line, double values[4])
{
    for (int i = 0; i < 4; i++) {
        char *end;
        values[i] = fr_strtod(line, &end);
        if (end == line || (i > 0 && !(values[i] < 1)) || (i < 3 && *end != ',')) return false;
        line = end + (i < 3);
    }
    return !*line || !strcmp(line, "\r");
}

/* The row of the layer in a table of bert-score: LAYER,P,R,F. */
static fr_status read_baseline(const char *path, size_t layer, fr_bertscore *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    char *save = NULL;
    double values[4];
    bool found = false;
    FR_TRY(fr_file_read(&text, path, MAX_BASELINE, err));
    if (!text.data) FR_FAIL(err, FR_ERR_FORMAT, "%s: empty", path);
    for (char *line = strtok_r(text.data, "\n", &save); line && !found;
         line = strtok_r(NULL, "\n", &save)) {
        if (!strncmp(line, "LAYER", 5)) continue;
        if (!read_row(line, values))
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s: \"%.64s\" is no row LAYER,P,R,F with baselines below 1", path, line);
        found = values[0] == (double)layer;
    }
    if (!found) FR_FAIL(err, FR_ERR_FORMAT, "%s: no row for layer %zu", path, layer);
    *out = (fr_bertscore){values[1], values[2], values[3]};
cleanup:
    fr_str_release(&text);
    return st;
}

static fr_status open_encoder(bert *b, fr_error *err)
{
    fr_status st = FR_OK;
    const score_words *w = b->in->words;
    const fr_model_options options = {.new_head = true, .n_labels = 2};
    FR_TRY(fr_tokenizer_open(&b->tokenizer, w->encoder, err));
    FR_TRY(fr_model_load(&b->model, w->encoder, &options, err));
    const fr_model_info *info = fr_model_get_info(b->model);
    if (w->layer > info->n_layers)
        FR_FAIL(err, FR_ERR_USAGE, "--layer is 0 to %zu in %s (give one: scores depend on it)",
                info->n_layers, w->encoder);
    if (fr_tokenizer_vocab_size(b->tokenizer) > info->vocab_size)
        FR_FAIL(err, FR_ERR_SHAPE, "%s: the tokenizer has %zu ids, the model %zu", w->encoder,
                fr_tokenizer_vocab_size(b->tokenizer), info->vocab_size);
    FR_TRY(fr_embedder_create(&b->embedder, b->model, w->layer, fr_kernels_cpu(), err));
cleanup:
    return st;
}

/* Frequencies are those in the references, all files together. */
static fr_status weigh(bert *b, fr_error *err)
{
    size_t n = b->in->hypotheses.n, more = b->texts.n - n;
    if (!b->in->words->idf) return FR_OK;
    return fr_bertscore_idf(b->texts.ids, b->texts.offsets + n, more,
                            fr_model_get_info(b->model)->vocab_size, &b->idf, err);
}

static fr_embedded embedded(const bert *b, size_t text, const float **states, double **weights)
{
    size_t n = fr_sequences_length(&b->texts, text);
    const int32_t *ids = b->texts.ids + b->texts.offsets[text];
    fr_embedded e = {*states, b->idf ? *weights : NULL, n};
    for (size_t i = 0; b->idf && i < n; i++) (*weights)[i] = b->idf[ids[i]];
    *states += n * fr_model_get_info(b->model)->hidden_size;
    *weights += n;
    return e;
}

/* Items [first, first + n): the highest precision, recall and F over their references. */
static fr_status score_batch(bert *b, size_t first, size_t n, fr_bertscore *out, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n_files = 1 + b->in->words->references.n, all = b->in->hypotheses.n, tokens = 0;
    size_t index[TEXTS_AT_ONCE] = {0};
    size_t width = fr_model_get_info(b->model)->hidden_size;
    const float *states;
    for (size_t i = 0; i < n * n_files; i++) {
        index[i] = first + i / n_files + i % n_files * all;
        tokens += fr_sequences_length(&b->texts, index[i]);
    }
    if (tokens > b->cap_weights) {
        free(b->weights);
        b->weights = malloc(2 * tokens * sizeof(*b->weights));
        b->cap_weights = b->weights ? 2 * tokens : 0;
        if (!b->weights) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu tokens", tokens);
    }
    double *weights = b->weights;
    FR_TRY(fr_embedder_run(b->embedder, &b->texts, index, n * n_files, &states, err));
    for (size_t i = 0; i < n; i++) {
        fr_embedded h = embedded(b, index[i * n_files], &states, &weights);
        for (size_t k = 1; k < n_files; k++) {
            fr_embedded r = embedded(b, index[i * n_files + k], &states, &weights);
            fr_bertscore x, *best = &out[i];
            FR_TRY(fr_bertscore_pair(&h, &r, width, &x, err));
            if (k == 1) *best = x;
            best->precision = fmax(best->precision, x.precision);
            best->recall = fmax(best->recall, x.recall);
            best->f1 = fmax(best->f1, x.f1);
        }
    }
cleanup:
    return st;
}

/* Like bert-score's hash; the model goes by its folder's name. */
static fr_status sign(const bert *b, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const score_words *w = b->in->words;
    size_t n = strlen(w->encoder);
    while (n > 1 && w->encoder[n - 1] == '/') n--;
    size_t begin = n;
    while (begin > 0 && w->encoder[begin - 1] != '/') begin--;
    FR_TRY(fr_str_appendf(out, err, "%.*s_L%zu_%s_version=frugal-%s%s|nrefs:%zu", (int)(n - begin),
                          w->encoder + begin, w->layer, w->idf ? "idf" : "no-idf", FR_VERSION,
                          w->baseline ? "-rescaled" : "", w->references.n));
    if (b->n_cut) FR_TRY(fr_str_appendf(out, err, "|cut:%zu", b->n_cut));
cleanup:
    return st;
}

static fr_status score_all(bert *b, score_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_bertscore batch[TEXTS_AT_ONCE] = {{0, 0, 0}};
    const double share = 1 / (double)r->n;
    size_t at_once = TEXTS_AT_ONCE / (1 + b->in->words->references.n);
    for (size_t at = 0; at < r->n; at += at_once) {
        size_t n = r->n - at < at_once ? r->n - at : at_once;
        if (fr_interrupt_requested())
            FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted after %zu of %zu items", at, r->n);
        FR_TRY(score_batch(b, at, n, batch, err));
        for (size_t i = 0; i < n; i++) {
            if (b->in->words->baseline) batch[i] = fr_bertscore_rescale(batch[i], b->baseline);
            r->items[at + i] = batch[i].f1;
            r->figures[0] += share * batch[i].f1;
            r->figures[1] += share * batch[i].precision;
            r->figures[2] += share * batch[i].recall;
        }
    }
    r->n_figures = 3;
    r->names[1] = "precision";
    r->names[2] = "recall";
cleanup:
    return st;
}

fr_status score_bertscore(const score_input *in, score_result *r, fr_error *err)
{
    fr_status st = FR_OK;
    bert b = {.in = in, .texts = FR_SEQUENCES_INIT};
    FR_TRY(fr_interrupt_install(err));
    FR_TRY(open_encoder(&b, err));
    if (in->words->baseline)
        FR_TRY(read_baseline(in->words->baseline, in->words->layer, &b.baseline, err));
    FR_TRY(encode(&b, &in->hypotheses, err));
    for (size_t k = 0; k < in->words->references.n; k++)
        FR_TRY(encode(&b, &in->references[k], err));
    FR_TRY(weigh(&b, err));
    FR_TRY(score_all(&b, r, err));
    FR_TRY(score_bootstrap_mean(r, in->words->seed, err));
    FR_TRY(sign(&b, &r->signature, err));
cleanup:
    free(b.idf);
    free(b.weights);
    fr_sequences_release(&b.texts);
    fr_embedder_destroy(b.embedder);
    fr_model_destroy(b.model);
    fr_tokenizer_close(b.tokenizer);
    return st;
}
