/* ends.h - ids that end a text, as a model's files tell (internal to the room). */
#ifndef FR_MODEL_ENDS_H
#define FR_MODEL_ENDS_H

#include "format/gguf.h"
#include "model/model_impl.h"

/* "eos_token_id" of config.json and, where the folder has one, of generation_config.json: what
 * transformers' generate ends at. dir: of the latter.
 * Errors: FR_ERR_FORMAT, FR_ERR_NOMEM, FR_ERR_IO. */
FR_NODISCARD fr_status fr__ends_from_folder(fr_model *m, const char *dir, fr_error *err);

/* The ids that a GGUF names, and its tokens of llama.cpp's list that are known to end a turn.
 * Errors: FR_ERR_FORMAT, FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__ends_from_gguf(fr_model *m, const fr_gguf *g, fr_error *err);

#endif
