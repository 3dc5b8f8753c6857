/* tokenize.c - frugal tokenize: token ids of texts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "os/file.h"
#include "text/tokenizer.h"

enum { MAX_FILE = 1 << 30 };

static fr_status read_input(fr_str *text, const char *path, fr_error *err)
{
    char buf[65536];
    size_t n;
    if (path) return fr_file_read(text, path, MAX_FILE, err);
    while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0) {
        if (text->len + n > MAX_FILE)
            return fr_error_set(err, FR_ERR_FORMAT, "standard input: longer than %d bytes",
                                MAX_FILE);
        fr_status st = fr_str_append(text, buf, n, err);
        if (st != FR_OK) return st;
    }
    if (ferror(stdin)) return fr_error_set(err, FR_ERR_IO, "standard input: %s", strerror(errno));
    return FR_OK;
}

static fr_status print_ids(const fr_tokens *tokens, bool json, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (json) FR_TRY(fr_str_append(out, "[", 1, err));
    for (size_t i = 0; i < tokens->n; i++)
        FR_TRY(fr_str_appendf(out, err, "%s%d", i == 0 ? "" : json ? ", " : " ", tokens->ids[i]));
    FR_TRY(fr_str_appendf(out, err, "%s\n", json ? "]" : ""));
cleanup:
    return st;
}

/* Prints what is collected in `out` once it is large. */
static fr_status flush(fr_str *out, size_t limit, fr_error *err)
{
    if (out->len <= limit) return FR_OK;
    if (fwrite(out->data, 1, out->len, stdout) != out->len || fflush(stdout))
        return fr_error_set(err, FR_ERR_IO, "cannot write to standard output: %s", strerror(errno));
    fr_str_clear(out);
    return FR_OK;
}

static fr_status tokenize(const char *model, const char *file, bool whole, fr_special special,
                          bool json, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokenizer *tokenizer = NULL;
    fr_tokens tokens = FR_TOKENS_INIT;
    fr_str text = FR_STR_INIT, out = FR_STR_INIT;
    size_t line = 0;

    FR_TRY(fr_tokenizer_open(&tokenizer, model, err));
    FR_TRY(read_input(&text, file, err));
    for (size_t at = 0; at < text.len || (whole && line == 0);) {
        const char *begin = fr_str_text(&text) + at;
        const char *end = whole ? NULL : memchr(begin, '\n', text.len - at);
        size_t len = end ? (size_t)(end - begin) : text.len - at;
        line++;
        st = fr_tokenizer_encode(tokenizer, begin, len, special, 0, &tokens, err);
        if (st != FR_OK) {
            fr_error_prefix(err, "%s:%zu", file ? file : "standard input", line);
            goto cleanup;
        }
        FR_TRY(print_ids(&tokens, json, &out, err));
        FR_TRY(flush(&out, 1 << 16, err));
        at += len + 1;
    }
    FR_TRY(flush(&out, 0, err));
cleanup:
    fr_tokenizer_close(tokenizer);
    fr_tokens_release(&tokens);
    fr_str_release(&text);
    fr_str_release(&out);
    return st;
}

int cli_tokenize(int argc, char **argv)
{
    const char *model = NULL, *file = NULL;
    bool whole = false, no_special = false, json = false;
    const cli_option options[] = {
        {"--model", CLI_TEXT, &model, true, "DIR", "Hugging Face folder with a tokenizer"},
        {"--file", CLI_TEXT, &file, false, "F", "text file; without it, standard input"},
        {"--whole", CLI_FLAG, &whole, false, NULL, "the file is one text, not one a line"},
        {"--no-special", CLI_FLAG, &no_special, false, NULL, "without [CLS], [SEP] and the like"},
        {"--json", CLI_FLAG, &json, false, NULL, "one JSON array of ids a line"},
    };
    const cli_command command = {
        .name = "tokenize",
        .summary = "Token ids of each line of a file, one line of ids a line.",
        .usage = "",
        .example = "frugal tokenize --model bert-base-uncased --file reviews.txt --json",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options)};
    int status;
    fr_error err;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    if (tokenize(model, file, whole, no_special ? FR_NO_SPECIAL : FR_SPECIAL, json, &err) != FR_OK)
        return cli_report_error(&err);
    return CLI_OK;
}
