/* tokenizer_json.c - tokenizer.json of the Hugging Face tokenizers library, as far as BERT goes.
 *
 * Each component must be one we implement: another one would give other ids,
 * so it is an error that names it. Truncation, padding and the decoder play no
 * part in what the ids of a text are and are not read. */
#include <stdio.h>
#include <string.h>

#include "format/json.h"
#include "text/tokenizer_impl.h"

/* The component under `key` must be of type `wanted`; *out is NULL where it is null or absent. */
static fr_status component(const json_t *root, const char *where, const char *key,
                           const char *wanted, json_t **out, fr_error *err)
{
    fr_status st = FR_OK;
    const char *type;
    FR_TRY(fr_json_object(root, where, key, false, out, err));
    if (!*out)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: no %s; only %s is supported", where, key, wanted);
    FR_TRY(fr_json_string(*out, where, "type", &type, err));
    if (strcmp(type, wanted))
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: %s '%s' is not supported, only %s", where, key, type,
                wanted);
cleanup:
    return st;
}

static fr_status load_normalizer(fr_tokenizer *tok, const json_t *root, const char *where,
                                 fr_error *err)
{
    fr_status st = FR_OK;
    json_t *n;
    fr_bert_options o;
    FR_TRY(component(root, where, "normalizer", "BertNormalizer", &n, err));
    FR_TRY(fr_json_bool_or(n, where, "clean_text", true, &o.clean_text, err));
    FR_TRY(fr_json_bool_or(n, where, "handle_chinese_chars", true, &o.chinese_chars, err));
    FR_TRY(fr_json_bool_or(n, where, "lowercase", true, &o.lowercase, err));
    FR_TRY(fr_json_bool_or(n, where, "strip_accents", o.lowercase, &o.strip_accents, err));
    fr_bert_init(&tok->bert, o);
cleanup:
    return st;
}

static fr_status load_model(fr_tokenizer *tok, const json_t *root, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *model, *vocab, *id;
    const char *prefix, *unk, *text;
    FR_TRY(component(root, where, "model", "WordPiece", &model, err));
    FR_TRY(fr_json_string_or(model, where, "continuing_subword_prefix", "##", &prefix, err));
    FR_TRY(fr_json_string_or(model, where, "unk_token", "[UNK]", &unk, err));
    FR_TRY(fr_json_size_or(model, where, "max_input_chars_per_word", 100, &tok->max_chars, err));
    if (tok->max_chars > FR_BERT_MAX_WORD)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: max_input_chars_per_word is %zu, at most %d", where,
                tok->max_chars, FR_BERT_MAX_WORD);
    FR_TRY(fr_json_object(model, where, "vocab", true, &vocab, err));
    json_object_foreach(vocab, text, id)
    {
        if (!json_is_integer(id))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: the id of token '%.100s' is %s", where, text,
                    fr_json_kind(id));
        FR_TRY(
            fr__tokenizer_add(tok, text, strlen(text), json_integer_value(id), prefix, where, err));
    }
    tok->roles[FR_TOKEN_UNK] = fr__tokenizer_find(tok, unk);
    if (tok->roles[FR_TOKEN_UNK] < 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the unknown token '%.100s' is not in the vocabulary",
                where, unk);
cleanup:
    return st;
}

static fr_status load_added_token(fr_tokenizer *tok, const json_t *entry, const char *where,
                                  fr_error *err)
{
    fr_status st = FR_OK;
    const char *content;
    int64_t id;
    bool special, normalized, single_word;
    FR_TRY(fr_json_string(entry, where, "content", &content, err));
    FR_TRY(fr_json_integer(entry, where, "id", &id, err));
    FR_TRY(fr_json_bool_or(entry, where, "special", false, &special, err));
    FR_TRY(fr_json_bool_or(entry, where, "normalized", !special, &normalized, err));
    FR_TRY(fr_json_bool_or(entry, where, "single_word", false, &single_word, err));
    /* lstrip and rstrip take spaces along, which give no tokens anyway. */
    if (normalized || single_word)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: added token '%.100s' is %s, which is not supported",
                where, content, normalized ? "normalized" : "single_word");
    int32_t known = fr__tokenizer_find(tok, content);
    if (known >= 0 && known != id)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: added token '%.100s' has id %lld, in the vocabulary %d",
                where, content, (long long)id, (int)known);
    FR_TRY(fr__tokenizer_add_special(tok, content, id, where, err));
cleanup:
    return st;
}

static fr_status load_added(fr_tokenizer *tok, const json_t *root, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *list, *entry;
    size_t i;
    FR_TRY(fr_json_list(root, where, "added_tokens", false, &list, err));
    json_array_foreach(list, i, entry) FR_TRY(load_added_token(tok, entry, where, err));
cleanup:
    return st;
}

static fr_status add_piece(fr_template *t, fr_piece piece, const char *where, fr_error *err)
{
    if (t->n == FR_TEMPLATE_MAX)
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: a template of more than %d pieces", where,
                            FR_TEMPLATE_MAX);
    t->n_special += piece.kind == FR_PIECE_SPECIAL;
    t->pieces[t->n++] = piece;
    return FR_OK;
}

/* One special token of a template, which may stand for several ids. */
static fr_status add_special_pieces(fr_template *t, const json_t *specials, const char *name,
                                    int32_t type, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *special, *ids, *id;
    size_t i;
    FR_TRY(fr_json_object(specials, where, name, true, &special, err));
    FR_TRY(fr_json_list(special, where, "ids", true, &ids, err));
    json_array_foreach(ids, i, id)
    {
        json_int_t value = json_integer_value(id);
        if (!json_is_integer(id) || value < 0 || value >= FR_TOKEN_ID_MAX)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: special token '%.100s' has an id that is none", where,
                    name);
        FR_TRY(add_piece(t, (fr_piece){FR_PIECE_SPECIAL, (int32_t)value, type}, where, err));
    }
cleanup:
    return st;
}

static fr_status load_template(fr_template *t, const json_t *processor, const char *key,
                               size_t n_texts, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *pieces, *piece, *specials, *body;
    const char *id;
    int64_t type;
    size_t i, seen[2] = {0, 0};
    FR_TRY(fr_json_list(processor, where, key, true, &pieces, err));
    FR_TRY(fr_json_object(processor, where, "special_tokens", true, &specials, err));
    json_array_foreach(pieces, i, piece)
    {
        bool is_special = json_object_get(piece, "SpecialToken") != NULL;
        FR_TRY(fr_json_object(piece, where, is_special ? "SpecialToken" : "Sequence", true, &body,
                              err));
        FR_TRY(fr_json_string(body, where, "id", &id, err));
        FR_TRY(fr_json_integer(body, where, "type_id", &type, err));
        if (type < 0 || type > 1)
            FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: type_id %lld in a template", where,
                    (long long)type);
        if (is_special) {
            FR_TRY(add_special_pieces(t, specials, id, (int32_t)type, where, err));
            continue;
        }
        bool second = !strcmp(id, "B");
        if (!second && strcmp(id, "A"))
            FR_FAIL(err, FR_ERR_FORMAT, "%s: sequence '%.100s' in a template", where, id);
        seen[second]++;
        FR_TRY(add_piece(t, (fr_piece){second ? FR_PIECE_B : FR_PIECE_A, -1, (int32_t)type}, where,
                         err));
    }
    if (seen[0] != 1 || seen[1] != n_texts - 1)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: the template '%s' does not take each text once",
                where, key);
cleanup:
    return st;
}

/* "sep": ["[SEP]", 102] of BertProcessing. */
static fr_status load_bert_special(const json_t *processor, const char *key, const char *where,
                                   int32_t *out, fr_error *err)
{
    json_t *pair;
    fr_status st = fr_json_list(processor, where, key, true, &pair, err);
    if (st != FR_OK) return st;
    const json_t *id = json_array_get(pair, 1);
    if (!json_is_integer(id) || json_integer_value(id) < 0 ||
        json_integer_value(id) >= FR_TOKEN_ID_MAX)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: \"%s\" must be [token, id]", where, key);
    *out = (int32_t)json_integer_value(id);
    return FR_OK;
}

static fr_status load_processor(fr_tokenizer *tok, const json_t *root, const char *where,
                                fr_error *err)
{
    fr_status st = FR_OK;
    json_t *p;
    const char *type;
    int32_t cls, sep;
    FR_TRY(fr_json_object(root, where, "post_processor", false, &p, err));
    if (!p) {
        /* No special tokens: the texts as they are. */
        tok->single = (fr_template){.pieces = {{FR_PIECE_A, -1, 0}}, .n = 1};
        tok->pair = (fr_template){.pieces = {{FR_PIECE_A, -1, 0}, {FR_PIECE_B, -1, 1}}, .n = 2};
        return FR_OK;
    }
    FR_TRY(fr_json_string(p, where, "type", &type, err));
    if (!strcmp(type, "TemplateProcessing")) {
        FR_TRY(load_template(&tok->single, p, "single", 1, where, err));
        FR_TRY(load_template(&tok->pair, p, "pair", 2, where, err));
    } else if (!strcmp(type, "BertProcessing")) {
        FR_TRY(load_bert_special(p, "cls", where, &cls, err));
        FR_TRY(load_bert_special(p, "sep", where, &sep, err));
        fr__tokenizer_set_bert_template(tok, cls, sep);
    } else {
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: post_processor '%.100s' is not supported, only TemplateProcessing and "
                "BertProcessing",
                where, type);
    }
cleanup:
    return st;
}

fr_status fr__tokenizer_load_json(fr_tokenizer *tok, const json_t *root, const char *where,
                                  fr_error *err)
{
    fr_status st = FR_OK;
    json_t *pre_tokenizer;
    FR_TRY(load_model(tok, root, where, err));
    FR_TRY(load_normalizer(tok, root, where, err));
    FR_TRY(component(root, where, "pre_tokenizer", "BertPreTokenizer", &pre_tokenizer, err));
    FR_TRY(load_added(tok, root, where, err));
    FR_TRY(load_processor(tok, root, where, err));
cleanup:
    return st;
}
