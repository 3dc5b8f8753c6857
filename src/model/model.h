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

/* Adapters of low rank beside linear layers: y = W x + b + (alpha / rank) B A dropout(x), with A
 * [rank, inputs] uniform within 1/sqrt(inputs) and B [outputs, rank] zero at the start.
 * Source: Hu et al. 2021 (LoRA); PEFT, tuners/lora. */
typedef struct fr_lora_options {
    size_t rank;
    double alpha, dropout;      /* dropout: in [0, 1), of the adapters' input while training */
    const char *const *targets; /* [n_targets] names of layers as in PEFT's target_modules, like
                                   "q_proj" or "mlp.c_proj" */
    size_t n_targets;           /* 0: all linear layers of attention and feed-forward */
} fr_lora_options;

typedef struct fr_model_options {
    bool decoder;     /* a model that generates text is wanted; else one that classifies */
    bool either;      /* whichever of the two it is */
    bool trainable;   /* allocate gradients */
    bool as_stored;   /* matrices stay in the type that the file has; else all become float32.
                         Not with trainable; with either, of a decoder alone. */
    bool new_head;    /* a missing classification head is initialised instead of an error */
    bool from_config; /* ignore weight files: initialise everything from config.json */
    size_t n_labels;  /* of a new head or of a model from its config; 0: as in the config */
    const char *const *label_names; /* [n_labels] for id2label of a new head, or NULL */
    uint64_t seed;                  /* of what is initialised */
    const fr_lora_options *lora;    /* with trainable: train adapters, not the weights. Borrowed.
                                       NULL: none but those that the folder has */
    const char *proc_root;          /* where free memory is read; NULL: "/proc" */
} fr_model_options;

typedef struct fr_model_info {
    const char *architecture;       /* "bert", "llama", ...: model_type in config.json */
    bool is_decoder;                /* generates text; else it classifies */
    size_t n_params;                /* numbers in all tensors of the model as run, head included */
    size_t n_labels;                /* 0: a decoder */
    const char *const *label_names; /* [n_labels] from id2label */
    size_t max_tokens;              /* longest sequence */
    size_t vocab_size;
    size_t hidden_size, n_layers, n_heads;
    size_t kv_dim;  /* of a decoder: numbers of a token's keys, and of its values, in one layer */
    size_t n_bytes; /* of the weights as they are held */
    int32_t eos[8]; /* [n_eos] ids that end a text, as far as the files tell (ends.h) */
    size_t n_eos;
    bool head_is_new; /* the head was initialised, not read */
    size_t lora_rank; /* of adapters that are held beside the weights; 0: there are none */
} fr_model_info;

/* Reads a Hugging Face folder: config.json and model.safetensors or pytorch_model.bin (or
 * shards of either with an index). Decoders also from a .gguf file, or from a folder of PEFT's LoRA
 * adapters (adapter_config.json), which names its base: an absolute path, or one relative to the
 * adapters' folder. Adapters become part of the weights, but stay beside them where they are
 * trainable (fine-tuning goes on, then; options->lora may only change the dropout) and where
 * as_stored finds matrices in fewer bits than float32.
 * Errors: FR_ERR_IO (no file), FR_ERR_FORMAT (malformed), FR_ERR_SHAPE (a tensor does not fit the
 * config; names it), FR_ERR_UNSUPPORTED (unknown model_type, or of the other kind; lists those
 * known), FR_ERR_STATE (no trained head and !new_head), FR_ERR_NOMEM (also before it is tried, with
 * what is needed and what is free: os/memory.h). */
FR_NODISCARD fr_status fr_model_load(fr_model **out, const char *dir,
                                     const fr_model_options *options, fr_error *err);

/* Would fr_model_load succeed, as far as configuration, names and shapes tell? Reads no weights.
 * Errors: as fr_model_load. */
FR_NODISCARD fr_status fr_model_check(const char *dir, const fr_model_options *options,
                                      fr_error *err);

/* Writes config.json and model.safetensors into dir (created if missing), each atomically, in the
 * names that transformers' *ForSequenceClassification or *ForCausalLM of the family reads; of a
 * model that holds adapters these alone, adapter_config.json and adapter_model.safetensors, as PEFT
 * reads them. Tokenizer files are copied from the folder the model was loaded from, where there are
 * any.
 * Errors: FR_ERR_IO; FR_ERR_USAGE (adapters into their base's folder, a model into a folder of
 * adapters); FR_ERR_STATE (weights held as stored). */
FR_NODISCARD fr_status fr_model_save(const fr_model *m, const char *dir, fr_error *err);

void fr_model_destroy(fr_model *m);

const fr_model_info *fr_model_get_info(const fr_model *m);

/* Every weight, in a fixed order. Owned by the model. */
fr_param *const *fr_model_params(const fr_model *m, size_t *n);

/* Those that have gradients: all, the adapters alone where there are any, or none in a model that
 * is not trainable. */
fr_param *const *fr_model_trainable(const fr_model *m, size_t *n);

/* Must be called after the data of any parameter was changed from outside. */
void fr_model_touch(fr_model *m);

/* logits [n_segments, n_labels] of the batch, in the graph's step arena.
 * Errors: FR_ERR_SHAPE (a text longer than max_tokens, an id outside the vocabulary, no text). */
FR_NODISCARD fr_status fr_model_classify(fr_model *m, fr_graph *g, const fr_batch *batch,
                                         fr_tensor **logits, fr_error *err);

/* states [T, hidden_size] of all tokens behind `layer` of an encoder; 0: its embeddings, n_layers:
 * the last. They are transformers' hidden_states[layer].
 * Errors: FR_ERR_UNSUPPORTED (a decoder), FR_ERR_USAGE (no such layer), as fr_model_classify. */
FR_NODISCARD fr_status fr_model_embed(fr_model *m, fr_graph *g, const fr_batch *batch, size_t layer,
                                      fr_tensor **states, fr_error *err);

/* hidden [n_rows, hidden_size]: the states behind a decoder's last norm of the tokens in rows
 * (NULL: of all T). With caches in the batch: the segments go on where their caches end, and the
 * caches grow by them.
 * Errors: FR_ERR_UNSUPPORTED (an encoder), FR_ERR_SHAPE (a text longer than max_tokens or its
 * cache, an id outside the vocabulary, no text). */
FR_NODISCARD fr_status fr_model_decode(fr_model *m, fr_graph *g, const fr_batch *batch,
                                       const int32_t *rows, size_t n_rows, fr_tensor **hidden,
                                       fr_error *err);

/* logits [rows of hidden, vocab_size] */
FR_NODISCARD fr_status fr_model_logits(fr_model *m, fr_graph *g, fr_tensor *hidden,
                                       fr_tensor **logits, fr_error *err);

/* loss [1, 1]: the sum of -log p(labels[t] | the tokens of its text up to t) over the T tokens
 * whose label is not FR_IGNORE, over divisor. Labels are shifted by the caller.
 * See fr_vocabulary_loss for what backward needs. */
FR_NODISCARD fr_status fr_model_loss(fr_model *m, fr_graph *g, const fr_batch *batch,
                                     const int32_t *labels, float divisor, fr_tensor **loss,
                                     fr_error *err);

/* scores [T, 1]: log p(labels[t] | the tokens of its text up to t), natural logarithm; 0 where the
 * label is FR_IGNORE. */
FR_NODISCARD fr_status fr_model_scores(fr_model *m, fr_graph *g, const fr_batch *batch,
                                       const int32_t *labels, fr_tensor **scores, fr_error *err);

/* SHA-256 over names, shapes and values of all weights. */
void fr_model_hash(const fr_model *m, char hex[65]);

#endif
