/* family.h - the encoders we know, each a row of a table, and what a config.json says.
 *
 * A row holds the family's names: of config keys, of tensors, of its
 * classification head. Everything else is the same code (encoder.c). */
#ifndef FR_MODEL_FAMILY_H
#define FR_MODEL_FAMILY_H

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "kernel/kernel.h"
#include "model/model.h"

/* A config key and what transformers takes where it is absent. key NULL: fixed at the default. */
typedef struct fr_key {
    const char *key;
    double fallback;
} fr_key;

/* The linear layers and norms of one encoder layer, in order of execution. */
enum { FR_LAYER_Q, FR_LAYER_K, FR_LAYER_V, FR_LAYER_O, FR_LAYER_UP, FR_LAYER_DOWN, FR_N_LINEARS };
enum { FR_NORM_ATTENTION, FR_NORM_OUTPUT, FR_N_NORMS };

/* Names are without ".weight" and ".bias". */
typedef struct fr_family {
    const char *model_type;
    const char *architecture; /* what we save */
    const char *prefix;       /* of the encoder's tensors; files may leave it out */

    fr_key hidden_size, n_layers, n_heads, intermediate_size, max_tokens, vocab_size;
    fr_key embedding_size; /* fallback 0: as hidden_size */
    fr_key n_types;        /* fallback 0: no token types */
    fr_key norm_eps;
    fr_key dropout, attention_dropout;
    fr_key head_dropout; /* fallback < 0: as dropout */
    const char *activation;
    bool drops_attention_output; /* dropout between attention and its residual */

    const char *word, *position, *type, *embedding_norm, *projection;
    const char *layer; /* with one %zu */
    const char *linear[FR_N_LINEARS];
    const char *norm[FR_N_NORMS];

    /* logits = out(dropout(act(dense(cls)))), where cls may be dropped first */
    const char *head_dense, *head_out;
    fr_activation head_activation;
    bool head_drops_input;
} fr_family;

typedef struct fr_encoder_config {
    const fr_family *family;
    size_t hidden_size, embedding_size, n_layers, n_heads, intermediate_size;
    size_t max_tokens, vocab_size, n_types, n_labels;
    size_t pad_id; /* SIZE_MAX: none */
    float norm_eps, dropout, attention_dropout, head_dropout;
    double initializer_range;
    fr_activation activation;
    bool other_head;                /* "architectures" names something else than our head */
    const char *const *label_names; /* [n_labels]; in the arena given */
} fr_encoder_config;

bool fr__is_encoder(const char *model_type);

/* "bert, electra, distilbert" into buf */
void fr__encoder_types(char *buf, size_t size);

/* FR_N_ACTIVATIONS: no such name. */
fr_activation fr__activation_find(const char *name);

/* What encoders and decoders read alike. Errors: FR_ERR_UNSUPPORTED (an activation we do not know),
 * FR_ERR_USAGE (a rate not in [0, 1)), FR_ERR_FORMAT. */
FR_NODISCARD fr_status fr__activation_read(fr_activation *out, const json_t *json, const char *path,
                                           const char *key, const char *fallback, fr_error *err);
FR_NODISCARD fr_status fr__rate_read(const json_t *json, const char *path, fr_key key,
                                     float inherited, float *out, fr_error *err);
FR_NODISCARD fr_status fr__initializer_range_read(double *out, const json_t *json, const char *path,
                                                  fr_error *err);

/* Reads and checks the parsed config.json of an encoder; path is for messages. options->n_labels
 * and label_names override what the file says. Sizes are bounded, so that their products cannot
 * overflow. Errors: FR_ERR_UNSUPPORTED (unknown model_type, activation, feature), FR_ERR_FORMAT
 * (wrong type), FR_ERR_USAGE (sizes that cannot be). */
FR_NODISCARD fr_status fr__encoder_config_read(fr_encoder_config *c, const json_t *json,
                                               const char *path, const fr_model_options *options,
                                               fr_arena *arena, fr_error *err);

#endif
