/* hf_vocab.c - the vocabulary inside a GGUF file as the tokenizer.json of a folder.
 *
 * Kind gpt2 has merges, and its pre-tokenizer a name; kind llama has scores, from which the merges
 * follow: every pair of tokens that makes a token, in the order of the scores of what they make.
 * Kind t5 is hf_unigram.c's. Other kinds, and names of pre-tokenizers that we do not know, are
 * refused.
 *
 * Source: transformers, convert_slow_tokenizer.py; llama.cpp, llama-vocab.cpp. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "model/convert_impl.h"
#include "model/gguf_pre.h"
#include "os/file.h"

enum { MAX_TOKEN = 256 /* bytes of a token that merges can make */ };

/* A token in the order of texts. */
typedef struct by_text {
    fr_bytes text;
    uint32_t id;
} by_text;

typedef struct merge {
    uint32_t left, right, made;
    float score;
} merge;

static int compare_texts(const void *a, const void *b)
{
    const by_text *x = a, *y = b;
    size_t n = x->text.len < y->text.len ? x->text.len : y->text.len;
    int order = n ? memcmp(x->text.data, y->text.data, n) : 0;
    return order ? order : (x->text.len > y->text.len) - (x->text.len < y->text.len);
}

/* The best score first, then by place in the vocabulary. */
static int compare_merges(const void *a, const void *b)
{
    const merge *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    if (x->made != y->made) return x->made < y->made ? -1 : 1;
    return x->left != y->left ? (x->left < y->left ? -1 : 1) : 0;
}

static bool is_normal(const fr_gguf_vocab *v, size_t id)
{
    return !v->types || v->types[id] == FR_GGUF_TOKEN_NORMAL;
}

/* Every way to make a token of two others. Owner of *out: the caller, by free(). */
static fr_status find_merges(const fr_gguf_vocab *v, const char *where, merge **out, size_t *n,
                             fr_error *err)
{
    fr_status st = FR_OK;
    merge *merges = NULL;
    size_t cap = 0, count = 0, n_texts = 0;
    by_text *texts = calloc(v->n, sizeof(*texts));
    if (!texts) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", where);
    for (size_t i = 0; i < v->n; i++)
        if (is_normal(v, i)) texts[n_texts++] = (by_text){v->tokens[i], (uint32_t)i};
    if (n_texts) qsort(texts, n_texts, sizeof(*texts), compare_texts);
    for (size_t i = 0; i < n_texts; i++) {
        fr_bytes whole = texts[i].text;
        if (whole.len > MAX_TOKEN) continue;
        for (size_t cut = 1; cut < whole.len; cut++) {
            by_text left = {{whole.data, cut}, 0}, right = {{whole.data + cut, whole.len - cut}, 0};
            const by_text *a = bsearch(&left, texts, n_texts, sizeof(*texts), compare_texts);
            const by_text *b =
                a ? bsearch(&right, texts, n_texts, sizeof(*texts), compare_texts) : NULL;
            if (!b) continue;
            if (count == cap) {
                cap = cap ? 2 * cap : 1024;
                merge *grown = realloc(merges, cap * sizeof(*grown));
                if (!grown) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", where);
                merges = grown;
            }
            merges[count++] = (merge){a->id, b->id, texts[i].id, v->scores[texts[i].id]};
        }
    }
    if (count) qsort(merges, count, sizeof(*merges), compare_merges);
    *out = merges;
    *n = count;
    merges = NULL;
cleanup:
    free(texts);
    free(merges);
    return st;
}

static fr_status no_memory(const char *where, fr_error *err)
{
    return fr_error_set(err, FR_ERR_FORMAT, "%s: a token is not UTF-8, or out of memory", where);
}

static json_t *text(fr_bytes bytes)
{
    return json_stringn(bytes.data, bytes.len);
}

static fr_status vocab_object(const fr_gguf_vocab *v, const char *where, json_t **out,
                              fr_error *err)
{
    *out = json_object();
    for (size_t i = 0; i < v->n; i++) {
        if (v->types && v->types[i] == FR_GGUF_TOKEN_UNUSED) continue;
        if (memchr(v->tokens[i].data, 0, v->tokens[i].len) ||
            json_object_getn(*out, v->tokens[i].data, v->tokens[i].len))
            return fr_error_set(err, FR_ERR_FORMAT, "%s: token %zu holds a NUL or occurs twice",
                                where, i);
        if (json_object_setn_new(*out, v->tokens[i].data, v->tokens[i].len,
                                 json_integer((json_int_t)i)))
            return no_memory(where, err);
    }
    return FR_OK;
}

static fr_status merges_of_scores(const fr_gguf_vocab *v, const char *where, json_t *list,
                                  fr_error *err)
{
    merge *merges = NULL;
    size_t n = 0;
    fr_status st = find_merges(v, where, &merges, &n, err);
    for (size_t i = 0; st == FR_OK && i < n; i++)
        if (json_array_append_new(list, json_pack("[o, o]", text(v->tokens[merges[i].left]),
                                                  text(v->tokens[merges[i].right]))))
            st = no_memory(where, err);
    free(merges);
    return st;
}

static fr_status added_tokens(const fr_gguf_vocab *v, const char *where, json_t **out,
                              fr_error *err)
{
    *out = json_array();
    for (size_t i = 0; v->types && i < v->n; i++) {
        int32_t type = v->types[i];
        bool special = type == FR_GGUF_TOKEN_CONTROL || type == FR_GGUF_TOKEN_UNKNOWN;
        if (!special && type != FR_GGUF_TOKEN_USER_DEFINED) continue;
        if (json_array_append_new(*out, json_pack("{s:I, s:o, s:b, s:b, s:b, s:b, s:b}", "id",
                                                  (json_int_t)i, "content", text(v->tokens[i]),
                                                  "single_word", 0, "lstrip", 0, "rstrip", 0,
                                                  "normalized", 0, "special", special)))
            return no_memory(where, err);
    }
    return FR_OK;
}

/* [CLS] A [SEP] as llama.cpp adds them: bos before a text, eos behind it. */
static json_t *template_of(const fr_gguf_vocab *v, bool bos, bool eos)
{
    json_t *single = json_array(), *pair = json_array(), *special = json_object();
    for (int t = 0; t < 2; t++) {
        for (int part = 0; part < 3; part++) {
            int32_t id = part == 0 ? v->bos : v->eos;
            if ((part == 0 && !bos) || (part == 2 && !eos)) continue;
            json_t *piece = part == 1 ? json_pack("{s:{s:s, s:i}}", "Sequence", "id", t ? "B" : "A",
                                                  "type_id", t)
                                      : json_pack("{s:{s:o, s:i}}", "SpecialToken", "id",
                                                  text(v->tokens[id]), "type_id", t);
            if (t == 0) json_array_append(single, piece);
            json_array_append_new(pair, piece);
            if (part != 1)
                json_object_setn_new(special, v->tokens[id].data, v->tokens[id].len,
                                     json_pack("{s:o, s:[i], s:[o]}", "id", text(v->tokens[id]),
                                               "ids", (int)id, "tokens", text(v->tokens[id])));
        }
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "type", "TemplateProcessing", "single", single, "pair",
                     pair, "special_tokens", special);
}

/* Normalizer, pre-tokenizer and decoder of kind llama. */
static fr_status put_sentencepiece(json_t *tokenizer, const fr_gguf_vocab *v, const char *where,
                                   fr_error *err)
{
    bool prefix = v->add_space_prefix != 0; /* llama.cpp's default */
    json_t *normalizers = json_array();
    if (prefix)
        json_array_append_new(normalizers,
                              json_pack("{s:s, s:s}", "type", "Prepend", "prepend", FR_GGUF_SPACE));
    json_array_append_new(normalizers,
                          json_pack("{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", "String",
                                    " ", "content", FR_GGUF_SPACE));
    json_t *decoders =
        json_pack("[{s:s, s:{s:s}, s:s}, {s:s}, {s:s}]", "type", "Replace", "pattern", "String",
                  FR_GGUF_SPACE, "content", " ", "type", "ByteFallback", "type", "Fuse");
    if (prefix)
        json_array_append_new(decoders, json_pack("{s:s, s:s, s:i, s:i}", "type", "Strip",
                                                  "content", " ", "start", 1, "stop", 0));
    if (json_object_set_new(
            tokenizer, "normalizer",
            json_pack("{s:s, s:o}", "type", "Sequence", "normalizers", normalizers)) ||
        json_object_set_new(tokenizer, "decoder",
                            json_pack("{s:s, s:o}", "type", "Sequence", "decoders", decoders)))
        return no_memory(where, err);
    return FR_OK;
}

static fr_status put_byte_level(json_t *tokenizer, const fr_gguf_vocab *v, const char *where,
                                fr_error *err)
{
    json_t *pre = fr__gguf_pre_json(v->pre, v->add_space_prefix == 1);
    if (fr__gguf_pre_nfc(v->pre) &&
        json_object_set_new(tokenizer, "normalizer", json_pack("{s:s}", "type", "NFC")))
        return no_memory(where, err);
    if (json_object_set_new(tokenizer, "pre_tokenizer", pre) ||
        json_object_set_new(tokenizer, "decoder",
                            json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel",
                                      "add_prefix_space", 1, "trim_offsets", 1, "use_regex", 1)))
        return no_memory(where, err);
    return FR_OK;
}

static fr_status make_model(const fr_gguf_vocab *v, const char *where, bool sentencepiece,
                            json_t **out, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *vocab = NULL, *merges = json_array();
    FR_TRY(vocab_object(v, where, &vocab, err));
    if (sentencepiece) FR_TRY(merges_of_scores(v, where, merges, err));
    for (size_t i = 0; !sentencepiece && i < v->n_merges; i++)
        if (json_array_append_new(merges, text(v->merges[i]))) FR_TRY(no_memory(where, err));
    *out = json_pack("{s:s, s:b, s:b, s:b, s:O, s:O}", "type", "BPE", "fuse_unk", sentencepiece,
                     "byte_fallback", sentencepiece, "ignore_merges",
                     fr_bytes_equal(v->pre, "llama-bpe"), "vocab", vocab, "merges", merges);
    if (!*out) FR_TRY(no_memory(where, err));
    if (sentencepiece && v->unk >= 0 &&
        json_object_set_new(*out, "unk_token", text(v->tokens[v->unk])))
        FR_TRY(no_memory(where, err));
cleanup:
    json_decref(vocab);
    json_decref(merges);
    return st;
}

/* tokenizer_config.json, and the ids for config.json. */
static fr_status make_options(const fr_gguf *g, const fr_gguf_vocab *v, json_t *config,
                              json_t **out, fr_error *err)
{
    const struct {
        const char *token, *id;
        int32_t value;
    } special[] = {{"bos_token", "bos_token_id", v->bos},
                   {"eos_token", "eos_token_id", v->eos},
                   {"unk_token", NULL, v->unk},
                   {"pad_token", "pad_token_id", v->pad}};
    const char *where = fr_gguf_path(g);
    fr_bytes chat;
    *out = json_pack("{s:s, s:b}", "tokenizer_class", "PreTrainedTokenizerFast",
                     "clean_up_tokenization_spaces", 0);
    for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
        if (special[i].value < 0) continue;
        if (json_object_set_new(*out, special[i].token, text(v->tokens[special[i].value])) ||
            (config && special[i].id &&
             json_object_set_new(config, special[i].id, json_integer(special[i].value))))
            return no_memory(where, err);
    }
    if (!fr_gguf_find(g, "tokenizer.chat_template")) return FR_OK;
    fr_status st = fr_gguf_text(g, "tokenizer.chat_template", &chat, err);
    if (st != FR_OK) return st;
    return json_object_set_new(*out, "chat_template", text(chat)) ? no_memory(where, err) : FR_OK;
}

typedef enum vocab_kind { KIND_GPT2, KIND_LLAMA, KIND_T5 } vocab_kind;

static fr_status check_kind(const fr_gguf_vocab *v, const char *where, vocab_kind *kind,
                            fr_error *err)
{
    *kind = fr_bytes_equal(v->model, "llama") ? KIND_LLAMA
            : fr_bytes_equal(v->model, "t5")  ? KIND_T5
                                              : KIND_GPT2;
    int shown = v->pre.len < 64 ? (int)v->pre.len : 64;
    if (*kind == KIND_GPT2 && !fr_bytes_equal(v->model, "gpt2"))
        return fr_error_set(err, FR_ERR_UNSUPPORTED,
                            "%s: its tokenizer is of kind '%.*s'; 'llama', 't5' and 'gpt2' are "
                            "converted",
                            where, v->model.len < 64 ? (int)v->model.len : 64, v->model.data);
    if (*kind != KIND_GPT2 && !v->scores)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: tokenizer.ggml.scores is missing", where);
    for (size_t i = 0; *kind != KIND_GPT2 && i < v->n; i++)
        if (!isfinite(v->scores[i]))
            return fr_error_set(err, FR_ERR_FORMAT, "%s: the score of token %zu is no number",
                                where, i);
    if (*kind != KIND_GPT2) return FR_OK;
    json_t *pre = fr__gguf_pre_json(v->pre, false);
    json_decref(pre);
    if (pre) return FR_OK;
    return fr_error_set(
        err, FR_ERR_UNSUPPORTED,
        "%s: its pre-tokenizer is '%.*s'; gpt-2, olmo, smollm, llama-bpe and qwen2 are "
        "converted",
        where, shown, v->pre.data);
}

static fr_status save_json(json_t *value, const char *dir, const char *name, fr_error *err)
{
    fr_str path = FR_STR_INIT;
    fr_status st = fr_path_join(&path, dir, name, err);
    if (st == FR_OK) st = fr_json_save(value, path.data, err);
    fr_str_release(&path);
    return st;
}

/* Model and what surrounds it, of the two kinds of BPE. */
static fr_status put_bpe(json_t *tokenizer, const fr_gguf_vocab *v, const char *where,
                         vocab_kind kind, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *model = NULL;
    FR_TRY(make_model(v, where, kind == KIND_LLAMA, &model, err));
    if (json_object_set_new(tokenizer, "model", model)) FR_TRY(no_memory(where, err));
    if (kind == KIND_LLAMA)
        FR_TRY(put_sentencepiece(tokenizer, v, where, err));
    else
        FR_TRY(put_byte_level(tokenizer, v, where, err));
cleanup:
    return st;
}

static fr_status save_tokenizer(const fr_gguf_vocab *v, const char *where, vocab_kind kind,
                                const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *added = NULL;
    json_t *tokenizer =
        json_pack("{s:s, s:n, s:n, s:n, s:n, s:n, s:n}", "version", "1.0", "truncation", "padding",
                  "normalizer", "pre_tokenizer", "post_processor", "decoder");
    bool bos = v->bos >= 0 && (v->add_bos == 1 || (v->add_bos < 0 && kind == KIND_LLAMA));
    bool eos = v->eos >= 0 && (v->add_eos == 1 || (v->add_eos < 0 && kind == KIND_T5));
    if (!tokenizer) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", where);
    FR_TRY(added_tokens(v, where, &added, err));
    if (kind == KIND_T5)
        FR_TRY(fr__hf_put_unigram(tokenizer, v, where, err));
    else
        FR_TRY(put_bpe(tokenizer, v, where, kind, err));
    if ((bos || eos) && json_object_set_new(tokenizer, "post_processor", template_of(v, bos, eos)))
        FR_TRY(no_memory(where, err));
    if (json_object_set(tokenizer, "added_tokens", added)) FR_TRY(no_memory(where, err));
    FR_TRY(save_json(tokenizer, dir, "tokenizer.json", err));
cleanup:
    json_decref(added);
    json_decref(tokenizer);
    return st;
}

fr_status fr__gguf_save_vocab(const fr_gguf *g, const char *dir, json_t *config, fr_error *err)
{
    fr_status st = FR_OK;
    const char *where = fr_gguf_path(g);
    fr_gguf_vocab v = {.n = 0};
    json_t *options = NULL;
    vocab_kind kind;
    FR_TRY(fr_gguf_vocab_read(g, &v, err));
    FR_TRY(check_kind(&v, where, &kind, err));
    if (!dir) goto cleanup;
    FR_TRY(make_options(g, &v, config, &options, err));
    FR_TRY(save_tokenizer(&v, where, kind, dir, err));
    FR_TRY(save_json(options, dir, "tokenizer_config.json", err));
cleanup:
    json_decref(options);
    fr_gguf_vocab_release(&v);
    return st;
}
