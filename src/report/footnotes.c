/* footnotes.c - every remark that a reader needs to read the table rightly. */
#include <stdlib.h>
#include <string.h>

#include "report/format.h"
#include "report/summary.h"
#include "stat/summary.h"

typedef struct notes {
    bool ascii;
    fr__emit_fn emit;
    void *ctx;
    fr_str line, name;
} notes;

static fr_status flush(notes *n, const char *mark, fr_error *err)
{
    fr_status st = n->emit(n->ctx, mark, fr_str_text(&n->line), err);
    fr_str_clear(&n->line);
    return st;
}

static fr_status say(notes *n, const char *mark, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr__clean(&n->line, text, n->ascii, err));
    FR_TRY(flush(n, mark, err));
cleanup:
    return st;
}

static fr_status seeds(notes *n, const fr_result_model *m, const fr_result_metric *t, fr_error *err)
{
    fr_status st = FR_OK;
    double *quality = malloc((m->n_seeds ? m->n_seeds : 1) * sizeof(*quality));
    if (!quality) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory for %zu seeds", m->n_seeds);
    FR_TRY(fr_str_appendf(&n->line, err, "%s over %zu seeds: ", fr_str_text(&n->name), m->n_seeds));
    FR_TRY(fr__clean(&n->line, t->name, n->ascii, err));
    for (size_t i = 0; i < m->n_seeds; i++) {
        quality[i] = m->seeds[i].quality;
        FR_TRY(fr_str_appendf(&n->line, err, " %s", fr__plain_score(t, quality[i]).s));
    }
    FR_TRY(fr_str_appendf(&n->line, err, "; mean %s, standard deviation %s%s.",
                          fr__plain_score(t, fr_mean(quality, m->n_seeds)).s,
                          fr__plain_score(t, fr_sd(quality, m->n_seeds)).s, fr__change_unit(t)));
    FR_TRY(flush(n, "", err));
cleanup:
    free(quality);
    return st;
}

static fr_status tuning(notes *n, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(&n->line, err, "%s %s took %s",
                          m->is_baseline ? "Fitting" : "Fine-tuning", fr_str_text(&n->name),
                          fr__joules(m->tune_j.value).s));
    if (fr__figure_exists(&m->tune_g))
        FR_TRY(fr_str_appendf(&n->line, err, ", %s CO2e", fr__grams(m->tune_g.value).s));
    FR_TRY(fr_str_appendf(&n->line, err, " (%s; all seeds and attempts)",
                          fr_kind_name(m->tune_j.kind)));
    if (fr__figure_exists(&m->break_even))
        FR_TRY(fr_str_appendf(&n->line, err, "; paid back after %s queries",
                              fr__figure(&m->break_even).s));
    FR_TRY(fr_str_append(&n->line, ".", 1, err));
    FR_TRY(flush(n, "", err));
cleanup:
    return st;
}

/* Better than the best that needs no language model? */
static fr_status baseline(notes *n, const fr_results *r, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_result_metric *t = fr__deciding(r);
    const char *name = fr_str_text(&n->name);
    if (m->is_baseline && m->verdict == FR_VERDICT_COMPARABLE) {
        FR_TRY(fr_str_appendf(&n->line, err,
                              "%s, a trivial baseline, is comparable: no language model is needed "
                              "for that.",
                              name));
        FR_TRY(flush(n, "", err));
    }
    if (!m->baseline || !fr__figure_exists(&m->gain)) goto cleanup;
    FR_TRY(fr_str_appendf(&n->line, err, "%s %s the best trivial baseline (", name,
                          fr__beats_baseline(m) ? "beats" : "does not beat"));
    FR_TRY(fr__clean(&n->line, m->baseline, n->ascii, err));
    fr__text gain = fr__change(t, &m->gain);
    int value = (int)strcspn(gain.s, " ");
    FR_TRY(fr_str_appendf(&n->line, err, ")%s %.*s%s%s.", fr__beats_baseline(m) ? " by" : ":",
                          value, gain.s, fr__change_unit(t), gain.s + value));
    FR_TRY(flush(n, "", err));
cleanup:
    return st;
}

static bool has_note(const fr_result_model *m, const char *note)
{
    for (size_t k = 0; k < m->n_notes; k++)
        if (strcmp(m->notes[k], note) == 0) return true;
    return false;
}

/* What is said of a model alone; a note that several have is said once, with all their names. */
static fr_status model_notes(notes *n, const fr_results *r, size_t model, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t k = 0; k < r->models[model].n_notes; k++) {
        const char *note = r->models[model].notes[k];
        bool said = false;
        for (size_t i = 0; i < model; i++) said |= has_note(&r->models[i], note);
        if (said) continue;
        for (size_t i = model; i < r->n_models; i++) {
            if (!has_note(&r->models[i], note)) continue;
            if (i > model) FR_TRY(fr_str_append(&n->line, ", ", 2, err));
            FR_TRY(fr__clean(&n->line, r->models[i].name, n->ascii, err));
        }
        FR_TRY(fr_str_append(&n->line, ": ", 2, err));
        FR_TRY(say(n, "", note, err));
    }
cleanup:
    return st;
}

static fr_status of_model(notes *n, const fr_results *r, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str_clear(&n->name);
    FR_TRY(fr__clean(&n->name, m->name, n->ascii, err));
    const char *name = fr_str_text(&n->name);

    if (m->verdict == FR_VERDICT_INCONCLUSIVE && m->items_needed) {
        FR_TRY(fr_str_appendf(&n->line, err,
                              "%s: about %s items would settle the verdict, if the rates hold.",
                              name, fr__number((double)m->items_needed).s));
        FR_TRY(flush(n, "", err));
    }
    if (m->n_seeds > 1) FR_TRY(seeds(n, m, fr__deciding(r), err));
    if (fr__figure_exists(&m->tune_j) && m->tune_j.value > 0) FR_TRY(tuning(n, m, err));
    FR_TRY(baseline(n, r, m, err));
    if (m->n_failed) {
        FR_TRY(fr_str_appendf(&n->line, err,
                              "%s: %s of %s items without a usable answer count as wrong.", name,
                              fr__count((double)m->n_failed).s, fr__count((double)m->n_items).s));
        FR_TRY(flush(n, "", err));
    }
    FR_TRY(model_notes(n, r, (size_t)(m - r->models), err));
cleanup:
    return st;
}

/* The asterisk: which ratios set a figure of here against an estimate, and the fair ones. */
static fr_status across_bases(notes *n, const fr_results *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t crossing = 0, same = 0;
    for (size_t i = 0; i < r->n_models; i++) {
        const fr_result_model *m = &r->models[i];
        if (!m->crosses_bases || !fr__figure_exists(&m->factor)) continue;
        if (crossing++ == 0) {
            FR_TRY(fr_str_appendf(
                &n->line, err, "Across bases: measured or modelled here against estimated there"));
        }
        if (!fr__figure_exists(&m->factor_same_basis)) continue;
        FR_TRY(fr_str_appendf(&n->line, err, same++ ? ", " : "; by the same estimator for both: "));
        FR_TRY(fr__clean(&n->line, m->name, n->ascii, err));
        FR_TRY(fr_str_appendf(&n->line, err, " %s", fr__fractions(&m->factor_same_basis).s));
    }
    if (crossing == 0) goto cleanup;
    FR_TRY(fr_str_append(&n->line, ".", 1, err));
    FR_TRY(flush(n, "*", err));
cleanup:
    return st;
}

static fr_status not_measured(notes *n, const fr_results *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t count = 0;
    for (size_t i = 0; i < r->n_models; i++) {
        if (fr__figure_exists(&r->models[i].quality)) continue;
        if (count++) FR_TRY(fr_str_append(&n->line, ", ", 2, err));
        FR_TRY(fr__clean(&n->line, r->models[i].name, n->ascii, err));
    }
    if (count == 0) goto cleanup;
    FR_TRY(fr_str_appendf(&n->line, err, ": quality not measured, hence no verdict."));
    FR_TRY(flush(n, "", err));
cleanup:
    return st;
}

static fr_status interrupted(notes *n, const fr_results *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t count = 0;
    double joules = 0;
    for (size_t i = 0; i < r->n_windows; i++) {
        if (!r->windows[i].interrupted) continue;
        count++;
        joules += fr__window_j(&r->windows[i]);
    }
    if (count == 0) goto cleanup;
    FR_TRY(fr_str_appendf(&n->line, err, "%zu interrupted %s cost %s; booked, not lost.", count,
                          count == 1 ? "attempt" : "attempts", fr__joules(joules).s));
    FR_TRY(flush(n, "", err));
cleanup:
    return st;
}

/* "; 12 items of test stand also in train" */
static fr_status also_in(notes *n, const fr_result_set *s, size_t count, const char *where,
                         fr_error *err)
{
    fr_status st = FR_OK;
    if (count == 0) goto cleanup;
    FR_TRY(fr_str_appendf(&n->line, err, "; %s of ", fr__count((double)count).s));
    FR_TRY(fr__clean(&n->line, s->role, n->ascii, err));
    FR_TRY(fr_str_appendf(&n->line, err, " also in %s", where));
cleanup:
    return st;
}

/* Texts that stand in the data more than once. */
static fr_status repeated_texts(notes *n, const fr_results *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t shared = 0, seen = 0;
    if (r->n_sets == 0) goto cleanup;
    FR_TRY(fr_str_appendf(&n->line, err,
                          "Texts that repeat another of their set (case and white space aside): "));
    for (size_t i = 0; i < r->n_sets; i++) {
        const fr_result_set *s = &r->sets[i];
        FR_TRY(fr_str_appendf(&n->line, err, "%s%s of %s in ", i ? ", " : "",
                              fr__count((double)s->n_repeated).s, fr__count((double)s->n_items).s));
        FR_TRY(fr__clean(&n->line, s->role, n->ascii, err));
        shared += s->n_in_train + s->n_in_validation;
        if (!strcmp(s->role, "test")) seen = s->n_in_train + s->n_in_validation;
    }
    for (size_t i = 0; i < r->n_sets; i++) {
        FR_TRY(also_in(n, &r->sets[i], r->sets[i].n_in_train, "train", err));
        FR_TRY(also_in(n, &r->sets[i], r->sets[i].n_in_validation, "validation", err));
    }
    if (!shared && r->n_sets > 1)
        FR_TRY(fr_str_appendf(&n->line, err, "; none stands in two sets"));
    if (seen)
        FR_TRY(fr_str_appendf(&n->line, err, ": quality of fine-tuned models may be overstated"));
    FR_TRY(fr_str_append(&n->line, ".", 1, err));
    FR_TRY(flush(n, "", err));
cleanup:
    return st;
}

fr_status fr__footnotes(const fr_results *r, bool ascii, fr__emit_fn emit, void *ctx, fr_error *err)
{
    fr_status st = FR_OK;
    notes n = {ascii, emit, ctx, FR_STR_INIT, FR_STR_INIT};
    FR_TRY(across_bases(&n, r, err));
    for (size_t i = 0; i < r->n_models; i++) FR_TRY(of_model(&n, r, &r->models[i], err));
    FR_TRY(not_measured(&n, r, err));
    FR_TRY(interrupted(&n, r, err));
    FR_TRY(repeated_texts(&n, r, err));
    for (size_t i = 0; i < r->n_notes; i++) FR_TRY(say(&n, "", r->notes[i], err));
cleanup:
    fr_str_release(&n.line);
    fr_str_release(&n.name);
    return st;
}
