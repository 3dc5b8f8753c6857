/* lora.h - adapters of low rank beside a decoder's matrices (internal to the room).
 *
 * They are weights like others, [rank, inputs] and [outputs, rank], listed behind those of the base
 * under the names that PEFT's files have; each fr_param they belong to points to them.
 * What they compute: model.h. Files: PEFT's, lora_files.c. */
#ifndef FR_MODEL_LORA_H
#define FR_MODEL_LORA_H

#include "model/model_impl.h"

struct fr_lora {
    size_t rank;
    double alpha, dropout;
    bool rank_stabilized; /* the factor is alpha / sqrt(rank): Kalajdzievski 2023 (rsLoRA) */
    const char **targets; /* [n_targets]; none: all linear layers */
    size_t n_targets;
    bool from_file;      /* targets may be named that the base has none of */
    const char *dir;     /* of adapters that were read; NULL: new ones */
    const char *config;  /* path of its adapter_config.json */
    json_t *config_json; /* as read; owned */
};

/* m->lora of the options, or as the folder's adapter_config.json has it; then *base is where that
 * folder's base lies, in meta.
 * Errors: FR_ERR_USAGE (options that cannot be, or that the folder contradicts), FR_ERR_IO (no
 * base), FR_ERR_FORMAT, FR_ERR_UNSUPPORTED (a kind of adapter that we do not compute; named). */
FR_NODISCARD fr_status fr__lora_from_options(fr_model *m, const fr_model_options *options,
                                             fr_error *err);
FR_NODISCARD fr_status fr__lora_from_folder(fr_model *m, const char *dir,
                                            const fr_model_options *options, const char **base,
                                            fr_error *err);

/* Lists the adapters of m->lora, whose decoder's weights are listed.
 * Errors: FR_ERR_USAGE (no such layer, a rank that is too large). */
FR_NODISCARD fr_status fr__lora_describe(fr_model *m, fr_error *err);

/* Finds the adapters in their file; with `read`, reads them.
 * Errors: those of opening it; FR_ERR_FORMAT (one is missing, one too many), FR_ERR_SHAPE. */
FR_NODISCARD fr_status fr__lora_load(fr_model *m, bool read, fr_error *err);

/* Memory for the adapters, with their gradients where they are trained, and their numbers: read or
 * initialised. */
FR_NODISCARD fr_status fr__lora_make(fr_model *m, uint64_t seed, fr_error *err);

/* The file of a folder's adapters.   Errors: those of fr_tensors_open. */
FR_NODISCARD fr_status fr__lora_open(fr_tensors **file, const char *dir, fr_error *err);

/* w [rows, cols] += factor B A */
void fr__lora_merge(const fr_adapter *adapter, float *w);

/* The model goes on without adapters. */
void fr__lora_forget(fr_model *m);

/* adapter_config.json and adapter_model.safetensors into dir. */
FR_NODISCARD fr_status fr__lora_save(const fr_model *m, const char *dir, fr_error *err);

void fr__lora_release(fr_lora *lora); /* what is not in meta; NULL is allowed */

#endif
