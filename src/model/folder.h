/* folder.h - the files of a Hugging Face folder beside its weights (internal to the room). */
#ifndef FR_MODEL_FOLDER_H
#define FR_MODEL_FOLDER_H

#include "base/error.h"

/* Copies what belongs to the tokenizer and to generation, where there is any; a file over itself
 * is left alone. */
FR_NODISCARD fr_status fr__folder_copy_tokenizer(const char *from, const char *to, fr_error *err);

#endif
