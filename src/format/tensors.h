/* tensors.h - weights by name, whatever file they come in.
 *
 *     fr_tensors *set;
 *     FR_TRY(fr_tensors_open(&set, dir_or_file, err));
 *     const fr_stored *t = fr_tensors_find(set, "embeddings.word_embeddings.weight");
 *     if (t) FR_TRY(fr_stored_to_f32(t, out, err));        // out [t->n]
 *     fr_tensors_close(set);
 *
 * Files are mapped: opening reads headers only, and what is never asked for is never read.
 * Reads safetensors, pytorch_model.bin, their shards by an index, and GGUF.
 * docs/models.md tells what is refused. */
#ifndef FR_FORMAT_TENSORS_H
#define FR_FORMAT_TENSORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "format/dtype.h"

enum { FR_MAX_DIMS = 8 };

/* A tensor in a file. */
typedef struct fr_stored {
    const char *name;
    const char *path; /* of its file */
    fr_dtype dtype;
    size_t n_dims;               /* 0: a scalar */
    size_t shape[FR_MAX_DIMS];   /* row-major: the last one varies fastest */
    size_t strides[FR_MAX_DIMS]; /* in elements; of strided tensors only */
    bool strided;                /* a view (only in .bin): its elements do not lie in a row */
    size_t n;                    /* elements */
    size_t n_bytes;              /* of n elements */
    const unsigned char *data;   /* little endian, in the mapped file; may be unaligned */
} fr_stored;

typedef struct fr_tensors fr_tensors;
struct fr_gguf;

/* path: a .safetensors, .bin or .gguf file, an index of shards (*.index.json), or a folder with
 * model.safetensors or pytorch_model.bin or an index of either (the first of these).
 * Errors: FR_ERR_IO (missing), FR_ERR_FORMAT (malformed; names file and tensor),
 * FR_ERR_UNSUPPORTED (a type of tensor or file that we do not read). */
FR_NODISCARD fr_status fr_tensors_open(fr_tensors **out, const char *path, fr_error *err);
void fr_tensors_close(fr_tensors *set);

size_t fr_tensors_count(const fr_tensors *set);
const fr_stored *fr_tensors_at(const fr_tensors *set, size_t i);           /* sorted by name */
const fr_stored *fr_tensors_find(const fr_tensors *set, const char *name); /* or NULL */

const char *fr_tensors_format(const fr_tensors *set); /* "safetensors", "PyTorch", "GGUF" */

/* The GGUF file with its metadata, NULL where it is none. Owned by the set. */
const struct fr_gguf *fr_tensors_gguf(const fr_tensors *set);

/* out [t->n]: the values as float32. Exact but for F64, which is rounded.
 * Errors: FR_ERR_UNSUPPORTED for types that hold no weights (names the tensor). */
FR_NODISCARD fr_status fr_stored_to_f32(const fr_stored *t, float *out, fr_error *err);

/* out [t->n_bytes]: the elements as they are, in a row. */
void fr_stored_copy(const fr_stored *t, void *out);

/* "[768, 3072]" into buf; returns buf. */
enum { FR_SHAPE_TEXT = 192 };
const char *fr_shape_text(const size_t *shape, size_t n_dims, char buf[FR_SHAPE_TEXT]);

/* One tensor to write. Nothing is owned. */
typedef struct fr_entry {
    const char *name;
    size_t n_dims;
    size_t shape[FR_MAX_DIMS];
    const void *data; /* in a row, of dtype; NULL: `make` is asked when its turn comes */
    fr_dtype dtype;   /* as written */
    /* Fills out with the tensor's bytes, 64-byte aligned. */
    fr_status (*make)(const struct fr_entry *entry, void *out, fr_error *err);
    const void *from; /* for make */
} fr_entry;

#endif
