/* model_impl.h - what is inside a model: its weights, and the encoder or decoder they belong to
 * (internal to the room). */
#ifndef FR_MODEL_MODEL_IMPL_H
#define FR_MODEL_MODEL_IMPL_H

#include <jansson.h>

#include "base/arena.h"
#include "model/model.h"
#include "model/reorder.h"

typedef enum fr_init { FR_INIT_NORMAL, FR_INIT_ZEROS, FR_INIT_ONES } fr_init;

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

struct fr_model {
    fr_model_info info;
    json_t *config_json; /* as read, or made of a GGUF's metadata; owned */
    char *source_dir;    /* in meta: where tokenizer files are copied from */
    const char *prefix;  /* of tensors; files may leave it out */
    double initializer_range;
    fr_arena meta;    /* names and places */
    fr_arena numbers; /* weights, transposed copies, gradients */

    fr_weight *weights; /* [n_weights] in meta */
    fr_param **params;  /* [n_weights] in meta */
    size_t n_weights, cap_weights;

    fr_encoder *encoder; /* one of the two; in meta */
    fr_decoder *decoder;
};

/* Room for so many weights. */
FR_NODISCARD fr_status fr__weights_reserve(fr_model *m, size_t n, fr_error *err);

/* Lists a weight [rows, cols] named stem + suffix; no data yet. Only the place in memory is
 * decided here, so that shapes can be compared with a file before anything is allocated.
 * Errors: FR_ERR_USAGE (more numbers than we are willing to hold), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__weight_add(fr_model *m, fr_param **out, const char *stem,
                                      const char *suffix, size_t rows, size_t cols,
                                      fr_weight traits, fr_error *err);

/* Memory for the data of all weights that are not packed, for gradients if trainable, not set. */
FR_NODISCARD fr_status fr__weights_allocate(fr_model *m, bool trainable, fr_error *err);

/* Fills one weight as transformers' _init_weights would; depends on seed and name only. */
void fr__weight_initialise(const fr_model *m, fr_weight *w, uint64_t seed);

/* What an encoder holds outside the arenas; NULL is allowed. (encoder.c) */
void fr__encoder_release(fr_encoder *e);

#endif
