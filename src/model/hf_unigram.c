/* hf_unigram.c - a GGUF vocabulary of kind t5 as the Unigram model of a tokenizer.json.
 *
 * SentencePiece's normalizer is the map of characters, then spaces at the ends and all but one of
 * those in a row go, if it removes spaces; a mark stands for each of the others and before the
 * text. Source: transformers, convert_slow_tokenizer.py; normalizer.cc of SentencePiece. */
#include <stdlib.h>

#include "model/convert_impl.h"
#include "model/gguf_pre.h"

/* As base64 with padding (RFC 4648); NULL when out of memory. */
static json_t *base64(fr_bytes bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = (bytes.len + 2) / 3 * 4;
    char *text = malloc(n + 1);
    for (size_t i = 0; text && i < n / 4; i++) {
        size_t left = bytes.len - 3 * i;
        unsigned long bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < left ? (unsigned char)bytes.data[3 * i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            text[4 * i + k] = k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    json_t *value = text ? json_stringn(text, n) : NULL;
    free(text);
    return value;
}

static json_t *replace(const char *pattern, const char *content)
{
    return json_pack("{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", "Regex", pattern,
                     "content", content);
}

static json_t *normalizer_of(const fr_gguf_vocab *v)
{
    json_t *steps = json_array();
    int failed = 0;
    if (v->charsmap.len)
        failed |=
            json_array_append_new(steps, json_pack("{s:s, s:o}", "type", "Precompiled",
                                                   "precompiled_charsmap", base64(v->charsmap)));
    if (v->remove_extra_whitespaces > 0) {
        failed |= json_array_append_new(steps, replace("\\A +| +\\z", ""));
        failed |= json_array_append_new(steps, replace(" {2,}", " "));
    }
    if (!failed) return json_pack("{s:s, s:o}", "type", "Sequence", "normalizers", steps);
    json_decref(steps);
    return NULL;
}

static json_t *metaspace(bool prefix)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "type", "Metaspace", "replacement", FR_GGUF_SPACE,
                     "prepend_scheme", prefix ? "always" : "never", "split", 0);
}

/* Pieces in a list, whose places are their ids: rows behind the last piece are left out. */
static fr_status list_pieces(const fr_gguf_vocab *v, const char *where, json_t *out, bool *bytes,
                             fr_error *err)
{
    size_t n = v->n;
    while (n > 0 && v->types[n - 1] == FR_GGUF_TOKEN_UNUSED) n--;
    for (size_t i = 0; i < n; i++) {
        if (v->types[i] == FR_GGUF_TOKEN_UNUSED)
            return fr_error_set(err, FR_ERR_UNSUPPORTED,
                                "%s: token %zu is unused, which a tokenizer.json cannot say", where,
                                i);
        *bytes = *bytes || v->types[i] == FR_GGUF_TOKEN_BYTE;
        json_t *text = json_stringn(v->tokens[i].data, v->tokens[i].len);
        if (json_array_append_new(out, json_pack("[o, f]", text, (double)v->scores[i])))
            return fr_error_set(err, FR_ERR_FORMAT,
                                "%s: token %zu is not UTF-8, its score no number, or out of memory",
                                where, i);
    }
    return FR_OK;
}

fr_status fr__hf_put_unigram(json_t *tokenizer, const fr_gguf_vocab *v, const char *where,
                             fr_error *err)
{
    fr_status st = FR_OK;
    bool bytes = false, prefix = v->add_space_prefix != 0;
    json_t *vocab = json_array();
    if (!v->types || v->unk < 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the vocabulary has no types or no unknown token", where);
    FR_TRY(list_pieces(v, where, vocab, &bytes, err));
    json_t *model = json_pack("{s:s, s:i, s:O, s:b}", "type", "Unigram", "unk_id", (int)v->unk,
                              "vocab", vocab, "byte_fallback", bytes);
    if (json_object_set_new(tokenizer, "model", model) ||
        json_object_set_new(tokenizer, "normalizer", normalizer_of(v)) ||
        json_object_set_new(tokenizer, "pre_tokenizer", metaspace(prefix)) ||
        json_object_set_new(tokenizer, "decoder", metaspace(prefix)))
        FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", where);
cleanup:
    json_decref(vocab);
    return st;
}
