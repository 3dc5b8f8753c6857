/* tokenizer_open.c - finding and reading the tokenizer files of a model folder.
 *
 * tokenizer.json says all. The older files hold a vocabulary only: what a model
 * family puts around a text is told by tokenizer_config.json, and a family we
 * do not know is an error, since its ids would be wrong without anyone noticing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/adapters.h"
#include "format/json.h"
#include "os/file.h"
#include "text/tokenizer_impl.h"

enum { MAX_FILE = 256 << 20, MAX_VOCAB_BYTES = 64 << 20 };

static const char *const role_keys[FR_N_TOKEN_ROLES] = {
#define KEY(name, key) key,
    FR_TOKEN_ROLE_MAP(KEY)
#undef KEY
};

/* BERT's names, and for the roles that BERT has not, the usual ones. */
static const char *const role_defaults[FR_N_TOKEN_ROLES] = {"[UNK]",  "[CLS]", "[SEP]", "[PAD]",
                                                            "[MASK]", "<s>",   "</s>"};

/* A folder's tokenizer_config.json; value is NULL where there is none. */
typedef struct config {
    json_t *value;
    fr_str path;
    const char *dir;        /* NULL: a single file was opened */
    const char *class_name; /* "BertTokenizer", "" */
} config;

/* Text of a role in tokenizer_config.json (NULL: none): a string, or an object with "content". */
static fr_status role_text(const config *c, int role, const char *fallback, const char **out,
                           fr_error *err)
{
    const char *where = fr_str_text(&c->path);
    *out = fallback;
    const json_t *value = c->value ? json_object_get(c->value, role_keys[role]) : NULL;
    if (json_is_object(value)) return fr_json_string(value, where, "content", out, err);
    if (!value) return FR_OK;
    if (json_is_null(value)) {
        *out = NULL;
        return FR_OK;
    }
    return fr_json_string(c->value, where, role_keys[role], out, err);
}

/* Ids of the special tokens by role; an unknown token that the model names stays. */
static fr_status find_roles(fr_tokenizer *tok, const config *c, fr_error *err)
{
    for (int role = 0; role < FR_N_TOKEN_ROLES; role++) {
        const char *text;
        fr_status st = role_text(c, role, role_defaults[role], &text, err);
        if (st != FR_OK) return st;
        if (tok->roles[role] < 0 && text) tok->roles[role] = fr__tokenizer_find(tok, text);
    }
    return FR_OK;
}

static fr_status load_config(config *c, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    const char *name;
    FR_TRY(fr_path_join(&c->path, dir, "tokenizer_config.json", err));
    if (!fr_file_exists(c->path.data)) return FR_OK;
    FR_TRY(fr_json_load(&c->value, c->path.data, FR_JSON_MAX_CONFIG, err));
    if (!json_is_object(c->value))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: expected an object, found %s", c->path.data,
                fr_json_kind(c->value));
    FR_TRY(fr_json_string_or(c->value, c->path.data, "tokenizer_class", "", &name, err));
    c->class_name = name;
cleanup:
    return st;
}

static fr_status config_bool(const config *c, const char *key, bool fallback, bool *out,
                             fr_error *err)
{
    *out = fallback;
    return c->value ? fr_json_bool_or(c->value, fr_str_text(&c->path), key, fallback, out, err)
                    : FR_OK;
}

/* Is the class one of `names` ("Bert Electra"), with or without "Fast"? */
static bool class_is(const config *c, const char *names)
{
    char wanted[64];
    const char *end = strstr(c->class_name, "Tokenizer");
    size_t n = end ? (size_t)(end - c->class_name) : 0;
    if (n == 0 || n + 3 > sizeof(wanted) ||
        (strcmp(end, "Tokenizer") && strcmp(end, "TokenizerFast")))
        return false;
    snprintf(wanted, sizeof(wanted), " %.*s ", (int)n, c->class_name);
    return strstr(names, wanted) != NULL;
}

static fr_status unknown_class(const config *c, const char *file, fr_error *err)
{
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s: tokenizer_class '%.100s' with %s is not supported; save it with a "
                        "tokenizer.json (transformers: save_pretrained of the fast tokenizer)",
                        fr_str_text(&c->path), c->class_name, file);
}

/* Tokens beside the vocabulary that added_tokens.json names: {"text": id}. */
static fr_status add_by_text(fr_tokenizer *tok, const config *c, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    json_t *all = NULL, *id;
    const char *text;
    FR_TRY(fr_path_join(&path, c->dir, "added_tokens.json", err));
    if (!fr_file_exists(path.data)) goto cleanup;
    FR_TRY(fr_json_load(&all, path.data, FR_JSON_MAX_FILE, err));
    if (!json_is_object(all))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: expected an object, found %s", path.data,
                fr_json_kind(all));
    json_object_foreach(all, text, id)
    {
        int64_t number;
        json_t *entry = json_pack("{s:s}", "content", text);
        if (!entry) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path.data);
        st = fr_json_integer(all, path.data, text, &number, err);
        if (st == FR_OK) st = fr__load_added_token(tok, entry, number, path.data, err);
        json_decref(entry);
        FR_TRY(st);
    }
cleanup:
    json_decref(all);
    fr_str_release(&path);
    return st;
}

/* Tokens beside the vocabulary, by the folder's word: "added_tokens_decoder" with all flags, or
 * else the older added_tokens.json. */
static fr_status load_added(fr_tokenizer *tok, const config *c, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *by_id = NULL, *entry;
    const char *key, *where = fr_str_text(&c->path);
    if (!c->dir) return FR_OK;
    if (c->value)
        FR_TRY(fr_json_object(c->value, where, "added_tokens_decoder", false, &by_id, err));
    if (!by_id) return add_by_text(tok, c, err);
    json_object_foreach(by_id, key, entry)
    {
        char *end;
        long long id = strtoll(key, &end, 10);
        if (*end || end == key)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: added_tokens_decoder has the id '%.32s'", where, key);
        FR_TRY(fr__load_added_token(tok, entry, id, where, err));
    }
cleanup:
    return st;
}

/* Has tokenizer_config.json told all about the token of this id? */
static bool has_flags(const config *c, int32_t id)
{
    char key[16];
    snprintf(key, sizeof(key), "%d", (int)id);
    return c->value && json_object_get(json_object_get(c->value, "added_tokens_decoder"), key);
}

/* The special token of a role, found as one wherever it stands. */
static fr_status add_role(fr_tokenizer *tok, const config *c, int role, const char *fallback,
                          bool lstrip, fr_error *err)
{
    fr_status st = FR_OK;
    const char *text;
    FR_TRY(role_text(c, role, fallback, &text, err));
    int32_t id = text ? fr__tokenizer_find(tok, text) : -1;
    if (id < 0) return FR_OK;
    fr_added_token token = {.id = id, .special = true, .lstrip = lstrip};
    if (!has_flags(c, id))
        FR_TRY(fr__tokenizer_add(tok, text, strlen(text), token, fr_str_text(&c->path), err));
    tok->roles[role] = id;
cleanup:
    return st;
}

static fr_status need_role(const fr_tokenizer *tok, fr_token_role role, const char *path,
                           const char *fallback, fr_error *err)
{
    if (tok->roles[role] >= 0) return FR_OK;
    return fr_error_set(err, FR_ERR_FORMAT, "%s: the %s '%s' is not in the vocabulary", path,
                        role_keys[role], fallback);
}

/* One token a line; the line's number is the id. */
static fr_status load_lines(fr_tokenizer *tok, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    char where[512];
    FR_TRY(fr_file_read(&text, path, MAX_VOCAB_BYTES, err));
    const char *at = fr_str_text(&text), *end = at + text.len;
    for (int64_t id = 0; at < end; id++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        const char *next = line_end ? line_end + 1 : end;
        size_t n = (size_t)((line_end ? line_end : end) - at);
        if (n && at[n - 1] == '\r') n--;
        snprintf(where, sizeof(where), "%s:%lld", path, (long long)id + 1);
        FR_TRY(fr_vocab_add(&tok->vocab, at, n, id, where, err));
        at = next;
    }
    if (tok->vocab.size == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: the vocabulary is empty", path);
    FR_TRY(fr_wordpiece_prepare(&tok->wordpiece, &tok->vocab, "##", err));
cleanup:
    fr_str_release(&text);
    return st;
}

/* vocab.txt: WordPiece with BERT's normalizer. */
static fr_status load_vocab_txt(fr_tokenizer *tok, const char *path, const config *c, fr_error *err)
{
    fr_status st = FR_OK;
    fr_bert_options o = {.clean_text = true};
    if (c->class_name[0] && !class_is(c, " Bert DistilBert Electra MobileBert Lxmert RetriBert "
                                         "Funnel Layoutlm LayoutLM ConvBert Squeezebert MPNet "))
        return unknown_class(c, "vocab.txt", err);
    if (class_is(c, " Funnel MPNet ")) return unknown_class(c, "vocab.txt", err);
    FR_TRY(load_lines(tok, path, err));
    FR_TRY(load_added(tok, c, err));
    FR_TRY(config_bool(c, "do_lower_case", true, &o.lowercase, err));
    FR_TRY(config_bool(c, "strip_accents", o.lowercase, &o.strip_accents, err));
    FR_TRY(config_bool(c, "tokenize_chinese_chars", true, &o.chinese_chars, err));
    FR_TRY(fr_bert_create(&fr_norm_add(&tok->norm, FR_NORM_BERT)->bert, o, err));
    fr_split_add(&tok->split, FR_SPLIT_BERT);
    fr_decode_step *step = fr_decoder_add(&tok->decoder, FR_DECODE_WORDPIECE);
    step->flag = true;
    FR_TRY(fr_str_append(&step->text, "##", 2, err));
    tok->kind = FR_MODEL_WORDPIECE;
    for (int role = FR_TOKEN_UNK; role <= FR_TOKEN_MASK; role++) {
        const char *text;
        FR_TRY(add_role(tok, c, role, role_defaults[role], false, err));
        FR_TRY(role_text(c, role, role_defaults[role], &text, err));
        if (role <= FR_TOKEN_SEP) FR_TRY(need_role(tok, role, path, text ? text : "null", err));
    }
    tok->wordpiece.unk = tok->roles[FR_TOKEN_UNK];
    fr__tokenizer_set_bert_template(tok, tok->roles[FR_TOKEN_CLS], tok->roles[FR_TOKEN_SEP]);
cleanup:
    return st;
}

/* vocab.json and merges.txt, as GPT-2 or RoBERTa use them. */
static fr_status load_vocab_json(fr_tokenizer *tok, const char *vocab_path, const char *merges_path,
                                 const config *c, fr_error *err)
{
    fr_status st = FR_OK;
    fr_map vocab = {NULL, 0}, merges = {NULL, 0};
    bool prefix, roberta = class_is(c, " Roberta Bart Longformer LED ");
    if (c->class_name[0] && !roberta && !class_is(c, " GPT2 "))
        return unknown_class(c, "vocab.json", err);
    FR_TRY(config_bool(c, "add_prefix_space", false, &prefix, err));
    FR_TRY(fr_map_open(&vocab, vocab_path, err));
    FR_TRY(fr_map_open(&merges, merges_path, err));
    FR_TRY(fr__tokenizer_load_gpt2(tok, (const char *)vocab.data, vocab.size, vocab_path,
                                   (const char *)merges.data, merges.size, merges_path, prefix,
                                   err));
    FR_TRY(load_added(tok, c, err));
    if (!c->class_name[0])
        roberta = fr__tokenizer_find(tok, "<s>") >= 0 && fr__tokenizer_find(tok, "</s>") >= 0 &&
                  fr__tokenizer_find(tok, "<mask>") >= 0;
    static const char *const names[] = {"<unk>", "<s>", "</s>", "<pad>", "<mask>", "<s>", "</s>"};
    for (int role = 0; role < FR_N_TOKEN_ROLES; role++) {
        bool gpt2_has = role == FR_TOKEN_UNK || role == FR_TOKEN_BOS || role == FR_TOKEN_EOS;
        const char *fallback = roberta ? names[role] : gpt2_has ? "<|endoftext|>" : NULL;
        FR_TRY(add_role(tok, c, role, fallback, roberta && role == FR_TOKEN_MASK, err));
        if (roberta && (role == FR_TOKEN_CLS || role == FR_TOKEN_SEP))
            FR_TRY(need_role(tok, (fr_token_role)role, vocab_path, fallback, err));
    }
    if (roberta)
        fr__tokenizer_set_roberta_template(tok, tok->roles[FR_TOKEN_CLS], tok->roles[FR_TOKEN_SEP]);
cleanup:
    fr_map_close(&vocab);
    fr_map_close(&merges);
    return st;
}

/* <s> A </s>, as asked for. */
static fr_status set_llama_template(fr_tokenizer *tok, const config *c, const char *path,
                                    fr_error *err)
{
    fr_status st = FR_OK;
    bool bos, eos;
    FR_TRY(add_role(tok, c, FR_TOKEN_UNK, "<unk>", false, err));
    FR_TRY(add_role(tok, c, FR_TOKEN_BOS, "<s>", false, err));
    FR_TRY(add_role(tok, c, FR_TOKEN_EOS, "</s>", false, err));
    FR_TRY(config_bool(c, "add_bos_token", true, &bos, err));
    FR_TRY(config_bool(c, "add_eos_token", false, &eos, err));
    if (bos) FR_TRY(need_role(tok, FR_TOKEN_BOS, path, "<s>", err));
    if (eos) FR_TRY(need_role(tok, FR_TOKEN_EOS, path, "</s>", err));
    FR_TRY(fr__tokenizer_set_ends(tok, bos ? tok->roles[FR_TOKEN_BOS] : -1,
                                  eos ? tok->roles[FR_TOKEN_EOS] : -1, path, err));
cleanup:
    return st;
}

/* A </s> and A </s> B </s>; the sentinels <extra_id_0>, ... stand behind the vocabulary, the
 * first one last. */
static fr_status set_t5_template(fr_tokenizer *tok, const config *c, const char *path,
                                 fr_error *err)
{
    fr_status st = FR_OK;
    int64_t extra = 100;
    char name[32];
    FR_TRY(add_role(tok, c, FR_TOKEN_UNK, "<unk>", false, err));
    FR_TRY(add_role(tok, c, FR_TOKEN_EOS, "</s>", false, err));
    FR_TRY(add_role(tok, c, FR_TOKEN_PAD, "<pad>", false, err));
    FR_TRY(need_role(tok, FR_TOKEN_EOS, path, "</s>", err));
    FR_TRY(fr_json_integer_or(c->value, fr_str_text(&c->path), "extra_ids", extra, &extra, err));
    if (extra < 0 || extra > 10000)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: extra_ids is %lld", fr_str_text(&c->path),
                (long long)extra);
    for (int64_t i = 0; i < extra; i++) {
        fr_added_token token = {.id = (int32_t)((int64_t)tok->vocab.size + extra - 1 - i),
                                .special = true};
        int n = snprintf(name, sizeof(name), "<extra_id_%lld>", (long long)i);
        if (has_flags(c, token.id)) continue;
        FR_TRY(fr__tokenizer_add(tok, name, (size_t)n, token, path, err));
    }
    const fr_piece eos = {FR_PIECE_SPECIAL, tok->roles[FR_TOKEN_EOS], 0};
    tok->single = (fr_template){.pieces = {{FR_PIECE_A, -1, 0}, eos}, .n = 2, .n_special = 1};
    tok->pair = (fr_template){
        .pieces = {{FR_PIECE_A, -1, 0}, eos, {FR_PIECE_B, -1, 0}, eos}, .n = 4, .n_special = 2};
cleanup:
    return st;
}

/* A SentencePiece model; without a tokenizer_config.json, its ids and nothing around them. */
static fr_status load_spm(fr_tokenizer *tok, const char *path, const config *c, fr_error *err)
{
    fr_status st = FR_OK;
    fr_map map = {NULL, 0};
    FR_TRY(fr_map_open(&map, path, err));
    FR_TRY(fr__tokenizer_load_spm(tok, map.data, map.size, path, err));
    FR_TRY(load_added(tok, c, err));
    if (class_is(c, " Llama "))
        FR_TRY(set_llama_template(tok, c, path, err));
    else if (class_is(c, " T5 "))
        FR_TRY(set_t5_template(tok, c, path, err));
    else if (c->class_name[0])
        FR_TRY(unknown_class(c, "a SentencePiece model", err));
cleanup:
    fr_map_close(&map);
    return st;
}

static fr_status load_json_file(fr_tokenizer *tok, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_map map = {NULL, 0};
    FR_TRY(fr_map_open(&map, path, err));
    if (map.size > MAX_FILE)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: longer than the limit of %d bytes", path, MAX_FILE);
    if (map.size == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: the file is empty", path);
    FR_TRY(fr__tokenizer_load_json(tok, (const char *)map.data, map.size, path, err));
cleanup:
    fr_map_close(&map);
    return st;
}

/* Puts dir/name into *path; is it there? */
static bool has_file(fr_str *path, const char *dir, const char *name)
{
    fr_str_clear(path);
    return fr_path_join(path, dir, name, NULL) == FR_OK && fr_file_exists(path->data);
}

/* The first of the known files that the folder has. */
static fr_status load_folder(fr_tokenizer *tok, const char *dir, const config *c, fr_error *err)
{
    static const char *const models[] = {"tokenizer.model", "spiece.model",
                                         "sentencepiece.bpe.model"};
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT, merges = FR_STR_INIT;
    if (has_file(&path, dir, "tokenizer.json")) {
        FR_TRY(load_json_file(tok, path.data, err));
        goto cleanup;
    }
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        if (has_file(&path, dir, models[i])) {
            FR_TRY(load_spm(tok, path.data, c, err));
            goto cleanup;
        }
    if (has_file(&path, dir, "vocab.json") && has_file(&merges, dir, "merges.txt"))
        FR_TRY(load_vocab_json(tok, path.data, merges.data, c, err));
    else if (has_file(&path, dir, "vocab.txt"))
        FR_TRY(load_vocab_txt(tok, path.data, c, err));
    else
        FR_FAIL(err, FR_ERR_IO,
                "%s: no tokenizer.json, no tokenizer.model or spiece.model, no vocab.json with "
                "merges.txt and no vocab.txt in this folder",
                dir);
cleanup:
    fr_str_release(&path);
    fr_str_release(&merges);
    return st;
}

static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), k = strlen(end);
    return n >= k && !strcmp(path + n - k, end);
}

static bool is_gguf(const char *path)
{
    fr_map map = {NULL, 0};
    bool yes =
        fr_map_open(&map, path, NULL) == FR_OK && map.size >= 4 && !memcmp(map.data, "GGUF", 4);
    fr_map_close(&map);
    return yes;
}

static fr_status load_file(fr_tokenizer *tok, const char *path, const config *c, fr_error *err)
{
    if (is_gguf(path)) return fr__tokenizer_load_gguf(tok, path, err);
    if (ends_with(path, ".json")) return load_json_file(tok, path, err);
    if (ends_with(path, ".model")) return load_spm(tok, path, c, err);
    if (ends_with(path, ".txt")) return load_vocab_txt(tok, path, c, err);
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s: not a tokenizer file (a folder, tokenizer.json, a .model of "
                        "SentencePiece, vocab.txt or GGUF)",
                        path);
}

static bool has_words(const char *dir)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer.model",
                                        "spiece.model",   "sentencepiece.bpe.model",
                                        "vocab.json",     "vocab.txt"};
    fr_str path = FR_STR_INIT;
    bool has = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        has = has || has_file(&path, dir, names[i]);
    fr_str_release(&path);
    return has;
}

fr_status fr_tokenizer_open(fr_tokenizer **out, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    config c = {.path = FR_STR_INIT, .class_name = ""};
    fr_tokenizer *tok = NULL;
    fr_str base = FR_STR_INIT;
    *out = NULL;
    if (fr_adapters_here(path) && !has_words(path)) {
        FR_TRY(fr_adapters_base(&base, path, err));
        path = base.data;
    }
    FR_TRY(fr__tokenizer_create(&tok, err));
    if (fr_file_exists(path)) {
        FR_TRY(load_file(tok, path, &c, err));
    } else {
        c.dir = path;
        FR_TRY(load_config(&c, path, err));
        FR_TRY(load_folder(tok, path, &c, err));
    }
    FR_TRY(find_roles(tok, &c, err));
    FR_TRY(fr__tokenizer_finish(tok, err));
    *out = tok;
    tok = NULL;
cleanup:
    fr_tokenizer_close(tok);
    json_decref(c.value);
    fr_str_release(&c.path);
    fr_str_release(&base);
    return st;
}

/* What is the same for all that is read from memory. */
static fr_status finish(fr_tokenizer **out, fr_tokenizer *tok, fr_error *err)
{
    const config none = {.path = FR_STR_INIT, .class_name = ""};
    fr_status st = FR_OK;
    FR_TRY(find_roles(tok, &none, err));
    FR_TRY(fr__tokenizer_finish(tok, err));
    *out = tok;
cleanup:
    return st;
}

fr_status fr_tokenizer_open_json(fr_tokenizer **out, const char *text, size_t len,
                                 const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokenizer *tok = NULL;
    *out = NULL;
    FR_TRY(fr__tokenizer_create(&tok, err));
    FR_TRY(fr__tokenizer_load_json(tok, text, len, where, err));
    FR_TRY(finish(out, tok, err));
cleanup:
    if (st != FR_OK) fr_tokenizer_close(tok);
    return st;
}

fr_status fr_tokenizer_open_spm(fr_tokenizer **out, const void *bytes, size_t n, const char *where,
                                fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokenizer *tok = NULL;
    *out = NULL;
    FR_TRY(fr__tokenizer_create(&tok, err));
    FR_TRY(fr__tokenizer_load_spm(tok, bytes, n, where, err));
    FR_TRY(finish(out, tok, err));
cleanup:
    if (st != FR_OK) fr_tokenizer_close(tok);
    return st;
}
