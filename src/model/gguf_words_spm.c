/* gguf_words_spm.c - a SentencePiece model for GGUF: its pieces as they are. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "format/json.h"
#include "model/gguf_words.h"

/* What llama.cpp does for neither kind. */
static fr_status check_normalizer(const fr_words *v, fr_error *err)
{
    const fr_spm_file *f = &v->spm;
    bool unigram = f->kind == FR_SPM_UNIGRAM;
    if (f->kind != FR_SPM_UNIGRAM && f->kind != FR_SPM_BPE)
        return fr__words_refuse(v, "its model is neither BPE nor Unigram", err);
    if (!f->escape_whitespaces || f->whitespace_is_suffix)
        return fr__words_refuse(v, "its spaces are no marks before words", err);
    if (!unigram && f->charsmap.len)
        return fr__words_refuse(v, "it is BPE whose normalizer changes characters", err);
    if (!unigram && f->remove_extra_whitespaces)
        return fr__words_refuse(v, "it is BPE that removes spaces", err);
    /* llama.cpp cuts these out of a text before it marks and removes spaces. */
    const fr_spm_piece *user = NULL;
    for (size_t i = 0; i < f->n && !user; i++)
        if (f->pieces[i].type == FR_GGUF_TOKEN_USER_DEFINED) user = &f->pieces[i];
    if (unigram && user)
        return fr__words_refuse(v, "it is Unigram with pieces that users have defined", err);
    if (user)
        fr_log(
            FR_LOG_WARNING,
            "%s: llama.cpp may put a space behind tokens that users have defined, such as '%.*s'",
            fr_str_text(&v->path), user->text.len < 64 ? (int)user->text.len : 64, user->text.data);
    if (unigram && f->byte_fallback)
        return fr__words_refuse(v, "it is Unigram with byte fallback", err);
    if (!unigram && !f->byte_fallback)
        fr_log(FR_LOG_WARNING,
               "%s: no byte fallback: llama.cpp fails on characters outside the vocabulary",
               fr_str_text(&v->path));
    return FR_OK;
}

/* Tokens behind the pieces: "added_tokens_decoder" of tokenizer_config.json. */
static fr_status add_tokens(fr_words *v, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *decoder = NULL, *value;
    const char *key, *text;
    bool special;
    if (v->options)
        FR_TRY(fr_json_object(v->options, "tokenizer_config.json", "added_tokens_decoder", false,
                              &decoder, err));
    json_object_foreach(decoder, key, value)
    {
        int64_t id = strtoll(key, NULL, 10);
        FR_TRY(fr_json_string(value, "tokenizer_config.json", "content", &text, err));
        FR_TRY(fr_json_bool_or(value, "tokenizer_config.json", "special", false, &special, err));
        if (id >= 0 && (uint64_t)id < v->spm.n) continue; /* a piece, whose type is known */
        FR_TRY(fr__words_set(v, text, strlen(text), id,
                             special ? FR_GGUF_TOKEN_CONTROL : FR_GGUF_TOKEN_USER_DEFINED, err));
    }
cleanup:
    return st;
}

fr_status fr__words_from_spm(fr_words *v, fr_error *err)
{
    fr_status st = FR_OK;
    const char *where = fr_str_text(&v->path);
    FR_TRY(fr_map_open(&v->map, where, err));
    FR_TRY(fr_spm_file_parse(&v->spm, v->map.data, v->map.size, where, err));
    FR_TRY(check_normalizer(v, err));
    v->kind = v->spm.kind == FR_SPM_BPE ? "llama" : "t5";
    v->add_bos = v->spm.kind == FR_SPM_BPE;
    v->prefix = v->spm.add_dummy_prefix;
    for (size_t i = 0; i < v->spm.n; i++) {
        const fr_spm_piece *p = &v->spm.pieces[i];
        FR_TRY(fr__words_set(v, p->text.data, p->text.len, (int64_t)i, p->type, err));
        v->scores[i] = p->score;
    }
    FR_TRY(add_tokens(v, err));
cleanup:
    return st;
}
