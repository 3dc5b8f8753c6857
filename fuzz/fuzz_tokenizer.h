/* fuzz_tokenizer.h - what must hold of any tokenizer that could be opened. */
#ifndef FR_FUZZ_TOKENIZER_H
#define FR_FUZZ_TOKENIZER_H

#include "fuzz.h"
#include "text/tokenizer.h"

/* Encodes and decodes: ids are tokens, limits hold, and what was encoded can be decoded. */
static inline void fuzz_tokenizer(const fr_tokenizer *tok, const char *text, size_t len)
{
    static const char usual[] = "The caf\xc3\xa9 [MASK] wasn't \xe4\xb8\xad  1\n";
    fr_tokens tokens = FR_TOKENS_INIT;
    fr_str decoded = FR_STR_INIT;
    for (size_t most = 0; most < 8; most += 3) {
        if (fr_tokenizer_encode(tok, text, len, FR_SPECIAL, most, &tokens, NULL) != FR_OK) continue;
        if (most && tokens.n > most) abort();
        for (size_t i = 0; i < tokens.n; i++)
            if (!fr_tokenizer_token(tok, tokens.ids[i])) abort();
        if (fr_tokenizer_decode(tok, tokens.ids, tokens.n, FR_SPECIAL, &decoded, NULL) ==
            FR_ERR_USAGE)
            abort();
        for (int how = 0; how < 3; how++)
            if (fr_tokenizer_encode_pair(tok, text, len, usual, sizeof(usual) - 1, FR_SPECIAL, most,
                                         (fr_truncation)how, &tokens, NULL) == FR_OK &&
                most && tokens.n > most)
                abort();
    }
    fr_tokens_release(&tokens);
    fr_str_release(&decoded);
}

#endif
