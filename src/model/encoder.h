/* encoder.h - what is inside a model: its weights by their place (internal to the room). */
#ifndef FR_MODEL_ENCODER_H
#define FR_MODEL_ENCODER_H

#include "base/arena.h"
#include "model/family.h"

typedef enum fr_init { FR_INIT_NORMAL, FR_INIT_ZEROS, FR_INIT_ONES } fr_init;

/* A weight and how it comes about. */
typedef struct fr_weight {
    fr_param p;
    size_t n_dims; /* in files: 1 or 2 */
    fr_init init;
    bool is_head;    /* may be missing from a file without a trained head */
    bool own_name;   /* of the head, without the family's prefix: other heads use it as well */
    bool transposes; /* large enough for a transposed copy to pay */
} fr_weight;

/* Weight and bias of a linear layer or a norm. */
typedef struct fr_pair {
    fr_param *w, *b;
} fr_pair;

typedef struct fr_encoder_layer {
    fr_pair linear[FR_N_LINEARS];
    fr_pair norm[FR_N_NORMS];
} fr_encoder_layer;

struct fr_model {
    fr_model_info info;
    fr_encoder_config config;
    json_t *config_json; /* as read; owned */
    char *source_dir;    /* in meta */
    fr_arena meta;       /* names and places */
    fr_arena numbers;    /* weights, transposed copies, gradients */

    fr_weight *weights; /* [n_weights] in meta */
    fr_param **params;  /* [n_weights] in meta */
    size_t n_weights;

    fr_param *word, *position, *type;   /* type: NULL where the family has none */
    fr_pair embedding_norm, projection; /* projection.w NULL: none */
    fr_encoder_layer *layers;           /* [n_layers] in meta */
    fr_pair head_dense, head_out;

    int32_t *first_rows; /* row of [CLS] of every text; owned, grows */
    size_t cap_first_rows;
};

/* Lists every weight of the configuration with name and shape; no data yet. Only the place in
 * memory is decided here, so that shapes can be compared with a file before anything is allocated.
 * Errors: FR_ERR_USAGE (more numbers than we are willing to hold), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__encoder_plan(fr_model *m, const char *path, fr_error *err);

/* Memory for the data of all weights, for gradients if trainable, not set. */
FR_NODISCARD fr_status fr__encoder_allocate(fr_model *m, bool trainable, fr_error *err);

/* Fills one weight as transformers' _init_weights would; depends on seed and name only. */
void fr__weight_initialise(const fr_model *m, fr_weight *w, uint64_t seed);

#endif
