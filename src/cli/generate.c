/* generate.c - frugal generate: what a decoder writes after a prompt. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cli/cli.h"
#include "cli/phases.h"
#include "format/rows.h"
#include "infer/generate.h"
#include "kernel/kernel.h"
#include "os/interrupt.h"
#include "task/predict.h"
#include "text/tokenizer.h"

enum { MAX_SLOTS = 256 };

typedef struct words {
    const char *model, *prompt, *file, *field, *cache;
    size_t max_tokens, samples, slots;
    fr_sampling sampling;
    cli_texts stops;
    bool float32, json;
} words;

/* One text: prompt `index`, and which sample of it. */
typedef struct text {
    size_t index, sample;
    fr_tokens ids;     /* prompt and what was written; owned */
    size_t n_prompt;   /* tokens of the prompt */
    fr_str written;    /* without the stop text; owned */
    size_t printed;    /* bytes of it that are out already */
    bool whole;        /* the last characters are whole */
    const char *ended; /* NULL: not yet */
} text;

typedef struct job {
    const words *w;
    fr_model *model;
    fr_tokenizer *tokenizer;
    fr_generator *generator;
    cli_phases phases; /* its meter is owned */
    text *texts;       /* [n]; owned */
    size_t n, cap, n_prompts;
    fr_str before, all; /* of the text at work, decoded */
    fr_error *err;
    fr_status st; /* of the sink */
} job;

static fr_status add_prompt(job *j, const char *prompt, size_t len, const char *where,
                            fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t s = 0; s < j->w->samples; s++) {
        if (j->n == j->cap) {
            size_t cap = j->cap ? 2 * j->cap : 16;
            text *grown = realloc(j->texts, cap * sizeof(*grown));
            if (!grown) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
            j->texts = grown;
            j->cap = cap;
        }
        text *t = &j->texts[j->n++];
        *t = (text){
            .index = j->n_prompts, .sample = s, .ids = FR_TOKENS_INIT, .written = FR_STR_INIT};
        st = fr_tokenizer_encode(j->tokenizer, prompt, len, FR_SPECIAL, 0, &t->ids, err);
        if (st != FR_OK) {
            fr_error_prefix(err, "%s", where);
            goto cleanup;
        }
        t->n_prompt = t->ids.n;
    }
    j->n_prompts++;
cleanup:
    return st;
}

static fr_status read_file(job *j, fr_error *err)
{
    fr_status st = FR_OK;
    fr_rows *rows = NULL;
    const json_t *row;
    const char *prompt;
    FR_TRY(fr_rows_open(&rows, j->w->file, FR_ROWS_BY_NAME, err));
    for (;;) {
        FR_TRY(fr_rows_next(rows, &row, err));
        if (!row) break;
        FR_TRY(fr_json_string(row, fr_rows_where(rows), j->w->field, &prompt, err));
        FR_TRY(add_prompt(j, prompt, strlen(prompt), fr_rows_where(rows), err));
    }
    if (!j->n) FR_FAIL(err, FR_ERR_FORMAT, "%s: no prompt", j->w->file);
cleanup:
    fr_rows_close(rows);
    return st;
}

/* The first of the stop texts in what was written, or NULL. */
static const char *find_stop(const job *j, const char *written)
{
    const char *first = NULL;
    for (size_t i = 0; i < j->w->stops.n; i++) {
        const char *at = strstr(written, j->w->stops.all[i]);
        if (at && (!first || at < first)) first = at;
    }
    return first;
}

/* What was written so far, out of all ids: a tokenizer may join what stands at the seam. */
static fr_status decode(job *j, text *t, fr_error *err)
{
    fr_status st = FR_OK;
    static const char replacement[] = "\xef\xbf\xbd";
    fr_str_clear(&j->before);
    fr_str_clear(&j->all);
    FR_TRY(
        fr_tokenizer_decode(j->tokenizer, t->ids.ids, t->n_prompt, FR_NO_SPECIAL, &j->before, err));
    FR_TRY(fr_tokenizer_decode(j->tokenizer, t->ids.ids, t->ids.n, FR_NO_SPECIAL, &j->all, err));
    size_t skip = 0, most = j->before.len < j->all.len ? j->before.len : j->all.len;
    while (skip < most && j->before.data[skip] == j->all.data[skip]) skip++;
    fr_str_clear(&t->written);
    FR_TRY(fr_str_append(&t->written, fr_str_text(&j->all) + skip, j->all.len - skip, err));
    size_t n = t->written.len;
    t->whole = n < 3 || memcmp(t->written.data + n - 3, replacement, 3) != 0;
    const char *stop = find_stop(j, fr_str_text(&t->written));
    if (!stop) return FR_OK;
    t->written.len = (size_t)(stop - t->written.data);
    t->written.data[t->written.len] = 0;
    t->ended = "stop text";
cleanup:
    return st;
}

/* A single text is shown as it grows; the longest stop text is held back, it may be coming. */
static void show(const job *j, text *t)
{
    size_t held = 0;
    for (size_t i = 0; !t->ended && i < j->w->stops.n; i++) {
        size_t len = strlen(j->w->stops.all[i]);
        held = len > held ? len : held;
    }
    if (j->w->json || j->n > 1 || t->written.len < t->printed + held || (!t->ended && !t->whole))
        return;
    size_t end = t->written.len - held;
    while (end < t->written.len && ((unsigned char)t->written.data[end] & 0xc0) == 0x80) end--;
    if (end <= t->printed) return;
    fwrite(t->written.data + t->printed, 1, end - t->printed, stdout);
    fflush(stdout);
    t->printed = end;
}

static bool take_token(void *ctx, size_t prompt, int32_t id)
{
    job *j = ctx;
    text *t = &j->texts[prompt];
    if (j->st || fr_interrupt_requested()) {
        t->ended = "interrupted";
        return false;
    }
    if (fr_ends_text(j->model, j->tokenizer, id)) {
        t->ended = "end of text";
    } else {
        j->st = fr_tokens_reserve(&t->ids, 1, j->err);
        if (!j->st) t->ids.ids[t->ids.n++] = id;
        bool shown = !j->w->json && j->n == 1;
        if (!j->st && (j->w->stops.n || shown)) j->st = decode(j, t, j->err);
    }
    if (!j->st) show(j, t);
    return !j->st && !t->ended;
}

/* A figure that the meter could not read is null. */
static json_t *joules(double j)
{
    return isfinite(j) ? json_real(j) : json_null();
}

/* What the text took: {prefill_j, decode_j, kind, source, relative_uncertainty} */
static json_t *energy_of(const job *j, const text *t)
{
    const fr_share *share = &fr_generator_done(j->generator)->shares[t - j->texts];
    const cli_phase *p = &j->phases.prefill;
    return json_pack("{s:o, s:o, s:s, s:s, s:f}", "prefill_j", joules(p->j * share->prefill),
                     "decode_j", joules(j->phases.decode.j * share->decode), "kind",
                     fr_kind_name(p->kind), "source", p->source ? p->source : "",
                     "relative_uncertainty", p->relative_uncertainty);
}

static fr_status print_text(const job *j, const text *t, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str out = FR_STR_INIT;
    json_t *o = NULL;
    if (j->w->json) {
        o = json_pack("{s:I, s:I, s:o, s:I, s:I, s:s, s:o}", "prompt", (json_int_t)t->index,
                      "sample", (json_int_t)t->sample, "text",
                      json_stringn(fr_str_text(&t->written), t->written.len), "prompt_tokens",
                      (json_int_t)t->n_prompt, "tokens", (json_int_t)(t->ids.n - t->n_prompt),
                      "ended", t->ended ? t->ended : "length", "energy", energy_of(j, t));
        if (!o) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a text");
        FR_TRY(fr_json_dump(o, &out, err));
    } else {
        FR_TRY(fr_str_append(&out, fr_str_text(&t->written) + t->printed,
                             t->written.len - t->printed, err));
    }
    FR_TRY(fr_str_append(&out, "\n", 1, err));
    if (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout))
        FR_FAIL(err, FR_ERR_IO, "cannot write to standard output: %s", strerror(errno));
cleanup:
    json_decref(o);
    fr_str_release(&out);
    return st;
}

/* One line about all texts, beside them. */
static void print_summary(const job *j)
{
    const fr_generation *g = fr_generator_done(j->generator);
    const cli_phase *prefill = &j->phases.prefill, *decode = &j->phases.decode;
    char shared[64] = "";
    if (g->shared_tokens) snprintf(shared, sizeof(shared), ", %zu shared", g->shared_tokens);
    fprintf(stderr,
            "%zu prompt tokens%s: %.3g J in %.3g s; %zu tokens written: %.3g J in %.3g s (%s, "
            "+-%.0f %%)\n",
            g->prompt_tokens, shared, prefill->j, prefill->seconds, g->new_tokens, decode->j,
            decode->seconds, fr_kind_name(prefill->kind), 100 * prefill->relative_uncertainty);
}

static fr_status run(job *j, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sink sink = {j, take_token};
    fr_meter_options meter = FR_METER_OPTIONS_INIT;
    fr_observer observer = {.ctx = &j->phases, .on_phase = cli_phases_on};
    fr_generator_options options = {.slots = j->n < j->w->slots ? j->n : j->w->slots,
                                    .half_cache = strcmp(j->w->cache, "f16") == 0,
                                    .observer = &observer};
    fr_prompt *prompts = calloc(j->n, sizeof(*prompts));
    if (!prompts) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < j->n; i++)
        prompts[i] = (fr_prompt){.ids = j->texts[i].ids.ids,
                                 .n = j->texts[i].n_prompt,
                                 .max_tokens = j->w->max_tokens,
                                 .stream = fr_mix64(j->texts[i].index, j->texts[i].sample)};
    FR_TRY(fr_meter_open(&j->phases.meter, &meter, err));
    FR_TRY(fr_generator_create(&j->generator, j->model, fr_kernels_cpu(), &options, err));
    FR_TRY(fr_generate(j->generator, prompts, j->n, &j->w->sampling, &sink, err));
    FR_TRY(j->st);
    FR_TRY(cli_phases_check(&j->phases, err));
    for (size_t i = 0; i < j->n; i++) {
        text *t = &j->texts[i];
        const char *ended = t->ended;
        FR_TRY(decode(j, t, err));
        if (ended) t->ended = ended;
        FR_TRY(print_text(j, t, err));
    }
    if (!j->w->json) print_summary(j);
    if (fr_interrupt_requested()) FR_FAIL(err, FR_ERR_INTERRUPTED, "interrupted");
cleanup:
    free(prompts);
    return st;
}

static fr_status check_words(const words *w, fr_error *err)
{
    fr_status st = FR_OK;
    if (!w->prompt == !w->file) FR_FAIL(err, FR_ERR_USAGE, "give either --prompt TEXT or --file F");
    if (!w->max_tokens || !w->samples || !w->slots || w->slots > MAX_SLOTS)
        FR_FAIL(err, FR_ERR_USAGE, "--max-tokens and --samples are 1 or more, --batch is 1 to %d",
                MAX_SLOTS);
    for (size_t i = 0; i < w->stops.n; i++)
        if (!*w->stops.all[i]) FR_FAIL(err, FR_ERR_USAGE, "--stop: an empty text is everywhere");
    if (strcmp(w->cache, "f32") != 0 && strcmp(w->cache, "f16") != 0)
        FR_FAIL(err, FR_ERR_USAGE, "--cache %s: expected f32 or f16", w->cache);
    FR_TRY(fr_sampling_check(&w->sampling, err));
cleanup:
    return st;
}

static fr_status generate(const words *w, fr_error *err)
{
    fr_status st = FR_OK;
    job j = {.w = w, .err = err, .before = FR_STR_INIT, .all = FR_STR_INIT};
    fr_model_options options = {.decoder = true, .as_stored = !w->float32};
    FR_TRY(check_words(w, err));
    FR_TRY(fr_interrupt_install(err));
    FR_TRY(fr_tokenizer_open(&j.tokenizer, w->model, err));
    if (w->prompt)
        FR_TRY(add_prompt(&j, w->prompt, strlen(w->prompt), "--prompt", err));
    else
        FR_TRY(read_file(&j, err));
    FR_TRY(fr_model_load(&j.model, w->model, &options, err));
    FR_TRY(run(&j, err));
cleanup:
    for (size_t i = 0; i < j.n; i++) {
        fr_tokens_release(&j.texts[i].ids);
        fr_str_release(&j.texts[i].written);
    }
    free(j.texts);
    fr_str_release(&j.before);
    fr_str_release(&j.all);
    fr_generator_destroy(j.generator);
    fr_meter_close(j.phases.meter);
    fr_model_destroy(j.model);
    fr_tokenizer_close(j.tokenizer);
    return st;
}

int cli_generate(int argc, char **argv)
{
    words w = {.field = "prompt",
               .cache = "f32",
               .max_tokens = 128,
               .samples = 1,
               .slots = 8,
               .sampling = FR_SAMPLING_GREEDY};
    const cli_option options[] = {
        {"--model", CLI_TEXT, &w.model, true, "PATH", "folder of a decoder, or a GGUF file"},
        {"--prompt", CLI_TEXT, &w.prompt, false, "TEXT", "what the text begins with"},
        {"--file", CLI_TEXT, &w.file, false, "F",
         "prompts from a data file: JSONL, JSON, CSV, TSV"},
        {"--prompt-field", CLI_TEXT, &w.field, false, "NAME", "the field there (prompt)"},
        {"--max-tokens", CLI_COUNT, &w.max_tokens, false, "N", "tokens to write at most (128)"},
        {"--temperature", CLI_NUMBER, &w.sampling.temperature, false, "X",
         "0 takes the likeliest token (0)"},
        {"--top-k", CLI_COUNT, &w.sampling.top_k, false, "N", "of the N likeliest tokens only"},
        {"--top-p", CLI_NUMBER, &w.sampling.top_p, false, "X",
         "of the fewest tokens that together reach X (1)"},
        {"--min-p", CLI_NUMBER, &w.sampling.min_p, false, "X",
         "of tokens at least X times as likely as the first (0)"},
        {"--repetition-penalty", CLI_NUMBER, &w.sampling.repetition_penalty, false, "X",
         "of tokens that were there before (1)"},
        {"--seed", CLI_SEED, &w.sampling.seed, false, "N", "of the random numbers (0)"},
        {"--samples", CLI_COUNT, &w.samples, false, "N", "texts for each prompt (1)"},
        {"--stop", CLI_TEXTS, &w.stops, false, "TEXT", "end where this comes; may be repeated"},
        {"--batch", CLI_COUNT, &w.slots, false, "N", "texts written at the same time (8)"},
        {"--cache", CLI_TEXT, &w.cache, false, "TYPE",
         "keep keys and values as f32 or, in half the memory, as f16 (f32)"},
        {"--float32", CLI_FLAG, &w.float32, false, NULL,
         "expand the weights; else they stay as the file has them"},
        {"--json", CLI_FLAG, &w.json, false, NULL, "one JSON object a text"},
    };
    const cli_command command = {
        .name = "generate",
        .summary = "What a decoder writes after a prompt.",
        .usage = "",
        .example = "frugal generate --model tinystories --prompt \"Once upon a time\"",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options)};
    int status;
    fr_error err;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    if (generate(&w, &err) != FR_OK) return cli_report_error(&err);
    return CLI_OK;
}
