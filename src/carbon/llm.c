/* llm.c - the study's K and the regression of EcoLogits.
 *
 * The study's K is linear in active parameters and tokens, from one published
 * figure. The regression of EcoLogits 0.9.3 (MPL-2.0 data, formula re-stated here)
 * was fitted to measurements of served models of 7 B and more:
 *
 *   Wh per output token and GPU = a exp(b B) P_active + c        P in billions, B = batch
 *   seconds per output token    = 6.785e-4 P_active + 3.119e-4 B + 1.947e-2
 *   GPUs = 2^ceil(log2(ceil(1.2 x P_total x 16/8 / 80)))          80 GB each, 16-bit weights
 *   J per token = PUE x 3600 x (server Wh + GPUs x Wh per GPU)    server 1.2 kW per 8 GPUs, shared
 *                                                                by the batch of 64
 *   embodied g = 1000 x (GPUs / 8 x server kg + GPUs x GPU kg) x seconds / lifetime / B */
#include "base/error.h"
#include "frugal/carbon.h"

double fr_llm_study_k(void)
{
    return 4.32 / 100.0 / 175.0;
}

double fr_llm_study_grams(double params_active, double tokens)
{
    return fr_llm_study_k() * (params_active / 1e9) * tokens;
}

double fr_llm_study_ratio(double params_large, double tokens_large, double params_small,
                          double tokens_small)
{
    double small = fr_llm_study_grams(params_small, tokens_small);
    return small > 0 ? fr_llm_study_grams(params_large, tokens_large) / small : NAN;
}

/* Constants of EcoLogits 0.9.3. */
#define GPU_ALPHA 1.1665273170451914e-06
#define GPU_BETA -0.011205921025579175
#define GPU_GAMMA 4.052928146734005e-05
#define LATENCY_ALPHA 6.785088094353663e-4
#define LATENCY_BETA 3.119310311688259e-4
#define LATENCY_GAMMA 1.9473717579473387e-2
#define BATCH 64.0
#define SERVER_W 1200.0
#define GPUS_PER_SERVER 8.0
#define GPU_GB 80.0
#define MEMORY_OVERHEAD 1.2
#define BYTES_PER_WEIGHT 2.0

fr_status fr_llm_ecologits_energy(double params_active, double params_total, double tokens_out,
                                  double pue, fr_llm_ecologits *out, fr_error *err)
{
    fr_status st = FR_OK;
    double active = params_active / 1e9, total = params_total / 1e9;

    if (!(params_active > 0) || !(params_total >= params_active) || !(tokens_out >= 0) ||
        !(pue >= 1) || !isfinite(params_total) || !isfinite(tokens_out) || !isfinite(pue))
        FR_FAIL(err, FR_ERR_USAGE,
                "EcoLogits: active parameters must be above 0 and at most the total, tokens not "
                "negative, PUE at least 1");
    if (params_active < 1e9)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "EcoLogits' regression does not hold below 1 billion active parameters (%.3g "
                "given): its floor gives a 0.1 B model about the energy of a 7 B one; measure "
                "small models",
                params_active);

    double cards = ceil(MEMORY_OVERHEAD * total * BYTES_PER_WEIGHT / GPU_GB);
    out->n_gpus = exp2(ceil(log2(cards)));
    out->seconds_per_token = LATENCY_ALPHA * active + LATENCY_BETA * BATCH + LATENCY_GAMMA;
    double gpu_j = 3600.0 * (GPU_ALPHA * exp(GPU_BETA * BATCH) * active + GPU_GAMMA);
    double server_j = out->seconds_per_token * SERVER_W * out->n_gpus / GPUS_PER_SERVER / BATCH;
    out->j_per_token_it = server_j + out->n_gpus * gpu_j;
    out->j_per_token = pue * out->j_per_token_it;
    out->j = out->j_per_token * tokens_out;
    const fr_embodied hardware = {.kgco2e = out->n_gpus * (FR_EMBODIED_SERVER_KG / GPUS_PER_SERVER +
                                                           FR_EMBODIED_ACCELERATOR_KG),
                                  .lifetime_years = FR_EMBODIED_YEARS,
                                  .share = 1 / BATCH};
    FR_TRY(
        fr_carbon_embodied(&hardware, out->seconds_per_token * tokens_out, &out->embodied_g, err));
cleanup:
    return st;
}
