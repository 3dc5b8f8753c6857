/* carbon.h - from joules to grams of CO2 equivalent, and what LLMs emit that were not run.
 *
 *     fr_place place = FR_PLACE_INIT;
 *     fr_intensity grid;
 *     fr_error err;
 *     place.region = "SE-SE3";
 *     if (fr_intensity_find(&place, &grid, &err)) ...       // err.message says why
 *     double g = fr_carbon_grams(joules, grid.g_per_kwh, 1.2);
 *     printf("%.3g g CO2e (%s)\n", g, grid.source);
 *
 * The table of regions is part of the library; each row carries its primary
 * source, year, gas and scope. Nobody is located: without a region it is the
 * named world average. The network is used only where a live figure is asked
 * for by name, and if that fails the table stands in and `note` says why.
 *
 * All functions are thread-safe. Nothing is owned by the caller unless said. */
#ifndef FRUGAL_CARBON_H
#define FRUGAL_CARBON_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "frugal/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- regions ---- */

#define FR_REGION_WORLD "WORLD" /* the one named world average */

typedef struct fr_region {
    char code[40];   /* "IND", "US-CA", "CA-QC", "SE-SE3", "aws:eu-west-1"; a variant: "IND-OWID" */
    char iso2[4];    /* of a country: ISO 3166 alpha-2; "" for others */
    char country[4]; /* ISO 3166 alpha-3 of the country it lies in; "" for the world */
    char name[64];   /* "India" */
    double g_per_kwh;
    int year;                    /* of the data */
    char gas[8];                 /* "CO2e" or "CO2" */
    char scope[16];              /* "life-cycle", "direct" or "not stated" */
    char source[192];            /* primary source, and the collection it was taken from */
    char notes[160];             /* "" for none */
    char rule[16];               /* where the uncertainty comes from: a row of docs/carbon.md */
    double relative_uncertainty; /* systematic, about 95 % */
} fr_region;

/* Finds a row by code, ISO 3166 alpha-2 or English name, in any case.
 * Errors: FR_ERR_USAGE for an unknown one, with the nearest known name, and for a name that
 * several places bear ("Georgia"), with their codes. */
FR_NODISCARD fr_status fr_region_find(const char *what, fr_region *out, fr_error *err);

/* The i-th row of the table; FR_ERR_USAGE past the last one. */
FR_NODISCARD fr_status fr_region_at(size_t i, fr_region *out, fr_error *err);

enum { FR_PROVENANCE_SIZE = 512 };

/* "India, 625.6 g CO2e/kWh, <source>, 2021, life-cycle CO2e" into buf; returns buf. */
char *fr_region_provenance(const fr_region *region, char buf[FR_PROVENANCE_SIZE]);

/* ---- intensity of a place ---- */

#define FR_LIVE_ELECTRICITY_MAPS "electricity-maps"
#define FR_LIVE_UK "uk"

typedef struct fr_place {
    const char *region; /* as fr_region_find; NULL: FR_REGION_WORLD */
    double g_per_kwh;   /* the caller's own figure, in place of the table's; NaN: none */
    /* NULL: the table. "electricity-maps": the token is read from ELECTRICITYMAPS_TOKEN, the zone
     * is the region's own or the one given as "electricity-maps:US-CAL-CISO". "uk": the Carbon
     * Intensity API of Great Britain, without a key. */
    const char *live;
    const char *live_url;  /* base URL of the service instead of its own; NULL: the environment's
                              ELECTRICITYMAPS_URL or UK_CARBON_INTENSITY_URL, else its own */
    double timeout_s;      /* of the live request; 0: 5 s */
    const char *cache_dir; /* NULL: $XDG_CACHE_HOME/frugal, else $HOME/.cache/frugal; "": none */
} fr_place;

#define FR_PLACE_INIT                  \
    {                                  \
        NULL, NAN, NULL, NULL, 0, NULL \
    }

typedef struct fr_intensity {
    double g_per_kwh;
    double low, high; /* about 95 % */
    fr_kind kind;     /* ESTIMATED (table and live) or ASSUMED (the caller's own) */
    bool live;
    double from_unix_s, until_unix_s; /* a live figure's validity; 0 otherwise */
    fr_region region;                 /* the table's row, whether its figure was used or not */
    char source[FR_PROVENANCE_SIZE];  /* place, figure, source, year or hour, scope */
    char note[256];                   /* why the table stands in for a live figure; else "" */
} fr_intensity;

/* The grid's intensity at `place`. A live figure is cached in a file as long as it is valid; no
 * message, note or file ever holds the token.
 * Errors: FR_ERR_USAGE only (unknown region, service or zone, figure out of range): a live
 * service that fails is no error, see `note`. */
FR_NODISCARD fr_status fr_intensity_find(const fr_place *place, fr_intensity *out, fr_error *err);

/* ---- grams ---- */

/* joules / 3.6e6 x g_per_kwh x pue, in grams.  Source: SCI (ISO/IEC 21031), E x I. */
double fr_carbon_grams(double joules, double g_per_kwh, double pue);

/* Power usage effectiveness: 1 where a machine stands by itself. Defaults of others: the worldwide
 * average of data centres that were asked (Uptime Institute, Global Data Center Survey 2024), and
 * the highest of the providers of language models in EcoLogits 0.9.3 (1.09 to 1.20). */
#define FR_PUE_SURVEY_2024 1.56
#define FR_PUE_LLM 1.20

/* What making the hardware emitted, and how it is shared out over its use. */
typedef struct fr_embodied {
    double kgco2e;         /* of the hardware */
    double lifetime_years; /* of 365 days, used around the clock */
    double share;          /* of the hardware that the work occupied, 0 to 1 */
} fr_embodied;

/* EcoLogits 0.9.3: a server without its accelerators, and one accelerator (1,312 kg for the eight
 * of an HGX H100 baseboard: NVIDIA, product carbon footprint summary), over 3 years. */
#define FR_EMBODIED_SERVER_KG 5700.0
#define FR_EMBODIED_ACCELERATOR_KG 164.0
#define FR_EMBODIED_YEARS 3.0

/* Grams of the embodied emissions that `seconds` of use bear: M = TE x TiR / EL x RR / TR.
 * Errors: FR_ERR_USAGE for negative figures, no lifetime, or a share above 1.
 * Source: SCI (ISO/IEC 21031), 4.2.4. */
FR_NODISCARD fr_status fr_carbon_embodied(const fr_embodied *hardware, double seconds,
                                          double *out_g, fr_error *err);

/* Software carbon intensity, SCI = (E x I + M) per R, in grams a unit; offsets count for nothing.
 *   joules, g_per_kwh, pue   as fr_carbon_grams
 *   embodied_g               M, in grams; 0 where it is left out
 *   units                    R: how many functional units (inferences) that was
 * NaN when units is not above 0.   Source: ISO/IEC 21031. */
double fr_carbon_sci(double joules, double g_per_kwh, double pue, double embodied_g, double units);

/* ---- language models that were not run ----
 *
 * Estimators differ by more than ten times; none is the truth, so show a range over several and
 * name each. Parameters are counts (7e9), not billions. */

/* Grams by the study's K, as published; the region does not change them:
 *   g = K x active parameters [billions] x tokens,   K = 4.32 g / 100 tokens / 175 B
 * tokens: prompt and output tokens alike.
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
    double embodied_g;     /* of all output tokens: server and GPUs over 3 years */
} fr_llm_ecologits;

#define FR_LLM_ECOLOGITS_SOURCE \
    "EcoLogits 0.9.3 regression (batch 64, 16 bits, 80 GB GPUs; output tokens only)"

/* A request by the regression of EcoLogits 0.9.3.
 *   params_active, params_total  counts; tokens_out: output tokens; pue >= 1
 * Errors: FR_ERR_UNSUPPORTED below 1e9 active parameters, where its floor gives a 0.1 B model
 * about the energy of a 7 B one; FR_ERR_USAGE for figures without sense.
 * Source: genai-impact/ecologits 0.9.3, impacts/llm.py (figures in the .c file). */
FR_NODISCARD fr_status fr_llm_ecologits_energy(double params_active, double params_total,
                                               double tokens_out, double pue, fr_llm_ecologits *out,
                                               fr_error *err);

/* A board as its maker describes it: dense arithmetic, no sparsity. */
typedef struct fr_accelerator {
    char name[40];      /* "H100 SXM" */
    double flops_16;    /* floating-point operations a second, 16 bits */
    double flops_8;     /* 8 bits; 0 where it has none */
    double bytes_per_s; /* of its memory */
    double memory_bytes;
    double board_w; /* highest power of the board */
    char source[96];
} fr_accelerator;

#define FR_ACCELERATOR_DEFAULT "H100 SXM"

/* By name, in any case and without regard to blanks and hyphens ("h100-sxm", "A100").
 * Errors: FR_ERR_USAGE, with the nearest known name. */
FR_NODISCARD fr_status fr_accelerator_find(const char *what, fr_accelerator *out, fr_error *err);

/* The i-th row of the table; FR_ERR_USAGE past the last one. */
FR_NODISCARD fr_status fr_accelerator_at(size_t i, fr_accelerator *out, fr_error *err);

typedef struct fr_llm_request {
    double params_active, params_total; /* total 0: as many as active */
    double tokens_in, tokens_out;
    double pue;         /* >= 1 */
    double batch;       /* requests served at a time; 1 for a server of one's own */
    double weight_bits; /* 16, 8 or 4; arithmetic in 16 bits, or in 8 where weights have 8 */
    double utilisation; /* share of a board's arithmetic and bandwidth that is reached, (0, 1] */
    double board_w;     /* power of a board while it works; 0: its highest */
    double host_w;      /* of the server around it, a board */
    double kv_bytes;    /* of the attention cache, a token of context */
    double j_per_token; /* the user's own, per output token, without PUE; NaN: none */
} fr_llm_request;

/* Defaults and where they come from:
 *   batch 64, host 150 W a board   as EcoLogits 0.9.3 (1.2 kW a server of 8), so that both compare
 *   utilisation 0.5                an assumption; the best published for prompts is 0.76 (Pope et
 *                                  al. 2022, arXiv 2211.05102)
 *   kv 160 kB a token              between DeepSeek-V3 (70 kB: 61 layers x 576 x 2 B) and
 *                                  Llama-3-70B (328 kB: 80 layers x 8 heads x 128 x 2 x 2 B) */
#define FR_LLM_REQUEST_INIT                                     \
    {                                                           \
        0, 0, 0, 0, FR_PUE_LLM, 64, 16, 0.5, 0, 150, 160e3, NAN \
    }

typedef struct fr_llm_roofline {
    double n_boards;          /* that the weights need, a power of two */
    double prefill_s;         /* boards' time for the prompt */
    double decode_s;          /* this request's share of the boards' time for the output */
    bool decode_memory_bound; /* bandwidth, not arithmetic, limits the output */
    double j_it;              /* boards and their servers, without PUE */
    double j;                 /* with PUE */
    double j_low, j_high;     /* at full, and at half the stated utilisation */
    double embodied_g;        /* of servers and boards for that time */
} fr_llm_roofline;

/* Energy of a request from what the hardware can do at most (formula in roofline.c): the prompt is
 * limited by arithmetic, the output by arithmetic or by reading weights and attention cache.
 * Errors: FR_ERR_USAGE for figures without sense. */
FR_NODISCARD fr_status fr_llm_roofline_energy(const fr_llm_request *request,
                                              const fr_accelerator *accelerator,
                                              fr_llm_roofline *out, fr_error *err);

enum { FR_N_LLM_ESTIMATORS = 4 };

typedef struct fr_llm_estimate {
    const char *name;    /* static: "study's K", "EcoLogits 0.9.3", "roofline", "own J/token" */
    bool usable;         /* else why_not says why, and the figures are NaN */
    double j;            /* a request, with PUE; NaN where the estimator knows grams only */
    double g, low, high; /* of use; low and high from the estimator's and the grid's range */
    double embodied_g;   /* NaN where the estimator says nothing of it, or contains it */
    double sci_g; /* use and embodied, a request (fr_carbon_sci); NaN where either is not known */
    char detail[FR_PROVENANCE_SIZE]; /* what it assumes */
    char why_not[256];
} fr_llm_estimate;

/* All estimators side by side. grid: what the energy costs in grams (g_per_kwh, low, high).
 * Errors: FR_ERR_USAGE for figures without sense. An estimator that does not hold for this model
 * is no error: see `usable`. */
FR_NODISCARD fr_status fr_llm_estimate_all(const fr_llm_request *request,
                                           const fr_accelerator *accelerator,
                                           const fr_intensity *grid,
                                           fr_llm_estimate out[FR_N_LLM_ESTIMATORS], fr_error *err);

#ifdef __cplusplus
}
#endif

#endif
