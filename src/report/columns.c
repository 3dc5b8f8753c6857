/* columns.c - the columns of the results table. */
#include "report/columns.h"

#include <string.h>

#include "report/format.h"

fr_status fr__column_title(const fr_results *r, fr__column column, bool ascii, fr_str *out,
                           fr_error *err)
{
    static const char *const titles[FR__N_COLUMNS] = {
        [FR__COL_MODEL] = "model",
        [FR__COL_PARAMS] = "params",
        [FR__COL_JOULES] = "J/item",
        [FR__COL_GRAMS] = "g CO2e/1,000",
        [FR__COL_P50] = "p50",
        [FR__COL_P95] = "p95",
        [FR__COL_RATE] = "items/s",
        [FR__COL_MEMORY] = "peak mem",
        [FR__COL_DIFFERENCE] = "difference",
        [FR__COL_FACTOR] = "emissions",
        [FR__COL_VERDICT] = "verdict",
    };
    if (column != FR__COL_QUALITY) return fr_str_appendf(out, err, "%s", titles[column]);
    return fr__metric_title(fr__deciding(r), ascii, out, err);
}

fr_status fr__metric_title(const fr_result_metric *t, bool ascii, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr__clean(out, t->name, ascii, err));
    FR_TRY(fr_str_appendf(out, err, "%s", fr__score_unit(t)));
    if (t->lower_is_better)
        FR_TRY(fr_str_appendf(out, err, ascii ? " (less is better)" : " \xe2\x86\x93"));
cleanup:
    return st;
}

/* A figure with its kind behind it: "0.107 [0.086, 0.128] mod". */
static fr_status with_kind(const fr_figure *f, fr_str *out, fr_error *err)
{
    if (!fr__figure_exists(f)) return fr_str_append(out, "-", 1, err);
    return fr_str_appendf(out, err, "%s %s", fr__figure(f).s, fr__kind_short(f->kind));
}

static fr_status model_cell(const fr_result_model *m, bool ascii, fr_str *out, fr_error *err)
{
    fr_status st = fr__clean(out, m->name, ascii, err);
    bool tuned = m->how && strcmp(m->how, "tuned") == 0;
    if (st == FR_OK && tuned) st = fr_str_appendf(out, err, " tuned");
    return st;
}

fr_status fr__column_cell(const fr_results *r, const fr_result_model *m, fr__column column,
                          bool ascii, fr_str *out, fr_error *err)
{
    const fr_result_metric *metric = fr__deciding(r);
    fr__text t = {"-"};
    const fr_figure *f = NULL;
    switch (column) {
    case FR__COL_MODEL: return model_cell(m, ascii, out, err);
    case FR__COL_PARAMS: t = fr__params(m); break;
    case FR__COL_QUALITY:
        t = fr__score(metric, &m->quality);
        if (t.s[0] == '-' && !t.s[1] && m->not_run && m->not_run[0])
            return fr_str_appendf(out, err, "not run");
        break;
    case FR__COL_JOULES: return with_kind(&m->j_per_item, out, err);
    case FR__COL_GRAMS: return with_kind(&m->g_per_1000, out, err);
    case FR__COL_P50: f = &m->latency_p50_s; break;
    case FR__COL_P95: f = &m->latency_p95_s; break;
    case FR__COL_RATE:
        if (fr__figure_exists(&m->items_per_s)) t = fr__number(m->items_per_s.value);
        break;
    case FR__COL_MEMORY:
        if (fr__figure_exists(&m->peak_memory_bytes)) t = fr__bytes(m->peak_memory_bytes.value);
        break;
    case FR__COL_DIFFERENCE: t = fr__change(metric, &m->difference); break;
    case FR__COL_FACTOR:
        t = fr__fraction(&m->factor);
        return fr_str_appendf(out, err, "%s%s", t.s, m->crosses_bases && t.s[0] != '-' ? "*" : "");
    case FR__COL_VERDICT:
        return fr_str_appendf(out, err, "%s",
                              m->is_reference                 ? "reference"
                              : m->verdict == FR_VERDICT_NONE ? "-"
                                                              : fr_verdict_name(m->verdict));
    case FR__N_COLUMNS: break;
    }
    if (f && fr__figure_exists(f)) t = fr__seconds(f->value);
    return fr_str_appendf(out, err, "%s", t.s);
}
