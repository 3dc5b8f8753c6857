/* gguf_words_json.c - vocabulary and merges of a tokenizer.json, or of vocab.json and merges.txt,
 * for GGUF. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "format/json.h"
#include "model/gguf_pre.h"
#include "model/gguf_words.h"

static bool has_type(const json_t *part, const char *type)
{
    const char *is = json_string_value(json_object_get(part, "type"));
    return is && !strcmp(is, type);
}

/* "<0x0A>" */
static bool is_byte_token(const char *text)
{
    unsigned byte;
    char end;
    return strlen(text) == 6 && sscanf(text, "<0x%2X%c", &byte, &end) == 2 && end == '>';
}

/* GGUF has no word for these flags: llama.cpp finds a token wherever its text stands. */
static void note_flags(const fr_words *v, const json_t *added)
{
    static const char *const flags[] = {"lstrip", "rstrip", "single_word", "normalized"};
    const json_t *normalizer = json_object_get(v->tokenizer, "normalizer"), *token;
    bool normalizes = normalizer && !json_is_null(normalizer);
    const char *first = NULL, *flag = NULL;
    size_t i, n = 0;
    json_array_foreach(added, i, token)
    {
        size_t k = 0;
        while (k < 4 &&
               (!json_is_true(json_object_get(token, flags[k])) || (k == 3 && !normalizes)))
            k++;
        if (k < 4 && n++ == 0) {
            first = json_string_value(json_object_get(token, "content"));
            flag = flags[k];
        }
    }
    if (n)
        fr_log(FR_LOG_WARNING,
               "%s: flags of %zu added tokens are lost, GGUF cannot say them (the first: '%.64s', "
               "%s)",
               fr_str_text(&v->path), n, first ? first : "", flag);
}

static fr_status read_tokens(fr_words *v, const json_t *model, bool sentencepiece, fr_error *err)
{
    fr_status st = FR_OK;
    const char *text, *unknown;
    json_t *vocab, *added, *token;
    size_t i, n_bytes = 0;
    FR_TRY(fr_json_object(model, fr_str_text(&v->path), "vocab", true, &vocab, err));
    FR_TRY(fr_json_string_or(model, fr_str_text(&v->path), "unk_token", "", &unknown, err));
    json_object_foreach(vocab, text, token)
    {
        bool byte = sentencepiece && is_byte_token(text);
        int32_t type = byte                                      ? FR_GGUF_TOKEN_BYTE
                       : sentencepiece && !strcmp(text, unknown) ? FR_GGUF_TOKEN_UNKNOWN
                                                                 : FR_GGUF_TOKEN_NORMAL;
        n_bytes += byte;
        if (!json_is_integer(token))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: token '%.64s' has no id", fr_str_text(&v->path), text);
        FR_TRY(fr__words_set(v, text, strlen(text), json_integer_value(token), type, err));
    }
    FR_TRY(fr_json_list(v->tokenizer, fr_str_text(&v->path), "added_tokens", false, &added, err));
    json_array_foreach(added, i, token)
    {
        int64_t id;
        bool special;
        FR_TRY(fr_json_string(token, fr_str_text(&v->path), "content", &text, err));
        FR_TRY(fr_json_integer(token, fr_str_text(&v->path), "id", &id, err));
        FR_TRY(fr_json_bool_or(token, fr_str_text(&v->path), "special", false, &special, err));
        bool is_unknown = sentencepiece && !strcmp(text, unknown);
        FR_TRY(fr__words_set(v, text, strlen(text), id,
                             is_unknown ? FR_GGUF_TOKEN_UNKNOWN
                             : special  ? FR_GGUF_TOKEN_CONTROL
                                        : FR_GGUF_TOKEN_USER_DEFINED,
                             err));
    }
    note_flags(v, added);
    if (sentencepiece && n_bytes < 256)
        fr_log(FR_LOG_WARNING,
               "%s: %zu of 256 byte tokens are missing: llama.cpp fails on characters outside the "
               "vocabulary",
               fr_str_text(&v->path), 256 - n_bytes);
cleanup:
    return st;
}

/* A merge is "a b" or, since tokenizers 0.20, ["a", "b"]. */
static fr_status split_merge(const fr_words *v, const json_t *merge, const char **left,
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
        return fr_error_set(err, FR_ERR_FORMAT, "%s: a merge is not a pair of tokens",
                            fr_str_text(&v->path));
    *left_len = (size_t)(space - *left);
    *right = space + 1;
    return FR_OK;
}

/* Merges as texts "a b" and, of SentencePiece, as scores of what they make: minus their place. */
static fr_status read_merges(fr_words *v, const json_t *model, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *merges, *merge, *vocab;
    size_t i;
    fr_str made = FR_STR_INIT;
    FR_TRY(fr_json_list(model, fr_str_text(&v->path), "merges", true, &merges, err));
    FR_TRY(fr_json_object(model, fr_str_text(&v->path), "vocab", true, &vocab, err));
    v->merges = calloc(json_array_size(merges) + 1, sizeof(*v->merges));
    if (!v->merges) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", fr_str_text(&v->path));
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
            FR_FAIL(err, FR_ERR_FORMAT, "%s: merge %zu makes '%.64s', which is no token",
                    fr_str_text(&v->path), i, made.data);
        char *joined = fr_arena_alloc(&v->arena, left_len + right_len + 2, 1);
        if (!joined) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", fr_str_text(&v->path));
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
static fr_status check_sentencepiece(fr_words *v, fr_error *err)
{
    const json_t *normalizer = json_object_get(v->tokenizer, "normalizer");
    const json_t *pre = json_object_get(v->tokenizer, "pre_tokenizer");
    const json_t *parts = json_object_get(normalizer, "normalizers"), *part;
    size_t i;
    v->prefix = false;
    if (has_type(pre, "Metaspace")) {
        const char *scheme = json_string_value(json_object_get(pre, "prepend_scheme"));
        const json_t *old = json_object_get(pre, "add_prefix_space");
        v->prefix = scheme ? strcmp(scheme, "never") != 0 : !json_is_false(old);
        if (!json_is_false(json_object_get(pre, "split")))
            return fr__words_refuse(v, "its pre-tokenizer cuts at spaces", err);
        if (normalizer && !json_is_null(normalizer))
            return fr__words_refuse(v, "it has both a normalizer and a Metaspace pre-tokenizer",
                                    err);
        return FR_OK;
    }
    if (pre && !json_is_null(pre))
        return fr__words_refuse(v, "byte fallback with a pre-tokenizer other than Metaspace", err);
    if (!has_type(normalizer, "Sequence"))
        return fr__words_refuse(v, "its normalizer marks no spaces", err);
    bool replaces = false;
    json_array_foreach(parts, i, part)
    {
        const char *content = json_string_value(json_object_get(part, "content"));
        const char *what =
            json_string_value(json_object_get(json_object_get(part, "pattern"), "String"));
        if (has_type(part, "Prepend"))
            v->prefix = true;
        else if (has_type(part, "Replace") && what && !strcmp(what, " ") && content &&
                 !strcmp(content, FR_GGUF_SPACE))
            replaces = true;
        else
            return fr__words_refuse(v, "its normalizer does more than mark spaces", err);
    }
    return replaces ? FR_OK : fr__words_refuse(v, "its normalizer marks no spaces", err);
}

fr_status fr__words_from_json(fr_words *v, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *model;
    bool sentencepiece;
    const char *where = fr_str_text(&v->path);
    FR_TRY(fr_json_object(v->tokenizer, where, "model", true, &model, err));
    if (!has_type(model, "BPE") && json_object_get(model, "type"))
        FR_TRY(fr__words_refuse(v, "its model is not BPE", err));
    FR_TRY(fr_json_bool_or(model, where, "byte_fallback", false, &sentencepiece, err));
    v->kind = sentencepiece ? "llama" : "gpt2";
    if (sentencepiece)
        FR_TRY(check_sentencepiece(v, err));
    else
        FR_TRY(fr__gguf_pre_of(v->tokenizer, where, &v->pre, &v->prefix, err));
    FR_TRY(read_tokens(v, model, sentencepiece, err));
    FR_TRY(read_merges(v, model, err));
cleanup:
    return st;
}

/* --- vocab.json and merges.txt ------------------------------------------------------------ */

static fr_status read_merge_lines(json_t *out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_map map = {NULL, 0};
    FR_TRY(fr_map_open(&map, path, err));
    const char *text = (const char *)map.data, *end = text + map.size;
    for (size_t line = 1; text < end; line++) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((line_end ? line_end : end) - text);
        const char *next = line_end ? line_end + 1 : end;
        if (n && text[n - 1] == '\r') n--;
        bool version = n >= 8 && !memcmp(text, "#version", 8);
        if (n && !version && json_array_append_new(out, json_stringn(text, n)))
            FR_FAIL(err, FR_ERR_FORMAT, "%s:%zu: not UTF-8, or out of memory", path, line);
        text = next;
    }
cleanup:
    fr_map_close(&map);
    return st;
}

/* Tokens beside the vocabulary: "added_tokens_decoder" of tokenizer_config.json by id, or else
 * added_tokens.json by text. */
static fr_status read_added(const fr_words *v, json_t *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    json_t *decoder = NULL, *by_text = NULL, *value;
    const char *key;
    if (v->options)
        FR_TRY(fr_json_object(v->options, "tokenizer_config.json", "added_tokens_decoder", false,
                              &decoder, err));
    json_object_foreach(decoder, key, value)
    {
        json_t *token = json_is_object(value) ? json_copy(value) : NULL;
        if (!token || json_object_set_new(token, "id", json_integer(strtoll(key, NULL, 10))) ||
            json_array_append_new(out, token))
            FR_FAIL(err, FR_ERR_FORMAT,
                    "%s/tokenizer_config.json: added token '%.32s' is no object", v->dir, key);
    }
    FR_TRY(fr_path_join(&path, v->dir, "added_tokens.json", err));
    if (decoder || !fr_file_exists(path.data)) goto cleanup;
    FR_TRY(fr_json_load(&by_text, path.data, FR_JSON_MAX_CONFIG, err));
    json_object_foreach(by_text, key, value)
    {
        if (json_array_append_new(out, json_pack("{s:s, s:O}", "content", key, "id", value)))
            FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path.data);
    }
cleanup:
    json_decref(by_text);
    fr_str_release(&path);
    return st;
}

/* GPT-2's one special token, where nothing tells which are. */
static fr_status add_end_of_text(const json_t *vocab, json_t *added, fr_error *err)
{
    static const char text[] = "<|endoftext|>";
    json_t *id = json_object_get(vocab, text);
    if (!id || json_array_size(added)) return FR_OK;
    if (json_array_append_new(
            added, json_pack("{s:s, s:O, s:b}", "content", text, "id", id, "special", 1)))
        return fr_error_set(err, FR_ERR_NOMEM, "vocab.json: out of memory");
    return FR_OK;
}

fr_status fr__words_read_gpt2(fr_words *v, const char *merges_path, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *vocab = NULL, *merges = json_array(), *added = json_array();
    bool prefix = false;
    if (v->options)
        FR_TRY(fr_json_bool_or(v->options, "tokenizer_config.json", "add_prefix_space", false,
                               &prefix, err));
    FR_TRY(fr_json_load(&vocab, fr_str_text(&v->path), FR_JSON_MAX_FILE, err));
    FR_TRY(read_merge_lines(merges, merges_path, err));
    FR_TRY(read_added(v, added, err));
    FR_TRY(add_end_of_text(vocab, added, err));
    v->tokenizer =
        json_pack("{s:O, s:{s:s, s:b, s:b}, s:{s:s, s:O, s:O}}", "added_tokens", added,
                  "pre_tokenizer", "type", "ByteLevel", "add_prefix_space", prefix, "use_regex", 1,
                  "model", "type", "BPE", "vocab", vocab, "merges", merges);
    if (!v->tokenizer) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", fr_str_text(&v->path));
cleanup:
    json_decref(vocab);
    json_decref(merges);
    json_decref(added);
    return st;
}
