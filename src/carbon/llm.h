/* llm.h - emissions of large language models that were not run here.
 *
 * Estimators differ by more than ten times; none is the truth, so a report
 * shows a range over several and names each. */
#ifndef FR_CARBON_LLM_H
#define FR_CARBON_LLM_H

#include "base/error.h"

/* Grams by the study's K, as published; the region does not change them:
 *   g = K x active parameters [billions] x tokens,   K = 4.32 g / 100 tokens / 175 B
 * params_active: a count (7e9). tokens: prompt and output tokens alike.
 * Source: Garg, Gaba, Muthirayan, Roy Chowdhury, arXiv 2601.08844. */
double fr_llm_study_grams(double params_active, double tokens);

/* The constant itself: g per (billion active parameters x token), about 2.4686e-4. */
double fr_llm_study_k(void);

#define FR_LLM_STUDY_SOURCE \
    "study's K: 4.32 g / 100 tokens / 175 B parameters (arXiv 2601.08844), grams as published"

/* How many times the larger model's grams are the smaller one's when both are estimated by K:
 * the same-basis ratio. NaN when the smaller one has no parameters or tokens. */
double fr_llm_study_ratio(double params_large, double tokens_large, double params_small,
                          double tokens_small);

typedef struct fr_llm_ecologits {
    double n_gpus;
    double seconds_per_token;
    double j_per_token_it; /* servers and GPUs, without PUE */
    double j_per_token;    /* with PUE */
    double j;              /* of all output tokens, with PUE */
} fr_llm_ecologits;

#define FR_LLM_ECOLOGITS_SOURCE \
    "EcoLogits 0.9.3 regression (batch 64, 16 bits, 80 GB GPUs; output tokens only)"

/* Energy of a request by the regression of EcoLogits 0.9.3: usage only, without embodied share.
 *   params_active, params_total  counts; tokens_out: output tokens; pue >= 1
 * Errors: FR_ERR_UNSUPPORTED below 1e9 active parameters, where its floor gives a 0.1 B model
 * about the energy of a 7 B one; FR_ERR_USAGE for figures without sense.
 * Source: genai-impact/ecologits 0.9.3, impacts/llm.py (figures in the .c file). */
FR_NODISCARD fr_status fr_llm_ecologits_energy(double params_active, double params_total,
                                               double tokens_out, double pue, fr_llm_ecologits *out,
                                               fr_error *err);

#endif
