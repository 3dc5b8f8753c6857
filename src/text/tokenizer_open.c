/* tokenizer_open.c - finding and reading the tokenizer files of a model folder. */
#include <stdio.h>
#include <string.h>

#include "format/json.h"
#include "os/file.h"
#include "text/tokenizer_impl.h"

enum { MAX_VOCAB_BYTES = 64 << 20 };

static const char *const role_keys[FR_N_TOKEN_ROLES] = {
#define KEY(name, key) key,
    FR_TOKEN_ROLE_MAP(KEY)
#undef KEY
};

static const char *const role_defaults[FR_N_TOKEN_ROLES] = {"[UNK]", "[CLS]", "[SEP]", "[PAD]",
                                                            "[MASK]"};

/* Text of a role in tokenizer_config.json (NULL: none): a string, or an object with "content". */
static fr_status role_text(const json_t *config, const char *where, int role, const char **out,
                           fr_error *err)
{
    *out = role_defaults[role];
    const json_t *value = config ? json_object_get(config, role_keys[role]) : NULL;
    if (json_is_object(value)) return fr_json_string(value, where, "content", out, err);
    if (!value) return FR_OK;
    return fr_json_string_or(config, where, role_keys[role], role_defaults[role], out, err);
}

/* Ids of the special tokens by role; the unknown token of tokenizer.json stays. */
static fr_status find_roles(fr_tokenizer *tok, const json_t *config, const char *where,
                            fr_error *err)
{
    for (int role = 0; role < FR_N_TOKEN_ROLES; role++) {
        const char *text;
        fr_status st = role_text(config, where, role, &text, err);
        if (st != FR_OK) return st;
        if (tok->roles[role] < 0) tok->roles[role] = fr__tokenizer_find(tok, text);
    }
    return FR_OK;
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
        FR_TRY(fr__tokenizer_add(tok, at, n, id, "##", where, err));
        at = next;
    }
    if (tok->vocab_size == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: the vocabulary is empty", path);
cleanup:
    fr_str_release(&text);
    return st;
}

/* config may be NULL. */
static fr_status load_vocab(fr_tokenizer *tok, const char *path, const json_t *config,
                            const char *config_path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_bert_options o = {.clean_text = true, true, true, true};
    FR_TRY(load_lines(tok, path, err));
    if (config) {
        FR_TRY(fr_json_bool_or(config, config_path, "do_lower_case", true, &o.lowercase, err));
        FR_TRY(fr_json_bool_or(config, config_path, "strip_accents", o.lowercase, &o.strip_accents,
                               err));
        FR_TRY(fr_json_bool_or(config, config_path, "tokenize_chinese_chars", true,
                               &o.chinese_chars, err));
    }
    fr_bert_init(&tok->bert, o);
    FR_TRY(find_roles(tok, config, config_path, err));
    for (int role = 0; role < FR_N_TOKEN_ROLES; role++) {
        const char *text;
        FR_TRY(role_text(config, config_path, role, &text, err));
        if (tok->roles[role] >= 0)
            FR_TRY(fr__tokenizer_add_special(tok, text, tok->roles[role], path, err));
        else if (role == FR_TOKEN_UNK || role == FR_TOKEN_CLS || role == FR_TOKEN_SEP)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: the %s '%s' is not in the vocabulary", path,
                    role_keys[role], text);
    }
    fr__tokenizer_set_bert_template(tok, tok->roles[FR_TOKEN_CLS], tok->roles[FR_TOKEN_SEP]);
cleanup:
    return st;
}

fr_status fr_tokenizer_open(fr_tokenizer **out, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT, config_path = FR_STR_INIT;
    json_t *config = NULL, *root = NULL;
    fr_tokenizer *tok = NULL;
    *out = NULL;
    FR_TRY(fr__tokenizer_create(&tok, err));
    FR_TRY(fr_path_join(&config_path, dir, "tokenizer_config.json", err));
    if (fr_file_exists(config_path.data)) {
        FR_TRY(fr_json_load(&config, config_path.data, FR_JSON_MAX_CONFIG, err));
        if (!json_is_object(config))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: expected an object, found %s", config_path.data,
                    fr_json_kind(config));
    }

    FR_TRY(fr_path_join(&path, dir, "tokenizer.json", err));
    if (fr_file_exists(path.data)) {
        FR_TRY(fr_json_load(&root, path.data, FR_JSON_MAX_FILE, err));
        FR_TRY(fr__tokenizer_load_json(tok, root, path.data, err));
        FR_TRY(find_roles(tok, config, config_path.data, err));
    } else {
        FR_TRY(fr_path_join(&path, dir, "vocab.txt", err));
        if (!fr_file_exists(path.data))
            FR_FAIL(err, FR_ERR_IO, "%s: no tokenizer.json and no vocab.txt in this folder", dir);
        FR_TRY(load_vocab(tok, path.data, config, config_path.data, err));
    }
    *out = tok;
    tok = NULL;
cleanup:
    fr_tokenizer_close(tok);
    json_decref(root);
    json_decref(config);
    fr_str_release(&path);
    fr_str_release(&config_path);
    return st;
}

fr_status fr_tokenizer_open_json(fr_tokenizer **out, const char *text, size_t len,
                                 const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *root = NULL;
    fr_tokenizer *tok = NULL;
    *out = NULL;
    FR_TRY(fr_json_parse(&root, text, len, where, err));
    FR_TRY(fr__tokenizer_create(&tok, err));
    FR_TRY(fr__tokenizer_load_json(tok, root, where, err));
    FR_TRY(find_roles(tok, NULL, where, err));
    *out = tok;
    tok = NULL;
cleanup:
    fr_tokenizer_close(tok);
    json_decref(root);
    return st;
}
