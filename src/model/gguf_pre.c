/* gguf_pre.c - a table of pre-tokenizers: what stands before ByteLevel, and llama.cpp's name. */
#include "model/gguf_pre.h"

#include <string.h>

static const struct {
    const char *pre;
    const char *pattern; /* of a Split; NULL: none */
    bool digits;         /* each digit apart, before ByteLevel's own expression */
    bool nfc;            /* the normalizer */
} kinds[] = {
    {"gpt-2", NULL, false, false},
    {"olmo", NULL, false, true},
    {"smollm", NULL, true, false},
    {"llama-bpe",
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
     "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     false, false},
    {"qwen2",
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
     "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     false, true},
};

enum { N_KINDS = sizeof(kinds) / sizeof(*kinds) };

static const char *type_of(const json_t *part)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    return type ? type : "";
}

static bool is_on(const json_t *part, const char *key)
{
    const json_t *value = json_object_get(part, key);
    return !value || json_is_true(value);
}

fr_status fr__gguf_pre_of(const json_t *tokenizer, const char *where, const char **pre,
                          bool *prefix, fr_error *err)
{
    const json_t *normalizer = json_object_get(tokenizer, "normalizer");
    const json_t *chain = json_object_get(tokenizer, "pre_tokenizer");
    const json_t *parts = json_object_get(chain, "pretokenizers"), *last = chain, *first = NULL;
    bool nfc = !strcmp(type_of(normalizer), "NFC"), plain = !normalizer || json_is_null(normalizer);
    if (!strcmp(type_of(chain), "Sequence")) {
        size_t n = json_array_size(parts);
        last = json_array_get(parts, n - 1);
        first = n == 2 ? json_array_get(parts, 0) : NULL;
        if (n != 1 && n != 2) last = NULL;
    }
    if (last && !strcmp(type_of(last), "ByteLevel") && (nfc || plain)) {
        const char *pattern =
            json_string_value(json_object_get(json_object_get(first, "pattern"), "Regex"));
        bool digits = !strcmp(type_of(first), "Digits") &&
                      json_is_true(json_object_get(first, "individual_digits"));
        *prefix = is_on(last, "add_prefix_space");
        for (size_t i = 0; i < N_KINDS; i++) {
            bool same = kinds[i].pattern ? pattern && !strcmp(pattern, kinds[i].pattern) &&
                                               !is_on(last, "use_regex")
                                         : is_on(last, "use_regex") && digits == kinds[i].digits &&
                                               (first == NULL) == !digits;
            if (!same || kinds[i].nfc != nfc) continue;
            *pre = kinds[i].pre;
            return FR_OK;
        }
    }
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "%s: its normalizer and pre-tokenizer are none of those that we know "
                        "llama.cpp's names of (gpt-2, olmo, smollm, llama-bpe, qwen2)",
                        where);
}

json_t *fr__gguf_pre_json(fr_bytes pre, bool prefix)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        if (!fr_bytes_equal(pre, kinds[i].pre)) continue;
        json_t *level = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space",
                                  prefix, "trim_offsets", 1, "use_regex", !kinds[i].pattern);
        if (kinds[i].pattern)
            return json_pack("{s:s, s:[{s:s, s:{s:s}, s:s, s:b}, o]}", "type", "Sequence",
                             "pretokenizers", "type", "Split", "pattern", "Regex", kinds[i].pattern,
                             "behavior", "Isolated", "invert", 0, level);
        if (kinds[i].digits)
            return json_pack("{s:s, s:[{s:s, s:b}, o]}", "type", "Sequence", "pretokenizers",
                             "type", "Digits", "individual_digits", 1, level);
        return level;
    }
    return NULL;
}

bool fr__gguf_pre_nfc(fr_bytes pre)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (fr_bytes_equal(pre, kinds[i].pre)) return kinds[i].nfc;
    return false;
}
