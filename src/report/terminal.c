/* terminal.c - the table at the end of a study.
 *
 * The widest of four layouts that fits is taken: all figures of a model on one
 * line, on two, on three, or one figure a line. The model's name gives way
 * first (down to NAME_LEAST columns), figures are never cut. */
#include <stdlib.h>
#include <string.h>

#include "report/columns.h"
#include "report/format.h"
#include "report/report.h"
#include "report/summary.h"

enum { MAX_LINES = 3, NAME_MOST = 36, NAME_LEAST = 16, GAP = 2, INDENT = 2, WIDTH_LEAST = 20 };
#define NONE FR__N_COLUMNS

typedef struct layout {
    size_t n_lines;
    fr__column lines[MAX_LINES][FR__N_COLUMNS + 1]; /* each ends with NONE */
} layout;

static const layout layouts[] = {
    {1,
     {{FR__COL_MODEL, FR__COL_PARAMS, FR__COL_QUALITY, FR__COL_JOULES, FR__COL_GRAMS, FR__COL_P50,
       FR__COL_P95, FR__COL_RATE, FR__COL_MEMORY, FR__COL_DIFFERENCE, FR__COL_FACTOR,
       FR__COL_VERDICT, NONE}}},
    {2,
     {{FR__COL_MODEL, FR__COL_PARAMS, FR__COL_QUALITY, FR__COL_DIFFERENCE, FR__COL_FACTOR,
       FR__COL_VERDICT, NONE},
      {FR__COL_JOULES, FR__COL_GRAMS, FR__COL_P50, FR__COL_P95, FR__COL_RATE, FR__COL_MEMORY,
       NONE}}},
    {3,
     {{FR__COL_MODEL, FR__COL_QUALITY, FR__COL_DIFFERENCE, FR__COL_VERDICT, NONE},
      {FR__COL_PARAMS, FR__COL_JOULES, FR__COL_GRAMS, NONE},
      {FR__COL_FACTOR, FR__COL_P50, FR__COL_P95, FR__COL_RATE, FR__COL_MEMORY, NONE}}},
};

typedef struct screen {
    const fr_results *r;
    int width;
    bool colour, ascii;
    fr_arena arena;
    const char *titles[FR__N_COLUMNS];
    const char *(*cells)[FR__N_COLUMNS]; /* [n_models] */
    int widths[FR__N_COLUMNS];
    fr_str *out;
} screen;

#define BOLD "1"
#define DIM "2"
#define GREEN "32"
#define RED "31"
#define YELLOW "33"

static fr_status put(screen *s, const char *style, const char *text, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    bool styled = s->colour && style[0] && n > 0;
    if (styled) FR_TRY(fr_str_appendf(s->out, err, "\x1b[%sm", style));
    FR_TRY(fr_str_append(s->out, text, n, err));
    if (styled) FR_TRY(fr_str_append(s->out, "\x1b[0m", 4, err));
cleanup:
    return st;
}

static fr_status spaces(screen *s, int n, fr_error *err)
{
    return n > 0 ? fr_str_appendf(s->out, err, "%*s", n, "") : FR_OK;
}

/* Words of `text` on lines of the screen's width, later lines indented. Words
 * that are longer than a line are cut into pieces. */
static fr_status wrap(screen *s, const char *style, const char *mark, const char *text, int indent,
                      fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_str_appendf(s->out, err, "%s", mark));
    FR_TRY(spaces(s, indent - (int)strlen(mark), err));
    int at = indent;
    bool fresh = true;
    while (*text) {
        text += strspn(text, " ");
        size_t n = strcspn(text, " ");
        if (n == 0) break;
        size_t fits = fr__bytes_in_columns(text, s->width - indent);
        if (fits < n) n = fits ? fits : n;
        char *word = fr_arena_alloc(&s->arena, n + 1, 1);
        if (!word) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory");
        memcpy(word, text, n);
        word[n] = '\0';
        int columns = fr__columns(word);
        if (!fresh && at + 1 + columns > s->width) {
            FR_TRY(fr_str_append(s->out, "\n", 1, err));
            FR_TRY(spaces(s, indent, err));
            at = indent;
            fresh = true;
        }
        if (!fresh) FR_TRY(fr_str_append(s->out, " ", 1, err));
        FR_TRY(put(s, style, word, n, err));
        at += columns + !fresh;
        fresh = false;
        text += n;
    }
    FR_TRY(fr_str_append(s->out, "\n", 1, err));
cleanup:
    return st;
}

/* The facts of the study, several a line as they fit, three spaces between. */
static fr_status head(screen *s, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_results *r = s->r;
    const fr_result_metric *metric = fr__deciding(r);
    enum { FACTS = 7 };
    fr_str facts[FACTS] = {FR_STR_INIT, FR_STR_INIT, FR_STR_INIT, FR_STR_INIT,
                           FR_STR_INIT, FR_STR_INIT, FR_STR_INIT};
    FR_TRY(fr__clean(&facts[0], r->task, s->ascii, err));
    FR_TRY(fr_str_appendf(&facts[1], err, "%s items", fr__count((double)r->n_items).s));
    FR_TRY(fr_str_appendf(&facts[2], err, "margin %s%s", fr__margin(metric, r->margin).s,
                          fr__change_unit(metric)));
    FR_TRY(fr__clean(&facts[3], r->region, s->ascii, err));
    if (fr__figure_exists(&r->intensity)) {
        FR_TRY(fr_str_appendf(&facts[3], err, " %s g/kWh", fr__figure(&r->intensity).s));
        if (r->intensity.source && r->intensity.source[0]) {
            FR_TRY(fr_str_append(&facts[3], " (", 2, err));
            FR_TRY(fr__clean(&facts[3], r->intensity.source, s->ascii, err));
            FR_TRY(fr_str_append(&facts[3], ")", 1, err));
        }
    }
    if (r->pue > 0) FR_TRY(fr_str_appendf(&facts[4], err, "PUE %s", fr__fixed(r->pue, 2).s));
    FR_TRY(fr__clean(&facts[5], r->meter, s->ascii, err));
    if (r->sandbox && r->sandbox[0]) {
        FR_TRY(fr_str_append(&facts[6], "programs ran in ", 16, err));
        FR_TRY(fr__clean(&facts[6], r->sandbox, s->ascii, err));
    }

    int at = 0;
    for (size_t i = 0; i < FACTS; i++) {
        const char *text = fr_str_text(&facts[i]);
        int columns = fr__columns(text);
        if (columns == 0) continue;
        if (at > 0 && at + 3 + columns > s->width) {
            FR_TRY(fr_str_append(s->out, "\n", 1, err));
            at = 0;
        }
        if (columns > s->width) {
            FR_TRY(wrap(s, "", "", text, 0, err));
            continue;
        }
        FR_TRY(spaces(s, at > 0 ? 3 : 0, err));
        FR_TRY(put(s, i == 0 ? BOLD : "", text, strlen(text), err));
        at += columns + (at > 0 ? 3 : 0);
    }
    if (at > 0) FR_TRY(fr_str_append(s->out, "\n", 1, err));
    FR_TRY(fr_str_append(s->out, "\n", 1, err));
cleanup:
    for (size_t i = 0; i < FACTS; i++) fr_str_release(&facts[i]);
    return st;
}

static fr_status fill_cells(screen *s, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    size_t n = s->r->n_models;
    s->cells = fr_arena_calloc(&s->arena, n ? n : 1, sizeof(*s->cells));
    if (!s->cells) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory for %zu models", n);
    for (int c = 0; c < FR__N_COLUMNS; c++) {
        for (size_t i = 0; i < n + 1; i++) { /* the title comes last */
            fr_str_clear(&text);
            if (i < n) {
                FR_TRY(
                    fr__column_cell(s->r, &s->r->models[i], (fr__column)c, s->ascii, &text, err));
            } else {
                FR_TRY(fr__column_title(s->r, (fr__column)c, s->ascii, &text, err));
            }
            const char *copy = fr_arena_strdup(&s->arena, fr_str_text(&text));
            if (!copy) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory");
            *(i < n ? &s->cells[i][c] : &s->titles[c]) = copy;
            int columns = fr__columns(copy);
            if (columns > s->widths[c]) s->widths[c] = columns;
        }
    }
    if (s->widths[FR__COL_MODEL] > NAME_MOST) s->widths[FR__COL_MODEL] = NAME_MOST;
cleanup:
    fr_str_release(&text);
    return st;
}

/* Columns of a line without its model name; *has_name says whether there is one. */
static int line_width(const screen *s, const fr__column *line, bool *has_name)
{
    int width = line[0] == FR__COL_MODEL ? 0 : INDENT;
    *has_name = false;
    for (; *line != NONE; line++) {
        if (*line == FR__COL_MODEL) {
            *has_name = true;
        } else {
            width += s->widths[*line];
        }
        if (line[1] != NONE) width += GAP;
    }
    return width;
}

/* Whether the layout fits; narrows the name if that helps. */
static bool layout_fits(screen *s, const layout *l)
{
    int name = s->widths[FR__COL_MODEL];
    for (size_t i = 0; i < l->n_lines; i++) {
        bool has_name;
        int left = s->width - line_width(s, l->lines[i], &has_name);
        if (left < 0) return false;
        if (!has_name || left >= name) continue;
        if (left < NAME_LEAST) return false;
        name = left;
    }
    s->widths[FR__COL_MODEL] = name;
    return true;
}

static const char *style_of(const fr_result_model *m, fr__column column)
{
    if (column == FR__COL_MODEL) return BOLD;
    if (column != FR__COL_VERDICT) return "";
    switch (m->verdict) {
    case FR_VERDICT_COMPARABLE: return GREEN;
    case FR_VERDICT_WORSE: return RED;
    case FR_VERDICT_INCONCLUSIVE: return YELLOW;
    case FR_VERDICT_NONE: break;
    }
    return m->is_reference ? BOLD : "";
}

/* A cell of `width` columns, cut with an ellipsis where it is longer; text to
 * the left, figures to the right. The last cell of a line is not padded. */
static fr_status cell(screen *s, const char *style, const char *text, int width, bool left,
                      bool last, fr_error *err)
{
    fr_status st = FR_OK;
    int columns = fr__columns(text);
    if (columns > width) {
        const char *ellipsis = s->ascii ? "~" : "\xe2\x80\xa6";
        size_t n = fr__bytes_in_columns(text, width - 1);
        char *shorter = fr_arena_alloc(&s->arena, n + strlen(ellipsis) + 1, 1);
        if (!shorter) FR_FAIL(err, FR_ERR_NOMEM, "report: out of memory");
        memcpy(shorter, text, n);
        memcpy(shorter + n, ellipsis, strlen(ellipsis) + 1);
        text = shorter;
        columns = fr__columns(text);
    }
    if (!left) FR_TRY(spaces(s, width - columns, err));
    FR_TRY(put(s, style, text, strlen(text), err));
    if (left && !last) FR_TRY(spaces(s, width - columns, err));
cleanup:
    return st;
}

/* One line of the table: the titles for m = NULL. */
static fr_status line(screen *s, const fr__column *columns, const fr_result_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    if (columns[0] != FR__COL_MODEL) FR_TRY(spaces(s, INDENT, err));
    for (size_t i = 0; columns[i] != NONE; i++) {
        fr__column c = columns[i];
        bool last = columns[i + 1] == NONE, left = c == FR__COL_MODEL || c == FR__COL_VERDICT;
        const char *text = m ? s->cells[m - s->r->models][c] : s->titles[c];
        FR_TRY(cell(s, m ? style_of(m, c) : DIM, text, s->widths[c], left, last, err));
        if (!last) FR_TRY(spaces(s, GAP, err));
    }
    FR_TRY(fr_str_append(s->out, "\n", 1, err));
cleanup:
    return st;
}

static bool all_empty(const screen *s, const fr__column *columns, size_t model)
{
    for (; *columns != NONE; columns++) {
        if (strcmp(s->cells[model][*columns], "-") != 0) return false;
    }
    return true;
}

static fr_status table(screen *s, const layout *l, fr_error *err)
{
    fr_status st = FR_OK;
    for (size_t k = 0; k < l->n_lines; k++) FR_TRY(line(s, l->lines[k], NULL, err));
    for (size_t i = 0; i < s->r->n_models; i++) {
        if (l->n_lines > 1) FR_TRY(fr_str_append(s->out, "\n", 1, err));
        for (size_t k = 0; k < l->n_lines; k++) {
            if (!all_empty(s, l->lines[k], i)) FR_TRY(line(s, l->lines[k], &s->r->models[i], err));
        }
    }
cleanup:
    return st;
}

/* One figure a line, for the narrowest terminals. */
static fr_status cards(screen *s, fr_error *err)
{
    fr_status st = FR_OK;
    int title_width = 0;
    for (int c = FR__COL_PARAMS; c < FR__N_COLUMNS; c++) {
        int columns = fr__columns(s->titles[c]);
        if (columns > title_width) title_width = columns;
    }
    for (size_t i = 0; i < s->r->n_models; i++) {
        if (i) FR_TRY(fr_str_append(s->out, "\n", 1, err));
        const fr_result_model *m = &s->r->models[i];
        FR_TRY(cell(s, BOLD, s->cells[i][FR__COL_MODEL], s->width, true, true, err));
        FR_TRY(fr_str_append(s->out, "\n", 1, err));
        for (int c = FR__COL_PARAMS; c < FR__N_COLUMNS; c++) {
            if (strcmp(s->cells[i][c], "-") == 0) continue;
            const char *text = s->cells[i][c];
            bool beside = INDENT + title_width + GAP + fr__columns(text) <= s->width;
            FR_TRY(spaces(s, INDENT, err));
            FR_TRY(cell(s, DIM, s->titles[c], title_width, true, !beside, err));
            if (!beside) FR_TRY(fr_str_append(s->out, "\n", 1, err));
            FR_TRY(spaces(s, beside ? GAP : 2 * INDENT, err));
            FR_TRY(put(s, style_of(m, (fr__column)c), text, strlen(text), err));
            FR_TRY(fr_str_append(s->out, "\n", 1, err));
        }
    }
cleanup:
    return st;
}

static fr_status footnote(void *ctx, const char *mark, const char *text, fr_error *err)
{
    return wrap(ctx, "", mark, text, 2, err);
}

/* The other metrics of the task, a line a model. */
static fr_status further(screen *s, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    for (size_t i = 0; i < s->r->n_models; i++) {
        const fr_result_model *m = &s->r->models[i];
        bool any = false;
        fr_str_clear(&text);
        FR_TRY(fr__clean(&text, m->name, s->ascii, err));
        for (size_t k = 1; k < s->r->n_metrics && m->scores; k++) {
            if (!fr__figure_exists(&m->scores[k])) continue;
            FR_TRY(fr_str_appendf(&text, err, "%s ", any ? "," : ":"));
            FR_TRY(fr__metric_title(&s->r->metrics[k], s->ascii, &text, err));
            FR_TRY(
                fr_str_appendf(&text, err, " %s", fr__score(&s->r->metrics[k], &m->scores[k]).s));
            any = true;
        }
        if (any) FR_TRY(wrap(s, "", "", fr_str_text(&text), 2, err));
    }
cleanup:
    fr_str_release(&text);
    return st;
}

/* "[ ] 95 % interval; mod modelled, ...": only the kinds that occur. */
static fr_status key(screen *s, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    bool seen[FR_KIND_ASSUMED + 1] = {false};
    for (size_t i = 0; i < s->r->n_models; i++) {
        seen[s->r->models[i].j_per_item.kind] = true;
        seen[s->r->models[i].g_per_1000.kind] = true;
    }
    FR_TRY(fr_str_appendf(&text, err, "[ ] 95 %% interval"));
    for (fr_kind k = FR_KIND_MEASURED; k <= FR_KIND_ASSUMED; k++) {
        if (seen[k])
            FR_TRY(fr_str_appendf(&text, err, "; %s %s", fr__kind_short(k), fr_kind_name(k)));
    }
    if (fr__deciding(s->r)->lower_is_better)
        FR_TRY(fr_str_appendf(&text, err, "%s; differences are turned: positive is better",
                              s->ascii ? "" : "; \xe2\x86\x93 less is better"));
    FR_TRY(wrap(s, DIM, "", fr_str_text(&text), 2, err));
cleanup:
    fr_str_release(&text);
    return st;
}

fr_status fr_report_terminal(const fr_results *results, const fr_report_terminal_options *options,
                             fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str headline = FR_STR_INIT;
    screen s = {.r = results,
                .width = options->width > 0 ? options->width : 100,
                .colour = options->colour,
                .ascii = options->ascii,
                .out = out};
    if (s.width < WIDTH_LEAST) s.width = WIDTH_LEAST;
    fr_arena_init(&s.arena, 0);

    FR_TRY(head(&s, err));
    if (results->n_models > 0) {
        FR_TRY(fill_cells(&s, err));
        size_t k = 0;
        while (k < sizeof(layouts) / sizeof(layouts[0]) && !layout_fits(&s, &layouts[k])) k++;
        if (k < sizeof(layouts) / sizeof(layouts[0])) {
            FR_TRY(table(&s, &layouts[k], err));
        } else {
            FR_TRY(cards(&s, err));
        }
        FR_TRY(fr_str_append(out, "\n", 1, err));
        FR_TRY(key(&s, err));
        FR_TRY(further(&s, err));
        FR_TRY(fr__footnotes(results, s.ascii, footnote, &s, err));
        FR_TRY(fr_str_append(out, "\n", 1, err));
    }
    FR_TRY(fr__headline(results, s.ascii, &headline, err));
    FR_TRY(wrap(&s, BOLD, "", fr_str_text(&headline), 0, err));
cleanup:
    fr_str_release(&headline);
    fr_arena_release(&s.arena);
    return st;
}
