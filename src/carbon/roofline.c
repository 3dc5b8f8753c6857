/* roofline.c - energy of a request from what the hardware can do at most.
 *
 *   boards n     = 2^ceil(log2(ceil(1.2 x P_total x b / memory)))      b = bytes a weight
 *   W            = n x (board + host)
 *   prefill s    = 2 P_active T_in / (n F u)                           arithmetic is the limit
 *   weights read = P_total (1 - (1 - P_active / P_total)^B) b          a step; experts that a batch
 *                                                                      of B draws independently
 *   cache read   = B (T_in + T_out / 2) kv
 *   step s       = max(2 P_active B / (n F u), (weights + cache) / (n R u))
 *   decode s     = T_out x step / B
 *   J            = PUE x W x (prefill + decode)
 *
 * F operations and R bytes a second of one board, u the share of either that is
 * reached, T tokens. 2 operations a weight and token: Kaplan et al. 2020, arXiv
 * 2001.08361. Roofline: Williams, Waterman, Patterson, CACM 52(4), 2009. 1.2 is
 * what EcoLogits 0.9.3 adds to the weights for the rest of memory.
 *
 * Left out: attention's own arithmetic (small below some thousand tokens), waiting
 * between requests, networks between servers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "base/str.h"
#include "frugal/carbon.h"
#include "meter/table.h"

#define TABLE "hardware/accelerators.csv"

enum { MAX_BOARDS = 64, NAME_SIZE = 40 };

/* Columns of the table. */
enum { NAME, ALIASES, TFLOPS_16, TFLOPS_8, GB_PER_S, MEMORY_GB, BOARD_W, SOURCE, N_COLUMNS };

static const double memory_overhead = 1.2, boards_per_server = 8;

static void put(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

static void take_row(const fr_table *t, fr_accelerator *out)
{
    memset(out, 0, sizeof(*out));
    put(out->name, sizeof(out->name), t->field[NAME]);
    put(out->source, sizeof(out->source), t->field[SOURCE]);
    out->flops_16 = 1e12 * fr_strtod(t->field[TFLOPS_16], NULL);
    out->flops_8 = 1e12 * fr_strtod(t->field[TFLOPS_8], NULL);
    out->bytes_per_s = 1e9 * fr_strtod(t->field[GB_PER_S], NULL);
    out->memory_bytes = 1e9 * fr_strtod(t->field[MEMORY_GB], NULL);
    out->board_w = fr_strtod(t->field[BOARD_W], NULL);
}

/* The first n bytes of `text` in lower case without blanks and hyphens. */
static void plain_name(const char *text, size_t n, char out[NAME_SIZE])
{
    size_t len = 0;
    for (size_t i = 0; i < n && text[i] && len + 1 < NAME_SIZE; i++) {
        char c = text[i];
        if (c == ' ' || c == '-' || c == '_') continue;
        out[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[len] = 0;
}

static bool is_named(const fr_table *t, const char *plain)
{
    char other[NAME_SIZE];
    plain_name(t->field[NAME], SIZE_MAX, other);
    if (!strcmp(other, plain)) return true;
    for (const char *at = t->field[ALIASES]; *at;) {
        size_t len = strcspn(at, "|");
        plain_name(at, len, other);
        if (!strcmp(other, plain)) return true;
        at += len + (at[len] == '|');
    }
    return false;
}

fr_status fr_accelerator_at(size_t i, fr_accelerator *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_table t;
    if (!fr_table_open(&t, TABLE) || t.n_fields != N_COLUMNS)
        FR_FAIL(err, FR_ERR_STATE, "the table of accelerators is not part of this build");
    for (size_t k = 0; fr_table_next(&t); k++) {
        if (k < i) continue;
        take_row(&t, out);
        goto cleanup;
    }
    FR_FAIL(err, FR_ERR_USAGE, "the table of accelerators has no row %zu", i);
cleanup:
    return st;
}

fr_status fr_accelerator_find(const char *what, fr_accelerator *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_table t;
    fr_accelerator row;
    char word[NAME_SIZE], names[MAX_BOARDS][NAME_SIZE], all[512] = "";
    const char *list[MAX_BOARDS];
    size_t n = 0;

    if (!fr_table_open(&t, TABLE) || t.n_fields != N_COLUMNS)
        FR_FAIL(err, FR_ERR_STATE, "the table of accelerators is not part of this build");
    plain_name(what, SIZE_MAX, word);
    while (fr_table_next(&t) && n < MAX_BOARDS) {
        if (*word && is_named(&t, word)) {
            take_row(&t, out);
            goto cleanup;
        }
        plain_name(t.field[NAME], SIZE_MAX, names[n]);
        list[n] = names[n];
        n++;
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "", t.field[NAME]);
    }
    const char *near = fr_nearest(word, list, n);
    for (size_t i = 0; near && i < n; i++)
        if (list[i] == near && fr_accelerator_at(i, &row, NULL) == FR_OK)
            FR_FAIL(err, FR_ERR_USAGE, "accelerator \"%.40s\" is not known; did you mean \"%s\"?",
                    what, row.name);
    FR_FAIL(err, FR_ERR_USAGE, "accelerator \"%.40s\" is not known; there are %s", what, all);
cleanup:
    return st;
}

static fr_status check(const fr_llm_request *r, double total, fr_error *err)
{
    fr_status st = FR_OK;
    if (!(r->params_active > 0) || !(total >= r->params_active) || !isfinite(total))
        FR_FAIL(err, FR_ERR_USAGE,
                "active parameters must be above 0 and at most the total (%g of %g given)",
                r->params_active, total);
    if (!(r->tokens_in >= 0 && r->tokens_in <= 1e12) ||
        !(r->tokens_out >= 0 && r->tokens_out <= 1e12))
        FR_FAIL(err, FR_ERR_USAGE, "tokens must lie between 0 and 1e12");
    if (!(r->pue >= 1 && r->pue <= 10))
        FR_FAIL(err, FR_ERR_USAGE, "PUE must lie between 1 and 10, not %g", r->pue);
    if (!(r->batch >= 1 && r->batch <= 1e6))
        FR_FAIL(err, FR_ERR_USAGE, "batch must lie between 1 and 1e6, not %g", r->batch);
    if (r->weight_bits != 16 && r->weight_bits != 8 && r->weight_bits != 4)
        FR_FAIL(err, FR_ERR_USAGE, "weights have 16, 8 or 4 bits, not %g", r->weight_bits);
    if (!(r->utilisation > 0 && r->utilisation <= 1))
        FR_FAIL(err, FR_ERR_USAGE, "utilisation must be above 0 and at most 1, not %g",
                r->utilisation);
    if (!(r->board_w >= 0 && r->board_w <= 1e5) || !(r->host_w >= 0 && r->host_w <= 1e5) ||
        !(r->kv_bytes >= 0 && r->kv_bytes <= 1e12))
        FR_FAIL(err, FR_ERR_USAGE,
                "watts must lie between 0 and 1e5, bytes of attention cache between 0 and 1e12");
cleanup:
    return st;
}

fr_status fr_llm_roofline_energy(const fr_llm_request *r, const fr_accelerator *a,
                                 fr_llm_roofline *out, fr_error *err)
{
    fr_status st = FR_OK;
    double total = r->params_total > 0 ? r->params_total : r->params_active;
    double bytes = r->weight_bits / 8;
    FR_TRY(check(r, total, err));

    double flops =
        r->utilisation * (r->weight_bits == 8 && a->flops_8 > 0 ? a->flops_8 : a->flops_16);
    double rate = r->utilisation * a->bytes_per_s;
    double n = exp2(ceil(log2(ceil(memory_overhead * total * bytes / a->memory_bytes))));
    double watts = n * ((r->board_w > 0 ? r->board_w : a->board_w) + r->host_w);

    double touched = total * (1 - pow(1 - r->params_active / total, r->batch));
    double cache = r->batch * (r->tokens_in + r->tokens_out / 2) * r->kv_bytes;
    double arithmetic_s = 2 * r->params_active * r->batch / (n * flops);
    double reading_s = (touched * bytes + cache) / (n * rate);

    out->n_boards = n;
    out->prefill_s = 2 * r->params_active * r->tokens_in / (n * flops);
    out->decode_s = r->tokens_out * fmax(arithmetic_s, reading_s) / r->batch;
    out->decode_memory_bound = reading_s > arithmetic_s;
    double seconds = out->prefill_s + out->decode_s;
    out->j_it = watts * seconds;
    out->j = r->pue * out->j_it;
    out->j_low = out->j * r->utilisation; /* time is inversely proportional to it */
    out->j_high = 2 * out->j;

    const fr_embodied hardware = {
        .kgco2e = n * (FR_EMBODIED_SERVER_KG / boards_per_server + FR_EMBODIED_ACCELERATOR_KG),
        .lifetime_years = FR_EMBODIED_YEARS,
        .share = 1};
    FR_TRY(fr_carbon_embodied(&hardware, seconds, &out->embodied_g, err));
cleanup:
    return st;
}
