/* gguf_vocab.c - a folder's tokenizer as llama.cpp has it.
 *
 * llama.cpp knows kinds of tokenizers, not components. A tokenizer.json is one of them where it is
 *   gpt2    byte-level BPE, cut up by one of the regular expressions in a table
 *   llama   SentencePiece BPE: spaces become a mark, nothing is cut up, bytes stand for the rest;
 *           merges become scores, the earlier the higher
 * and everything else is refused: a vocabulary under the wrong kind gives wrong tokens.
 *
 * Source: llama.cpp, llama-vocab.cpp and convert_hf_to_gguf.py. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "format/json.h"
#include "model/convert_impl.h"
#include "model/gguf_pre.h"
#include "os/file.h"

typedef struct vocabulary {
    const char *where;           /* path of tokenizer.json */
    json_t *tokenizer, *options; /* tokenizer_config.json, may be NULL */
    const json_t *model;
    fr_arena arena;   /* made-up tokens, joined merges */
    size_t n;         /* rows of the embedding */
    fr_bytes *tokens; /* [n] */
    int32_t *types;   /* [n] */
    float *scores;    /* [n] of kind llama */
    fr_bytes *merges;
    size_t n_merges;
    bool sentencepiece;
} vocabulary;

static fr_status refuse(const vocabulary *v, const char *what, fr_error *err)
{
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s: %s; llama.cpp has no such tokenizer that we know of", v->where, what);
}

static bool has_type(const json_t *part, const char *type)
{
    const char *is = json_string_value(json_object_get(part, "type"));
    return is && !strcmp(is, type);
}

static fr_status set_token(vocabulary *v, const char *text, size_t len, int64_t id, int32_t type,
                           fr_error *err)
{
    if (id < 0 || (uint64_t)id >= v->n)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: token '%.64s' has id %lld, but the model has "
                            "%zu tokens",
                            v->where, text, (long long)id, v->n);
    v->tokens[id] = (fr_bytes){text, len};
    v->types[id] = type;
    return FR_OK;
}

/* "<0x0A>" */
static bool is_byte_token(const char *text)
{
    unsigned byte;
    char end;
    return strlen(text) == 6 && sscanf(text, "<0x%2X%c", &byte, &end) == 2 && end == '>';
}

static fr_status read_tokens(vocabulary *v, fr_error *err)
{
    fr_status st = FR_OK;
    const char *text, *unknown;
    json_t *vocab, *added, *token;
    size_t i, n_bytes = 0;
    FR_TRY(fr_json_object(v->model, v->where, "vocab", true, &vocab, err));
    FR_TRY(fr_json_string_or(v->model, v->where, "unk_token", "", &unknown, err));
    json_object_foreach(vocab, text, token)
    {
        bool byte = v->sentencepiece && is_byte_token(text);
        int32_t type = byte                                         ? FR_GGUF_TOKEN_BYTE
                       : v->sentencepiece && !strcmp(text, unknown) ? FR_GGUF_TOKEN_UNKNOWN
                                                                    : FR_GGUF_TOKEN_NORMAL;
        n_bytes += byte;
        if (!json_is_integer(token))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: token '%.64s' has no id", v->where, text);
        FR_TRY(set_token(v, text, strlen(text), json_integer_value(token), type, err));
    }
    FR_TRY(fr_json_list(v->tokenizer, v->where, "added_tokens", false, &added, err));
    json_array_foreach(added, i, token)
    {
        int64_t id;
        bool special;
        FR_TRY(fr_json_string(token, v->where, "content", &text, err));
        FR_TRY(fr_json_integer(token, v->where, "id", &id, err));
        FR_TRY(fr_json_bool_or(token, v->where, "special", false, &special, err));
        bool is_unknown = v->sentencepiece && !strcmp(text, unknown);
        FR_TRY(set_token(v, text, strlen(text), id,
                         is_unknown ? FR_GGUF_TOKEN_UNKNOWN
                         : special  ? FR_GGUF_TOKEN_CONTROL
                                    : FR_GGUF_TOKEN_USER_DEFINED,
                         err));
    }
    if (v->sentencepiece && n_bytes < 256)
        fr_log(FR_LOG_WARNING,
               "%s: %zu of 256 byte tokens are missing: llama.cpp fails on characters outside the "
               "vocabulary",
               v->where, 256 - n_bytes);
cleanup:
    return st;
}

/* Rows of the embedding that no token has. */
static fr_status name_unused(vocabulary *v, fr_error *err)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->tokens[i].data) continue;
        char name[32];
        int len = snprintf(name, sizeof(name), "[PAD%zu]", i);
        char *copy = fr_arena_strdup(&v->arena, name);
        if (!copy) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", v->where);
        v->tokens[i] = (fr_bytes){copy, (size_t)len};
        v->types[i] = FR_GGUF_TOKEN_UNUSED;
    }
    return FR_OK;
}

/* A merge is "a b" or, since tokenizers 0.20, ["a", "b"]. */
static fr_status split_merge(const vocabulary *v, const json_t *merge, const char **left,
                             size_t *left_len, const char **right, fr_error *err)
{
    if (json_array_size(merge) == 2 && json_is_string(json_array_get(merge, 0)) &&
        json_is_string(json_array_get(merge, 1))) {
        *left = json_string_value(json_array_get(merge, 0));
        *left_len = strlen(*left);
        *right = json_string_value(json_array_get(merge, 1));
        return FR_OK;
    }
    *left = json_string_value(merge);
    const char *space = *left ? strchr(*left, ' ') : NULL;
    if (!space || strchr(space + 1, ' '))
        return fr_error_set(err, FR_ERR_FORMAT, "%s: a merge is not a pair of tokens", v->where);
    *left_len = (size_t)(space - *left);
    *right = space + 1;
    return FR_OK;
}

/* Merges as texts "a b" and, of SentencePiece, as scores of what they make: minus their place. */
static fr_status read_merges(vocabulary *v, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *merges, *merge, *vocab;
    size_t i;
    fr_str made = FR_STR_INIT;
    FR_TRY(fr_json_list(v->model, v->where, "merges", true, &merges, err));
    FR_TRY(fr_json_object(v->model, v->where, "vocab", true, &vocab, err));
    v->merges = calloc(json_array_size(merges) + 1, sizeof(*v->merges));
    if (!v->merges) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", v->where);
    json_array_foreach(merges, i, merge)
    {
        const char *left = NULL, *right = NULL;
        size_t left_len = 0, right_len;
        FR_TRY(split_merge(v, merge, &left, &left_len, &right, err));
        right_len = strlen(right);
        fr_str_clear(&made);
        FR_TRY(fr_str_append(&made, left, left_len, err));
        FR_TRY(fr_str_append(&made, right, right_len, err));
        const json_t *id = json_object_get(vocab, made.data);
        if (!id)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: merge %zu makes '%.64s', which is no token", v->where,
                    i, made.data);
        char *joined = fr_arena_alloc(&v->arena, left_len + right_len + 2, 1);
        if (!joined) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", v->where);
        snprintf(joined, left_len + right_len + 2, "%.*s %s", (int)left_len, left, right);
        v->merges[v->n_merges++] = (fr_bytes){joined, left_len + right_len + 1};
        float *score = &v->scores[json_integer_value(id)]; /* set_token has seen its id */
        if (*score == 0) *score = -(float)(i + 1);
    }
    /* Letters come from no merge and need no score: below all others, as SentencePiece has it. */
    for (i = 0; i < v->n; i++)
        if (v->types[i] == FR_GGUF_TOKEN_NORMAL && v->scores[i] == 0)
            v->scores[i] = -(float)(v->n_merges + 1);
cleanup:
    fr_str_release(&made);
    return st;
}

/* Marks spaces, nothing else: Prepend and Replace, or the same as a pre-tokenizer. */
static fr_status check_sentencepiece(const vocabulary *v, bool *prefix, fr_error *err)
{
    const json_t *normalizer = json_object_get(v->tokenizer, "normalizer");
    const json_t *pre = json_object_get(v->tokenizer, "pre_tokenizer");
    const json_t *parts = json_object_get(normalizer, "normalizers"), *part;
    size_t i;
    *prefix = false;
    if (has_type(pre, "Metaspace")) {
        const char *scheme = json_string_value(json_object_get(pre, "prepend_scheme"));
        const json_t *old = json_object_get(pre, "add_prefix_space");
        *prefix = scheme ? strcmp(scheme, "never") != 0 : !json_is_false(old);
        if (!json_is_false(json_object_get(pre, "split")))
            return refuse(v, "its pre-tokenizer cuts at spaces", err);
        if (normalizer && !json_is_null(normalizer))
            return refuse(v, "it has both a normalizer and a Metaspace pre-tokenizer", err);
        return FR_OK;
    }
    if (pre && !json_is_null(pre))
        return refuse(v, "byte fallback with a pre-tokenizer other than Metaspace", err);
    if (!has_type(normalizer, "Sequence")) return refuse(v, "its normalizer marks no spaces", err);
    bool replaces = false;
    json_array_foreach(parts, i, part)
    {
        const char *content = json_string_value(json_object_get(part, "content"));
        const char *what =
            json_string_value(json_object_get(json_object_get(part, "pattern"), "String"));
        if (has_type(part, "Prepend"))
            *prefix = true;
        else if (has_type(part, "Replace") && what && !strcmp(what, " ") && content &&
                 !strcmp(content, FR_GGUF_SPACE))
            replaces = true;
        else
            return refuse(v, "its normalizer does more than mark spaces", err);
    }
    return replaces ? FR_OK : refuse(v, "its normalizer marks no spaces", err);
}

/* --- Special tokens ---------------------------------------------------------------------- */

/* Content of "bos_token" in tokenizer_config.json: a text, or an object with it. */
static const char *special_text(const vocabulary *v, const char *key)
{
    const json_t *value = json_object_get(v->options, key);
    if (json_is_object(value)) value = json_object_get(value, "content");
    return json_string_value(value);
}

/* By tokenizer_config.json, else by config.json (which may list several: the first). */
static int64_t special_id(const vocabulary *v, const json_t *config, const char *key,
                          const char *config_key)
{
    const char *text = special_text(v, key);
    for (size_t i = 0; text && i < v->n; i++)
        if (fr_bytes_equal(v->tokens[i], text)) return (int64_t)i;
    const json_t *id = config_key ? json_object_get(config, config_key) : NULL;
    if (json_is_array(id)) id = json_array_get(id, 0);
    if (!json_is_integer(id) || json_integer_value(id) < 0) return -1;
    return (uint64_t)json_integer_value(id) < v->n ? json_integer_value(id) : -1;
}

/* Does the tokenizer begin (or end) a text with this token? By what it does, that is by its
 * post-processor; where it has none, by what its options say. */
static bool adds(const vocabulary *v, int64_t id, bool at_end, const char *option)
{
    const json_t *post = json_object_get(v->tokenizer, "post_processor"), *part, *single = NULL;
    const json_t *parts = json_object_get(post, "processors");
    size_t i;
    if (has_type(post, "TemplateProcessing")) single = json_object_get(post, "single");
    json_array_foreach(parts, i, part) if (has_type(part, "TemplateProcessing")) single =
        json_object_get(part, "single");
    if (!single) return json_is_true(json_object_get(v->options, option));
    if (id < 0 || json_array_size(single) == 0) return false;
    const json_t *edge = json_array_get(single, at_end ? json_array_size(single) - 1 : 0);
    const char *name =
        json_string_value(json_object_get(json_object_get(edge, "SpecialToken"), "id"));
    return name && fr_bytes_equal(v->tokens[id], name);
}

static fr_status put_special(fr_gguf_meta *meta, const vocabulary *v, const json_t *config,
                             fr_error *err)
{
    fr_status st = FR_OK;
    int64_t bos = special_id(v, config, "bos_token", "bos_token_id");
    int64_t eos = special_id(v, config, "eos_token", "eos_token_id");
    const char *unknown = json_string_value(json_object_get(v->model, "unk_token"));
    int64_t unk = special_id(v, config, "unk_token", NULL);
    for (size_t i = 0; unk < 0 && unknown && i < v->n; i++)
        if (fr_bytes_equal(v->tokens[i], unknown)) unk = (int64_t)i;
    const struct {
        const char *key;
        int64_t id;
    } ids[] = {
        {"tokenizer.ggml.bos_token_id", bos},
        {"tokenizer.ggml.eos_token_id", eos},
        {"tokenizer.ggml.unknown_token_id", unk},
        {"tokenizer.ggml.padding_token_id", special_id(v, config, "pad_token", "pad_token_id")}};
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        if (ids[i].id >= 0) FR_TRY(fr_gguf_put_u32(meta, ids[i].key, (size_t)ids[i].id, err));
    FR_TRY(fr_gguf_put_bool(meta, "tokenizer.ggml.add_bos_token",
                            adds(v, bos, false, "add_bos_token"), err));
    FR_TRY(fr_gguf_put_bool(meta, "tokenizer.ggml.add_eos_token",
                            adds(v, eos, true, "add_eos_token"), err));
    const char *chat = json_string_value(json_object_get(v->options, "chat_template"));
    if (chat) FR_TRY(fr_gguf_put_text(meta, "tokenizer.chat_template", chat, err));
cleanup:
    return st;
}

/* --- All of it --------------------------------------------------------------------------- */

static fr_status put_all(fr_gguf_meta *meta, const vocabulary *v, const char *pre, bool prefix,
                         const json_t *config, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(
        fr_gguf_put_text(meta, "tokenizer.ggml.model", v->sentencepiece ? "llama" : "gpt2", err));
    FR_TRY(fr_gguf_put_text(meta, "tokenizer.ggml.pre", pre, err));
    FR_TRY(fr_gguf_put_texts(meta, "tokenizer.ggml.tokens", v->tokens, v->n, err));
    if (v->sentencepiece)
        FR_TRY(fr_gguf_put_f32s(meta, "tokenizer.ggml.scores", v->scores, v->n, err));
    FR_TRY(fr_gguf_put_i32s(meta, "tokenizer.ggml.token_type", v->types, v->n, err));
    if (!v->sentencepiece)
        FR_TRY(fr_gguf_put_texts(meta, "tokenizer.ggml.merges", v->merges, v->n_merges, err));
    FR_TRY(put_special(meta, v, config, err));
    FR_TRY(fr_gguf_put_bool(meta, "tokenizer.ggml.add_space_prefix", prefix, err));
cleanup:
    return st;
}

static fr_status load_files(vocabulary *v, const char *dir, fr_str *path, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_path_join(path, dir, "tokenizer_config.json", err));
    if (fr_file_exists(path->data))
        FR_TRY(fr_json_load(&v->options, path->data, FR_JSON_MAX_CONFIG, err));
    FR_TRY(fr_path_join(path, dir, "tokenizer.json", err));
    if (!fr_file_exists(path->data))
        FR_FAIL(err, FR_ERR_IO,
                "%s: missing; the vocabulary is read from it (transformers writes it: "
                "AutoTokenizer.from_pretrained(dir).save_pretrained(dir))",
                path->data);
    v->where = path->data;
    FR_TRY(fr_json_load(&v->tokenizer, path->data, FR_JSON_MAX_FILE, err));
    json_t *model;
    FR_TRY(fr_json_object(v->tokenizer, v->where, "model", true, &model, err));
    v->model = model;
cleanup:
    return st;
}

fr_status fr__gguf_put_vocab(fr_gguf_meta *meta, const char *dir, const json_t *config,
                             size_t vocab_size, fr_error *err)
{
    fr_status st = FR_OK;
    vocabulary v = {.n = vocab_size};
    fr_str path = FR_STR_INIT;
    const char *pre = "default";
    bool prefix = false;
    fr_arena_init(&v.arena, 0);
    FR_TRY(load_files(&v, dir, &path, err));
    if (!has_type(v.model, "BPE") && json_object_get(v.model, "type"))
        FR_TRY(refuse(&v, "its model is not BPE", err));
    FR_TRY(fr_json_bool_or(v.model, v.where, "byte_fallback", false, &v.sentencepiece, err));
    v.tokens = calloc(v.n, sizeof(*v.tokens));
    v.types = calloc(v.n, sizeof(*v.types));
    v.scores = calloc(v.n, sizeof(*v.scores));
    if (!v.tokens || !v.types || !v.scores)
        FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", v.where);
    if (v.sentencepiece)
        FR_TRY(check_sentencepiece(&v, &prefix, err));
    else
        FR_TRY(fr__gguf_pre_of(v.tokenizer, v.where, &pre, &prefix, err));
    FR_TRY(read_tokens(&v, err));
    FR_TRY(read_merges(&v, err));
    FR_TRY(name_unused(&v, err));
    FR_TRY(put_all(meta, &v, pre, prefix, config, err));
cleanup:
    json_decref(v.tokenizer);
    json_decref(v.options);
    free(v.tokens);
    free(v.types);
    free(v.scores);
    free(v.merges);
    fr_arena_release(&v.arena);
    fr_str_release(&path);
    return st;
}
