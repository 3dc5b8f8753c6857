/* markdown.c - the results as a Markdown page (GitHub's tables). */
#include <string.h>

#include "report/columns.h"
#include "report/format.h"
#include "report/markdown.h"
#include "report/report.h"
#include "report/summary.h"

fr_status fr__markdown_text(fr_str *out, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str clean = FR_STR_INIT;
    FR_TRY(fr__clean(&clean, text, false, err));
    for (const char *s = fr_str_text(&clean); *s; s++) {
        if (*s == '<' || *s == '>' || *s == '&') {
            const char *entity = *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : "&amp;";
            FR_TRY(fr_str_append(out, entity, strlen(entity), err));
            continue;
        }
        if (strchr("\\`*_[]|#~!:", *s)) FR_TRY(fr_str_append(out, "\\", 1, err));
        FR_TRY(fr_str_append(out, s, 1, err));
    }
cleanup:
    fr_str_release(&clean);
    return st;
}

fr_status fr__markdown_cell(fr_str *out, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_append(out, "| ", 2, err));
    FR_TRY(fr__markdown_text(out, text, err));
    FR_TRY(fr_str_append(out, " ", 1, err));
cleanup:
    return st;
}

static fr_status table(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str cell = FR_STR_INIT;
    for (size_t i = 0; i < r->n_models + 1; i++) {
        for (int c = 0; c < FR__N_COLUMNS; c++) {
            fr_str_clear(&cell);
            if (i == 0) {
                FR_TRY(fr__column_title(r, (fr__column)c, false, &cell, err));
            } else {
                FR_TRY(fr__column_cell(r, &r->models[i - 1], (fr__column)c, false, &cell, err));
            }
            FR_TRY(fr__markdown_cell(out, fr_str_text(&cell), err));
        }
        FR_TRY(fr_str_append(out, "|\n", 2, err));
        if (i > 0) continue;
        for (int c = 0; c < FR__N_COLUMNS; c++) {
            bool left = c == FR__COL_MODEL || c == FR__COL_VERDICT;
            FR_TRY(fr_str_appendf(out, err, left ? "| :-- " : "| --: "));
        }
        FR_TRY(fr_str_append(out, "|\n", 2, err));
    }
cleanup:
    fr_str_release(&cell);
    return st;
}

/* The further metrics of the task. */
static fr_status further(const fr_results *r, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str cell = FR_STR_INIT;
    if (r->n_metrics < 2) goto cleanup;
    FR_TRY(fr_str_appendf(out, err, "\n"));
    for (size_t i = 0; i < r->n_models + 2; i++) {
        const fr_result_model *m = i < 2 ? NULL : &r->models[i - 2];
        if (m && (!m->scores || !fr__any_score(r, m))) continue;
        if (i != 1) FR_TRY(fr__markdown_cell(out, m ? m->name : "model", err));
        if (i == 1) FR_TRY(fr_str_append(out, "| :-- ", 6, err));
        for (size_t k = 0; k < r->n_metrics; k++) {
            fr_str_clear(&cell);
            if (i == 0) FR_TRY(fr__metric_title(&r->metrics[k], false, &cell, err));
            if (m)
                FR_TRY(
                    fr_str_appendf(&cell, err, "%s", fr__score(&r->metrics[k], &m->scores[k]).s));
            if (i == 1)
                FR_TRY(fr_str_append(out, "| --: ", 6, err));
            else
                FR_TRY(fr__markdown_cell(out, fr_str_text(&cell), err));
        }
        FR_TRY(fr_str_append(out, "|\n", 2, err));
    }
cleanup:
    fr_str_release(&cell);
    return st;
}

static fr_status bullet(void *out, const char *mark, const char *text, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(out, err, "- %s", mark[0] ? "\\* " : ""));
    FR_TRY(fr__markdown_text(out, text, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    return st;
}

fr_status fr_report_markdown(const fr_results *results, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_results *r = results;
    fr_str headline = FR_STR_INIT;
    FR_TRY(fr__headline(r, false, &headline, err));
    FR_TRY(fr_str_append(out, "# ", 2, err));
    FR_TRY(fr__markdown_text(out, r->study, err));
    FR_TRY(fr_str_append(out, "\n\n**", 4, err));
    FR_TRY(fr__markdown_text(out, fr_str_text(&headline), err));
    FR_TRY(fr_str_append(out, "**\n\n", 4, err));
    FR_TRY(fr__markdown_text(out, r->task, err));
    FR_TRY(fr_str_appendf(out, err, ", %s items, margin %s%s, ", fr__count((double)r->n_items).s,
                          fr__margin(fr__deciding(r), r->margin).s,
                          fr__change_unit(fr__deciding(r))));
    FR_TRY(fr__markdown_text(out, r->region, err));
    FR_TRY(fr_str_appendf(out, err, " %s g CO2e/kWh, PUE %s. ", fr__figure(&r->intensity).s,
                          fr__fixed(r->pue, 2).s));
    FR_TRY(fr__markdown_text(out, r->meter, err));
    if (r->sandbox && r->sandbox[0]) {
        FR_TRY(fr_str_append(out, "; programs ran in ", 18, err));
        FR_TRY(fr__markdown_text(out, r->sandbox, err));
    }
    FR_TRY(fr_str_append(out, "\n\n", 2, err));
    FR_TRY(table(r, out, err));
    FR_TRY(further(r, out, err));
    FR_TRY(fr_str_appendf(out, err,
                          "\n- In brackets: 95 %% interval; meas measured, mod modelled, est "
                          "estimated, ass assumed.\n"));
    FR_TRY(fr__footnotes(r, false, bullet, out, err));
    FR_TRY(fr_str_appendf(out, err,
                          "\n## Where the figures come from\n\n| what | value | kind | source "
                          "|\n| :-- | --: | :-- | :-- |\n"));
    for (size_t i = 0; i < r->n_provenance; i++) {
        const fr_result_provenance *p = &r->provenance[i];
        FR_TRY(fr__markdown_cell(out, p->what, err));
        FR_TRY(fr__markdown_cell(out, p->value, err));
        FR_TRY(fr__markdown_cell(out, fr_kind_name(p->kind), err));
        FR_TRY(fr__markdown_cell(out, p->source, err));
        FR_TRY(fr_str_append(out, "|\n", 2, err));
    }
cleanup:
    fr_str_release(&headline);
    return st;
}
