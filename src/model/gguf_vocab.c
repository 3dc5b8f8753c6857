/* gguf_vocab.c - a folder's tokenizer as llama.cpp has it: the metadata.
 *
 * Source: llama.cpp, llama-vocab.cpp and convert_hf_to_gguf.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "model/convert_impl.h"
#include "model/gguf_words.h"
#include "text/tokenizer.h"

fr_status fr__words_refuse(const fr_words *v, const char *what, fr_error *err)
{
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s: %s; llama.cpp has no such tokenizer that we know of",
                        fr_str_text(&v->path), what);
}

fr_status fr__words_set(fr_words *v, const char *text, size_t len, int64_t id, int32_t type,
                        fr_error *err)
{
    if (id < 0 || (uint64_t)id >= v->n)
        return fr_error_set(err, FR_ERR_FORMAT,
                            "%s: token '%.*s' has id %lld, but the model has "
                            "%zu tokens",
                            fr_str_text(&v->path), len < 64 ? (int)len : 64, text, (long long)id,
                            v->n);
    v->tokens[id] = (fr_bytes){text, len};
    v->types[id] = type;
    return FR_OK;
}

/* Rows of the embedding that no token has. */
static fr_status name_unused(fr_words *v, fr_error *err)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->tokens[i].data) continue;
        char name[32];
        int len = snprintf(name, sizeof(name), "[PAD%zu]", i);
        char *copy = fr_arena_strdup(&v->arena, name);
        if (!copy)
            return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", fr_str_text(&v->path));
        v->tokens[i] = (fr_bytes){copy, (size_t)len};
        v->types[i] = FR_GGUF_TOKEN_UNUSED;
    }
    return FR_OK;
}

static bool has_type(const json_t *part, const char *type)
{
    const char *is = json_string_value(json_object_get(part, "type"));
    return is && !strcmp(is, type);
}

/* --- Special tokens ---------------------------------------------------------------------- */

/* Content of "bos_token" in tokenizer_config.json: a text, or an object with it. */
static const char *special_text(const fr_words *v, const char *key)
{
    const json_t *value = json_object_get(v->options, key);
    if (json_is_object(value)) value = json_object_get(value, "content");
    return json_string_value(value);
}

/* By tokenizer_config.json, else by config.json (which may list several: the first), else as the
 * SentencePiece model was trained. */
static int64_t special_id(const fr_words *v, const json_t *config, const char *key,
                          const char *config_key, int32_t trained)
{
    const char *text = special_text(v, key);
    for (size_t i = 0; text && i < v->n; i++)
        if (fr_bytes_equal(v->tokens[i], text)) return (int64_t)i;
    const json_t *id = config_key ? json_object_get(config, config_key) : NULL;
    if (json_is_array(id)) id = json_array_get(id, 0);
    if (!v->tokenizer && !json_is_integer(id)) return (size_t)trained < v->spm.n ? trained : -1;
    if (!json_is_integer(id) || json_integer_value(id) < 0) return -1;
    return (uint64_t)json_integer_value(id) < v->n ? json_integer_value(id) : -1;
}

/* Does the tokenizer begin (or end) a text with this token? By what it does, that is by its
 * post-processor; where it has none, by what its options say. */
static bool adds(const fr_words *v, int64_t id, bool at_end, const char *option)
{
    const json_t *said = json_object_get(v->options, option);
    if (!v->tokenizer && !json_is_boolean(said)) return at_end ? !v->add_bos : v->add_bos;
    const json_t *post = json_object_get(v->tokenizer, "post_processor"), *part, *single = NULL;
    const json_t *parts = json_object_get(post, "processors");
    size_t i;
    if (has_type(post, "TemplateProcessing")) single = json_object_get(post, "single");
    json_array_foreach(parts, i, part) if (has_type(part, "TemplateProcessing")) single =
        json_object_get(part, "single");
    if (!single) return json_is_true(said);
    if (id < 0 || json_array_size(single) == 0) return false;
    const json_t *edge = json_array_get(single, at_end ? json_array_size(single) - 1 : 0);
    const char *name =
        json_string_value(json_object_get(json_object_get(edge, "SpecialToken"), "id"));
    return name && fr_bytes_equal(v->tokens[id], name);
}

static fr_status put_special(fr_gguf_meta *meta, const fr_words *v, const json_t *config,
                             fr_error *err)
{
    fr_status st = FR_OK;
    int64_t bos = special_id(v, config, "bos_token", "bos_token_id", v->spm.bos);
    int64_t eos = special_id(v, config, "eos_token", "eos_token_id", v->spm.eos);
    const char *unknown =
        json_string_value(json_object_get(json_object_get(v->tokenizer, "model"), "unk_token"));
    int64_t unk = special_id(v, config, "unk_token", NULL, v->spm.unk);
    for (size_t i = 0; unk < 0 && unknown && i < v->n; i++)
        if (fr_bytes_equal(v->tokens[i], unknown)) unk = (int64_t)i;
    const struct {
        const char *key;
        int64_t id;
    } ids[] = {{"tokenizer.ggml.bos_token_id", bos},
               {"tokenizer.ggml.eos_token_id", eos},
               {"tokenizer.ggml.unknown_token_id", unk},
               {"tokenizer.ggml.padding_token_id",
                special_id(v, config, "pad_token", "pad_token_id", v->spm.pad)}};
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

static fr_status put_charsmap(fr_gguf_meta *meta, const fr_words *v, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_gguf_value map = {.key = "tokenizer.ggml.precompiled_charsmap",
                               .type = FR_GGUF_U8,
                               .is_array = true,
                               .n = v->spm.charsmap.len,
                               .data = (const unsigned char *)v->spm.charsmap.data,
                               .n_bytes = v->spm.charsmap.len};
    FR_TRY(fr_gguf_put_bool(meta, "tokenizer.ggml.remove_extra_whitespaces",
                            v->spm.remove_extra_whitespaces, err));
    if (map.n) FR_TRY(fr_gguf_put_value(meta, &map, err));
cleanup:
    return st;
}

static fr_status put_all(fr_gguf_meta *meta, const fr_words *v, const json_t *config, fr_error *err)
{
    fr_status st = FR_OK;
    bool scored = strcmp(v->kind, "gpt2") != 0;
    FR_TRY(fr_gguf_put_text(meta, "tokenizer.ggml.model", v->kind, err));
    FR_TRY(fr_gguf_put_text(meta, "tokenizer.ggml.pre", v->pre, err));
    FR_TRY(fr_gguf_put_texts(meta, "tokenizer.ggml.tokens", v->tokens, v->n, err));
    if (scored) FR_TRY(fr_gguf_put_f32s(meta, "tokenizer.ggml.scores", v->scores, v->n, err));
    FR_TRY(fr_gguf_put_i32s(meta, "tokenizer.ggml.token_type", v->types, v->n, err));
    if (!scored)
        FR_TRY(fr_gguf_put_texts(meta, "tokenizer.ggml.merges", v->merges, v->n_merges, err));
    FR_TRY(put_special(meta, v, config, err));
    FR_TRY(fr_gguf_put_bool(meta, "tokenizer.ggml.add_space_prefix", v->prefix, err));
    if (!strcmp(v->kind, "t5")) FR_TRY(put_charsmap(meta, v, err));
cleanup:
    return st;
}

/* Puts dir/name into *path; is it there? */
static bool has_file(fr_str *path, const char *dir, const char *name)
{
    return fr_path_join(path, dir, name, NULL) == FR_OK && fr_file_exists(path->data);
}

/* The same file that fr_tokenizer_open takes. */
static fr_status read_words(fr_words *v, fr_error *err)
{
    static const char *const models[] = {"tokenizer.model", "spiece.model",
                                         "sentencepiece.bpe.model"};
    fr_status st = FR_OK;
    fr_str merges = FR_STR_INIT;
    fr_tokenizer *tokenizer = NULL;
    /* What it refuses (pieces that occur twice, parts without end) is refused here; the files are
     * safe to be read as trees then. */
    FR_TRY(fr_tokenizer_open(&tokenizer, v->dir, err));
    if (has_file(&v->path, v->dir, "tokenizer_config.json"))
        FR_TRY(fr_json_load(&v->options, v->path.data, FR_JSON_MAX_CONFIG, err));
    if (has_file(&v->path, v->dir, "tokenizer.json")) {
        FR_TRY(fr_json_load(&v->tokenizer, v->path.data, FR_JSON_MAX_FILE, err));
        FR_TRY(fr__words_from_json(v, err));
        goto cleanup;
    }
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
        if (!has_file(&v->path, v->dir, models[i])) continue;
        FR_TRY(fr__words_from_spm(v, err));
        goto cleanup;
    }
    if (!has_file(&merges, v->dir, "merges.txt") || !has_file(&v->path, v->dir, "vocab.json"))
        FR_FAIL(err, FR_ERR_IO,
                "%s: no tokenizer.json, tokenizer.model, spiece.model, or vocab.json with "
                "merges.txt in this folder",
                v->dir);
    FR_TRY(fr__words_read_gpt2(v, merges.data, err));
    FR_TRY(fr__words_from_json(v, err));
cleanup:
    fr_tokenizer_close(tokenizer);
    fr_str_release(&merges);
    return st;
}

fr_status fr__gguf_put_vocab(fr_gguf_meta *meta, const char *dir, const json_t *config,
                             size_t vocab_size, fr_error *err)
{
    fr_status st = FR_OK;
    fr_words v = {.n = vocab_size, .dir = dir, .pre = "default"};
    fr_arena_init(&v.arena, 0);
    v.tokens = calloc(v.n, sizeof(*v.tokens));
    v.types = calloc(v.n, sizeof(*v.types));
    v.scores = calloc(v.n, sizeof(*v.scores));
    if (!v.tokens || !v.types || !v.scores) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", dir);
    FR_TRY(read_words(&v, err));
    FR_TRY(name_unused(&v, err));
    FR_TRY(put_all(meta, &v, config, err));
cleanup:
    json_decref(v.tokenizer);
    json_decref(v.options);
    fr_spm_file_release(&v.spm);
    fr_map_close(&v.map);
    free(v.tokens);
    free(v.types);
    free(v.scores);
    free(v.merges);
    fr_arena_release(&v.arena);
    fr_str_release(&v.path);
    return st;
}
