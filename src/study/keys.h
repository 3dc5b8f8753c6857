/* keys.h - identity: the hashes by which the ledger knows what was already observed
 * (internal to study). */
#ifndef FR_STUDY_KEYS_H
#define FR_STUDY_KEYS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/sha256.h"
#include "study/plan.h"

/* SHA-256 of a file's bytes. */
FR_NODISCARD fr_status fr__key_file(const char *path, char hex[FR_SHA256_HEX_SIZE], fr_error *err);

/* Of a model folder: names and bytes of config and tokenizer files, and of the weights if wanted.
 * Of adapters, with those of their base. Of a file (GGUF): its bytes. */
FR_NODISCARD fr_status fr__key_folder(const char *dir, bool weights, char hex[FR_SHA256_HEX_SIZE],
                                      fr_error *err);

/* Of a server's model: URL, model, prompt, examples and generation settings. */
void fr__key_endpoint(const fr_plan *plan, const fr_spec_model *model,
                      const fr_prompting *prompting, char hex[FR_SHA256_HEX_SIZE]);

/* Of a baseline, with what it learns from. */
void fr__key_baseline(const fr_plan *plan, const fr_spec_model *model,
                      char hex[FR_SHA256_HEX_SIZE]);

/* Of a model of which only the emissions are estimated. */
void fr__key_estimate(const fr_spec_model *model, char hex[FR_SHA256_HEX_SIZE]);

/* Fills the runs of a model whose identity is known: seeds, repeats, tune and cell keys. */
FR_NODISCARD fr_status fr__key_runs(fr_plan *plan, fr_plan_model *model, fr_error *err);

#endif
