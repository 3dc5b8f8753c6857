/* inspect.c - frugal inspect: what a model is, and what can be done with it. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "format/json.h"
#include "model/inspect.h"

static const char *text_of(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : fallback;
}

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static fr_status print_adapters(const json_t *adapters, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const json_t *targets = json_object_get(adapters, "targets"), *name;
    size_t i;
    if (!adapters) return FR_OK;
    FR_TRY(fr_str_appendf(out, err, "  adapters    %s of rank %lld, alpha %g, beside",
                          text_of(adapters, "type", "unknown"), number_of(adapters, "rank"),
                          json_number_value(json_object_get(adapters, "alpha"))));
    json_array_foreach(targets, i, name)
    {
        const char *text = json_string_value(name);
        FR_TRY(fr_str_appendf(out, err, "%s %s", i ? "," : "", text ? text : "?"));
    }
    if (!json_is_array(targets))
        FR_TRY(fr_str_appendf(out, err, " %s", text_of(adapters, "targets", "unknown layers")));
    FR_TRY(fr_str_appendf(out, err, "\n  base        %s\n", text_of(adapters, "base", "unknown")));
cleanup:
    return st;
}

static fr_status print_text(const json_t *about, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const char *name;
    json_t *row;
    size_t i;
    const json_t *tokenizer = json_object_get(about, "tokenizer");
    FR_TRY(fr_str_appendf(out, err, "%s\n\n", text_of(about, "path", "")));
    FR_TRY(fr_str_appendf(out, err, "  format      %s\n", text_of(about, "format", "")));
    FR_TRY(fr_str_appendf(out, err, "  model       %s", text_of(about, "model_type", "unknown")));
    if (json_is_string(json_object_get(about, "architecture")))
        FR_TRY(fr_str_appendf(out, err, " (%s)", text_of(about, "architecture", "")));
    FR_TRY(fr_str_appendf(out, err, "\n"));
    FR_TRY(print_adapters(json_object_get(about, "adapters"), out, err));
    FR_TRY(fr_str_appendf(out, err, "  parameters  %lld in %lld tensors, %.1f MB\n",
                          number_of(about, "parameters"), number_of(about, "tensors"),
                          (double)number_of(about, "bytes") / 1e6));
    json_object_foreach(json_object_get(about, "dtypes"), name, row)
    {
        FR_TRY(fr_str_appendf(out, err, "    %-9s %lld in %lld tensors\n", name,
                              number_of(row, "parameters"), number_of(row, "tensors")));
    }
    FR_TRY(fr_str_appendf(out, err, "  tokenizer   %s", text_of(tokenizer, "source", "none")));
    if (number_of(tokenizer, "vocab_size"))
        FR_TRY(fr_str_appendf(out, err, ", %lld tokens", number_of(tokenizer, "vocab_size")));
    FR_TRY(fr_str_appendf(out, err, "\n\n"));
    json_array_foreach(json_object_get(about, "can"), i, row)
    {
        FR_TRY(fr_str_appendf(
            out, err, "  %-18s %s%s\n", text_of(row, "what", ""),
            json_is_true(json_object_get(row, "ok")) ? "yes" : "no: ", text_of(row, "why", "")));
    }
cleanup:
    return st;
}

int cli_inspect(int argc, char **argv)
{
    const char *path = NULL;
    bool json = false;
    const cli_option options[] = {
        {"--json", CLI_FLAG, &json, false, NULL, "one JSON object"},
    };
    const cli_command command = {
        .name = "inspect",
        .summary = "What a model is made of, and what frugal can do with it; weights are not read.",
        .usage = "PATH",
        .example = "frugal inspect model.gguf --json",
        .options = options,
        .n_options = sizeof(options) / sizeof(*options),
        .n_positional = 1};
    int status;
    fr_error err;
    json_t *about = NULL;
    fr_str out = FR_STR_INIT;
    if (!cli_begin(&command, argc, argv, &path, &status)) return status;
    fr_status st = fr_model_inspect(&about, path, &err);
    if (st == FR_OK) st = json ? fr_json_dump(about, &out, &err) : print_text(about, &out, &err);
    if (st == FR_OK && json) st = fr_str_append(&out, "\n", 1, &err);
    status = st == FR_OK ? cli_print(&out) : cli_report_error(&err);
    json_decref(about);
    fr_str_release(&out);
    return status;
}
