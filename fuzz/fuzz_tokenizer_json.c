/* fuzz_tokenizer_json.c - any bytes as tokenizer.json and, after a byte 0xff, a text to encode. */
#include <string.h>

#include "fuzz.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char usual[] = "The caf\xc3\xa9 [MASK] wasn't \xe4\xb8\xad";
    const uint8_t *end = size ? memchr(data, 0xff, size) : NULL;
    size_t json_size = end ? (size_t)(end - data) : size;
    const char *text = end ? (const char *)end + 1 : usual;
    size_t len = end ? size - json_size - 1 : sizeof(usual) - 1;
    fr_tokenizer *tok;
    fr_tokens tokens = FR_TOKENS_INIT;
    if (fr_tokenizer_open_json(&tok, (const char *)data, json_size, "fuzz", NULL) != FR_OK)
        return 0;
    for (size_t most = 0; most < 8; most += 3) {
        fr_status st = fr_tokenizer_encode(tok, text, len, FR_SPECIAL, most, &tokens, NULL);
        if (st == FR_OK && most && tokens.n > most) abort();
        st = fr_tokenizer_encode_pair(tok, text, len, usual, sizeof(usual) - 1, FR_SPECIAL, most,
                                      FR_TRUNCATE_LONGEST_FIRST, &tokens, NULL);
        if (st == FR_OK && most && tokens.n > most) abort();
    }
    fr_tokens_release(&tokens);
    fr_tokenizer_close(tok);
    return 0;
}
