/* overview_html.c - several studies on one page, with links to their own. */
#include "base/embedded.h"
#include "report/format.h"
#include "report/html.h"
#include "report/overview.h"
#include "report/report.h"

static fr_status cell(const fr_study_row *rows, size_t n, size_t i, fr__fact fact, fr_str *out,
                      fr_error *err)
{
    const fr_study_row *row = &rows[i];
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    const fr_result_model *m = fr__small_model(row->results);
    bool link = fact == FR__FACT_TASK && row->link && row->link[0];
    FR_TRY(fr__fact_cell(rows, n, i, fact, false, &text, err));
    if (fact == FR__FACT_TASK)
        FR_TRY(fr_str_appendf(out, err, "<td class=\"l name\"><span>"));
    else
        FR_TRY(fr_str_appendf(out, err, "<td class=\"l y\" data-k=\"%s\"><span>",
                              fr__fact_title(fact)));
    if (link) {
        FR_TRY(fr_str_appendf(out, err, "<a href=\""));
        FR_TRY(fr__html_text(out, row->link, err));
        FR_TRY(fr_str_appendf(out, err, "\">"));
    }
    if (fact == FR__FACT_VERDICT && m && m->verdict)
        FR_TRY(fr_str_appendf(out, err, "<span class=\"badge %s\">", fr__html_class(m)));
    bool figure = m && (fact == FR__FACT_QUALITY || fact == FR__FACT_DIFFERENCE ||
                        fact == FR__FACT_EMISSIONS || fact == FR__FACT_GAIN);
    FR_TRY(figure ? fr__html_value(out, fr_str_text(&text), err)
                  : fr__html_text(out, fr_str_text(&text), err));
    if (fact == FR__FACT_VERDICT && m && m->verdict) FR_TRY(fr_str_appendf(out, err, "</span>"));
    if (link) FR_TRY(fr_str_appendf(out, err, "</a>"));
    FR_TRY(fr_str_appendf(out, err, "</span></td>"));
cleanup:
    fr_str_release(&text);
    return st;
}

fr_status fr_overview_html(const fr_study_row *rows, size_t n, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str note = FR_STR_INIT;
    size_t size;
    const char *style = fr_embedded_find("report/style.css", &size);
    FR_TRY(fr_str_appendf(out, err,
                          "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                          "<meta name=\"viewport\" content=\"width=device-width, "
                          "initial-scale=1\"><title>%zu studies - frugal</title><style>%s</style>"
                          "</head>\n<body><header><p class=\"brand\"><b>frugal</b> studies</p>"
                          "<h1>%zu studies</h1></header>\n<main><div class=\"card scroll\">"
                          "<table class=\"stack\"><thead><tr>",
                          n, style ? style : "", n));
    for (int c = 0; c < FR__N_FACTS; c++)
        FR_TRY(fr_str_appendf(out, err, "<th class=\"l\" scope=\"col\">%s</th>",
                              fr__fact_title((fr__fact)c)));
    FR_TRY(fr_str_appendf(out, err, "</tr></thead><tbody>\n"));
    for (size_t i = 0; i < n; i++) {
        FR_TRY(fr_str_appendf(out, err, "<tr>"));
        for (int c = 0; c < FR__N_FACTS; c++) FR_TRY(cell(rows, n, i, (fr__fact)c, out, err));
        FR_TRY(fr_str_appendf(out, err, "</tr>\n"));
    }
    FR_TRY(fr__overview_note(rows, n, false, &note, err));
    FR_TRY(fr_str_appendf(out, err, "</tbody></table></div><p class=\"soft\">"));
    FR_TRY(fr__html_text(out, fr_str_text(&note), err));
    FR_TRY(fr_str_appendf(out, err, "</p></main></body></html>\n"));
cleanup:
    fr_str_release(&note);
    return st;
}
