/* decoder.h - decoders as rows of a table: what Hugging Face folders and GGUF call their parts, and
 * what each kind can say (internal to the room).
 *
 * Source: transformers, configuration_*.py; llama.cpp, convert_hf_to_gguf.py and llama-arch.cpp. */
#ifndef FR_MODEL_DECODER_H
#define FR_MODEL_DECODER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "format/gguf.h"
#include "kernel/kernel.h"
#include "model/family.h"
#include "model/reorder.h"
#include "model/rope.h"

/* A tensor but for its ending ".weight" or ".bias"; %zu is the layer. */
typedef struct fr_decoder_name {
    const char *hf; /* without the family's prefix */
    const char *gguf;
    fr_reorder reorder;
    bool bias; /* must have one */
} fr_decoder_name;

typedef struct fr_decoder_family {
    const char *model_type, *architecture; /* in config.json */
    const char *gguf;                      /* general.architecture; NULL: llama.cpp has none */
    const char *prefix; /* of all tensors in folders but the output layer; files may leave it out */
    const char *hidden_size, *n_layers, *n_heads, *n_kv_heads, *intermediate_size, *max_tokens;
    const char *eps; /* NULL: always default_eps */
    double default_eps;
    const char *gguf_eps;
    const char *activation_key, *activation;
    const char *rope_theta; /* NULL: positions are a table */
    const char *rotary_pct; /* the share of a head that turns; NULL: all of it */
    bool rms;               /* RMSNorm, else LayerNorm */
    bool has_window;        /* reads sliding_window */
    bool norms_whole_rows;  /* queries and keys over all heads at once */
    size_t first_position;  /* row of the position table for a text's first token */
    fr_key embedding_dropout, residual_dropout, attention_dropout;
    bool llama3_rope;                 /* llama.cpp takes factors of the frequencies */
    bool any_bias;                    /* attention_bias and mlp_bias may be on */
    bool clip_qkv, parallel_residual; /* have that switch */
    bool tied;                        /* where config.json does not say */
    bool never_tied;                  /* llama.cpp wants an output layer */
    const fr_decoder_name *names;     /* the embedding first, the output layer last */
    size_t n_names;
} fr_decoder_family;

typedef struct fr_decoder_config {
    const fr_decoder_family *family;
    size_t hidden_size, n_layers, n_heads, n_kv_heads, head_dim, intermediate_size, max_tokens;
    size_t vocab_size;
    double eps;
    fr_rope rope;
    fr_activation activation;
    size_t window;             /* keys that a query sees; 0: all */
    size_t first_window_layer; /* the layers before it see all */
    float embedding_dropout, residual_dropout, attention_dropout;
    double initializer_range;
    double clip_qkv;               /* queries, keys and values are cut off at it; 0: not */
    bool parallel_residual;        /* attention and MLP see the same input */
    bool tied;                     /* the output layer is the embedding */
    bool attention_bias, mlp_bias; /* of a family with any_bias */
} fr_decoder_config;

/* The families, in the order of the table; of those that GGUF calls the same the first is meant. */
const fr_decoder_family *fr__decoder_by_type(const char *model_type);
const fr_decoder_family *fr__decoder_by_gguf(fr_bytes architecture);

/* "llama, mistral, ..." into buf */
void fr__decoder_types(char *buf, size_t size);

/* Says which those are. */
FR_NODISCARD fr_status fr__decoder_unknown(const char *path, const char *name, fr_error *err);

/* Errors: FR_ERR_UNSUPPORTED (no decoder that we know: lists those; a feature that we do not
 * run), FR_ERR_FORMAT, FR_ERR_USAGE (sizes that cannot be). */
FR_NODISCARD fr_status fr__decoder_from_json(fr_decoder_config *c, const json_t *json,
                                             const char *path, fr_error *err);
FR_NODISCARD fr_status fr__decoder_from_gguf(fr_decoder_config *c, const fr_gguf *g, fr_error *err);

/* Is there anything that GGUF (or llama.cpp) has no word for?   Errors: FR_ERR_UNSUPPORTED. */
FR_NODISCARD fr_status fr__decoder_check_gguf(const fr_decoder_config *c, const char *path,
                                              fr_error *err);

/* A config.json for transformers; NULL when out of memory. */
json_t *fr__decoder_to_json(const fr_decoder_config *c);
FR_NODISCARD fr_status fr__decoder_to_gguf(const fr_decoder_config *c, fr_gguf_meta *meta,
                                           fr_error *err);

enum { FR_DECODER_NAME = 256 };

const fr_decoder_name *fr__decoder_output(const fr_decoder_family *family);

/* The row that names a tensor, NULL for none; *layer, and "weight" or "bias" into *ending.
 * to_gguf: `name` is that of a folder, else that of GGUF. */
const fr_decoder_name *fr__decoder_find(const fr_decoder_config *c, const char *name, bool to_gguf,
                                        size_t *layer, const char **ending);

/* The name of that tensor in GGUF or in a folder into buf. */
void fr__decoder_name(const fr_decoder_config *c, const fr_decoder_name *row, bool gguf,
                      size_t layer, const char *ending, char buf[FR_DECODER_NAME]);

#endif
