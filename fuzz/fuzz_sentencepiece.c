/* fuzz_sentencepiece.c - any bytes as a SentencePiece model; the last 16 are a text, too. */
#include "fuzz_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char usual[] =
        "  the good film, caf\xc3\xa9 \xef\xac\x81 \xc2\xbd \xe4\xb8\xad  1 ";
    size_t n = size < 16 ? size : 16;
    fr_tokenizer *tok;
    if (fr_tokenizer_open_spm(&tok, data, size, "fuzz", NULL) != FR_OK) return 0;
    fuzz_tokenizer(tok, usual, sizeof(usual) - 1);
    fuzz_tokenizer(tok, (const char *)data + size - n, n);
    fr_tokenizer_close(tok);
    return 0;
}
