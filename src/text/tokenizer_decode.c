/* tokenizer_decode.c - ids back to text. */
#include <string.h>

#include "text/tokenizer_impl.h"
#include "text/utf8.h"

/* Bytes of byte pieces in a row: what is no UTF-8 among them becomes U+FFFD, byte by byte. */
static fr_status flush_bytes(fr_str *bytes, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t at = 0; at < bytes->len;) {
        size_t valid = fr_utf8_check(bytes->data + at, bytes->len - at);
        FR_TRY(fr_str_append(out, bytes->data + at, valid, err));
        at += valid;
        if (at == bytes->len) break;
        FR_TRY(fr_str_append(out, "\xef\xbf\xbd", 3, err));
        at++;
    }
    fr_str_clear(bytes);
cleanup:
    return st;
}

static fr_status put_piece(const fr_decoder *d, const char *text, size_t n, bool at_start,
                           bool *stripped, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const size_t space = strlen(FR_SPM_SPACE);
    *stripped = false;
    if (at_start && d->spm_strip && n >= space && !memcmp(text, FR_SPM_SPACE, space)) {
        text += space;
        n -= space;
        *stripped = !d->spm_strip_all;
    }
    for (const char *end = text + n; text < end;) {
        const char *hit = memmem(text, (size_t)(end - text), FR_SPM_SPACE, space);
        FR_TRY(fr_str_append(out, text, (size_t)((hit ? hit : end) - text), err));
        if (!hit) break;
        FR_TRY(fr_str_append(out, " ", 1, err));
        text = hit + space;
    }
cleanup:
    return st;
}

/* Source: SentencePieceProcessor::Decode of SentencePiece 0.2. */
static fr_status decode_spm(const fr_tokenizer *tok, const int32_t *ids, size_t n,
                            fr_special special, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str bytes = FR_STR_INIT;
    const fr_scored *m = &tok->scored;
    size_t start = out->len, len;
    bool at_start = true, stripped = false;
    for (size_t i = 0; i < n; i++) {
        if (!fr_tokenizer_token(tok, ids[i])) continue;
        const char *text = fr_vocab_text(&tok->vocab, ids[i], &len);
        int type = text && (size_t)ids[i] < m->n ? m->types[ids[i]] : FR_PIECE_CONTROL;
        if (special == FR_NO_SPECIAL && tok->special[ids[i]]) continue;
        if (type == FR_PIECE_BYTE) {
            int32_t byte = 0;
            while (byte < 255 && m->bytes[byte] != ids[i]) byte++;
            char one = (char)byte;
            FR_TRY(fr_str_append(&bytes, &one, 1, err));
            continue;
        }
        FR_TRY(flush_bytes(&bytes, out, err));
        if (stripped || out->len > start) at_start = false;
        stripped = false;
        bool dropped = type == FR_PIECE_UNUSED && tok->decoder.spm_drops_unused;
        if (!text || type == FR_PIECE_CONTROL || dropped) {
            /* An added token that is no piece, or a control symbol, which has no surface. */
            const char *added = text ? NULL : fr_vocab_text(&tok->added.shown, ids[i], &len);
            if (added) FR_TRY(fr_str_append(out, added, len, err));
        } else if (type == FR_PIECE_UNKNOWN) {
            FR_TRY(fr_str_append(out, fr_str_text(&tok->decoder.spm_unknown),
                                 tok->decoder.spm_unknown.len, err));
        } else {
            FR_TRY(put_piece(&tok->decoder, text, len, at_start, &stripped, out, err));
        }
    }
    FR_TRY(flush_bytes(&bytes, out, err));
cleanup:
    fr_str_release(&bytes);
    return st;
}

fr_status fr_tokenizer_decode(const fr_tokenizer *tok, const int32_t *ids, size_t n,
                              fr_special special, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_strings tokens = {0}, spare = {0};
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0) FR_FAIL(err, FR_ERR_USAGE, "%d is no id of a token", (int)ids[i]);
    if (tok->decoder.sentencepiece) {
        FR_TRY(decode_spm(tok, ids, n, special, out, err));
        goto cleanup;
    }
    for (size_t i = 0; i < n; i++) {
        size_t len;
        if (!fr_tokenizer_token(tok, ids[i])) continue;
        if (special == FR_NO_SPECIAL && tok->special[ids[i]]) continue;
        const char *text = fr_vocab_text(&tok->added.shown, ids[i], &len);
        if (!text) text = fr_vocab_text(&tok->vocab, ids[i], &len);
        FR_TRY(fr_str_append(&tokens.bytes, text, len, err));
        FR_TRY(fr_strings_end(&tokens, err));
    }
    FR_TRY(fr_decoder_run(&tok->decoder, &tokens, &spare, out, err));
cleanup:
    fr_strings_release(&tokens);
    fr_strings_release(&spare);
    return st;
}
