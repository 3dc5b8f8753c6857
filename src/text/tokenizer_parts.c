/* tokenizer_parts.c - normalizers and pre-tokenizers of a tokenizer.json. */
#include <string.h>

#include "format/json.h"
#include "text/tokenizer_impl.h"

/* {"String": "x"} or {"Regex": "x"} */
static fr_status load_pattern(fr_pattern **out, const json_t *part, const char *where,
                              fr_error *err)
{
    fr_status st = FR_OK;
    json_t *pattern;
    const char *text;
    size_t n;
    FR_TRY(fr_json_object(part, where, "pattern", true, &pattern, err));
    bool regex = json_object_get(pattern, "Regex") != NULL;
    FR_TRY(fr_json_text(pattern, where, regex ? "Regex" : "String", &text, &n, err));
    if (regex)
        FR_TRY(fr_pattern_regex(out, text, n, where, err));
    else
        FR_TRY(fr_pattern_string(out, text, n, err));
cleanup:
    return st;
}

fr_status fr__load_replace(fr_pattern **pattern, fr_str *content, const json_t *part,
                           const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    const char *text;
    size_t n;
    FR_TRY(load_pattern(pattern, part, where, err));
    FR_TRY(fr_json_text(part, where, "content", &text, &n, err));
    FR_TRY(fr_str_append(content, text, n, err));
cleanup:
    return st;
}

static fr_status load_bert(fr_norm_step *step, const json_t *value, const char *where,
                           fr_error *err)
{
    fr_status st = FR_OK;
    fr_bert_options o;
    FR_TRY(fr_json_bool_or(value, where, "clean_text", true, &o.clean_text, err));
    FR_TRY(fr_json_bool_or(value, where, "handle_chinese_chars", true, &o.chinese_chars, err));
    FR_TRY(fr_json_bool_or(value, where, "lowercase", true, &o.lowercase, err));
    FR_TRY(fr_json_bool_or(value, where, "strip_accents", o.lowercase, &o.strip_accents, err));
    FR_TRY(fr_bert_create(&step->bert, o, err));
cleanup:
    return st;
}

/* Appends the bytes of base64 with padding (RFC 4648); false when it is none. */
static bool decode_base64(const char *text, size_t n, fr_str *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (n % 4 || fr_str_reserve(out, n / 4 * 3, NULL) != FR_OK) return false;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t bits = 0;
        size_t pad = i + 4 < n ? 0 : (size_t)(text[n - 1] == '=') + (text[n - 2] == '=');
        for (size_t k = 0; k < 4; k++) {
            const char *digit = text[i + k] ? strchr(digits, text[i + k]) : NULL;
            if (!digit && k < 4 - pad) return false;
            bits = bits << 6 | (digit ? (uint32_t)(digit - digits) : 0);
        }
        for (size_t k = 0; k < 3 - pad; k++)
            out->data[out->len++] = (char)(bits >> (16 - 8 * k) & 0xff);
    }
    return true;
}

static fr_status load_precompiled(fr_norm_step *step, const json_t *value, const char *where,
                                  fr_error *err)
{
    fr_status st = FR_OK;
    fr_str bytes = FR_STR_INIT;
    const char *text;
    FR_TRY(fr_json_string(value, where, "precompiled_charsmap", &text, err));
    if (!decode_base64(text, strlen(text), &bytes))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: precompiled_charsmap is not base64", where);
    FR_TRY(fr_charsmap_create(&step->map, fr_str_text(&bytes), bytes.len, where, err));
cleanup:
    fr_str_release(&bytes);
    return st;
}

static const struct {
    const char *type;
    fr_norm_kind kind;
} normalizers[] = {
    {"BertNormalizer", FR_NORM_BERT},
    {"NFC", FR_NORM_NFC},
    {"NFD", FR_NORM_NFD},
    {"NFKC", FR_NORM_NFKC},
    {"NFKD", FR_NORM_NFKD},
    {"Lowercase", FR_NORM_LOWERCASE},
    {"StripAccents", FR_NORM_STRIP_ACCENTS},
    {"Strip", FR_NORM_STRIP},
    {"Replace", FR_NORM_REPLACE},
    {"Prepend", FR_NORM_PREPEND},
    {"Precompiled", FR_NORM_CHARSMAP},
    {"Nmt", FR_NORM_NMT},
    {"ByteLevel", FR_NORM_BYTE_LEVEL},
};

fr_status fr__load_normalizer(fr_norm *norm, const json_t *value, const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    const char *type, *text;
    json_t *list, *part;
    size_t i, n = sizeof(normalizers) / sizeof(normalizers[0]);
    if (!value || json_is_null(value)) return FR_OK;
    FR_TRY(fr_json_string(value, where, "type", &type, err));
    if (!strcmp(type, "Sequence")) {
        FR_TRY(fr_json_list(value, where, "normalizers", true, &list, err));
        json_array_foreach(list, i, part) FR_TRY(fr__load_normalizer(norm, part, where, err));
        return FR_OK;
    }
    for (i = 0; i < n && strcmp(type, normalizers[i].type); i++) continue;
    if (i == n)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: normalizer '%.100s' is not supported", where, type);
    fr_norm_step *step = fr_norm_add(norm, normalizers[i].kind);
    if (!step) FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: more than %d normalizers", where, FR_NORM_MAX);
    if (step->kind == FR_NORM_BERT) FR_TRY(load_bert(step, value, where, err));
    if (step->kind == FR_NORM_CHARSMAP) FR_TRY(load_precompiled(step, value, where, err));
    if (step->kind == FR_NORM_STRIP) {
        FR_TRY(fr_json_bool_or(value, where, "strip_left", true, &step->left, err));
        FR_TRY(fr_json_bool_or(value, where, "strip_right", true, &step->right, err));
    }
    if (step->kind == FR_NORM_REPLACE)
        FR_TRY(fr__load_replace(&step->pattern, &step->text, value, where, err));
    if (step->kind == FR_NORM_PREPEND) {
        FR_TRY(fr_json_text(value, where, "prepend", &text, &n, err));
        FR_TRY(fr_str_append(&step->text, text, n, err));
    }
cleanup:
    return st;
}

static fr_status load_behavior(fr_split_step *step, const json_t *value, const char *where,
                               fr_error *err)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    const char *name;
    fr_status st = fr_json_string_or(value, where, "behavior", "Isolated", &name, err);
    if (st != FR_OK) return st;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i])) continue;
        step->behavior = (fr_split_behavior)i;
        return FR_OK;
    }
    return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: split behavior '%.100s' is not supported",
                        where, name);
}

static fr_status load_metaspace(fr_split_step *step, const json_t *value, const char *where,
                                fr_error *err)
{
    static const char *const names[] = {"never", "first", "always"};
    fr_status st = FR_OK;
    const char *space, *scheme;
    bool add;
    size_t i;
    FR_TRY(fr_json_string(value, where, "replacement", &space, err));
    FR_TRY(fr_json_bool_or(value, where, "add_prefix_space", true, &add, err));
    FR_TRY(
        fr_json_string_or(value, where, "prepend_scheme", add ? "always" : "never", &scheme, err));
    FR_TRY(fr_json_bool_or(value, where, "split", true, &step->split, err));
    if (!space[0] || strlen(space) > 4)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: Metaspace's replacement is not one character", where);
    memcpy(step->space, space, strlen(space) + 1);
    for (i = 0; i < 3 && strcmp(scheme, names[i]); i++) continue;
    if (i == 3)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: prepend_scheme '%.100s' is not supported", where,
                scheme);
    step->prepend = (fr_prepend)i;
cleanup:
    return st;
}

static const struct {
    const char *type;
    fr_split_kind kind;
} pre_tokenizers[] = {
    {"BertPreTokenizer", FR_SPLIT_BERT},
    {"Whitespace", FR_SPLIT_WHITESPACE},
    {"WhitespaceSplit", FR_SPLIT_WHITESPACE_SPLIT},
    {"Punctuation", FR_SPLIT_PUNCTUATION},
    {"Digits", FR_SPLIT_DIGITS},
    {"CharDelimiterSplit", FR_SPLIT_PATTERN},
    {"Split", FR_SPLIT_PATTERN},
    {"Metaspace", FR_SPLIT_METASPACE},
    {"ByteLevel", FR_SPLIT_BYTE_LEVEL},
};

/* What a step is told beside its type. */
static fr_status load_split_options(fr_split_step *step, const char *type, const json_t *value,
                                    const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    const char *text;
    size_t n;
    bool flag;
    switch (step->kind) {
    case FR_SPLIT_PUNCTUATION: FR_TRY(load_behavior(step, value, where, err)); break;
    case FR_SPLIT_DIGITS:
        FR_TRY(fr_json_bool_or(value, where, "individual_digits", false, &flag, err));
        step->behavior = flag ? FR_SPLIT_ISOLATED : FR_SPLIT_CONTIGUOUS;
        break;
    case FR_SPLIT_PATTERN:
        if (strcmp(type, "Split")) { /* one character, which goes */
            FR_TRY(fr_json_text(value, where, "delimiter", &text, &n, err));
            FR_TRY(fr_pattern_string(&step->pattern, text, n, err));
            break;
        }
        FR_TRY(load_pattern(&step->pattern, value, where, err));
        FR_TRY(load_behavior(step, value, where, err));
        FR_TRY(fr_json_bool_or(value, where, "invert", false, &step->invert, err));
        break;
    case FR_SPLIT_METASPACE: FR_TRY(load_metaspace(step, value, where, err)); break;
    case FR_SPLIT_BYTE_LEVEL:
        FR_TRY(fr_json_bool_or(value, where, "add_prefix_space", true, &flag, err));
        FR_TRY(fr_json_bool_or(value, where, "use_regex", true, &step->split, err));
        step->prepend = flag ? FR_PREPEND_ALWAYS : FR_PREPEND_NEVER;
        break;
    default: break;
    }
cleanup:
    return st;
}

fr_status fr__load_pre_tokenizer(fr_split *split, const json_t *value, const char *where,
                                 fr_error *err)
{
    fr_status st = FR_OK;
    const char *type;
    json_t *list, *part;
    size_t i, n = sizeof(pre_tokenizers) / sizeof(pre_tokenizers[0]);
    if (!value || json_is_null(value)) return FR_OK;
    FR_TRY(fr_json_string(value, where, "type", &type, err));
    if (!strcmp(type, "Sequence")) {
        FR_TRY(fr_json_list(value, where, "pretokenizers", true, &list, err));
        json_array_foreach(list, i, part) FR_TRY(fr__load_pre_tokenizer(split, part, where, err));
        return FR_OK;
    }
    for (i = 0; i < n && strcmp(type, pre_tokenizers[i].type); i++) continue;
    if (i == n)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: pre_tokenizer '%.100s' is not supported", where,
                type);
    fr_split_step *step = fr_split_add(split, pre_tokenizers[i].kind);
    if (!step)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: more than %d pre-tokenizers", where, FR_SPLIT_MAX);
    if (fr_split_writers(split) > FR_SPLIT_WRITERS_MAX)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: more than %d pre-tokenizers Metaspace or ByteLevel",
                where, FR_SPLIT_WRITERS_MAX);
    FR_TRY(load_split_options(step, type, value, where, err));
cleanup:
    return st;
}
