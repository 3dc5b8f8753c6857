/* eval_print.c - the result of frugal eval, for people and as JSON. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/eval.h"
#include "format/json.h"

/* Sums over the items whose target was scored. */
typedef struct likelihood {
    double log_p;
    size_t n_tokens, n_bytes;
} likelihood;

static likelihood add_up(const cli_evaluation *e)
{
    likelihood sum = {0, 0, 0};
    for (size_t i = 0; i < e->items.n; i++) {
        const fr_answer *a = &e->got->answers[i];
        sum.log_p += a->log_p;
        sum.n_tokens += a->n_tokens;
        sum.n_bytes += a->n_tokens ? e->items.items[i].target_len : 0;
    }
    return sum;
}

static size_t tokens_out(const cli_evaluation *e)
{
    size_t n = 0;
    for (size_t i = 0; i < e->items.n; i++) n += e->got->tokens_out[i];
    return n;
}

static bool writes(const cli_evaluation *e)
{
    return e->got->answers[0].n_texts > 0;
}

/* How many programs came to which end. */
static json_t *verdicts(const cli_evaluation *e)
{
    size_t n;
    const fr_program_verdict *all = fr_scoring_verdicts(e->scoring, &n);
    size_t counts[FR_OUTCOME_KILLED + 1] = {0};
    for (size_t i = 0; i < n; i++) counts[all[i].outcome]++;
    json_t *o = json_object();
    for (int i = 0; o && i <= FR_OUTCOME_KILLED; i++)
        if (json_object_set_new(o, fr_outcome_name((fr_outcome)i),
                                json_integer((json_int_t)counts[i]))) {
            json_decref(o);
            return NULL;
        }
    return o;
}

static json_t *or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *metrics_json(const cli_evaluation *e)
{
    json_t *o = json_object();
    for (size_t i = 0; o && i < fr_scoring_n(e->scoring); i++)
        if (json_object_set_new(o, fr_scoring_name(e->scoring, i), or_null(e->scores[i]))) {
            json_decref(o);
            return NULL;
        }
    return o;
}

/* The keys that only some tasks and models have. false: out of memory. */
static bool add_particulars(const cli_evaluation *e, json_t *root)
{
    bool ok = true;
    const likelihood sum = add_up(e);
    const fr_predict_reading reading = fr_predictor_reading(e->predictor);
    for (size_t i = 0; i < fr_scoring_n(e->scoring); i++)
        if (!strcmp(fr_scoring_name(e->scoring, i), "accuracy"))
            ok &= !json_object_set_new(root, "accuracy", or_null(e->scores[i]));
    if (e->interval_kind)
        ok &= !json_object_set_new(root, "interval_95",
                                   json_pack("[f, f]", e->interval.low, e->interval.high));
    if (writes(e)) {
        ok &= !json_object_set_new(root, "tokens_out", json_integer((json_int_t)tokens_out(e)));
        if (e->job.task->kind == FR_TASK_CLASSIFY)
            ok &= !json_object_set_new(root, "no_answer", json_integer((json_int_t)e->n_unread));
    }
    if (sum.n_tokens) {
        json_t *o = json_pack("{s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I}", "perplexity",
                              exp(-sum.log_p / (double)sum.n_tokens), "bits_per_byte",
                              -sum.log_p / log(2) / (double)sum.n_bytes, "log_p", sum.log_p,
                              "scored_tokens", (json_int_t)sum.n_tokens, "scored_bytes",
                              (json_int_t)sum.n_bytes, "window", (json_int_t)e->job.max_tokens,
                              "stride", (json_int_t)reading.stride, "items_in_windows",
                              (json_int_t)reading.n_windows);
        ok &= o && !json_object_update(root, o);
        json_decref(o);
    }
    if (e->job.task->kind == FR_TASK_CODE)
        ok &= !json_object_set_new(root, "sandbox",
                                   json_pack("{s:s, s:s, s:o}", "jail", fr_scoring_jail(e->scoring),
                                             "not_run", fr_scoring_not_run(e->scoring), "verdicts",
                                             verdicts(e)));
    return ok;
}

static fr_status make_json(const cli_evaluation *e, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const cli_eval_words *w = e->words;
    const fr_reading *energy = &e->energy;
    double n = (double)e->items.n, j_per_item = energy->total.j / n;
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:s, s:f, s:s, s:f, s:s, s:s, "
        "s:o, s:I, s:I}",
        "model", w->job.model, "task", e->job.task->name, "data", w->data, "params",
        (json_int_t)fr_model_get_info(e->job.model)->n_params, "n", (json_int_t)e->items.n,
        "tokens", (json_int_t)fr_predictor_reading(e->predictor).n_tokens, "seconds",
        energy->duration_s, "items_per_s", n / energy->duration_s, "joules", energy->total.j,
        "load_joules", e->job.load.total.j, "j_per_item", j_per_item, "kind",
        fr_kind_name(energy->total.kind), "relative_uncertainty",
        energy->total.relative_uncertainty, "source", energy->total.source, "g_co2e_per_1000",
        cli_job_grams(&e->job, 1000 * j_per_item), "region", e->job.grid.region.name, "metric",
        fr_scoring_name(e->scoring, 0), "metrics", metrics_json(e), "shots", (json_int_t)w->shots,
        "samples", (json_int_t)w->samples);
    if (!root || !add_particulars(e, root))
        FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the result");
    FR_TRY(fr_json_dump(root, out, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    json_decref(root);
    return st;
}

/* "accuracy 93.20 % [91.90, 94.30]", "bleu 23.41 [22.10, 24.90]", "perplexity 12.3456 [...]" */
static fr_status metric_text(const cli_evaluation *e, size_t i, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_measure *m = fr_scoring_measure(e->scoring, i);
    bool percent = fr_measure_is_right_or_wrong(m) || fr_measure_reads(m) == FR_MEASURE_PROGRAM;
    double scale = percent ? 100 : 1;
    int digits = percent || fr_measure_highest(m) == 100 ? 2 : 4;
    FR_TRY(fr_str_appendf(out, err, "%s ", fr_scoring_name(e->scoring, i)));
    if (isnan(e->scores[i])) {
        FR_TRY(fr_str_appendf(out, err, "not scored\n"));
        goto cleanup;
    }
    FR_TRY(fr_str_appendf(out, err, "%.*f%s", digits, scale * e->scores[i], percent ? " %" : ""));
    if (i == 0 && e->interval_kind)
        FR_TRY(fr_str_appendf(out, err, " [%.*f, %.*f]", digits, scale * e->interval.low, digits,
                              scale * e->interval.high));
    if (i == 0) FR_TRY(fr_str_appendf(out, err, " over %zu items", e->items.n));
    FR_TRY(fr_str_appendf(out, err, "\n"));
cleanup:
    return st;
}

static fr_status programs_text(const cli_evaluation *e, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const char *name;
    json_t *count, *counts = NULL;
    if (*fr_scoring_not_run(e->scoring)) {
        FR_TRY(fr_str_appendf(out, err, "programs were not run: %s\n",
                              fr_scoring_not_run(e->scoring)));
        goto cleanup;
    }
    counts = verdicts(e);
    if (!counts) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the result");
    FR_TRY(fr_str_appendf(out, err, "programs, run in %s:", fr_scoring_jail(e->scoring)));
    json_object_foreach(counts, name, count) if (json_integer_value(count))
        FR_TRY(fr_str_appendf(out, err, " %d %s", (int)json_integer_value(count), name));
    FR_TRY(fr_str_appendf(out, err, "\n"));
cleanup:
    json_decref(counts);
    return st;
}

static fr_status make_text(const cli_evaluation *e, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_reading *energy = &e->energy;
    const fr_predict_reading reading = fr_predictor_reading(e->predictor);
    double n = (double)e->items.n, j_per_item = energy->total.j / n;
    for (size_t i = 0; i < fr_scoring_n(e->scoring); i++) FR_TRY(metric_text(e, i, out, err));
    if (e->job.task->kind == FR_TASK_CODE) FR_TRY(programs_text(e, out, err));
    if (e->n_unread)
        FR_TRY(fr_str_appendf(out, err, "%zu answers name no label and count as wrong\n",
                              e->n_unread));
    if (reading.n_windows)
        FR_TRY(fr_str_appendf(out, err,
                              "%zu items are longer than %zu tokens: read in windows of these, "
                              "%zu apart\n",
                              reading.n_windows, e->job.max_tokens, reading.stride));
    FR_TRY(fr_str_appendf(out, err,
                          "%.1f items/s, %.4f J/item (%s, +-%.0f %%), %.4f g CO2e per 1,000 (%s)\n"
                          "%s\n",
                          n / energy->duration_s, j_per_item, fr_kind_name(energy->total.kind),
                          100 * energy->total.relative_uncertainty,
                          cli_job_grams(&e->job, 1000 * j_per_item), e->job.grid.region.name,
                          fr_meter_summary(e->job.meter)));
cleanup:
    return st;
}

fr_status cli_eval_print(const cli_evaluation *e, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str out = FR_STR_INIT;
    if (e->words->json)
        FR_TRY(make_json(e, &out, err));
    else
        FR_TRY(make_text(e, &out, err));
    if (cli_print(&out) != CLI_OK) FR_FAIL(err, FR_ERR_IO, "the result could not be printed");
cleanup:
    fr_str_release(&out);
    return st;
}
