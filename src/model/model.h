/* model.h - a model: architecture, weights by name, load and save.
 *
 *     fr_model *m;
 *     FR_TRY(fr_model_load(&m, dir, &(fr_model_options){.n_labels = 2, .new_head = true,
 *                                                       .seed = 1}, err));
 *     FR_TRY(fr_model_classify(m, g, &batch, &logits, err));
 *     FR_TRY(fr_model_save(m, out_dir, err));
 *     fr_model_destroy(m);
 *
 * Architectures are rows of a table (family.c): traits and patterns of tensor
 * names. To add a model is to add a row. */
#ifndef FR_MODEL_MODEL_H
#define FR_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "graph/graph.h"

typedef struct fr_model fr_model;

typedef struct fr_model_options {
    bool trainable;   /* allocate gradients */
    bool new_head;    /* a missing classification head is initialised instead of an error */
    bool from_config; /* ignore weight files: initialise everything from config.json */
    size_t n_labels;  /* of a new head or of a model from its config; 0: as in the config */
    const char *const *label_names; /* [n_labels] for id2label of a new head, or NULL */
    uint64_t seed;                  /* of what is initialised */
} fr_model_options;

typedef struct fr_model_info {
    const char *architecture; /* "bert", "electra", "distilbert" */
    size_t n_params;          /* numbers in all tensors of the model as run, head included */
    size_t n_labels;
    const char *const *label_names; /* [n_labels] from id2label */
    size_t max_tokens;              /* longest sequence (position embeddings) */
    size_t vocab_size;
    size_t hidden_size, n_layers, n_heads;
    bool head_is_new; /* the head was initialised, not read */
} fr_model_info;

/* Reads a Hugging Face folder: config.json and model.safetensors or pytorch_model.bin (or
 * shards of either with an index).
 * Errors: FR_ERR_IO (no file), FR_ERR_FORMAT (malformed), FR_ERR_SHAPE (a tensor does not fit the
 * config; names it), FR_ERR_UNSUPPORTED (unknown model_type; lists those known), FR_ERR_STATE (no
 * trained head and !new_head). */
FR_NODISCARD fr_status fr_model_load(fr_model **out, const char *dir,
                                     const fr_model_options *options, fr_error *err);

/* Would fr_model_load succeed, as far as configuration, names and shapes tell? Reads no weights.
 * Errors: as fr_model_load. */
FR_NODISCARD fr_status fr_model_check(const char *dir, const fr_model_options *options,
                                      fr_error *err);

/* Writes config.json and model.safetensors into dir (created if missing), each atomically, in the
 * names that transformers' *ForSequenceClassification of the family reads. Tokenizer files are
 * copied from the folder the model was loaded from, where there are any. */
FR_NODISCARD fr_status fr_model_save(const fr_model *m, const char *dir, fr_error *err);

void fr_model_destroy(fr_model *m);

const fr_model_info *fr_model_get_info(const fr_model *m);

/* Every weight, in a fixed order. Owned by the model. */
fr_param *const *fr_model_params(const fr_model *m, size_t *n);

/* Must be called after the data of any parameter was changed from outside. */
void fr_model_touch(fr_model *m);

/* logits [n_segments, n_labels] of the batch, in the graph's step arena.
 * Errors: FR_ERR_SHAPE (a text longer than max_tokens, an id outside the vocabulary, no text). */
FR_NODISCARD fr_status fr_model_classify(fr_model *m, fr_graph *g, const fr_batch *batch,
                                         fr_tensor **logits, fr_error *err);

/* SHA-256 over names, shapes and values of all weights. */
void fr_model_hash(const fr_model *m, char hex[65]);

#endif
