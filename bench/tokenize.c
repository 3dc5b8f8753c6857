/* tokenize.c - how fast a tokenizer is: each line of a file, on one thread.
 *
 *     bench_tokenize MODEL FILE ROUNDS       a line a round: seconds of the processor; then
 * megabytes and tokens */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "os/file.h"
#include "text/tokenizer.h"

static fr_status encode_lines(const fr_tokenizer *tok, const fr_str *text, fr_tokens *tokens,
                              size_t *n, fr_error *err)
{
    const char *at = text->data, *end = at + text->len;
    *n = 0;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((line_end ? line_end : end) - at);
        fr_status st = fr_tokenizer_encode(tok, at, len, FR_NO_SPECIAL, 0, tokens, err);
        if (st != FR_OK) return st;
        *n += tokens->n;
        at += len + 1;
    }
    return FR_OK;
}

int main(int argc, char **argv)
{
    fr_status st = FR_OK;
    fr_error error, *err = &error;
    fr_tokenizer *tok = NULL;
    fr_tokens tokens = FR_TOKENS_INIT;
    fr_str text = FR_STR_INIT;
    size_t n = 0;
    if (argc != 4) {
        fprintf(stderr, "usage: bench_tokenize MODEL FILE ROUNDS\n");
        return 2;
    }
    double opened = fr_clock_thread_cpu();
    FR_TRY(fr_tokenizer_open(&tok, argv[1], err));
    opened = fr_clock_thread_cpu() - opened;
    FR_TRY(fr_file_read(&text, argv[2], (size_t)1 << 30, err));
    for (long round = strtol(argv[3], NULL, 10); round > 0; round--) {
        double begin = fr_clock_thread_cpu();
        FR_TRY(encode_lines(tok, &text, &tokens, &n, err));
        printf("%.6f\n", fr_clock_thread_cpu() - begin);
    }
    printf("opened %.4f s, %.3f MB, %zu tokens\n", opened, (double)text.len / 1e6, n);
cleanup:
    if (st != FR_OK) fprintf(stderr, "bench_tokenize: %s\n", error.message);
    fr_tokenizer_close(tok);
    fr_tokens_release(&tokens);
    fr_str_release(&text);
    return st != FR_OK;
}
