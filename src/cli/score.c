/* score.c - frugal score: hypotheses against references by any metric, from files alone. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/score.h"
#include "format/json.h"
#include "format/jsonl.h"

static const char *const others[] = {"accuracy",   "macro-f1",   "mcc",    "distinct-1",
                                     "distinct-2", "distinct-3", "pass@1", "bertscore"};
enum { N_OTHERS = sizeof(others) / sizeof(*others), MAX_NAMES = 64 };

/* N of "pass@N" or "distinct-N"; 0: it is none. */
static size_t number_behind(const char *metric, const char *start)
{
    size_t n = strlen(start);
    char *end;
    if (strncmp(metric, start, n) || metric[n] < '1' || metric[n] > '9') return 0;
    unsigned long long number = strtoull(metric + n, &end, 10);
    return *end || number > 1000000 ? 0 : (size_t)number;
}

static bool is_of_labels(const char *metric)
{
    return !strcmp(metric, "accuracy") || !strcmp(metric, "macro-f1") || !strcmp(metric, "mcc");
}

/* Errors: FR_ERR_USAGE for an unknown metric, or one that does not fit the other options. */
static fr_status check_words(const score_words *w, bool *needs_references, fr_error *err)
{
    fr_status st = FR_OK;
    fr_metric *m = NULL;
    fr_str known = FR_STR_INIT;
    const char *names[MAX_NAMES], *metric = w->options.metric;
    size_t n = 0;
    bool bert = !strcmp(metric, "bertscore"), other = bert || is_of_labels(metric);
    bool alone = number_behind(metric, "pass@") || number_behind(metric, "distinct-");
    for (size_t i = 0; fr_metric_name(i) && n + N_OTHERS < MAX_NAMES; i++)
        names[n++] = fr_metric_name(i);
    for (size_t i = 0; i < N_OTHERS; i++) names[n++] = others[i];
    bool is_known = other || alone;
    for (size_t i = 0; i < n; i++) {
        is_known |= !strcmp(metric, names[i]);
        FR_TRY(fr_str_appendf(&known, err, "%s%s", i ? ", " : "", names[i]));
    }
    if (!is_known) {
        const char *near = fr_nearest(metric, names, n);
        FR_FAIL(err, FR_ERR_USAGE, "unknown metric \"%.64s\"%s%s%s; known are %s", metric,
                near ? " (did you mean " : "", near ? near : "", near ? "?)" : "", known.data);
    }
    if (bert ? !w->encoder : w->encoder || w->baseline || w->idf || w->layer != SIZE_MAX)
        FR_FAIL(err, FR_ERR_USAGE, "%s",
                bert ? "bertscore needs --encoder DIR and --layer N"
                     : "--encoder, --layer, --idf and --baseline are options of bertscore");
    const fr_metric_options plain = {.metric = "exact-match",
                                     .tokenizer = w->options.tokenizer,
                                     .smoothing = w->options.smoothing,
                                     .smooth_value = w->options.smooth_value,
                                     .effective_order = w->options.effective_order,
                                     .lowercase = w->options.lowercase,
                                     .stemmer = w->options.stemmer};
    FR_TRY(fr_metric_create(&m, other || alone ? &plain : &w->options, err));
    *needs_references = other || (!alone && fr_metric_needs_references(m));
cleanup:
    fr_metric_destroy(m);
    fr_str_release(&known);
    return st;
}

static fr_status read_texts(const score_words *w, score_input *in, fr_error *err)
{
    fr_status st = FR_OK;
    const char *field = w->reference_field ? w->reference_field : w->field;
    FR_TRY(score_texts_read(&in->hypotheses, w->hypotheses, w->field, err));
    for (size_t i = 0; i < w->references.n; i++) {
        score_texts *t = &in->references[i];
        FR_TRY(score_texts_read(t, w->references.all[i], field, err));
        if (t->n != in->hypotheses.n)
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s has %zu texts and %s has %zu; each hypothesis needs its reference",
                    w->hypotheses, in->hypotheses.n, t->path, t->n);
    }
cleanup:
    return st;
}

static fr_status compute(const score_input *in, score_result *r, fr_error *err)
{
    const score_words *w = in->words;
    size_t order = number_behind(w->options.metric, "distinct-");
    r->n = in->hypotheses.n;
    r->items = malloc(r->n * sizeof(*r->items));
    if (!r->items) return fr_error_set(err, FR_ERR_NOMEM, "out of memory for %zu items", r->n);
    if (order) return score_distinct(in, order, r, err);
    if (is_of_labels(w->options.metric)) return score_labels(in, r, err);
    if (w->encoder) return score_bertscore(in, r, err);
    return score_with_texts(in, r, err);
}

static json_t *item_row(const void *ctx, size_t i)
{
    const score_result *r = ctx;
    return json_pack("{s:I, s:f}", "item", (json_int_t)i, "score", r->items[i]);
}

static fr_status print_json(const score_words *w, const score_result *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *root = json_pack("{s:s, s:s, s:I}", "metric", w->options.metric, "signature",
                             fr_str_text(&r->signature), "n", (json_int_t)r->n);
    if (!root) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the result");
    for (size_t i = 0; i < r->n_figures; i++)
        json_object_set_new(root, r->names[i], json_real(r->figures[i]));
    json_object_set_new(root, "interval_95",
                        r->interval_kind ? json_pack("[f, f]", r->interval.low, r->interval.high)
                                         : json_null());
    if (r->interval_kind) json_object_set_new(root, "interval_kind", json_string(r->interval_kind));
    FR_TRY(fr_json_dump(root, out, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    json_decref(root);
    return st;
}

static fr_status print_text(const score_words *w, const score_result *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(out, err, "%s  %.4f", w->options.metric, r->figures[0]));
    if (r->interval_kind)
        FR_TRY(fr_str_appendf(out, err, "  95 %% interval %.4f to %.4f (%s)", r->interval.low,
                              r->interval.high, r->interval_kind));
    FR_TRY(fr_str_appendf(out, err, "  %zu items  %s\n", r->n, fr_str_text(&r->signature)));
    for (size_t i = 1; i < r->n_figures; i++)
        FR_TRY(fr_str_appendf(out, err, "  %s %.4f\n", r->names[i], r->figures[i]));
cleanup:
    return st;
}

static fr_status score(const score_words *w, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    score_result r = {.n_figures = 1, .names = {"score"}, .signature = FR_STR_INIT};
    score_input in = {.words = w, .hypotheses = {.bytes = FR_STR_INIT}};
    size_t k = number_behind(w->options.metric, "pass@");
    bool needs_references = false;
    FR_TRY(check_words(w, &needs_references, err));
    if (needs_references != (w->references.n > 0))
        FR_FAIL(err, FR_ERR_USAGE,
                needs_references ? "%s: give --references F" : "%s takes no --references",
                w->options.metric);
    if (k) {
        FR_TRY(score_pass_at_k(w, k, &r, err));
    } else {
        FR_TRY(read_texts(w, &in, err));
        FR_TRY(compute(&in, &r, err));
    }
    if (w->items && !r.items)
        FR_FAIL(err, FR_ERR_USAGE, "%s is a score of all texts together: no --items",
                w->options.metric);
    if (w->items) FR_TRY(fr_jsonl_save(w->items, r.n, item_row, &r, err));
    FR_TRY(w->json ? print_json(w, &r, out, err) : print_text(w, &r, out, err));
cleanup:
    free(r.items);
    fr_str_release(&r.signature);
    score_texts_release(&in.hypotheses);
    for (size_t i = 0; i < w->references.n; i++) score_texts_release(&in.references[i]);
    return st;
}

int cli_score(int argc, char **argv)
{
    score_words w = {.field = "text", .layer = SIZE_MAX};
    const cli_option options[] = {
        {"--metric", CLI_TEXT, &w.options.metric, true, "M", "bleu, chrf, rougeL, macro-f1, ..."},
        {"--hypotheses", CLI_TEXT, &w.hypotheses, true, "F",
         "what is scored: a text a line, or rows of .jsonl, .json, .csv, .tsv"},
        {"--references", CLI_TEXTS, &w.references, false, "F",
         "what is right, in the same order; repeatable for several references"},
        {"--field", CLI_TEXT, &w.field, false, "NAME", "of rows: the text's field (default text)"},
        {"--reference-field", CLI_TEXT, &w.reference_field, false, "NAME",
         "that of the references; default: --field"},
        {"--tokenizer", CLI_TEXT, &w.options.tokenizer, false, "T",
         "of BLEU: 13a (default), none, char, intl, zh"},
        {"--smoothing", CLI_TEXT, &w.options.smoothing, false, "S",
         "of BLEU: exp (default), floor, add-k, none"},
        {"--smooth-value", CLI_NUMBER, &w.options.smooth_value, false, "X",
         "of floor (default 0.1) and add-k (1)"},
        {"--effective-order", CLI_FLAG, &w.options.effective_order, false, NULL,
         "BLEU without the orders that texts are too short for"},
        {"--lowercase", CLI_FLAG, &w.options.lowercase, false, NULL, "of BLEU and chrF"},
        {"--stemmer", CLI_FLAG, &w.options.stemmer, false, NULL, "of ROUGE: Porter's stemmer"},
        {"--encoder", CLI_TEXT, &w.encoder, false, "DIR", "of bertscore: a model folder"},
        {"--layer", CLI_COUNT, &w.layer, false, "N", "of bertscore: 0 is the embeddings"},
        {"--idf", CLI_FLAG, &w.idf, false, NULL, "bertscore weighs tokens by the references"},
        {"--baseline", CLI_TEXT, &w.baseline, false, "F",
         "of bertscore: rescale by the layer's row (LAYER,P,R,F) of this file"},
        {"--items", CLI_TEXT, &w.items, false, "F", "write each item's score as JSONL"},
        {"--seed", CLI_SEED, &w.seed, false, "N", "of the bootstrap; default 0"},
        {"--json", CLI_FLAG, &w.json, false, NULL, "the result as JSON"},
    };
    const cli_command command = {
        .name = "score",
        .summary = "Scores texts, labels or samples of programs from files, with an interval.",
        .usage = "",
        .example = "frugal score --metric bleu --hypotheses out.txt --references ref.txt --json",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options)};
    int status;
    fr_error err;
    fr_str out = FR_STR_INIT;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    status = score(&w, &out, &err) == FR_OK ? cli_print(&out) : cli_report_error(&err);
    fr_str_release(&out);
    return status;
}
