/* gguf_vocab.c - the vocabulary inside a GGUF file as a tokenizer.
 *
 * A GGUF names its pre-tokenizer and says no more of it; what each name stands
 * for is written here as llama.cpp has it. A name that is not known, or none,
 * is an error: the ids would be wrong without anyone noticing.
 * Source: llama.cpp's llama-vocab.cpp; tokenizer.ggml.* in ggml's docs/gguf.md. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "format/gguf.h"
#include "text/tokenizer_impl.h"

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define LINES_AND_SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define BEFORE "[^\\r\\n\\p{L}\\p{N}]?"

static const char llama3[] = CONTRACTIONS "|" BEFORE "\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+"
                                          "[\\r\\n]*|" LINES_AND_SPACES;
static const char qwen2[] = CONTRACTIONS "|" BEFORE "\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+"
                                         "[\\r\\n]*|" LINES_AND_SPACES;
static const char gpt4o[] =
    BEFORE UPPER "*" LOWER "+" CONTRACTIONS "?|" BEFORE UPPER "+" LOWER "*" CONTRACTIONS
                 "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" LINES_AND_SPACES;
static const char tekken[] =
    BEFORE UPPER "*" LOWER "+|" BEFORE UPPER "+" LOWER
                 "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" LINES_AND_SPACES;

/* What a name stands for: an expression, then perhaps GPT-2's words. */
static const struct {
    const char *names; /* between spaces */
    const char *regex; /* applied first, or NULL */
    bool words;
    bool ignore_merges, add_bos;
} pre_tokenizers[] = {
    {" gpt-2 phi-2 mpt olmo jais trillion granite-docling ", NULL, true, false, false},
    {" starcoder refact command-r smollm codeshell exaone minerva-7b ", "\\p{N}", true, false,
     false},
    {" llama3 llama-v3 llama-bpe falcon3 ", llama3, false, true, true},
    {" dbrx smaug-bpe ", llama3, false, false, false},
    {" qwen2 stablelm2 deepseek-r1-qwen ", qwen2, false, false, false},
    {" gpt-4o ", gpt4o, false, false, false},
    {" tekken ", tekken, false, true, true},
};

/* How byte-level BPE of this name cuts a text. */
static fr_status load_pre_tokenizer(fr_tokenizer *tok, const fr_gguf_vocab *v, bool *add_bos,
                                    const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    char name[64];
    const size_t n = sizeof(pre_tokenizers) / sizeof(pre_tokenizers[0]);
    size_t i = 0;
    snprintf(name, sizeof(name), " %.*s ", (int)(v->pre.len < 60 ? v->pre.len : 60), v->pre.data);
    while (i < n && (v->pre.len == 0 || !strstr(pre_tokenizers[i].names, name))) i++;
    if (i == n && v->pre.len == 0)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: tokenizer.ggml.pre is missing: how texts are cut cannot be known; convert the "
                "model anew",
                where);
    if (i == n)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: pre-tokenizer%sis not supported", where, name);
    if (pre_tokenizers[i].regex) {
        const char *regex = pre_tokenizers[i].regex;
        fr_split_step *step = fr_split_add(&tok->split, FR_SPLIT_PATTERN);
        step->behavior = FR_SPLIT_ISOLATED;
        FR_TRY(fr_pattern_regex(&step->pattern, regex, strlen(regex), where, err));
    }
    fr_split_add(&tok->split, FR_SPLIT_BYTE_LEVEL)->split = pre_tokenizers[i].words;
    tok->bpe.ignore_merges = pre_tokenizers[i].ignore_merges;
    *add_bos = pre_tokenizers[i].add_bos;
cleanup:
    return st;
}

/* Control and user-defined tokens are found wherever they stand. */
static fr_status add_special(fr_tokenizer *tok, const fr_gguf_vocab *v, const char *where,
                             fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; v->types && i < v->n; i++) {
        bool control = v->types[i] == FR_GGUF_TOKEN_CONTROL;
        bool user = v->types[i] == FR_GGUF_TOKEN_USER_DEFINED;
        fr_added_token token = {.id = (int32_t)i, .special = control};
        if (control || (user && v->tokens[i].len))
            FR_TRY(fr__tokenizer_add(tok, v->tokens[i].data, v->tokens[i].len, token, where, err));
    }
cleanup:
    return st;
}

static fr_status load_gpt2(fr_tokenizer *tok, const fr_gguf_vocab *v, const char *where,
                           fr_error *err)
{
    fr_status st = FR_OK;
    bool add_bos = false;
    FR_TRY(load_pre_tokenizer(tok, v, &add_bos, where, err));
    for (size_t i = 0; i < v->n; i++) {
        /* A row of the embedding that no token has, under a name that nobody writes. */
        if (v->types && v->types[i] == FR_GGUF_TOKEN_UNUSED) continue;
        FR_TRY(
            fr_vocab_add(&tok->vocab, v->tokens[i].data, v->tokens[i].len, (int64_t)i, where, err));
    }
    FR_TRY(fr_bpe_reserve(&tok->bpe, v->n_merges, err));
    for (size_t i = 0; i < v->n_merges; i++) {
        const char *text = v->merges[i].data;
        size_t n = v->merges[i].len;
        /* A token may begin with a space, so the parting one is not the first byte. */
        const char *space = n > 1 ? memchr(text + 1, ' ', n - 1) : NULL;
        if (!space)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: merge %zu is not two tokens with a space between",
                    where, i);
        size_t n_left = (size_t)(space - text);
        FR_TRY(fr_bpe_add(&tok->bpe, text, n_left, space + 1, n - n_left - 1, where, err));
    }
    FR_TRY(fr_bpe_prepare(&tok->bpe, err));
    fr_decoder_add(&tok->decoder, FR_DECODE_BYTE_LEVEL);
    tok->kind = FR_MODEL_BPE;
    bool bos = v->add_bos < 0 ? add_bos : v->add_bos > 0;
    FR_TRY(
        fr__tokenizer_set_ends(tok, bos ? v->bos : -1, v->add_eos > 0 ? v->eos : -1, where, err));
cleanup:
    return st;
}

/* "llama" (BPE by scores) and "t5" (Unigram): SentencePiece without its file. */
static fr_status load_spm(fr_tokenizer *tok, const fr_gguf_vocab *v, bool unigram,
                          const char *where, fr_error *err)
{
    fr_status st = FR_OK;
    fr_scored *m = &tok->scored;
    fr_spm_normalizer *n = NULL;
    if (!v->scores || !v->types)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the vocabulary has no scores or no types", where);
    FR_TRY(fr_spm_normalizer_create(&n, err));
    fr_norm_add(&tok->norm, FR_NORM_SENTENCEPIECE)->spm = n;
    n->add_dummy_prefix = v->add_space_prefix != 0;
    n->remove_extra_whitespaces = v->remove_extra_whitespaces > 0;
    if (v->charsmap.len)
        FR_TRY(fr_charsmap_create(&n->map, v->charsmap.data, v->charsmap.len, where, err));
    for (size_t i = 0; i < v->n; i++) {
        int32_t type = v->types[i];
        if (type < FR_PIECE_NORMAL || type > FR_PIECE_BYTE)
            FR_FAIL(err, FR_ERR_FORMAT, "%s: token %zu is of type %d", where, i, (int)type);
        FR_TRY(
            fr_vocab_add(&tok->vocab, v->tokens[i].data, v->tokens[i].len, (int64_t)i, where, err));
        FR_TRY(fr_scored_add(m, v->scores[i], (fr_piece_type)type, where, err));
    }
    m->kind = unigram ? FR_SCORED_SPM_UNIGRAM : FR_SCORED_SPM_BPE;
    m->unk = v->unk;
    m->byte_fallback = true;
    FR_TRY(fr_scored_prepare(m, err));
    tok->kind = FR_MODEL_SCORED;
    FR_TRY(fr__tokenizer_set_spm_decoder(tok, n, err));
    tok->decoder.spm_drops_unused = true;
    bool bos = v->add_bos < 0 ? !unigram : v->add_bos > 0;
    bool eos = v->add_eos < 0 ? unigram : v->add_eos > 0;
    FR_TRY(fr__tokenizer_set_ends(tok, bos ? v->bos : -1, eos ? v->eos : -1, where, err));
cleanup:
    return st;
}

/* A token as vocab.txt has it: GGUF marks the beginning of a word, not what continues it. */
static fr_status bert_token(const fr_bytes *t, fr_str *out, bool *upper, fr_error *err)
{
    fr_status st = FR_OK;
    const size_t space = strlen(FR_SPM_SPACE);
    bool word = t->len >= space && !memcmp(t->data, FR_SPM_SPACE, space);
    bool bracketed = t->len > 1 && t->data[0] == '[' && t->data[t->len - 1] == ']';
    fr_str_clear(out);
    if (!word && !bracketed) FR_TRY(fr_str_append(out, "##", 2, err));
    size_t skip = word ? space : 0;
    FR_TRY(fr_str_append(out, t->data + skip, t->len - skip, err));
    for (size_t i = 0; i < t->len && !bracketed; i++)
        *upper = *upper || isupper((unsigned char)t->data[i]);
cleanup:
    return st;
}

static fr_status load_bert(fr_tokenizer *tok, const fr_gguf_vocab *v, const char *where,
                           fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    bool upper = false;
    if (v->cls < 0 && v->bos < 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the vocabulary names no cls token", where);
    if (v->sep < 0 || v->unk < 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: the vocabulary names no sep or no unknown token", where);
    for (size_t i = 0; i < v->n; i++) {
        FR_TRY(bert_token(&v->tokens[i], &text, &upper, err));
        FR_TRY(fr_vocab_add(&tok->vocab, text.data, text.len, (int64_t)i, where, err));
    }
    FR_TRY(fr_wordpiece_prepare(&tok->wordpiece, &tok->vocab, "##", err));
    const fr_bert_options o = {true, true, !upper, !upper};
    FR_TRY(fr_bert_create(&fr_norm_add(&tok->norm, FR_NORM_BERT)->bert, o, err));
    fr_split_add(&tok->split, FR_SPLIT_BERT);
    fr_decode_step *step = fr_decoder_add(&tok->decoder, FR_DECODE_WORDPIECE);
    step->flag = true;
    FR_TRY(fr_str_append(&step->text, "##", 2, err));
    tok->wordpiece.unk = v->unk;
    tok->kind = FR_MODEL_WORDPIECE;
    fr__tokenizer_set_bert_template(tok, v->cls >= 0 ? v->cls : v->bos, v->sep);
cleanup:
    fr_str_release(&text);
    return st;
}

fr_status fr__tokenizer_load_gguf(fr_tokenizer *tok, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_gguf *g = NULL;
    fr_gguf_vocab v = {.n = 0};
    FR_TRY(fr_gguf_open(&g, path, err));
    FR_TRY(fr_gguf_vocab_read(g, &v, err));
    if (fr_bytes_equal(v.model, "gpt2"))
        FR_TRY(load_gpt2(tok, &v, path, err));
    else if (fr_bytes_equal(v.model, "llama") || fr_bytes_equal(v.model, "t5"))
        FR_TRY(load_spm(tok, &v, v.model.data[0] == 't', path, err));
    else if (fr_bytes_equal(v.model, "bert"))
        FR_TRY(load_bert(tok, &v, path, err));
    else
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: tokenizer model '%.*s' is not supported", path,
                (int)(v.model.len < 60 ? v.model.len : 60), v.model.data);
    FR_TRY(add_special(tok, &v, path, err));
    const int32_t roles[FR_N_TOKEN_ROLES] = {v.unk, v.cls, v.sep, v.pad, v.mask, v.bos, v.eos};
    memcpy(tok->roles, roles, sizeof(roles));
cleanup:
    fr_gguf_vocab_release(&v);
    fr_gguf_close(g);
    return st;
}
