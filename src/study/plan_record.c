/* plan_record.c - the plan written into the ledger, where reports find it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/rng.h"
#include "frugal/carbon.h"
#include "net/http.h"
#include "study/plan.h"

static const char *how_text(const fr_spec_model *m)
{
    switch (m->kind) {
    case FR_SPEC_LOCAL: return m->tuned ? "tuned" : "as it is";
    case FR_SPEC_SCRATCH: return "tuned";
    case FR_SPEC_ENDPOINT: return "endpoint";
    case FR_SPEC_PREDICTIONS: return "predictions";
    case FR_SPEC_BASELINE: return "baseline";
    case FR_SPEC_ESTIMATE: break;
    }
    return "estimate only";
}

static fr_status put_note(fr_ledger *l, const char *model, const char *text, fr_error *err)
{
    return fr_sql_run(&l->db, err, "INSERT INTO note(model, text) VALUES(?,?)", "tt", model, text);
}

static fr_status FR_PRINTF(6, 7)
    put_provenance(fr_ledger *l, const char *what, fr_kind kind, const char *source, fr_error *err,
                   const char *fmt, ...)
{
    char value[512];
    va_list args;
    va_start(args, fmt);
    fr_vsnprintf(value, sizeof(value), fmt, args);
    va_end(args);
    return fr_sql_run(&l->db, err,
                      "INSERT INTO provenance(what, value, kind, source)"
                      " VALUES(?,?,?,?)",
                      "ttit", what, value, (int64_t)kind, source);
}

/* The same file under two names is one file. */
static fr_status check_file(fr_ledger *l, const char *path, const char *role, const char *sha256,
                            size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    char *full = path ? realpath(path, NULL) : NULL;
    char what[64];
    if (!path) goto cleanup;
    FR_TRY(fr_ledger_check_data(l, full ? full : path, role, sha256, err));
    snprintf(what, sizeof(what), "%s data", role);
    FR_TRY(put_provenance(l, what, FR_KIND_MEASURED, full ? full : path, err,
                          "%zu items, SHA-256 %.16s", n, sha256));
cleanup:
    free(full);
    return st;
}

static fr_status record_study(const fr_plan *p, fr_ledger *l, fr_error *err)
{
    fr_status st = FR_OK;
    char run_id[32];
    fr_str metrics = FR_STR_INIT; /* no name holds a space */
    double now = fr_time_unix_s();
    uint64_t bits;
    memcpy(&bits, &now, sizeof(bits));
    snprintf(run_id, sizeof(run_id), "%016llx",
             (unsigned long long)fr_mix64(bits, (uint64_t)(uintptr_t)p));
    for (size_t i = 0; i < p->task->n_metrics; i++)
        FR_TRY(fr_str_appendf(&metrics, err, "%s%s", i ? " " : "", p->task->metrics[i]));
    /* run_id and the time of creation are the folder's, and stay. */
    FR_TRY(fr_sql_run(&l->db, err,
                      "INSERT INTO study VALUES(1,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
                      " ON CONFLICT(id) DO UPDATE SET name = excluded.name, task = excluded.task,"
                      " metrics = excluded.metrics, n_labels = excluded.n_labels,"
                      " margin = excluded.margin,"
                      " region = excluded.region, country_iso = excluded.country_iso,"
                      " intensity = excluded.intensity, intensity_low = excluded.intensity_low,"
                      " intensity_high = excluded.intensity_high,"
                      " intensity_kind = excluded.intensity_kind,"
                      " intensity_source = excluded.intensity_source, pue = excluded.pue",
                      "ttttidttddditdd", run_id, p->spec.name, p->task->name, fr_str_text(&metrics),
                      (int64_t)p->task->n_labels, p->spec.margin, p->region, p->country_iso,
                      p->intensity.value, p->intensity.low, p->intensity.high,
                      (int64_t)p->intensity.kind, p->intensity.source, p->spec.pue, now));
cleanup:
    fr_str_release(&metrics);
    return st;
}

/* What the sets hold, and what they have in common. */
static fr_status record_sets(const fr_plan *p, fr_ledger *l, fr_error *err)
{
    const fr_duplicates *d = &p->duplicates;
    const struct {
        const char *role;
        size_t n, repeated, in_train, in_validation;
    } sets[] = {{"train", p->train.n, d->in_train, 0, 0},
                {"validation", p->validation.n, d->in_validation, d->validation_in_train, 0},
                {"test", p->test.n, d->in_test, d->test_in_train, d->test_in_validation}};
    fr_status st = FR_OK;
    for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
        if (sets[i].n)
            FR_TRY(fr_sql_run(&l->db, err, "INSERT INTO data_set VALUES(?,?,?,?,?,?)", "itiiii",
                              (int64_t)i, sets[i].role, (int64_t)sets[i].n,
                              (int64_t)sets[i].repeated, (int64_t)sets[i].in_train,
                              (int64_t)sets[i].in_validation));
cleanup:
    return st;
}

static fr_status record_items(const fr_plan *p, fr_ledger *l, fr_error *err)
{
    fr_status st = FR_OK;
    sqlite3_stmt *q = NULL;
    bool row;
    FR_TRY(fr_sql_exec(&l->db, "DELETE FROM test_item", err));
    FR_TRY(fr_sql_prepare(&l->db, &q, err, "INSERT INTO test_item VALUES(?,?,?,?)", ""));
    for (size_t i = 0; i < p->test.n; i++) {
        const fr_item *item = &p->test.items[i];
        FR_TRY(fr_sql_bind(&l->db, q, err, "itii", (int64_t)i, p->items[i], (int64_t)item->label,
                           (int64_t)item->line));
        FR_TRY(fr_sql_step(&l->db, q, &row, err));
        sqlite3_reset(q);
    }
cleanup:
    sqlite3_finalize(q);
    return st;
}

/* Where a model comes from, for the table of provenance. */
static fr_status record_origin(const fr_plan_model *m, fr_ledger *l, fr_error *err)
{
    const fr_spec_model *s = m->spec;
    char url[256];
    const char *source = s->path;
    if (s->kind == FR_SPEC_ENDPOINT)
        source = fr_http_url_show(s->endpoint.url, url, sizeof(url));
    else if (s->kind == FR_SPEC_ESTIMATE)
        source = FR_LLM_STUDY_SOURCE;
    if (s->kind == FR_SPEC_ESTIMATE)
        return put_provenance(l, s->name, FR_KIND_ESTIMATED, source, err,
                              "%.4g B active of %.4g B parameters", m->params_active / 1e9,
                              m->params_total / 1e9);
    if (s->kind == FR_SPEC_BASELINE)
        return put_provenance(
            l, s->name, FR_KIND_MEASURED, fr_spec_baseline_name(s->baseline), err, "%s",
            fr_spec_baseline_learns(s->baseline) ? "learnt from the training items"
                                                 : "nothing is learnt");
    if (s->kind == FR_SPEC_ENDPOINT)
        return put_provenance(l, s->name, FR_KIND_MEASURED, source, err, "model %s",
                              s->endpoint.model ? s->endpoint.model : "the server's first");
    return put_provenance(l, s->name, FR_KIND_MEASURED, source, err, "SHA-256 %.16s", m->identity);
}

/* What a model of this machine does not see of its items. */
static fr_status record_cuts(const fr_plan *p, const fr_plan_model *m, fr_ledger *l, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_spec_model *s = m->spec;
    char note[256];
    if (m->max_tokens < s->max_tokens) {
        snprintf(note, sizeof(note), "texts are cut at %zu tokens, the most it can take",
                 m->max_tokens);
        FR_TRY(put_note(l, s->name, note, err));
    }
    if (m->n_test_cut) {
        snprintf(note, sizeof(note),
                 "%zu of %zu prompts are so long that no answer fits behind them within %zu "
                 "tokens: what they ask about loses its end",
                 m->n_test_cut, p->test.n, m->max_tokens);
        FR_TRY(put_note(l, s->name, note, err));
    }
    if (m->n_train_cut) {
        snprintf(note, sizeof(note),
                 "%zu of %zu training items are longer than %zu tokens and lose their end",
                 m->n_train_cut, p->train.n, m->max_tokens);
        FR_TRY(put_note(l, s->name, note, err));
    }
cleanup:
    return st;
}

static fr_status record_model(const fr_plan *p, size_t i, fr_ledger *l, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_plan_model *m = &p->models[i];
    const fr_spec_model *s = m->spec;
    bool local = fr_spec_runs_here(s);
    bool reference = p->spec.reference && !strcmp(p->spec.reference, s->name);
    char note[256];
    FR_TRY(fr_sql_run(&l->db, err, "INSERT INTO plan_model VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                      "ittiiddddtt", (int64_t)i, s->name, how_text(s), (int64_t)local,
                      (int64_t)reference, m->params_active, m->params_total, m->mean_tokens_in,
                      m->mean_tokens_out, m->tokens_source, m->identity));
    for (size_t r = 0; r < m->n_runs; r++)
        FR_TRY(fr_sql_run(&l->db, err, "INSERT INTO plan_run VALUES(?,?,?,?,?,?)", "iiiitt",
                          (int64_t)i, (int64_t)r, (int64_t)m->runs[r].seed,
                          (int64_t)m->runs[r].repeat, m->runs[r].cell, m->runs[r].tune_key));
    FR_TRY(record_origin(m, l, err));
    if (!local && !isnan(m->mean_tokens_in) && !isnan(m->mean_tokens_out)) {
        snprintf(note, sizeof(note), "%s, tokens", s->name);
        FR_TRY(put_provenance(l, note, FR_KIND_ASSUMED, m->tokens_source, err,
                              "%.1f in, %.1f out, unless the server or the file counts",
                              m->mean_tokens_in, m->mean_tokens_out));
    }
    if (s->kind == FR_SPEC_SCRATCH)
        FR_TRY(put_note(l, s->name, "trained from scratch: the weights knew nothing before", err));
    if (fr_spec_has_weights(s)) FR_TRY(record_cuts(p, m, l, err));
cleanup:
    return st;
}

static fr_status record_notes(const fr_plan *p, fr_ledger *l, fr_error *err)
{
    fr_status st = FR_OK;
    char note[512];
    if (p->place_note[0]) FR_TRY(put_note(l, "", p->place_note, err));
    if (!p->spec.region_given && isnan(p->spec.intensity))
        FR_TRY(put_note(l, "",
                        "no region was given: the world average is used; name yours under "
                        "place: region",
                        err));
    for (size_t i = 0; i < p->spec.n_models; i++) {
        const fr_spec_model *m = &p->spec.models[i];
        if (!m->left_out) continue;
        snprintf(note, sizeof(note), "\"%s\" was left out: the environment variable %s is not set",
                 m->name, m->endpoint.url_env);
        FR_TRY(put_note(l, "", note, err));
    }
cleanup:
    return st;
}

fr_status fr_plan_record(const fr_plan *p, fr_ledger *l, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_spec *s = &p->spec;
    FR_TRY(fr_ledger_begin(l, err));
    FR_TRY(fr_sql_exec(&l->db,
                       "DELETE FROM plan_run; DELETE FROM plan_model; DELETE FROM note;"
                       "DELETE FROM provenance; DELETE FROM data_set;",
                       err));
    FR_TRY(check_file(l, s->test, "test", p->test_sha256, p->test.n, err));
    FR_TRY(check_file(l, s->train, "training", p->train_sha256, p->train.n, err));
    FR_TRY(check_file(l, s->validation, "validation", p->validation_sha256, p->validation.n, err));
    if (s->validation_share > 0)
        FR_TRY(put_provenance(l, "validation data", FR_KIND_MEASURED, s->train, err,
                              "%zu items, %g of the training data, seed %llu", p->validation.n,
                              s->validation_share, (unsigned long long)s->shuffle));
    FR_TRY(record_study(p, l, err));
    FR_TRY(record_sets(p, l, err));
    FR_TRY(record_items(p, l, err));
    FR_TRY(put_provenance(l, "grid intensity", p->intensity.kind, p->intensity.source, err,
                          "%.1f g CO2e/kWh", p->intensity.value));
    FR_TRY(put_provenance(l, "PUE", FR_KIND_ASSUMED, s->file, err, "%.2f", s->pue));
    for (size_t i = 0; i < p->n_models; i++) FR_TRY(record_model(p, i, l, err));
    FR_TRY(record_notes(p, l, err));
    FR_TRY(fr_ledger_commit(l, err));
cleanup:
    if (st != FR_OK) fr_ledger_rollback(l);
    return st;
}
