/* write.c - all reports of a study as files in its folder. */
#include "os/file.h"
#include "report/report.h"

fr_status fr_report_write_all(const fr_results *results, const char *dir, fr_error *err)
{
    static const struct {
        const char *name;
        fr_status (*render)(const fr_results *results, fr_str *out, fr_error *err);
    } files[] = {{"results.json", fr_report_json},
                 {"results.csv", fr_report_csv},
                 {"emissions.csv", fr_report_emissions},
                 {"report.md", fr_report_markdown},
                 {"report.html", fr_report_html}};
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT, path = FR_STR_INIT;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        fr_str_clear(&text);
        fr_str_clear(&path);
        FR_TRY(files[i].render(results, &text, err));
        FR_TRY(fr_str_appendf(&path, err, "%s/%s", dir, files[i].name));
        FR_TRY(fr_file_write_atomic(fr_str_text(&path), fr_str_text(&text), text.len, err));
    }
cleanup:
    fr_str_release(&text);
    fr_str_release(&path);
    return st;
}
