/* convert.h - a model in another file format, by its tensors and configuration alone.
 *
 *     FR_TRY(fr_convert_to_hf("model.gguf", "out", NULL, err));
 *     FR_TRY(fr_convert_to_gguf("model", "model.gguf", &(fr_dtype){FR_DTYPE_Q8_0}, err));
 *
 * The model need not be one that the engine runs. Values are changed by nothing but the type that
 * is asked for. */
#ifndef FR_MODEL_CONVERT_H
#define FR_MODEL_CONVERT_H

#include "base/error.h"
#include "format/dtype.h"

/* Writes a Hugging Face folder that transformers loads: config.json, the tokenizer's files,
 * model.safetensors. path: such a folder (safetensors or .bin; every kind of model) or a GGUF file
 * of a decoder in the table; or a folder of PEFT's adapters, written in F32 as one model with its
 * base. type: F32, F16 or BF16 for all weights; NULL: as they are, F32 from
 * GGUF.
 * Errors: those of reading; FR_ERR_UNSUPPORTED (an architecture or a vocabulary of GGUF that has no
 * counterpart), FR_ERR_USAGE (the type; dir is the folder that is read), FR_ERR_FORMAT (a value
 * that the type cannot hold). */
FR_NODISCARD fr_status fr_convert_to_hf(const char *path, const char *dir, const fr_dtype *type,
                                        fr_error *err);

/* Writes a GGUF file that llama.cpp runs, vocabulary included. path: a Hugging Face folder with a
 * decoder in the table, or a GGUF file whose types are to change. type: F32, F16, BF16, Q8_0 or
 * Q4_0 for matrices (F16 where rows do not fill blocks); vectors become F32. NULL: as they are.
 * Errors: as above. */
FR_NODISCARD fr_status fr_convert_to_gguf(const char *path, const char *file, const fr_dtype *type,
                                          fr_error *err);

/* The same up to the writing: whether it can be done, and if not, why. */
FR_NODISCARD fr_status fr_convert_check_hf(const char *path, fr_error *err);
FR_NODISCARD fr_status fr_convert_check_gguf(const char *path, fr_error *err);

#endif
