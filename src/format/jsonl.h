/* jsonl.h - one JSON object a line, written as a stream; rows.h reads them. */
#ifndef FR_FORMAT_JSONL_H
#define FR_FORMAT_JSONL_H

#include <stddef.h>

#include "base/error.h"
#include "format/json.h"

/* Writes rows; each is handed to the system at once, so that a killed run keeps them. A new file
 * unless append; append cuts off a last line that was not finished. */
typedef struct fr_jsonl_writer fr_jsonl_writer;

FR_NODISCARD fr_status fr_jsonl_writer_open(fr_jsonl_writer **out, const char *path, bool append,
                                            fr_error *err);
FR_NODISCARD fr_status fr_jsonl_write(fr_jsonl_writer *w, const json_t *row, fr_error *err);
/* Syncs to the disk. Errors: FR_ERR_IO (full disk). */
FR_NODISCARD fr_status fr_jsonl_writer_finish(fr_jsonl_writer *w, fr_error *err);
void fr_jsonl_writer_close(fr_jsonl_writer *w); /* NULL is allowed */

#endif
