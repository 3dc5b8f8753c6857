/* gguf_pre.h - the pre-tokenizers of byte-level BPE that llama.cpp has names for (internal to the
 * room). Source: llama.cpp, llama-vocab.cpp. */
#ifndef FR_MODEL_GGUF_PRE_H
#define FR_MODEL_GGUF_PRE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "format/gguf.h"

#define FR_GGUF_SPACE "\xe2\x96\x81" /* U+2581, which marks a space in SentencePiece */

/* llama.cpp's name for the normalizer and pre-tokenizer of a tokenizer.json; *prefix: it puts a
 * space before the text. Errors: FR_ERR_UNSUPPORTED: it has none. */
FR_NODISCARD fr_status fr__gguf_pre_of(const json_t *tokenizer, const char *where, const char **pre,
                                       bool *prefix, fr_error *err);

/* The pre-tokenizer that goes by that name, for a tokenizer.json; NULL where we know none. */
json_t *fr__gguf_pre_json(fr_bytes pre, bool prefix);

/* Does a tokenizer.json normalize (NFC) before a pre-tokenizer of that name? llama.cpp does not. */
bool fr__gguf_pre_nfc(fr_bytes pre);

#endif
