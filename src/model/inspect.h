/* inspect.h - what a folder or file of weights is, and what frugal can do with it. */
#ifndef FR_MODEL_INSPECT_H
#define FR_MODEL_INSPECT_H

#include <jansson.h>

#include "base/error.h"

/* path: a Hugging Face folder or any file of weights. *out, a new reference for the caller:
 *
 *     {"path": "...", "format": "safetensors", "model_type": "llama",
 *      "architecture": "LlamaForCausalLM", "tensors": 20, "parameters": 656000, "bytes": 2624000,
 *      "dtypes": {"F32": {"tensors": 20, "parameters": 656000, "bytes": 2624000}},
 *      "tokenizer": {"source": "tokenizer.json", "vocab_size": 2048},
 *      "can": [{"what": "tokenize", "ok": true}, {"what": "tune", "ok": false, "why": "..."}]}
 *
 * A folder of PEFT's adapters also has "adapters": {"type": "LORA", "base": "...", "rank": 8,
 * "alpha": 16, "targets": ["q_proj"]}, as adapter_config.json has them; model_type and
 * architecture are the base's.
 * model_type, architecture and tokenizer are null where nothing tells. Tensors that share their
 * numbers (tied weights of a .bin) count once as parameters and bytes.
 * Errors: those of opening the weights. What cannot be done with them is no error, but a "why". */
FR_NODISCARD fr_status fr_model_inspect(json_t **out, const char *path, fr_error *err);

#endif
