/* gguf.h - GGUF files: metadata, tensors, the vocabulary; reading and writing.
 *
 *     fr_gguf *g;
 *     fr_bytes name;
 *     FR_TRY(fr_gguf_open(&g, path, err));
 *     FR_TRY(fr_gguf_text(g, "general.architecture", &name, err));
 *     FR_TRY(fr_gguf_size(g, "llama.block_count", &n_layers, err));
 *     fr_gguf_close(g);
 *
 * Versions 2 and 3, little endian. The file is mapped; whatever points into it lives as long as
 * the fr_gguf. Texts are bytes without a NUL at their end, and nobody has checked them for UTF-8.
 * Source: https://github.com/ggml-org/ggml, docs/gguf.md. */
#ifndef FR_FORMAT_GGUF_H
#define FR_FORMAT_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "format/tensors.h"

/* name in messages, bytes a value (0: of its own length); the order is the number in files */
#define FR_GGUF_TYPE_MAP(X) \
    X(U8, "u8", 1)          \
    X(I8, "i8", 1)          \
    X(U16, "u16", 2)        \
    X(I16, "i16", 2)        \
    X(U32, "u32", 4)        \
    X(I32, "i32", 4)        \
    X(F32, "f32", 4)        \
    X(BOOL, "bool", 1)      \
    X(TEXT, "string", 0)    \
    X(ARRAY, "array", 0)    \
    X(U64, "u64", 8)        \
    X(I64, "i64", 8)        \
    X(F64, "f64", 8)

typedef enum fr_gguf_type {
#define FR_GGUF_TYPE_ENUM(name, text, bytes) FR_GGUF_##name,
    FR_GGUF_TYPE_MAP(FR_GGUF_TYPE_ENUM)
#undef FR_GGUF_TYPE_ENUM
        FR_N_GGUF_TYPES
} fr_gguf_type;

const char *fr_gguf_type_name(fr_gguf_type type);

typedef struct fr_bytes {
    const char *data;
    size_t len;
} fr_bytes;

bool fr_bytes_equal(fr_bytes a, const char *text);

/* One entry of the metadata. */
typedef struct fr_gguf_value {
    const char *key;
    fr_gguf_type type; /* of the elements, for an array */
    bool is_array;
    size_t n;                  /* elements; 1 for what is no array */
    const unsigned char *data; /* as in the file, behind type and count */
    size_t n_bytes;
} fr_gguf_value;

typedef struct fr_gguf fr_gguf;

/* Errors: FR_ERR_IO, FR_ERR_FORMAT (malformed; names file and key or tensor), FR_ERR_UNSUPPORTED
 * (a version, byte order or type of tensor that we do not read). */
FR_NODISCARD fr_status fr_gguf_open(fr_gguf **out, const char *path, fr_error *err);
void fr_gguf_close(fr_gguf *g);

const char *fr_gguf_path(const fr_gguf *g);
unsigned fr_gguf_version(const fr_gguf *g);
size_t fr_gguf_n_tensors(const fr_gguf *g);
const fr_stored *fr_gguf_tensor(const fr_gguf *g, size_t i); /* in the order of the file */
size_t fr_gguf_n_values(const fr_gguf *g);
const fr_gguf_value *fr_gguf_value_at(const fr_gguf *g, size_t i);    /* sorted by key */
const fr_gguf_value *fr_gguf_find(const fr_gguf *g, const char *key); /* or NULL */

/* Errors of all getters: FR_ERR_FORMAT, naming path, key, what was expected and what was found;
 * those with _or give the fallback where the key is absent. */
FR_NODISCARD fr_status fr_gguf_text(const fr_gguf *g, const char *key, fr_bytes *out,
                                    fr_error *err);
/* An integer of any type in [0, 2^40): sizes that can still be multiplied with care. */
FR_NODISCARD fr_status fr_gguf_size(const fr_gguf *g, const char *key, size_t *out, fr_error *err);
FR_NODISCARD fr_status fr_gguf_size_or(const fr_gguf *g, const char *key, size_t fallback,
                                       size_t *out, fr_error *err);
FR_NODISCARD fr_status fr_gguf_number(const fr_gguf *g, const char *key, double *out,
                                      fr_error *err);
FR_NODISCARD fr_status fr_gguf_number_or(const fr_gguf *g, const char *key, double fallback,
                                         double *out, fr_error *err);
FR_NODISCARD fr_status fr_gguf_bool_or(const fr_gguf *g, const char *key, bool fallback, bool *out,
                                       fr_error *err);

/* Arrays; *out is NULL and *n is 0 where the key is absent. Owner: the caller, by free(); the
 * bytes of texts stay in the file. i32s takes i32 and u32, f32s takes f32. */
FR_NODISCARD fr_status fr_gguf_texts(const fr_gguf *g, const char *key, fr_bytes **out, size_t *n,
                                     fr_error *err);
FR_NODISCARD fr_status fr_gguf_f32s(const fr_gguf *g, const char *key, float **out, size_t *n,
                                    fr_error *err);
FR_NODISCARD fr_status fr_gguf_i32s(const fr_gguf *g, const char *key, int32_t **out, size_t *n,
                                    fr_error *err);

/* What a token is (tokenizer.ggml.token_type). */
enum {
    FR_GGUF_TOKEN_NORMAL = 1,
    FR_GGUF_TOKEN_UNKNOWN,
    FR_GGUF_TOKEN_CONTROL,
    FR_GGUF_TOKEN_USER_DEFINED,
    FR_GGUF_TOKEN_UNUSED,
    FR_GGUF_TOKEN_BYTE,
};

/* The vocabulary (tokenizer.ggml.*) as arrays. Texts point into the file. */
typedef struct fr_gguf_vocab {
    fr_bytes model; /* "llama" (SentencePiece BPE), "gpt2" (byte-level BPE), "bert", "t5" */
    fr_bytes pre;   /* name of the pre-tokenizer; empty where the file names none */
    size_t n;
    fr_bytes *tokens; /* [n] */
    float *scores;    /* [n] or NULL */
    int32_t *types;   /* [n] FR_GGUF_TOKEN_*, or NULL: all normal */
    fr_bytes *merges; /* [n_merges] "left right" */
    size_t n_merges;
    int32_t bos, eos, unk, sep, pad, cls, mask; /* -1: the file names none */
    int add_bos, add_eos, add_space_prefix;     /* 0, 1; -1: the file does not say */
    int remove_extra_whitespaces;               /* the same */
    fr_bytes charsmap; /* precompiled character map of SentencePiece; empty for none */
} fr_gguf_vocab;

/* Errors: FR_ERR_FORMAT (no vocabulary, arrays of different lengths, an id outside it).
 * Owner: the caller, by fr_gguf_vocab_release; *g must live as long. */
FR_NODISCARD fr_status fr_gguf_vocab_read(const fr_gguf *g, fr_gguf_vocab *out, fr_error *err);
void fr_gguf_vocab_release(fr_gguf_vocab *vocab);

/* Metadata to be written. Start from zeros; release after use. */
typedef struct fr_gguf_meta {
    fr_str bytes;
    uint64_t n;
} fr_gguf_meta;

void fr_gguf_meta_release(fr_gguf_meta *meta);
FR_NODISCARD fr_status fr_gguf_put_text(fr_gguf_meta *meta, const char *key, const char *text,
                                        fr_error *err);
FR_NODISCARD fr_status fr_gguf_put_u32(fr_gguf_meta *meta, const char *key, size_t value,
                                       fr_error *err); /* FR_ERR_USAGE above 2^32 - 1 */
FR_NODISCARD fr_status fr_gguf_put_f32(fr_gguf_meta *meta, const char *key, double value,
                                       fr_error *err);
FR_NODISCARD fr_status fr_gguf_put_bool(fr_gguf_meta *meta, const char *key, bool value,
                                        fr_error *err);
FR_NODISCARD fr_status fr_gguf_put_texts(fr_gguf_meta *meta, const char *key, const fr_bytes *texts,
                                         size_t n, fr_error *err);
FR_NODISCARD fr_status fr_gguf_put_f32s(fr_gguf_meta *meta, const char *key, const float *values,
                                        size_t n, fr_error *err);
FR_NODISCARD fr_status fr_gguf_put_i32s(fr_gguf_meta *meta, const char *key, const int32_t *values,
                                        size_t n, fr_error *err);
FR_NODISCARD fr_status fr_gguf_put_value(fr_gguf_meta *meta, const fr_gguf_value *value,
                                         fr_error *err); /* as it was read */

/* Writes a file of version 3, atomically; tensors in the order given, aligned to 32 bytes.
 * Errors: FR_ERR_IO (names the path; an older file is left as it was), FR_ERR_USAGE (a name that
 * is used twice or too long, more than 4 dimensions, a type that GGUF has not). */
FR_NODISCARD fr_status fr_gguf_write(const char *path, const fr_gguf_meta *meta,
                                     const fr_entry *entries, size_t n, fr_error *err);

#endif
