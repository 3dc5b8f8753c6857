/* estimate.c - frugal estimate: what a request to a language model emits, by several estimators. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/count.h"
#include "base/number.h"
#include "cli/cli.h"
#include "format/json.h"
#include "frugal/carbon.h"

typedef struct words {
    const char *params_active, *params_total, *tokens_in, *tokens_out;
    const char *region, *live, *accelerator;
    fr_llm_request request;
    bool json;
} words;

typedef struct result {
    fr_accelerator accelerator;
    fr_intensity grid;
    fr_llm_estimate rows[FR_N_LLM_ESTIMATORS];
    double low, high; /* g, over all estimators */
} result;

static fr_status read_count(const char *option, const char *text, double *out, fr_error *err)
{
    uint64_t n;
    if (!text) return FR_OK;
    fr_status st = fr_count_parse(text, &n, err);
    if (st != FR_OK)
        fr_error_prefix(err, "%s", option);
    else
        *out = (double)n;
    return st;
}

static fr_status estimate(words *w, result *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_llm_request *r = &w->request;
    FR_TRY(read_count("--params-active", w->params_active, &r->params_active, err));
    FR_TRY(read_count("--params-total", w->params_total, &r->params_total, err));
    FR_TRY(read_count("--tokens-in", w->tokens_in, &r->tokens_in, err));
    FR_TRY(read_count("--tokens-out", w->tokens_out, &r->tokens_out, err));
    if (!w->params_total) r->params_total = r->params_active;
    FR_TRY(fr_accelerator_find(w->accelerator, &out->accelerator, err));
    FR_TRY(cli_place(w->region, w->live, &out->grid, err));
    FR_TRY(fr_llm_estimate_all(r, &out->accelerator, &out->grid, out->rows, err));
    out->low = INFINITY;
    out->high = -INFINITY;
    for (size_t i = 0; i < FR_N_LLM_ESTIMATORS; i++) {
        if (!out->rows[i].usable) continue;
        out->low = fmin(out->low, out->rows[i].low);
        out->high = fmax(out->high, out->rows[i].high);
    }
cleanup:
    return st;
}

/* A column of figures: "-" where there is none. */
static fr_status put_cell(fr_str *out, double value, int width, fr_error *err)
{
    char text[32] = "-";
    if (!isnan(value)) fr_snprintf(text, sizeof(text), "%.4g", value);
    return fr_str_appendf(out, err, " %*s", width, text);
}

static fr_status as_text(const words *w, const result *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_llm_request *q = &w->request;
    FR_TRY(
        fr_str_appendf(out, err,
                       "%.4g B active of %.4g B parameters, %.0f tokens in, %.0f out; a request\n"
                       "%s\n\n%-16s %11s %11s  %-25s %11s %11s\n",
                       q->params_active / 1e9, q->params_total / 1e9, q->tokens_in, q->tokens_out,
                       r->grid.source, "estimator", "J", "g CO2e", "range", "embodied g", "SCI g"));
    for (size_t i = 0; i < FR_N_LLM_ESTIMATORS; i++) {
        const fr_llm_estimate *e = &r->rows[i];
        char range[32] = "-";
        if (e->usable) fr_snprintf(range, sizeof(range), "%.4g to %.4g", e->low, e->high);
        FR_TRY(fr_str_appendf(out, err, "%-16s", e->name));
        FR_TRY(put_cell(out, e->j, 11, err));
        FR_TRY(put_cell(out, e->g, 11, err));
        FR_TRY(fr_str_appendf(out, err, "  %-25s", range));
        FR_TRY(put_cell(out, e->embodied_g, 11, err));
        FR_TRY(put_cell(out, e->sci_g, 11, err));
        FR_TRY(fr_str_appendf(out, err, "\n"));
    }
    FR_TRY(fr_str_appendf(out, err, "%-16s %11s %11s  %.4g to %.4g\n\n", "all", "", "", r->low,
                          r->high));
    for (size_t i = 0; i < FR_N_LLM_ESTIMATORS; i++)
        FR_TRY(fr_str_appendf(out, err, "%s%s%s\n", r->rows[i].usable ? "" : r->rows[i].name,
                              r->rows[i].usable ? "" : " is left out: ",
                              r->rows[i].usable ? r->rows[i].detail : r->rows[i].why_not));
cleanup:
    return st;
}

static json_t *number(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *row_json(const fr_llm_estimate *e)
{
    return json_pack("{s:s, s:b, s:o, s:o, s:[o, o], s:o, s:o, s:s}", "estimator", e->name,
                     "usable", e->usable, "j", number(e->j), "g_co2e", number(e->g), "range_g",
                     number(e->low), number(e->high), "embodied_g", number(e->embodied_g), "sci_g",
                     number(e->sci_g), "detail", e->usable ? e->detail : e->why_not);
}

static fr_status as_json(const words *w, const result *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_llm_request *q = &w->request;
    json_t *rows = json_array(), *root = NULL;
    for (size_t i = 0; i < FR_N_LLM_ESTIMATORS; i++)
        if (json_array_append_new(rows, row_json(&r->rows[i])))
            FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the result");
    root = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:{s:s, s:f, s:[f, f], s:b, s:s, s:s}, "
                     "s:O, s:[f, f]}",
                     "params_active", q->params_active, "params_total", q->params_total,
                     "tokens_in", q->tokens_in, "tokens_out", q->tokens_out, "pue", q->pue, "batch",
                     q->batch, "accelerator", r->accelerator.name, "grid", "region",
                     r->grid.region.code, "g_per_kwh", r->grid.g_per_kwh, "range", r->grid.low,
                     r->grid.high, "live", r->grid.live, "source", r->grid.source, "note",
                     r->grid.note, "estimates", rows, "range_g", r->low, r->high);
    if (!root) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the result");
    FR_TRY(fr_json_dump(root, out, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    json_decref(rows);
    json_decref(root);
    return st;
}

int cli_estimate(int argc, char **argv)
{
    words w = {.accelerator = FR_ACCELERATOR_DEFAULT, .request = FR_LLM_REQUEST_INIT};
    fr_llm_request *r = &w.request;
    const cli_option options[] = {
        {"--params-active", CLI_TEXT, &w.params_active, true, "N", "parameters that work: 7e9, 7B"},
        {"--params-total", CLI_TEXT, &w.params_total, false, "N", "all; default: the active ones"},
        {"--tokens-in", CLI_TEXT, &w.tokens_in, true, "N", "of the prompt"},
        {"--tokens-out", CLI_TEXT, &w.tokens_out, true, "N", "of the answer"},
        {"--region", CLI_TEXT, &w.region, false, "NAME", "of the grid; default: world average"},
        {"--live", CLI_TEXT, &w.live, false, "SERVICE", CLI_LIVE_HELP},
        {"--pue", CLI_NUMBER, &r->pue, false, "X", "of the data centre, default 1.2"},
        {"--accelerator", CLI_TEXT, &w.accelerator, false, "NAME", "default H100 SXM"},
        {"--batch", CLI_NUMBER, &r->batch, false, "N", "requests served at a time, default 64"},
        {"--bits", CLI_NUMBER, &r->weight_bits, false, "N", "of a weight: 16 (default), 8 or 4"},
        {"--utilisation", CLI_NUMBER, &r->utilisation, false, "X",
         "of the accelerator's limits, default 0.5"},
        {"--board-watts", CLI_NUMBER, &r->board_w, false, "W", "default: the board's highest"},
        {"--j-per-token", CLI_NUMBER, &r->j_per_token, false, "X",
         "your own figure, per output token, without PUE"},
        {"--json", CLI_FLAG, &w.json, false, NULL, "the result as one JSON object"},
    };
    const cli_command command = {
        .name = "estimate",
        .summary = "What a request to a language model emits, without running it: all estimators "
                   "side by side.",
        .usage = "",
        .example = "frugal estimate --params-active 37B --params-total 671B \\\n"
                   "      --tokens-in 100 --tokens-out 50 --region US-VA",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options)};
    int status;
    fr_error err;
    result out;
    fr_str text = FR_STR_INIT;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    cli_show_remarks();
    fr_status st = estimate(&w, &out, &err);
    if (st == FR_OK) st = w.json ? as_json(&w, &out, &text, &err) : as_text(&w, &out, &text, &err);
    status = st == FR_OK ? cli_print(&text) : cli_report_error(&err);
    fr_str_release(&text);
    return status;
}
