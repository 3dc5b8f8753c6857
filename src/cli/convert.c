/* convert.c - frugal convert: a model in another file format. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "model/convert.h"

/* "q8_0" as files spell it, "Q8_0". */
static fr_status read_type(const char *word, fr_dtype *out, fr_error *err)
{
    char name[16];
    size_t n = 0;
    for (; word[n] && n + 1 < sizeof(name); n++) name[n] = (char)toupper((unsigned char)word[n]);
    name[n] = 0;
    if (fr_dtype_find(name, out) && fr_dtype_is_encoded(*out)) return FR_OK;
    return fr_error_set(err, FR_ERR_USAGE,
                        "--type is one of f32, f16, bf16, q8_0 and q4_0, not \"%s\"", word);
}

static fr_status convert(const char *path, const char *to, const char *out, const char *type_word,
                         fr_error *err)
{
    fr_dtype type;
    if (type_word) {
        fr_status st = read_type(type_word, &type, err);
        if (st != FR_OK) return st;
    }
    if (!strcmp(to, "hf")) return fr_convert_to_hf(path, out, type_word ? &type : NULL, err);
    if (!strcmp(to, "gguf")) return fr_convert_to_gguf(path, out, type_word ? &type : NULL, err);
    return fr_error_set(err, FR_ERR_USAGE, "--to is hf or gguf, not \"%s\"", to);
}

int cli_convert(int argc, char **argv)
{
    const char *path = NULL, *to = NULL, *out = NULL, *type = NULL;
    const cli_option options[] = {
        {"--to", CLI_TEXT, &to, true, "FORMAT", "hf: a Hugging Face folder; gguf: a file"},
        {"--out", CLI_TEXT, &out, true, "PATH", "what is written"},
        {"--type", CLI_TEXT, &type, false, "TYPE",
         "f32, f16, bf16; gguf also q8_0, q4_0; without it, as it is"},
    };
    const cli_command command = {
        .name = "convert",
        .summary = "Writes a model (a Hugging Face folder or a GGUF file) in another format.",
        .usage = "PATH",
        .example = "frugal convert my-model --to gguf --type q8_0 --out my-model.gguf",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options),
        .n_positional = 1};
    int status;
    fr_error err;
    if (!cli_begin(&command, argc, argv, &path, &status)) return status;
    cli_show_remarks();
    if (convert(path, to, out, type, &err) != FR_OK) return cli_report_error(&err);
    return CLI_OK;
}
