/* llm_all.c - all estimators of one request, side by side. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "frugal/carbon.h"

enum { STUDY, ECOLOGITS, ROOFLINE, OWN };

static double grams(double j, double g_per_kwh)
{
    return fr_carbon_grams(j, g_per_kwh, 1); /* PUE is in the joules already */
}

/* Joules with their own range, at the grid's intensity with its range. */
static void set(fr_llm_estimate *e, double j, double j_low, double j_high, const fr_intensity *grid)
{
    e->usable = true;
    e->j = j;
    e->g = grams(j, grid->g_per_kwh);
    e->low = grams(j_low, grid->low);
    e->high = grams(j_high, grid->high);
}

static void study(const fr_llm_request *r, fr_llm_estimate *e)
{
    e->usable = true;
    e->g = e->low = e->high = fr_llm_study_grams(r->params_active, r->tokens_in + r->tokens_out);
    snprintf(e->detail, sizeof(e->detail),
             "%s; prompt and output tokens alike, whatever the region, PUE and hardware",
             FR_LLM_STUDY_SOURCE);
}

static void ecologits(const fr_llm_request *r, double total, const fr_intensity *grid,
                      fr_llm_estimate *e)
{
    fr_llm_ecologits x;
    fr_error why;
    if (fr_llm_ecologits_energy(r->params_active, total, r->tokens_out, r->pue, &x, &why) !=
        FR_OK) {
        snprintf(e->why_not, sizeof(e->why_not), "%.255s", why.message);
        return;
    }
    set(e, x.j, x.j, x.j, grid);
    e->embodied_g = x.embodied_g;
    fr_snprintf(e->detail, sizeof(e->detail), "%s; %.0f GPU%s, PUE %.3g", FR_LLM_ECOLOGITS_SOURCE,
                x.n_gpus, x.n_gpus > 1 ? "s" : "", r->pue);
}

static fr_status roofline(const fr_llm_request *r, const fr_accelerator *a,
                          const fr_intensity *grid, fr_llm_estimate *e, fr_error *err)
{
    fr_llm_roofline x;
    fr_status st = fr_llm_roofline_energy(r, a, &x, err);
    if (st != FR_OK) return st;
    set(e, x.j, x.j_low, x.j_high, grid);
    e->embodied_g = x.embodied_g;
    fr_snprintf(
        e->detail, sizeof(e->detail),
        "roofline over %.0f x %s (%s) at %.0f W + %.0f W of server, %.0f-bit weights, batch %.0f, "
        "utilisation %.2g (range: full to half of it), output bound by %s, PUE %.3g",
        x.n_boards, a->name, a->source, r->board_w > 0 ? r->board_w : a->board_w, r->host_w,
        r->weight_bits, r->batch, r->utilisation, x.decode_memory_bound ? "memory" : "arithmetic",
        r->pue);
    return FR_OK;
}

static fr_status own(const fr_llm_request *r, const fr_intensity *grid, fr_llm_estimate *e,
                     fr_error *err)
{
    if (isnan(r->j_per_token)) {
        snprintf(e->why_not, sizeof(e->why_not), "no figure was given (--j-per-token)");
        return FR_OK;
    }
    if (!(r->j_per_token >= 0 && r->j_per_token <= 1e9))
        return fr_error_set(err, FR_ERR_USAGE, "J per token must lie between 0 and 1e9, not %g",
                            r->j_per_token);
    double j = r->pue * r->j_per_token * r->tokens_out;
    set(e, j, j, j, grid);
    fr_snprintf(e->detail, sizeof(e->detail),
                "own figure: %.4g J per output token as given, PUE %.3g", r->j_per_token, r->pue);
    return FR_OK;
}

fr_status fr_llm_estimate_all(const fr_llm_request *r, const fr_accelerator *a,
                              const fr_intensity *grid, fr_llm_estimate out[FR_N_LLM_ESTIMATORS],
                              fr_error *err)
{
    static const char *const names[FR_N_LLM_ESTIMATORS] = {"study's K", "EcoLogits 0.9.3",
                                                           "roofline", "own J/token"};
    fr_status st = FR_OK;
    double total = r->params_total > 0 ? r->params_total : r->params_active;
    memset(out, 0, FR_N_LLM_ESTIMATORS * sizeof(*out));
    for (size_t i = 0; i < FR_N_LLM_ESTIMATORS; i++) {
        out[i].name = names[i];
        out[i].j = out[i].g = out[i].low = out[i].high = out[i].embodied_g = out[i].sci_g = NAN;
    }
    FR_TRY(roofline(r, a, grid, &out[ROOFLINE], err)); /* it checks the request */
    FR_TRY(own(r, grid, &out[OWN], err));
    study(r, &out[STUDY]);
    ecologits(r, total, grid, &out[ECOLOGITS]);
    for (size_t i = 0; i < FR_N_LLM_ESTIMATORS; i++)
        out[i].sci_g = fr_carbon_sci(out[i].j, grid->g_per_kwh, 1, out[i].embodied_g, 1);
cleanup:
    return st;
}
