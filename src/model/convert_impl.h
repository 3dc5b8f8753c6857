/* convert_impl.h - what the two directions of converting share (internal to the room). */
#ifndef FR_MODEL_CONVERT_IMPL_H
#define FR_MODEL_CONVERT_IMPL_H

#include "base/arena.h"
#include "format/tensors.h"
#include "model/decoder.h"

/* What is to be written, in the arena. */
typedef struct fr_plan {
    fr_arena arena;
    fr_entry *entries;
    size_t n, cap;
} fr_plan;

void fr__plan_init(fr_plan *plan);
void fr__plan_release(fr_plan *plan);

/* Adds a tensor under a copy of `name`, of the type given, reordered: heads is the number that
 * FR_PERMUTE is about; to_gguf tells which way.
 * Errors: FR_ERR_SHAPE (it cannot be reordered so), FR_ERR_UNSUPPORTED (no type of weights). */
FR_NODISCARD fr_status fr__plan_add(fr_plan *plan, const char *name, const fr_stored *t,
                                    fr_dtype type, fr_reorder reorder, size_t heads, bool to_gguf,
                                    fr_error *err);

/* Adds a float32 vector that no file holds: *out [n], for the caller to fill, the plan's. */
FR_NODISCARD fr_status fr__plan_add_vector(fr_plan *plan, const char *name, size_t n, float **out,
                                           fr_error *err);

/* The vocabulary of a folder's tokenizer as GGUF metadata (gguf_vocab.c). config: its config.json.
 * Errors: FR_ERR_UNSUPPORTED (llama.cpp has no such tokenizer; says which part), FR_ERR_FORMAT,
 * FR_ERR_IO (no tokenizer.json). */
FR_NODISCARD fr_status fr__gguf_put_vocab(fr_gguf_meta *meta, const char *dir, const json_t *config,
                                          size_t vocab_size, fr_error *err);

/* tokenizer.json and tokenizer_config.json of a GGUF vocabulary into dir; dir NULL: only whether
 * it can be done. The ids of the special tokens into config (may be NULL). */
FR_NODISCARD fr_status fr__gguf_save_vocab(const fr_gguf *g, const char *dir, json_t *config,
                                           fr_error *err);

/* Model, normalizer, pre-tokenizer and decoder of kind t5 into a tokenizer.json (hf_unigram.c).
 * Errors: FR_ERR_FORMAT, FR_ERR_UNSUPPORTED (unused pieces between others). */
FR_NODISCARD fr_status fr__hf_put_unigram(json_t *tokenizer, const fr_gguf_vocab *v,
                                          const char *where, fr_error *err);

#endif
