/* meters.c - frugal meters: what can be read on this machine. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "format/json.h"
#include "frugal/meter.h"

static fr_status as_json(const fr_meter *meter, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *list = json_array();
    const fr_source_info *s;
    for (size_t i = 0; (s = fr_meter_source(meter, i)); i++) {
        json_t *row =
            json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:f, s:s}", "name", s->name, "covers",
                      s->covers, "kind", fr_kind_name(s->kind), "usable", s->usable, "used",
                      s->used, "detail", s->detail, "remedy", s->remedy, "relative_uncertainty",
                      s->relative_uncertainty, "citation", s->citation);
        if (json_array_append_new(list, row))
            FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the list of meters");
    }
    FR_TRY(fr_json_dump(list, out, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    json_decref(list);
    return st;
}

/* A paragraph a source. */
static fr_status as_text(const fr_meter *meter, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_source_info *s;
    for (size_t i = 0; (s = fr_meter_source(meter, i)); i++) {
        FR_TRY(fr_str_appendf(out, err, "%s (%s; %s): %s\n    %s\n", s->name, s->covers,
                              fr_kind_name(s->kind),
                              s->used     ? "in use"
                              : s->usable ? "usable, not in use"
                                          : "not usable",
                              s->detail));
        if (s->remedy[0]) FR_TRY(fr_str_appendf(out, err, "    to change that: %s\n", s->remedy));
        if (s->usable)
            FR_TRY(fr_str_appendf(out, err, "    uncertainty %.0f %%: %s\n",
                                  100 * s->relative_uncertainty, s->citation));
    }
cleanup:
    return st;
}

int cli_meters(int argc, char **argv)
{
    bool json = false;
    cli_texts sources = {.n = 0};
    const cli_option options[] = {{"--source", CLI_TEXTS, &sources, false, "SPEC", CLI_SOURCE_HELP},
                                  {"--json", CLI_FLAG, &json, false, NULL, "as a JSON array"}};
    const cli_command command = {
        .name = "meters",
        .summary = "Sources of energy on this machine: usable or why not, and how to change that.",
        .usage = "",
        .example = "frugal meters",
        .options = options,
        .n_options = 2};
    int status;
    fr_error err;
    fr_meter *meter = NULL;
    fr_str out = FR_STR_INIT;
    fr_meter_options meter_options = FR_METER_OPTIONS_INIT;
    if (!cli_begin(&command, argc, argv, NULL, &status)) return status;

    meter_options.sources = sources.all;
    meter_options.n_sources = sources.n;
    fr_status st = fr_meter_open(&meter, &meter_options, &err);
    if (st == FR_OK) st = json ? as_json(meter, &out, &err) : as_text(meter, &out, &err);
    status = st == FR_OK ? cli_print(&out) : cli_report_error(&err);
    fr_str_release(&out);
    fr_meter_close(meter);
    return status;
}
