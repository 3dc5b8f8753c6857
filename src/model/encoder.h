/* encoder.h - what is inside an encoder: its weights by their place (internal to the room). */
#ifndef FR_MODEL_ENCODER_H
#define FR_MODEL_ENCODER_H

#include "model/family.h"
#include "model/model_impl.h"

typedef struct fr_encoder_layer {
    fr_pair linear[FR_N_LINEARS];
    fr_pair norm[FR_N_NORMS];
} fr_encoder_layer;

struct fr_encoder {
    fr_encoder_config config;
    fr_param *word, *position, *type;   /* type: NULL where the family has none */
    fr_pair embedding_norm, projection; /* projection.w NULL: none */
    fr_encoder_layer *layers;           /* [n_layers] in the model's meta */
    fr_pair head_dense, head_out;

    int32_t *first_rows; /* row of [CLS] of every text; owned, grows */
    size_t cap_first_rows;
};

/* Reads the configuration and lists every weight with name and shape.
 * Errors: as fr__encoder_config_read; FR_ERR_USAGE (too large), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__encoder_describe(fr_model *m, const char *path,
                                            const fr_model_options *options, fr_error *err);

/* fr_model_classify of an encoder. */
FR_NODISCARD fr_status fr__encoder_classify(fr_model *m, fr_graph *g, const fr_batch *batch,
                                            fr_tensor **logits, fr_error *err);

/* fr_model_embed of an encoder. */
FR_NODISCARD fr_status fr__encoder_embed(fr_model *m, fr_graph *g, const fr_batch *batch,
                                         size_t layer, fr_tensor **states, fr_error *err);

#endif
