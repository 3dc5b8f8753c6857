/* report.html: well-formed, alone, and unmoved by hostile input. */
#include <ctype.h>
#include <math.h>

#include "report/report.h"
#include "support/results_fixture.h"
#include "support/test.h"

static char *render(fr_results r)
{
    fr_error err;
    fr_str out = FR_STR_INIT;
    ASSERT_OK(fr_report_html(&r, &out, &err));
    return out.data;
}

static bool is_void(const char *name)
{
    static const char *const names[] = {"meta", "br", "!doctype"};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) return true;
    }
    return false;
}

/* Reads the attributes of a tag up to its '>': name="value" each, or a bare name. */
static const char *skip_attributes(const char *s, bool *self_closed)
{
    *self_closed = false;
    for (;;) {
        while (isspace((unsigned char)*s)) s++;
        if (*s == '>') return s + 1;
        if (s[0] == '/' && s[1] == '>') {
            *self_closed = true;
            return s + 2;
        }
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
        if (n == 0) fail_msg("not an attribute: %.40s", s);
        if (strncmp(s, "on", 2) == 0) fail_msg("an event handler: %.40s", s);
        s += n;
        if (*s != '=') continue;
        if (s[1] != '"') fail_msg("attribute without quotes: %.40s", s);
        s += 2;
        s += strcspn(s, "\"<>");
        if (*s != '"') fail_msg("attribute does not end: %.40s", s);
        s++;
    }
}

/* Every tag is closed in turn, every '&' starts an entity. */
static void assert_well_formed(const char *s)
{
    char open[64][24];
    size_t depth = 0;
    while (*s) {
        if (*s == '&') {
            size_t n = strcspn(s, "; \n<");
            if (s[n] != ';' || n < 3 || n > 8) fail_msg("a bare ampersand: %.30s", s);
        }
        if (*s != '<') {
            s++;
            continue;
        }
        char name[24];
        size_t n = 0, closing = s[1] == '/';
        s += 1 + closing;
        while ((isalnum((unsigned char)*s) || *s == '!') && n + 1 < sizeof(name))
            name[n++] = (char)tolower((unsigned char)*s++);
        name[n] = '\0';
        if (n == 0) fail_msg("not a tag: %.30s", s);
        bool self_closed;
        s = skip_attributes(s, &self_closed);
        if (closing) {
            if (depth == 0 || strcmp(open[depth - 1], name) != 0)
                fail_msg("</%s> closes <%s>", name, depth ? open[depth - 1] : "nothing");
            depth--;
        } else if (!self_closed && !is_void(name)) {
            assert_true(depth < 64);
            strcpy(open[depth++], name);
            if (strcmp(name, "style") == 0) s = strstr(s, "</style>"); /* not markup */
            assert_non_null(s);
        }
    }
    if (depth) fail_msg("<%s> is never closed", open[depth - 1]);
}

static void assert_stands_alone(const char *page)
{
    static const char *const forbidden[] = {"http",    "<script", "src=",    "href=", "url(",
                                            "@import", "<iframe", "<object", "<link", "onerror=x"};
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        const char *at = strstr(page, forbidden[i]);
        /* escaped text may mention src=, but never inside a tag: see the check of tags */
        if (at && strcmp(forbidden[i], "src=") != 0) fail_msg("the page has: %.60s", at);
    }
}

static void the_page_is_well_formed_and_stands_alone(void **state)
{
    (void)state;
    const fr_results results[] = {fixture_study(), fixture_empty(), fixture_one_model()};
    for (size_t i = 0; i < 3; i++) {
        char *page = render(results[i]);
        assert_well_formed(page);
        assert_stands_alone(page);
        assert_contains(page, "--comparable:"); /* the style is inside */
        free(page);
    }
}

static void hostile_input_stays_text(void **state)
{
    (void)state;
    char *page = render(fixture_hostile());
    assert_well_formed(page);
    assert_stands_alone(page);
    assert_contains(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
    assert_null(strstr(page, "<img"));
    assert_null(strchr(page, '\x1b'));
    assert_null(strstr(page, "\xe2\x80\xae"));
    assert_null(strstr(page, ">nan"));
    assert_null(strstr(page, "\"nan"));
    assert_null(strstr(page, " nan"));
    assert_null(strstr(page, "=\"inf"));
    free(page);
}

static void the_page_says_what_matters(void **state)
{
    (void)state;
    char *page = render(fixture_study());
    const char *const words[] = {
        "electra-small is as good as DeepSeek-R1-0528 within 2.0 points, for 1/16,000 of the",
        "role=\"img\"",
        "aria-labelledby=\"t-wide d-wide\"",
        "same basis 1/519",
        "1 of 2 attempts interrupted: 1.31 kJ",
        "net of idle 0.43",
        "Electricity Maps / Ember, India, 2023, direct emissions",
        "quality not measured, emissions only",
        "All 12 windows of the meter",
        "2.41 \xc2\xb1 0.4 W a busy thread",
        "paired score interval (Tango 1998)",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) assert_contains(page, words[i]);
    free(page);
}

static void a_night_between_two_starts_is_no_time_measured(void **state)
{
    (void)state;
    fr_results r = fixture_study();
    fr_result_window windows[2] = {r.windows[0], r.windows[1]};
    windows[0].duration_s = 60;
    windows[1].duration_s = 12;
    windows[1].started_unix_s = windows[0].started_unix_s + 86400;
    r.finished_unix_s = r.started_unix_s + 90000;
    r.windows = windows;
    r.n_windows = 2;
    char *page = render(r);
    assert_contains(page, "<dt>time measured</dt><dd>72.0 s</dd>");
    assert_null(strstr(page, "25 h"));
    free(page);
}

static void tiny_numbers_are_written_as_powers_of_ten(void **state)
{
    (void)state;
    fr_results r = fixture_study();
    fr_result_model m = r.models[1];
    m.g_per_1000 = (fr_figure){4.2e-5, 2.3e-5, 7.7e-5, FR_KIND_MODELLED, "test"};
    r.models = &m;
    r.n_models = 1;
    char *page = render(r);
    assert_well_formed(page);
    assert_contains(page, "<b>4.2&#215;10<sup>&#8722;5</sup></b>");
    free(page);
}

/* Checks the boxes of one plot's labels, as wide as a usual font makes them. */
static void assert_labels_apart(const char *page, const char *plot, double width, size_t expected)
{
    const char *start = strstr(page, plot), *end = start ? strstr(start, "</svg>") : NULL;
    assert_non_null(end);
    double boxes[32][4];
    size_t n = 0;
    for (const char *s = start; (s = strstr(s, "<text class=\"lb\"")) && s < end; s++) {
        double x, y;
        char anchor[8];
        assert_int_equal(sscanf(s, "<text class=\"lb\" x=\"%lf\" y=\"%lf\" text-anchor=\"%7[a-z]\"",
                                &x, &y, anchor),
                         3);
        double w = 6.5 * (double)strcspn(strchr(s, '>') + 1, "<");
        double x0 = x - (strcmp(anchor, "start") == 0 ? 0 : strcmp(anchor, "end") == 0 ? w : w / 2);
        assert_true(n < 32 && x0 >= 0 && x0 + w <= width);
        for (size_t i = 0; i < n; i++) {
            bool apart = x0 >= boxes[i][2] || x0 + w <= boxes[i][0] || y - 11 >= boxes[i][3] ||
                         y + 2 <= boxes[i][1];
            if (!apart) fail_msg("%s: labels %zu and %zu overlap", plot, i, n);
        }
        memcpy(boxes[n++], (double[4]){x0, y - 11, x0 + w, y + 2}, sizeof(boxes[0]));
    }
    assert_int_equal(n, expected);
}

static void labels_do_not_overlap_even_where_models_do(void **state)
{
    (void)state;
    char *page = render(fixture_study());
    assert_labels_apart(page, "<svg class=\"wide\"", 1080, 7);
    assert_labels_apart(page, "<svg class=\"narrow\"", 390, 7);
    free(page);

    fr_results r = fixture_study();
    fr_result_model crowd[6];
    char names[6][16];
    crowd[0] = r.models[0];
    for (int i = 1; i < 6; i++) {
        snprintf(names[i], sizeof(names[i]), "twin number %d", i);
        crowd[i] = r.models[1];
        crowd[i].name = names[i];
        crowd[i].quality.value -= 0.001 * i;
    }
    r.models = crowd;
    r.n_models = 6;
    page = render(r);
    assert_labels_apart(page, "<svg class=\"wide\"", 1080, 6);
    assert_labels_apart(page, "<svg class=\"narrow\"", 390, 6);
    free(page);
}

/* The texts of one class in a plot: their boxes, as wide as a usual font makes them. */
static size_t text_boxes(const char *page, const char *plot, const char *text, double boxes[32][4])
{
    const char *start = strstr(page, plot), *end = start ? strstr(start, "</svg>") : NULL;
    size_t n = 0;
    assert_non_null(end);
    for (const char *s = start; (s = strstr(s, text)) && s < end && n < 32; s++) {
        double x, y;
        char anchor[8];
        if (sscanf(s + strlen(text), " x=\"%lf\" y=\"%lf\" text-anchor=\"%7[a-z]\"", &x, &y,
                   anchor) != 3)
            continue;
        double w = 6.5 * (double)strcspn(strchr(s, '>') + 1, "<");
        double x0 = x - (strcmp(anchor, "start") == 0 ? 0 : strcmp(anchor, "end") == 0 ? w : w / 2);
        memcpy(boxes[n++], (double[4]){x0, y - 11, x0 + w, y + 2}, sizeof(boxes[0]));
    }
    return n;
}

static void labels_cover_neither_the_axis_nor_the_line_of_the_reference(void **state)
{
    (void)state;
    /* Accuracy and grams of a reference, of a better model beside it, of two far below at the left;
     * the last one has grams alone, and far more of them. */
    static const double scores[][4] = {{0.895, 0.88, 0.908, 5.9e-5},
                                       {0.966, 0.957, 0.974, 3.8e-5},
                                       {0.5, 0.477, 0.523, 9.7e-8},
                                       {0.63, 0.607, 0.652, 8.5e-7},
                                       {NAN, NAN, NAN, 1300}};
    static const char *const names[] = {"small", "tiny", "majority", "tfidf", "large"};
    fr_results r = fixture_study();
    fr_result_model models[5];
    for (size_t i = 0; i < 5; i++) {
        models[i] = r.models[i > 0];
        models[i].name = names[i];
        models[i].quality =
            (fr_figure){scores[i][0], scores[i][1], scores[i][2], FR_KIND_MEASURED, NULL};
        models[i].g_per_1000 =
            (fr_figure){scores[i][3], 0.5 * scores[i][3], 2 * scores[i][3], FR_KIND_MODELLED, NULL};
    }
    r.models = models;
    r.n_models = 5;
    char *page = render(r);
    static const char *const plots[] = {"<svg class=\"wide\"", "<svg class=\"narrow\""};
    for (size_t k = 0; k < 2; k++) {
        double labels[32][4], axis[32][4], line;
        size_t n = text_boxes(page, plots[k], "<text class=\"lb\"", labels);
        size_t marks = text_boxes(page, plots[k], "<text class=\"tx\"", axis);
        const char *ref = strstr(strstr(page, plots[k]), "<line class=\"ref\"");
        assert_int_equal(n, 5);
        assert_true(marks > 8);
        assert_int_equal(sscanf(strstr(ref, "y1="), "y1=\"%lf\"", &line), 1);
        for (size_t i = 0; i < n; i++) {
            assert_true(line <= labels[i][1] || line >= labels[i][3]);
            for (size_t j = 0; j < marks; j++) {
                bool apart = labels[i][0] >= axis[j][2] || labels[i][2] <= axis[j][0] ||
                             labels[i][1] >= axis[j][3] || labels[i][3] <= axis[j][1];
                if (!apart) fail_msg("%s: label %zu covers mark %zu of an axis", plots[k], i, j);
            }
        }
    }
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_well_formed_and_stands_alone),
        cmocka_unit_test(hostile_input_stays_text),
        cmocka_unit_test(the_page_says_what_matters),
        cmocka_unit_test(a_night_between_two_starts_is_no_time_measured),
        cmocka_unit_test(tiny_numbers_are_written_as_powers_of_ten),
        cmocka_unit_test(labels_do_not_overlap_even_where_models_do),
        cmocka_unit_test(labels_cover_neither_the_axis_nor_the_line_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
