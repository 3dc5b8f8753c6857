/* tokenize.c - frugal tokenize: token ids of texts, and texts of token ids. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "format/json.h"
#include "os/file.h"
#include "text/tokenizer.h"

enum { MAX_FILE = 1 << 30 };

typedef struct job {
    const char *model, *file;
    bool whole, no_special, decode, json;
} job;

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

/* Reads [1, 2, 3] into *tokens. */
static fr_status read_ids(const char *line, size_t len, fr_tokens *tokens, const char *where,
                          size_t number, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *list = NULL, *id;
    size_t i;
    FR_TRY(fr_json_parse_line(&list, line, len, where, number, err));
    if (!json_is_array(list))
        FR_FAIL(err, FR_ERR_FORMAT, "%s:%zu: expected a list of ids, found %s", where, number,
                fr_json_kind(list));
    tokens->n = 0;
    FR_TRY(fr_tokens_reserve(tokens, json_array_size(list), err));
    json_array_foreach(list, i, id)
    {
        json_int_t value = json_integer_value(id);
        if (!json_is_integer(id) || value < 0 || value > INT32_MAX)
            FR_FAIL(err, FR_ERR_FORMAT, "%s:%zu: entry %zu is no id", where, number, i + 1);
        tokens->ids[tokens->n++] = (int32_t)value;
    }
cleanup:
    json_decref(list);
    return st;
}

static fr_status print_text(const char *text, size_t n, bool json, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *value = json ? json_stringn(text, n) : NULL;
    if (json && !value) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for a text");
    if (json)
        FR_TRY(fr_json_dump(value, out, err));
    else
        FR_TRY(fr_str_append(out, text, n, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    json_decref(value);
    return st;
}

/* One line of the input, or all of it. */
static fr_status one(const fr_tokenizer *tokenizer, const job *j, const char *text, size_t len,
                     size_t line, fr_tokens *tokens, fr_str *decoded, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const char *where = j->file ? j->file : "standard input";
    fr_special special = j->no_special ? FR_NO_SPECIAL : FR_SPECIAL;
    if (j->decode) {
        FR_TRY(read_ids(text, len, tokens, where, line, err));
        fr_str_clear(decoded);
        st = fr_tokenizer_decode(tokenizer, tokens->ids, tokens->n, special, decoded, err);
    } else {
        st = fr_tokenizer_encode(tokenizer, text, len, special, 0, tokens, err);
    }
    if (st != FR_OK) {
        fr_error_prefix(err, "%s:%zu", where, line);
        return st;
    }
    if (j->decode)
        FR_TRY(print_text(fr_str_text(decoded), decoded->len, j->json, out, err));
    else
        FR_TRY(print_ids(tokens, j->json, out, err));
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

static fr_status tokenize(const job *j, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tokenizer *tokenizer = NULL;
    fr_tokens tokens = FR_TOKENS_INIT;
    fr_str text = FR_STR_INIT, decoded = FR_STR_INIT, out = FR_STR_INIT;
    size_t line = 0;

    FR_TRY(fr_tokenizer_open(&tokenizer, j->model, err));
    FR_TRY(read_input(&text, j->file, err));
    for (size_t at = 0; at < text.len || (j->whole && line == 0);) {
        const char *begin = fr_str_text(&text) + at;
        const char *end = j->whole ? NULL : memchr(begin, '\n', text.len - at);
        size_t len = end ? (size_t)(end - begin) : text.len - at;
        FR_TRY(one(tokenizer, j, begin, len, ++line, &tokens, &decoded, &out, err));
        FR_TRY(flush(&out, 1 << 16, err));
        at += len + 1;
    }
    FR_TRY(flush(&out, 0, err));
cleanup:
    fr_tokenizer_close(tokenizer);
    fr_tokens_release(&tokens);
    fr_str_release(&text);
    fr_str_release(&decoded);
    fr_str_release(&out);
    return st;
}

int cli_tokenize(int argc, char **argv)
{
    job j = {.model = NULL};
    const cli_option options[] = {
        {"--model", CLI_TEXT, &j.model, true, "PATH", "model folder, or a tokenizer file"},
        {"--file", CLI_TEXT, &j.file, false, "F", "text file; without it, standard input"},
        {"--whole", CLI_FLAG, &j.whole, false, NULL, "the file is one text, not one a line"},
        {"--no-special", CLI_FLAG, &j.no_special, false, NULL, "without [CLS], [SEP] and the like"},
        {"--decode", CLI_FLAG, &j.decode, false, NULL,
         "each line is a JSON array of ids: its text"},
        {"--json", CLI_FLAG, &j.json, false, NULL,
         "one JSON array of ids a line; with --decode, one JSON string"},
    };
    const cli_command command = {
        .name = "tokenize",
        .summary = "Token ids of each line of a file, one line of ids a line; or back to text.",
        .usage = "",
        .example = "frugal tokenize --model bert-base-uncased --file reviews.txt --json",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options)};
    int status;
    fr_error err;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;
    if (tokenize(&j, &err) != FR_OK) return cli_report_error(&err);
    return CLI_OK;
}
