/* tensors_impl.h - what the readers and writers of weight files share (internal to format). */
#ifndef FR_FORMAT_TENSORS_IMPL_H
#define FR_FORMAT_TENSORS_IMPL_H

#include "base/arena.h"
#include "format/gguf.h"
#include "format/tensors.h"
#include "os/file.h"

enum { FR_MAX_TENSORS = 40000 }; /* of a set; a mixture of 235 billion parameters has 36,000 */

struct fr_tensors {
    fr_arena arena; /* names and paths */
    fr_map *maps;
    size_t n_maps;
    fr_stored *tensors; /* sorted by name once all files are read */
    size_t n, cap;
    fr_gguf *gguf;
    const char *format;
};

/* Maps a file for as long as the set lives; *path: a copy that lives as long. */
FR_NODISCARD fr_status fr__tensors_map(fr_tensors *set, const char **path, fr_map *map,
                                       fr_error *err);

/* Adds *t under a copy of the name; its n_dims, shape, dtype are set: n and n_bytes follow.
 * Errors: FR_ERR_FORMAT (a name with a NUL, sizes that overflow, too many tensors). */
FR_NODISCARD fr_status fr__tensors_add(fr_tensors *set, const char *name, size_t name_len,
                                       const fr_stored *t, fr_error *err);

/* n and n_bytes from shape and dtype; `where` begins the message. */
FR_NODISCARD fr_status fr__stored_measure(fr_stored *t, const char *where, fr_error *err);

/* Each reads one file, mapped under its path, into the set. */
FR_NODISCARD fr_status fr__safetensors_read(fr_tensors *set, const char *path, const fr_map *map,
                                            fr_error *err);
FR_NODISCARD fr_status fr__torch_bin_read(fr_tensors *set, const char *path, const fr_map *map,
                                          fr_error *err);

/* Writers: bytes of an entry as it is written, and the writing. *scratch grows as needed; free()
 * it. Errors: FR_ERR_USAGE (dimensions, overflow, part of a block; names path and tensor),
 * FR_ERR_IO, those of make. */
FR_NODISCARD fr_status fr__entry_bytes(const fr_entry *entry, const char *path, size_t *bytes,
                                       fr_error *err);
FR_NODISCARD fr_status fr__entry_write(const fr_entry *entry, const char *path, fr_file_writer *w,
                                       void **scratch, size_t *capacity, fr_error *err);

#endif
