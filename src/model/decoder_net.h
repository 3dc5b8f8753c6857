/* decoder_net.h - what is inside a decoder: its weights by their place (internal to the room). */
#ifndef FR_MODEL_DECODER_NET_H
#define FR_MODEL_DECODER_NET_H

#include "model/decoder.h"
#include "model/model_impl.h"

/* The parts of a layer, in the words of GGUF; a family has those that its table names. */
#define FR_PART_MAP(X)                       \
    X(ATTN_NORM, "attn_norm")                \
    X(QKV, "attn_qkv")                       \
    X(Q, "attn_q")                           \
    X(K, "attn_k")                           \
    X(V, "attn_v")                           \
    X(Q_NORM, "attn_q_norm")                 \
    X(K_NORM, "attn_k_norm")                 \
    X(O, "attn_output")                      \
    X(POST_ATTN_NORM, "post_attention_norm") \
    X(FFN_NORM, "ffn_norm")                  \
    X(GATE, "ffn_gate")                      \
    X(UP, "ffn_up")                          \
    X(DOWN, "ffn_down")                      \
    X(POST_FFN_NORM, "post_ffw_norm")

enum {
#define FR_PART_ENUM(name, gguf) FR_DECODER_##name,
    FR_PART_MAP(FR_PART_ENUM)
#undef FR_PART_ENUM
        FR_N_PARTS
};

typedef struct fr_decoder_layer {
    fr_pair part[FR_N_PARTS]; /* .w NULL: the family has none */
} fr_decoder_layer;

struct fr_decoder {
    fr_decoder_config config;
    fr_param *word, *position; /* position: NULL where heads turn */
    fr_param *output;          /* of the vocabulary; tied: word */
    fr_pair output_norm;
    fr_pair plain_norm;       /* ones and zeros, where the family's norms have no weights */
    fr_decoder_layer *layers; /* [n_layers] in the model's meta */

    fr_angles angles; /* for texts up to max_positions; grown in meta, older ones stay */
};

/* Lists every weight of m->decoder->config, which has been read, with name and shape.
 * Errors: FR_ERR_USAGE (too large), FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__decoder_describe(fr_model *m, const char *path, fr_error *err);

#endif
