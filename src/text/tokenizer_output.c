/* tokenizer_output.c - post-processors and decoders of a tokenizer.json. */
#include <string.h>

#include "format/json.h"
#include "text/tokenizer_impl.h"

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
        FR_TRY(fr__template_add(t, (fr_piece){FR_PIECE_SPECIAL, (int32_t)value, type}, where, err));
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
    t->n = t->n_special = 0;
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
        FR_TRY(fr__template_add(t, (fr_piece){second ? FR_PIECE_B : FR_PIECE_A, -1, (int32_t)type},
                                where, err));
    }
    if (seen[0] != 1 || seen[1] != n_texts - 1)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: the template '%s' does not take each text once",
                where, key);
cleanup:
    return st;
}

/* "sep": ["[SEP]", 102] */
static fr_status load_pair(const json_t *processor, const char *key, const char *where,
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

/* One processor; *templates counts those that say what goes around a text. */
static fr_status load_processor(fr_tokenizer *tok, const json_t *p, size_t *templates,
                                const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    const char *type;
    json_t *list, *part;
    int32_t cls, sep;
    size_t i;
    FR_TRY(fr_json_string(p, where, "type", &type, err));
    if (!strcmp(type, "Sequence")) {
        FR_TRY(fr_json_list(p, where, "processors", true, &list, err));
        json_array_foreach(list, i, part) FR_TRY(load_processor(tok, part, templates, where, err));
        return FR_OK;
    }
    if (!strcmp(type, "ByteLevel")) return FR_OK; /* trims offsets, which nobody asks for here */
    if (++*templates > 1)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: post_processor '%.100s' after another that adds tokens is not supported",
                where, type);
    if (!strcmp(type, "TemplateProcessing")) {
        FR_TRY(load_template(&tok->single, p, "single", 1, where, err));
        FR_TRY(load_template(&tok->pair, p, "pair", 2, where, err));
    } else if (!strcmp(type, "BertProcessing") || !strcmp(type, "RobertaProcessing")) {
        FR_TRY(load_pair(p, "cls", where, &cls, err));
        FR_TRY(load_pair(p, "sep", where, &sep, err));
        if (type[0] == 'B')
            fr__tokenizer_set_bert_template(tok, cls, sep);
        else
            fr__tokenizer_set_roberta_template(tok, cls, sep);
    } else {
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: post_processor '%.100s' is not supported", where,
                type);
    }
cleanup:
    return st;
}

fr_status fr__load_processor(fr_tokenizer *tok, const json_t *value, const char *where,
                             fr_error *err)
{
    size_t templates = 0;
    fr__tokenizer_set_bare_template(tok, 1);
    if (!value || json_is_null(value)) return FR_OK;
    return load_processor(tok, value, &templates, where, err);
}

static const struct {
    const char *type;
    fr_decode_kind kind;
    const char *text; /* key of the step's text, and what it is where the key is missing */
    const char *fallback;
} decoders[] = {
    {"WordPiece", FR_DECODE_WORDPIECE, "prefix", "##"},
    {"ByteLevel", FR_DECODE_BYTE_LEVEL, NULL, NULL},
    {"Metaspace", FR_DECODE_METASPACE, "replacement", FR_SPM_SPACE},
    {"ByteFallback", FR_DECODE_BYTE_FALLBACK, NULL, NULL},
    {"BPEDecoder", FR_DECODE_BPE, "suffix", "</w>"},
    {"Fuse", FR_DECODE_FUSE, NULL, NULL},
    {"Strip", FR_DECODE_STRIP, "content", " "},
    {"Replace", FR_DECODE_REPLACE, NULL, NULL},
};

fr_status fr__load_decoder(fr_decoder *decoder, const json_t *value, const char *where,
                           fr_error *err)
{
    fr_status st = FR_OK;
    const char *type, *text;
    json_t *list, *part;
    bool add;
    size_t i, n = sizeof(decoders) / sizeof(decoders[0]);
    if (!value || json_is_null(value)) return FR_OK;
    FR_TRY(fr_json_string(value, where, "type", &type, err));
    decoder->present = true;
    if (!strcmp(type, "Sequence")) {
        FR_TRY(fr_json_list(value, where, "decoders", true, &list, err));
        json_array_foreach(list, i, part) FR_TRY(fr__load_decoder(decoder, part, where, err));
        return FR_OK;
    }
    for (i = 0; i < n && strcmp(type, decoders[i].type); i++) continue;
    if (i == n)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: decoder '%.100s' is not supported", where, type);
    fr_decode_step *step = fr_decoder_add(decoder, decoders[i].kind);
    if (!step) FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: more than %d decoders", where, FR_DECODE_MAX);
    if (decoders[i].text) {
        FR_TRY(fr_json_string_or(value, where, decoders[i].text, decoders[i].fallback, &text, err));
        FR_TRY(fr_str_append(&step->text, text, strlen(text), err));
    }
    if (step->kind == FR_DECODE_WORDPIECE)
        FR_TRY(fr_json_bool_or(value, where, "cleanup", true, &step->flag, err));
    if (step->kind == FR_DECODE_METASPACE) {
        FR_TRY(fr_json_bool_or(value, where, "add_prefix_space", true, &add, err));
        FR_TRY(fr_json_string_or(value, where, "prepend_scheme", add ? "always" : "never", &text,
                                 err));
        step->flag = strcmp(text, "never") != 0;
    }
    if (step->kind == FR_DECODE_STRIP) {
        FR_TRY(fr_json_size_or(value, where, "start", 0, &step->start, err));
        FR_TRY(fr_json_size_or(value, where, "stop", 0, &step->stop, err));
    }
    if (step->kind == FR_DECODE_REPLACE)
        FR_TRY(fr__load_replace(&step->pattern, &step->text, value, where, err));
cleanup:
    return st;
}
