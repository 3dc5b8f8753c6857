/* fuzz_wordpiece.c - any bytes as a text: ids of the vocabulary, within the limit, or one error. */
#include <stdint.h>
#include <stdlib.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char json[] =
    "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 1, \"content\": \"[CLS]\", \"special\": "
    "true},"
    "{\"id\": 2, \"content\": \"[SEP]\", \"special\": true}],"
    "\"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true,"
    "\"handle_chinese_chars\": true, \"strip_accents\": null, \"lowercase\": true},"
    "\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"},"
    "\"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 2], \"cls\": "
    "[\"[CLS]\", 1]},"
    "\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"[UNK]\","
    "\"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 100, \"vocab\": {"
    "\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": 2, \"a\": 3, \"##a\": 4, \"ab\": 5, \"##b\": 6, \"e\": "
    "7,"
    "\"##e\": 8, \"!\": 9, \",\": 10, \"\\u4e2d\": 11, \"\\u00df\": 12, \"##\\u00df\": 13}}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fr_tokenizer *tok; /* opened once, lives as long as the process */
    fr_tokens tokens = FR_TOKENS_INIT;
    fr_error err;
    if (!tok && fr_tokenizer_open_json(&tok, json, sizeof(json) - 1, "fuzz.json", &err) != FR_OK)
        abort();
    size_t limit = size ? data[0] : 0;
    if (fr_tokenizer_encode(tok, (const char *)data, size, FR_SPECIAL, limit, &tokens, &err) ==
        FR_OK) {
        if (limit > 0 && tokens.n > limit) abort();
        for (size_t i = 0; i < tokens.n; i++)
            if (tokens.ids[i] < 0 || tokens.ids[i] > 13) abort();
    } else if (!err.message[0]) {
        abort();
    }
    fr_tokens_release(&tokens);
    return 0;
}
