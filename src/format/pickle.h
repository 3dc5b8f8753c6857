/* pickle.h - a pickle that holds tensors and nothing else (internal to format).
 *
 * Read are the opcodes of protocol 2 that torch.save writes. A pickle is a program: here it can
 * make numbers, texts, tuples, lists and dictionaries, name the functions and types in the table of
 * pickle.c and call four of them, each of which only writes down what it was given. Everything else
 * is refused by name; nothing is ever imported or executed.
 * Source: CPython, Lib/pickletools.py; torch.serialization, torch._utils. */
#ifndef FR_FORMAT_PICKLE_H
#define FR_FORMAT_PICKLE_H

#include "format/gguf.h" /* fr_bytes */

/* A tensor as the pickle describes it: a view of a storage that lies elsewhere. Nothing of it has
 * been checked against the storage. */
typedef struct fr_pickled {
    fr_bytes name;
    fr_bytes storage; /* key of the storage */
    size_t storage_n; /* elements in it */
    fr_dtype dtype;
    size_t offset; /* in elements */
    size_t n_dims, shape[FR_MAX_DIMS], strides[FR_MAX_DIMS];
} fr_pickled;

/* Called for each tensor of the dictionary that the pickle holds. */
typedef fr_status fr_pickle_visit(void *ctx, const fr_pickled *tensor, fr_error *err);

/* Errors: FR_ERR_FORMAT (malformed, not a dictionary of tensors), FR_ERR_UNSUPPORTED (a function,
 * type or opcode that is not in the table; names it), FR_ERR_NOMEM; those of visit.
 * Memory: at most the size of the pickle and 48 MB. */
FR_NODISCARD fr_status fr_pickle_read(const unsigned char *pickle, size_t size, const char *path,
                                      fr_pickle_visit *visit, void *ctx, fr_error *err);

#endif
