/* fuzz_tokenizer_json.c - any bytes as tokenizer.json and, after a byte 0xff, a text to encode. */
#include <string.h>

#include "fuzz_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char usual[] = "The caf\xc3\xa9 [MASK] wasn't \xe4\xb8\xad";
    const uint8_t *end = size ? memchr(data, 0xff, size) : NULL;
    size_t json_size = end ? (size_t)(end - data) : size;
    fr_tokenizer *tok;
    if (fr_tokenizer_open_json(&tok, (const char *)data, json_size, "fuzz", NULL) != FR_OK)
        return 0;
    if (end)
        fuzz_tokenizer(tok, (const char *)end + 1, size - json_size - 1);
    else
        fuzz_tokenizer(tok, usual, sizeof(usual) - 1);
    fr_tokenizer_close(tok);
    return 0;
}
