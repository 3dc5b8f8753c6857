/* gpt2_files.c - vocab.json and merges.txt: byte-level BPE as GPT-2 and RoBERTa came out. */
#include <string.h>

#include "text/tokenizer_impl.h"

static fr_status load_merges(fr_bpe *b, const char *text, size_t len, const char *where,
                             fr_error *err)
{
    fr_status st = FR_OK;
    const char *end = text + len;
    for (size_t line = 1; text < end; line++) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        const char *next = line_end ? line_end + 1 : end;
        size_t n = (size_t)((line_end ? line_end : end) - text);
        if (n && text[n - 1] == '\r') n--;
        const char *space = memchr(text, ' ', n);
        bool version = n >= 8 && !memcmp(text, "#version", 8);
        if (n && !version) {
            size_t n_left = space ? (size_t)(space - text) : 0;
            if (!space || memchr(space + 1, ' ', n - n_left - 1))
                FR_FAIL(err, FR_ERR_FORMAT, "%s:%zu: '%.*s' is not two tokens with a space between",
                        where, line, (int)(n < 100 ? n : 100), text);
            FR_TRY(fr_bpe_add(b, text, n_left, space + 1, n - n_left - 1, where, err));
        }
        text = next;
    }
cleanup:
    return st;
}

fr_status fr__tokenizer_load_gpt2(fr_tokenizer *tok, const char *vocab, size_t vocab_len,
                                  const char *vocab_where, const char *merges, size_t merges_len,
                                  const char *merges_where, bool add_prefix_space, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr__load_vocab_object(&tok->vocab, vocab, vocab_len, vocab_where, 1, err));
    FR_TRY(load_merges(&tok->bpe, merges, merges_len, merges_where, err));
    FR_TRY(fr_bpe_prepare(&tok->bpe, err));
    tok->kind = FR_MODEL_BPE;
    fr_split_step *step = fr_split_add(&tok->split, FR_SPLIT_BYTE_LEVEL);
    step->split = true;
    step->prepend = add_prefix_space ? FR_PREPEND_ALWAYS : FR_PREPEND_NEVER;
    fr_decoder_add(&tok->decoder, FR_DECODE_BYTE_LEVEL);
    fr__tokenizer_set_bare_template(tok, 1);
cleanup:
    return st;
}
