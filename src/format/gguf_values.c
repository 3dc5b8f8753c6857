/* gguf_values.c - typed access to the metadata of a GGUF file, and its vocabulary. */
#include <stdlib.h>
#include <string.h>

#include "format/gguf.h"
#include "format/gguf_impl.h"

bool fr_bytes_equal(fr_bytes a, const char *text)
{
    return a.len == strlen(text) && !memcmp(a.data, text, a.len);
}

/* *out: the value, NULL where it is absent. Errors: it is not `array`-ish as wanted. */
static fr_status find(const fr_gguf *g, const char *key, const char *wanted, bool array,
                      bool required, const fr_gguf_value **out, fr_error *err)
{
    *out = fr_gguf_find(g, key);
    if (!*out && required)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: %s (%s) is missing", fr_gguf_path(g), key,
                            wanted);
    if (*out && (*out)->is_array != array)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: %s must be %s, not %s", fr_gguf_path(g), key,
                            wanted, (*out)->is_array ? "an array" : "a single value");
    return FR_OK;
}

static fr_status wrong_type(const fr_gguf *g, const fr_gguf_value *v, const char *wanted,
                            fr_error *err)
{
    return fr_error_set(err, FR_ERR_FORMAT, "%s: %s must be %s, not %s%s", fr_gguf_path(g), v->key,
                        wanted, v->is_array ? "an array of " : "", fr_gguf_type_name(v->type));
}

/* A text in a file, which was checked when it was opened; *at moves behind it. */
static fr_bytes take_text(const unsigned char **at)
{
    uint64_t len;
    memcpy(&len, *at, sizeof(len));
    fr_bytes text = {(const char *)*at + sizeof(len), (size_t)len};
    *at += sizeof(len) + len;
    return text;
}

fr_status fr_gguf_text(const fr_gguf *g, const char *key, fr_bytes *out, fr_error *err)
{
    const fr_gguf_value *v;
    fr_status st = find(g, key, "a string", false, true, &v, err);
    if (st != FR_OK) return st;
    if (v->type != FR_GGUF_TEXT) return wrong_type(g, v, "a string", err);
    const unsigned char *at = v->data;
    *out = take_text(&at);
    return FR_OK;
}

/* Any number; false for texts. Integers of 64 bits lose their last bits, as doubles do. */
static bool number_of(const fr_gguf_value *v, double *out)
{
#define CASE(name, type)                \
    case FR_GGUF_##name: {              \
        type x;                         \
        memcpy(&x, v->data, sizeof(x)); \
        *out = (double)x;               \
        return true;                    \
    }
    switch (v->type) {
        CASE(U8, uint8_t)
        CASE(I8, int8_t)
        CASE(U16, uint16_t)
        CASE(I16, int16_t)
        CASE(U32, uint32_t)
        CASE(I32, int32_t)
        CASE(U64, uint64_t)
        CASE(I64, int64_t)
        CASE(F32, float)
        CASE(F64, double)
    default: return false;
    }
#undef CASE
}

static fr_status get_size(const fr_gguf *g, const char *key, bool required, size_t fallback,
                          size_t *out, fr_error *err)
{
    const fr_gguf_value *v;
    double x;
    fr_status st = find(g, key, "an integer", false, required, &v, err);
    *out = fallback;
    if (st != FR_OK || !v) return st;
    if (v->type == FR_GGUF_F32 || v->type == FR_GGUF_F64 || !number_of(v, &x))
        return wrong_type(g, v, "an integer", err);
    if (!(x >= 0 && x < 0x1p40))
        return fr_error_set(err, FR_ERR_FORMAT, "%s: %s is %.0f, which is no size", fr_gguf_path(g),
                            key, x);
    *out = (size_t)x;
    return FR_OK;
}

fr_status fr_gguf_size(const fr_gguf *g, const char *key, size_t *out, fr_error *err)
{
    return get_size(g, key, true, 0, out, err);
}

fr_status fr_gguf_size_or(const fr_gguf *g, const char *key, size_t fallback, size_t *out,
                          fr_error *err)
{
    return get_size(g, key, false, fallback, out, err);
}

static fr_status get_number(const fr_gguf *g, const char *key, bool required, double fallback,
                            double *out, fr_error *err)
{
    const fr_gguf_value *v;
    fr_status st = find(g, key, "a number", false, required, &v, err);
    *out = fallback;
    if (st != FR_OK || !v) return st;
    return number_of(v, out) ? FR_OK : wrong_type(g, v, "a number", err);
}

fr_status fr_gguf_number(const fr_gguf *g, const char *key, double *out, fr_error *err)
{
    return get_number(g, key, true, 0, out, err);
}

fr_status fr_gguf_number_or(const fr_gguf *g, const char *key, double fallback, double *out,
                            fr_error *err)
{
    return get_number(g, key, false, fallback, out, err);
}

fr_status fr_gguf_bool_or(const fr_gguf *g, const char *key, bool fallback, bool *out,
                          fr_error *err)
{
    const fr_gguf_value *v;
    fr_status st = find(g, key, "true or false", false, false, &v, err);
    *out = fallback;
    if (st != FR_OK || !v) return st;
    if (v->type != FR_GGUF_BOOL || *v->data > 1) return wrong_type(g, v, "true or false", err);
    *out = *v->data;
    return FR_OK;
}

fr_status fr_gguf_texts(const fr_gguf *g, const char *key, fr_bytes **out, size_t *n, fr_error *err)
{
    const fr_gguf_value *v;
    *out = NULL;
    *n = 0;
    fr_status st = find(g, key, "an array of strings", true, false, &v, err);
    if (st != FR_OK || !v) return st;
    if (v->type != FR_GGUF_TEXT) return wrong_type(g, v, "an array of strings", err);
    *out = calloc(v->n + 1, sizeof(**out));
    if (!*out) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", fr_gguf_path(g));
    const unsigned char *at = v->data;
    for (size_t i = 0; i < v->n; i++) (*out)[i] = take_text(&at);
    *n = v->n;
    return FR_OK;
}

/* An array of values of four bytes. */
static fr_status get_words(const fr_gguf *g, const char *key, const char *wanted, fr_gguf_type a,
                           fr_gguf_type b, void **out, size_t *n, fr_error *err)
{
    const fr_gguf_value *v;
    *out = NULL;
    *n = 0;
    fr_status st = find(g, key, wanted, true, false, &v, err);
    if (st != FR_OK || !v) return st;
    if (v->type != a && v->type != b) return wrong_type(g, v, wanted, err);
    *out = malloc(v->n_bytes + 1);
    if (!*out) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", fr_gguf_path(g));
    memcpy(*out, v->data, v->n_bytes);
    *n = v->n;
    return FR_OK;
}

fr_status fr_gguf_f32s(const fr_gguf *g, const char *key, float **out, size_t *n, fr_error *err)
{
    void *words;
    fr_status st = get_words(g, key, "an array of f32", FR_GGUF_F32, FR_GGUF_F32, &words, n, err);
    *out = words;
    return st;
}

fr_status fr_gguf_i32s(const fr_gguf *g, const char *key, int32_t **out, size_t *n, fr_error *err)
{
    void *words;
    fr_status st = get_words(g, key, "an array of i32", FR_GGUF_I32, FR_GGUF_U32, &words, n, err);
    *out = words;
    return st;
}

/* --- The vocabulary ------------------------------------------------------------------ */

static fr_status optional_text(const fr_gguf *g, const char *key, fr_bytes *out, fr_error *err)
{
    *out = (fr_bytes){"", 0};
    return fr_gguf_find(g, key) ? fr_gguf_text(g, key, out, err) : FR_OK;
}

static fr_status read_ids(const fr_gguf *g, fr_gguf_vocab *v, fr_error *err)
{
    const struct {
        const char *key;
        int32_t *out;
    } ids[] = {
        {"tokenizer.ggml.bos_token_id", &v->bos},
        {"tokenizer.ggml.eos_token_id", &v->eos},
        {"tokenizer.ggml.unknown_token_id", &v->unk},
        {"tokenizer.ggml.seperator_token_id", &v->sep}, /* spelt so in the specification */
        {"tokenizer.ggml.padding_token_id", &v->pad},
        {"tokenizer.ggml.cls_token_id", &v->cls},
        {"tokenizer.ggml.mask_token_id", &v->mask},
    };
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        size_t id;
        fr_status st = fr_gguf_size_or(g, ids[i].key, SIZE_MAX, &id, err);
        if (st != FR_OK) return st;
        if (id != SIZE_MAX && id >= v->n)
            return fr_error_set(err, FR_ERR_FORMAT, "%s: %s is %zu, but there are %zu tokens",
                                fr_gguf_path(g), ids[i].key, id, v->n);
        *ids[i].out = id == SIZE_MAX ? -1 : (int32_t)id;
    }
    return FR_OK;
}

static fr_status read_flags(const fr_gguf *g, fr_gguf_vocab *v, fr_error *err)
{
    const struct {
        const char *key;
        int *out;
    } flags[] = {
        {"tokenizer.ggml.add_bos_token", &v->add_bos},
        {"tokenizer.ggml.add_eos_token", &v->add_eos},
        {"tokenizer.ggml.add_space_prefix", &v->add_space_prefix},
        {"tokenizer.ggml.remove_extra_whitespaces", &v->remove_extra_whitespaces},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        bool flag;
        fr_status st = fr_gguf_bool_or(g, flags[i].key, false, &flag, err);
        if (st != FR_OK) return st;
        *flags[i].out = fr_gguf_find(g, flags[i].key) ? flag : -1;
    }
    return FR_OK;
}

fr_status fr_gguf_vocab_read(const fr_gguf *g, fr_gguf_vocab *out, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n_scores, n_types;
    fr_gguf_vocab v = {.n = 0};
    FR_TRY(fr_gguf_text(g, "tokenizer.ggml.model", &v.model, err));
    FR_TRY(optional_text(g, "tokenizer.ggml.pre", &v.pre, err));
    FR_TRY(fr_gguf_texts(g, "tokenizer.ggml.tokens", &v.tokens, &v.n, err));
    FR_TRY(fr_gguf_f32s(g, "tokenizer.ggml.scores", &v.scores, &n_scores, err));
    FR_TRY(fr_gguf_i32s(g, "tokenizer.ggml.token_type", &v.types, &n_types, err));
    FR_TRY(fr_gguf_texts(g, "tokenizer.ggml.merges", &v.merges, &v.n_merges, err));
    if (v.n == 0 || v.n > INT32_MAX)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: tokenizer.ggml.tokens has %zu tokens", fr_gguf_path(g),
                v.n);
    if ((v.scores && n_scores != v.n) || (v.types && n_types != v.n))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: %zu tokens, but %zu %s", fr_gguf_path(g), v.n,
                v.scores && n_scores != v.n ? n_scores : n_types,
                v.scores && n_scores != v.n ? "scores" : "types of tokens");
    const fr_gguf_value *map = fr_gguf_find(g, "tokenizer.ggml.precompiled_charsmap");
    if (map && map->is_array && (map->type == FR_GGUF_U8 || map->type == FR_GGUF_I8))
        v.charsmap = (fr_bytes){(const char *)map->data, map->n_bytes};
    else if (map)
        FR_TRY(wrong_type(g, map, "an array of u8", err));
    FR_TRY(read_ids(g, &v, err));
    FR_TRY(read_flags(g, &v, err));
    *out = v;
    v = (fr_gguf_vocab){.n = 0};
cleanup:
    fr_gguf_vocab_release(&v);
    return st;
}

void fr_gguf_vocab_release(fr_gguf_vocab *vocab)
{
    free(vocab->tokens);
    free(vocab->scores);
    free(vocab->types);
    free(vocab->merges);
    *vocab = (fr_gguf_vocab){.n = 0};
}
