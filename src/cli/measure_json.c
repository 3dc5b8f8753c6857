/* measure_json.c - the report of `frugal measure` for programs, one JSON object. */
#include <jansson.h>
#include <math.h>

#include "cli/measure.h"
#include "format/json.h"

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* {"mean": 1.5, "standard_error": 0.1}; null where it is not known. */
static json_t *spread_json(const cli_measured *m, cli_figure what, int domain)
{
    cli_spread x;
    if (cli_spread_of(m, what, domain, &x, NULL) != FR_OK) return NULL;
    return json_pack("{s:o, s:o}", "mean", number(x.mean), "standard_error", number(x.error));
}

static json_t *energy_json(const cli_measured *m, int d)
{
    cli_spread systematic, random;
    if (cli_spread_of(m, CLI_SYSTEMATIC, d, &systematic, NULL) ||
        cli_spread_of(m, CLI_RANDOM, d, &random, NULL))
        return NULL;
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:s}", "joules",
                     spread_json(m, CLI_JOULES, d), "idle_joules", spread_json(m, CLI_IDLE_J, d),
                     "attributed_joules", spread_json(m, CLI_ATTRIBUTED_J, d), "kind",
                     fr_kind_name(cli_kind_of(m, d)), "relative_uncertainty",
                     number(systematic.mean), "relative_random", number(random.mean), "source",
                     m->source[d], "why", m->why[d]);
}

static json_t *run_json(const cli_run *run)
{
    const fr_command_result *c = &run->result;
    json_t *row = json_pack(
        "{s:o, s:o, s:o, s:o, s:o}", "duration_s", number(cli_value_of(run, CLI_DURATION_S, 0)),
        "joules", number(cli_value_of(run, CLI_JOULES, FR_N_DOMAINS)), "attributed_joules",
        number(cli_value_of(run, CLI_ATTRIBUTED_J, FR_N_DOMAINS)), "cpu_s",
        number(cli_value_of(run, CLI_CPU_S, 0)), "peak_bytes",
        number(cli_value_of(run, CLI_PEAK_BYTES, 0)));
    if (!row || !run->watched) return row;
    json_object_set_new(row, "status", json_integer(c->status));
    json_object_set_new(row, "signal", json_integer(c->signal));
    json_object_set_new(row, "lower_bound", json_boolean(c->lower_bound));
    json_object_set_new(row, "left_running", json_integer((json_int_t)c->n_left));
    return row;
}

static fr_status note_as_json(void *ctx, const char *note, fr_error *err)
{
    json_t *text = json_string(note);
    if (!text) text = json_string("(a note that is not UTF-8)");
    if (json_array_append_new(ctx, text))
        return fr_error_set(err, FR_ERR_NOMEM, "out of memory for the report");
    return FR_OK;
}

static json_t *grid_json(const cli_measured *m)
{
    const fr_intensity *g = &m->grid;
    return json_pack("{s:s, s:b, s:f, s:[f, f], s:b, s:s, s:s}", "region", g->region.code, "given",
                     m->region_given, "g_per_kwh", g->g_per_kwh, "range", g->low, g->high, "live",
                     g->live, "source", g->source, "note", g->note);
}

static json_t *command_json(const cli_measured *m)
{
    json_t *list = m->command ? json_array() : json_null();
    for (size_t i = 0; m->command && m->command[i]; i++) {
        json_t *word = json_string(m->command[i]);
        json_array_append_new(list, word ? word : json_string("(not UTF-8)"));
    }
    return list;
}

fr_status cli_measured_json(const cli_measured *m, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    cli_grams g;
    json_t *energy = json_object(), *runs = json_array(), *notes = json_array();
    FR_TRY(cli_grams_of(m, &g, err));
    FR_TRY(cli_each_note(m, note_as_json, notes, err));
    for (int d = 0; d < CLI_MEASURED_DOMAINS; d++)
        if (cli_has_source(m, d))
            json_object_set_new(energy, cli_domain_names[d], energy_json(m, d));
    for (size_t i = 0; i < m->n_runs; i++) json_array_append_new(runs, run_json(&m->runs[i]));
    json_t *root = json_pack(
        "{s:o, s:o, s:O, s:o, s:o, s:o, s:o, s:s, s:{s:o, s:o, s:o, s:o, s:o, s:o}, s:o, s:f, s:O, "
        "s:O}",
        "command", command_json(m), "duration_s", spread_json(m, CLI_DURATION_S, 0), "energy",
        energy, "mean_w", spread_json(m, CLI_MEAN_W, 0), "peak_w", spread_json(m, CLI_MAX_W, 0),
        "cpu_s", spread_json(m, CLI_CPU_S, 0), "peak_bytes", spread_json(m, CLI_PEAK_BYTES, 0),
        "counting", m->counting, "g_co2e", "value", number(g.value), "low", number(g.low), "high",
        number(g.high), "attributed", number(g.attributed), "embodied", number(g.embodied), "sci",
        number(g.sci), "grid", grid_json(m), "pue", m->pue, "runs", runs, "notes", notes);
    if (!root) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for the report");
    st = fr_json_dump(root, out, err);
    json_decref(root);
    if (st == FR_OK) st = fr_str_append(out, "\n", 1, err);
cleanup:
    json_decref(energy);
    json_decref(runs);
    json_decref(notes);
    return st;
}
