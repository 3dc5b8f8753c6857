/* overview_text.c - several studies as a table for the terminal, and in Markdown. */
#include <string.h>

#include "report/format.h"
#include "report/markdown.h"
#include "report/overview.h"
#include "report/report.h"

enum { GAP = 2, INDENT = 2, MAX_LINES = 3 };
#define NONE FR__N_FACTS

/* The first that fits is taken; else one fact a line. */
static const struct layout {
    size_t n_lines;
    fr__fact lines[MAX_LINES][FR__N_FACTS + 1]; /* each ends with NONE */
} layouts[] = {
    {1,
     {{FR__FACT_TASK, FR__FACT_METRIC, FR__FACT_MODEL, FR__FACT_PARAMS, FR__FACT_QUALITY,
       FR__FACT_REFERENCE, FR__FACT_DIFFERENCE, FR__FACT_VERDICT, FR__FACT_EMISSIONS, FR__FACT_GAIN,
       NONE}}},
    {2,
     {{FR__FACT_TASK, FR__FACT_METRIC, FR__FACT_MODEL, FR__FACT_PARAMS, FR__FACT_VERDICT,
       FR__FACT_EMISSIONS, NONE},
      {FR__FACT_QUALITY, FR__FACT_REFERENCE, FR__FACT_DIFFERENCE, FR__FACT_GAIN, NONE}}},
    {3,
     {{FR__FACT_TASK, FR__FACT_METRIC, FR__FACT_MODEL, FR__FACT_PARAMS, FR__FACT_VERDICT, NONE},
      {FR__FACT_QUALITY, FR__FACT_REFERENCE, FR__FACT_DIFFERENCE, NONE},
      {FR__FACT_EMISSIONS, FR__FACT_GAIN, NONE}}},
};

enum { N_LAYOUTS = sizeof(layouts) / sizeof(*layouts) };

typedef struct table {
    const fr_study_row *rows;
    size_t n;
    bool colour, ascii;
    int width;
    const char *(*cells)[FR__N_FACTS]; /* [n + 1] the titles first */
    int widths[FR__N_FACTS];
    fr_arena arena;
    fr_str *out;
} table;

static fr_status fill(table *t, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    t->cells = fr_arena_calloc(&t->arena, t->n + 1, sizeof(*t->cells));
    if (!t->cells) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory for %zu studies", t->n);
    for (size_t i = 0; i <= t->n; i++) {
        for (int c = 0; c < FR__N_FACTS; c++) {
            fr_str_clear(&text);
            if (i == 0)
                FR_TRY(fr_str_appendf(&text, err, "%s", fr__fact_title((fr__fact)c)));
            else
                FR_TRY(fr__fact_cell(t->rows, t->n, i - 1, (fr__fact)c, t->ascii, &text, err));
            t->cells[i][c] = fr_arena_strdup(&t->arena, fr_str_text(&text));
            if (!t->cells[i][c]) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory");
            int columns = fr__columns(t->cells[i][c]);
            if (columns > t->widths[c]) t->widths[c] = columns;
        }
    }
cleanup:
    fr_str_release(&text);
    return st;
}

static const char *style_of(const table *t, size_t row, fr__fact c)
{
    static const char *const styles[] = {"", "32", "31", "33"};
    if (!t->colour) return "";
    if (row == 0) return "2";
    if (c == FR__FACT_TASK) return "1";
    if (c != FR__FACT_VERDICT) return "";
    const fr_result_model *m = fr__small_model(t->rows[row - 1].results);
    return m ? styles[m->verdict] : "";
}

/* A cell, filled up with spaces to `width` columns (0: not). */
static fr_status put(table *t, size_t row, fr__fact c, int width, fr_error *err)
{
    fr_status st = FR_OK;
    const char *text = t->cells[row][c], *style = style_of(t, row, c);
    if (style[0]) FR_TRY(fr_str_appendf(t->out, err, "\x1b[%sm", style));
    FR_TRY(fr_str_append(t->out, text, strlen(text), err));
    if (style[0]) FR_TRY(fr_str_append(t->out, "\x1b[0m", 4, err));
    int missing = width - fr__columns(text);
    if (missing > 0) FR_TRY(fr_str_appendf(t->out, err, "%*s", missing, ""));
cleanup:
    return st;
}

static bool fits(const table *t, const struct layout *l)
{
    for (size_t k = 0; k < l->n_lines; k++) {
        int width = k ? INDENT - GAP : -GAP;
        for (const fr__fact *c = l->lines[k]; *c != NONE; c++) width += t->widths[*c] + GAP;
        if (width > t->width) return false;
    }
    return true;
}

static bool all_empty(const table *t, size_t row, const fr__fact *facts)
{
    for (; *facts != NONE; facts++)
        if (strcmp(t->cells[row][*facts], "-") != 0) return false;
    return true;
}

static fr_status lines(table *t, const struct layout *l, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t i = 0; i <= t->n; i++) {
        if (i > 0 && l->n_lines > 1) FR_TRY(fr_str_append(t->out, "\n", 1, err));
        for (size_t k = 0; k < l->n_lines; k++) {
            if (all_empty(t, i, l->lines[k])) continue;
            if (k) FR_TRY(fr_str_appendf(t->out, err, "%*s", INDENT, ""));
            for (const fr__fact *c = l->lines[k]; *c != NONE; c++) {
                bool last = c[1] == NONE;
                FR_TRY(put(t, i, *c, last ? 0 : t->widths[*c] + GAP, err));
            }
            FR_TRY(fr_str_append(t->out, "\n", 1, err));
        }
    }
cleanup:
    return st;
}

/* One fact a line, where the terminal is too narrow for the table. */
static fr_status cards(table *t, fr_error *err)
{
    fr_status st = FR_OK;
    int width = 0;
    for (int c = 0; c < FR__N_FACTS; c++) {
        int columns = fr__columns(t->cells[0][c]);
        if (columns > width) width = columns;
    }
    for (size_t i = 1; i <= t->n; i++) {
        if (i > 1) FR_TRY(fr_str_append(t->out, "\n", 1, err));
        FR_TRY(put(t, i, FR__FACT_TASK, 0, err));
        FR_TRY(fr_str_append(t->out, "\n", 1, err));
        for (int c = FR__FACT_TASK + 1; c < FR__N_FACTS; c++) {
            if (!strcmp(t->cells[i][c], "-")) continue;
            bool beside = INDENT + width + GAP + fr__columns(t->cells[i][c]) <= t->width;
            FR_TRY(fr_str_appendf(t->out, err, "%*s", INDENT, ""));
            FR_TRY(put(t, 0, (fr__fact)c, beside ? width + GAP : 0, err));
            if (!beside) FR_TRY(fr_str_appendf(t->out, err, "\n%*s", 2 * INDENT, ""));
            FR_TRY(put(t, i, (fr__fact)c, 0, err));
            FR_TRY(fr_str_append(t->out, "\n", 1, err));
        }
    }
cleanup:
    return st;
}

/* Words on lines of at most `width` columns. */
static fr_status wrap(fr_str *out, const char *text, int width, fr_error *err)
{
    fr_status st = FR_OK;
    int at = 0;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t n = strcspn(text, " ");
        fr_str word = FR_STR_INIT;
        st = fr_str_append(&word, text, n, err);
        int columns = st == FR_OK ? fr__columns(fr_str_text(&word)) : 0;
        fr_str_release(&word);
        if (st != FR_OK) goto cleanup;
        bool fits = at == 0 || at + 1 + columns <= width;
        if (at > 0) FR_TRY(fr_str_append(out, fits ? " " : "\n", 1, err));
        FR_TRY(fr_str_append(out, text, n, err));
        at = fits && at > 0 ? at + 1 + columns : columns;
        text += n;
    }
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    return st;
}

fr_status fr_overview_terminal(const fr_study_row *rows, size_t n,
                               const fr_report_terminal_options *options, fr_str *out,
                               fr_error *err)
{
    fr_status st = FR_OK;
    fr_str note = FR_STR_INIT;
    table t = {.rows = rows,
               .n = n,
               .colour = options->colour,
               .ascii = options->ascii,
               .width = options->width > 0 ? options->width : 100,
               .out = out};
    size_t k = 0;
    fr_arena_init(&t.arena, 0);
    FR_TRY(fill(&t, err));
    while (k < N_LAYOUTS && !fits(&t, &layouts[k])) k++;
    FR_TRY(k < N_LAYOUTS ? lines(&t, &layouts[k], err) : cards(&t, err));
    FR_TRY(fr__overview_note(rows, n, t.ascii, &note, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
    FR_TRY(wrap(out, fr_str_text(&note), t.width, err));
cleanup:
    fr_str_release(&note);
    fr_arena_release(&t.arena);
    return st;
}

fr_status fr_overview_markdown(const fr_study_row *rows, size_t n, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str note = FR_STR_INIT;
    table t = {.rows = rows, .n = n, .out = out};
    fr_arena_init(&t.arena, 0);
    FR_TRY(fill(&t, err));
    for (size_t i = 0; i <= n; i++) {
        for (int c = 0; c < FR__N_FACTS; c++) FR_TRY(fr__markdown_cell(out, t.cells[i][c], err));
        FR_TRY(fr_str_append(out, "|\n", 2, err));
        for (int c = 0; i == 0 && c < FR__N_FACTS; c++)
            FR_TRY(fr_str_appendf(out, err, "| :-- %s", c + 1 == FR__N_FACTS ? "|\n" : ""));
    }
    FR_TRY(fr__overview_note(rows, n, false, &note, err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
    FR_TRY(fr__markdown_text(out, fr_str_text(&note), err));
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    fr_str_release(&note);
    fr_arena_release(&t.arena);
    return st;
}
