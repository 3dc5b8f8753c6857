/* model_impl.h - what is inside a model: its weights, and the encoder or decoder they belong to
 * (internal to the room). */
#ifndef FR_MODEL_MODEL_IMPL_H
#define FR_MODEL_MODEL_IMPL_H

#include <jansson.h>

#include "base/arena.h"
#include "model/model.h"
#include "model/reorder.h"

/* UNIFORM: within 1/sqrt(cols), as nn.Linear and PEFT start */
typedef enum fr_init { FR_INIT_NORMAL, FR_INIT_ZEROS, FR_INIT_ONES, FR_INIT_UNIFORM } fr_init;

/* A weight and how it comes about. */
typedef struct fr_weight {
    fr_param p;
    size_t n_dims; /* in files: 1 or 2 */
    fr_init init;
    bool is_head;       /* may be missing from a file without a trained head */
    bool own_name;      /* of the head, without the family's prefix: other heads use it as well */
    bool transposes;    /* large enough for a transposed copy to pay */
    bool is_matrix;     /* of a linear layer or an embedding: may stay as the file has it */
    fr_reorder reorder; /* how a folder differs from what we hold */
    size_t heads;       /* for reorder */
    const char *alias;  /* folders may have it under this name instead; or NULL */
    const char *gguf;   /* its name in a GGUF; NULL: as in folders */
    fr_reorder gguf_reorder;
} fr_weight;

/* Weight and bias of a linear layer or a norm. */
typedef struct fr_pair {
    fr_param *w, *b;
} fr_pair;

typedef struct fr_encoder fr_encoder;
typedef struct fr_decoder fr_decoder;
typedef struct fr_lora fr_lora;

struct fr_model {
    fr_model_info info;
    json_t *config_json;     /* as read, or made of a GGUF's metadata; owned */
    const char *source_dir;  /* of the weights and, but for adapter_dir, tokenizer files; in meta */
    const char *adapter_dir; /* of a folder of adapters; or NULL; in meta */
    const char *prefix;      /* of tensors; files may leave it out */
    double initializer_range;
    fr_arena meta;    /* names and places */
    fr_arena numbers; /* weights, transposed copies, gradients */

    fr_weight *weights; /* [n_weights] in meta */
    fr_param **params;  /* [n_weights] in meta */
    size_t n_weights, cap_weights;
    size_t n_base; /* of these; adapters stand behind them */
    bool trainable;

    fr_encoder *encoder; /* one of the two; in meta */
    fr_decoder *decoder;
    fr_lora *lora; /* in meta; NULL: no adapters beside the weights */
};

/* Room for so many weights. */
FR_NODISCARD fr_status fr__weights_reserve(fr_model *m, size_t n, fr_error *err);

/* Lists a weight [rows, cols] named stem + suffix; no data yet. Only the place in memory is
 * decided here, so that shapes can be compared with a file before anything is allocated.
 * Errors: FR_ERR_USAGE (more numbers than we are willing to hold), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__weight_add(fr_model *m, fr_param **out, const char *stem,
                                      const char *suffix, size_t rows, size_t cols,
                                      fr_weight traits, fr_error *err);

/* Memory for the data of all weights but adapters that are not packed, not set; for gradients if
 * they are to be trained. */
FR_NODISCARD fr_status fr__weights_allocate(fr_model *m, fr_error *err);

/* Fills one weight as transformers' _init_weights would; depends on seed and name only. */
void fr__weight_initialise(const fr_model *m, fr_weight *w, uint64_t seed);

/* Does that tensor of a file have the weight's shape? config: the file that says so.
 * Errors: FR_ERR_SHAPE. (load.c) */
FR_NODISCARD fr_status fr__weight_check(const fr_weight *w, const fr_stored *t, bool gguf,
                                        const char *config, fr_error *err);

/* Its numbers into w->p.t.data; shapes fit.
 * Errors: FR_ERR_FORMAT (a value that is not finite), FR_ERR_SHAPE, FR_ERR_NOMEM. (load.c) */
FR_NODISCARD fr_status fr__weight_read(fr_weight *w, const fr_stored *t, bool gguf, fr_error *err);

/* Writes those of them; adapters stand at [n_base, n_weights).   Errors: FR_ERR_IO, FR_ERR_STATE
 * (held as stored). (save.c) */
FR_NODISCARD fr_status fr__weights_save(const fr_model *m, size_t first, size_t end,
                                        const char *path, fr_error *err);

/* What an encoder holds outside the arenas; NULL is allowed. (encoder.c) */
void fr__encoder_release(fr_encoder *e);

#endif
