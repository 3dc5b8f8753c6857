/* The table at the end of a study, in wide and narrow terminals. */
#include "report/format.h"
#include "report/report.h"
#include "support/results_fixture.h"
#include "support/test.h"

static fr_str out = FR_STR_INIT;

static const char *render(fr_results r, int width, bool colour, bool ascii)
{
    fr_error err;
    fr_report_terminal_options options = {.width = width, .colour = colour, .ascii = ascii};
    fr_str_clear(&out);
    ASSERT_OK(fr_report_terminal(&r, &options, &out, &err));
    return fr_str_text(&out);
}

static int release(void **state)
{
    (void)state;
    fr_str_release(&out);
    return 0;
}

/* The line that contains `words`. */
static const char *line_with(const char *text, const char *words)
{
    static char line[1024];
    const char *at = strstr(text, words);
    if (!at) fail_msg("\"%s\" is not in:\n%s", words, text);
    while (at > text && at[-1] != '\n') at--;
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

static void a_wide_terminal_shows_each_model_on_one_line(void **state)
{
    (void)state;
    const char *text = render(fixture_study(), 200, false, false);
    char line[1024];
    snprintf(line, sizeof(line), "%s", line_with(text, "electra-small tuned"));
    const char *const parts[] = {
        "13.5M", "94.4 [93.2, 95.4]", "0.61 [0.46, 0.79] mod", "51.2 ms",   "113 ms",
        "49.2",  "288 MiB",           "-0.7 [-1.7, +0.3]",     "1/16,000*", "comparable"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) assert_contains(line, parts[i]);
    assert_contains(line_with(text, "DeepSeek-R1-0528 "), "37B of 671B");
    assert_contains(line_with(text, "DeepSeek-R1-0528 "), "reference");
}

static void remarks_name_what_a_reader_must_know(void **state)
{
    (void)state;
    const char *text = render(fixture_study(), 200, false, false);
    const char *const remarks[] = {
        "1,821 items",
        "margin 2.0 points",
        "India 626 g/kWh (table, 2023)",
        "no RAPL, see `frugal meters`",
        "* Across bases: measured or modelled here against estimated there",
        "electra-small 1/519",
        "over 5 seeds: accuracy 94.1 94.7 94.4 93.8 95.0; mean 94.4, standard deviation 0.5",
        "paid back after 930 [700, 4,400] queries",
        "about 4,230 items would settle",
        "3 of 1,821 items without a usable answer count as wrong",
        "Mistral-7B, Qwen3-235B-A22B: quality not measured",
        "1 interrupted attempt cost 1.31 kJ",
        "electra-small is comparable to DeepSeek-R1-0528 on sentiment: -0.7 points of accuracy",
        "mod modelled; est estimated",
    };
    for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++)
        assert_contains(text, remarks[i]);
}

static void a_remark_on_several_models_is_said_once_with_their_names(void **state)
{
    (void)state;
    static const char *const notes[] = {"trained from scratch", "19 of 200 prompts are too long"};
    fr_results r = fixture_study();
    fr_result_model models[3];
    memcpy(models, r.models, sizeof(models));
    for (size_t i = 0; i < 3; i++) {
        models[i].notes = notes;
        models[i].n_notes = i == 1 ? 1 : 2;
    }
    models[0].name = "one", models[1].name = "two", models[2].name = "three";
    r.models = models;
    r.n_models = 3;
    const char *text = render(r, 200, false, false);
    assert_contains(text, "\n  one, two, three: trained from scratch\n");
    assert_contains(text, "\n  one, three: 19 of 200 prompts are too long\n");
    assert_null(strstr(strstr(text, "trained from scratch") + 1, "trained from scratch"));
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    static const int widths[] = {200, 185, 120, 100, 99, 80, 72, 60, 50, 44, 40, 32};
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        const char *text = render(fixture_study(), widths[i], false, false);
        while (*text) {
            char line[2048];
            size_t n = strcspn(text, "\n");
            assert_true(n < sizeof(line));
            memcpy(line, text, n);
            line[n] = '\0';
            if (fr__columns(line) > widths[i])
                fail_msg("%d columns in a terminal of %d: %s", fr__columns(line), widths[i], line);
            if (n && line[n - 1] == ' ') fail_msg("trailing space: \"%s\"", line);
            text += n + (text[n] == '\n');
        }
    }
}

static void narrow_terminals_lose_no_figure(void **state)
{
    (void)state;
    static const int widths[] = {100, 80, 40};
    static const char *const figures[] = {
        "13.5M", "94.4 [93.2, 95.4]", "0.61 [0.46, 0.79] mod", "51.2 ms",   "113 ms",
        "49.2",  "288 MiB",           "-0.7 [-1.7, +0.3]",     "1/16,000*", "comparable"};
    for (size_t i = 0; i < 3; i++) {
        const char *text = render(fixture_study(), widths[i], false, false);
        for (size_t k = 0; k < sizeof(figures) / sizeof(figures[0]); k++)
            assert_contains(text, figures[k]);
    }
    assert_contains(render(fixture_study(), 40, false, false), "  accuracy %    94.4");
}

static void colour_appears_only_when_asked_for(void **state)
{
    (void)state;
    assert_null(strchr(render(fixture_study(), 100, false, false), '\x1b'));
    assert_contains(render(fixture_study(), 100, true, false), "\x1b[32mcomparable\x1b[0m");
    assert_null(strchr(render(fixture_hostile(), 100, false, false), '\x1b'));
}

static void ascii_terminals_get_ascii_only(void **state)
{
    (void)state;
    static const int widths[] = {200, 100, 30};
    for (size_t i = 0; i < 3; i++) {
        for (const char *s = render(fixture_hostile(), widths[i], false, true); *s; s++)
            assert_true(*s == '\n' || (*s >= ' ' && *s < 0x7f));
    }
}

static void hostile_names_cannot_break_the_table(void **state)
{
    (void)state;
    static const int widths[] = {0, 1, 20, 40, 80, 250, 1000};
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        const char *text = render(fixture_hostile(), widths[i], true, false);
        assert_null(strstr(text, "\xe2\x80\xae")); /* the mark that turns the direction */
        assert_null(strstr(text, "nan"));
        assert_null(strstr(text, "inf "));
        assert_null(strchr(text, '\t'));
    }
}

static void few_models_are_no_problem(void **state)
{
    (void)state;
    assert_contains(render(fixture_empty(), 80, false, false), "No model has been run yet.");
    assert_contains(render(fixture_one_model(), 80, false, false),
                    "No model has been compared with DeepSeek-R1-0528 yet.");
    fr_results r = fixture_study();
    r.models++;
    r.n_models = 1;
    assert_contains(render(r, 80, false, false), "There is no reference model");
}

static void the_headline_tells_an_open_and_a_lost_case_from_a_won_one(void **state)
{
    (void)state;
    fr_results r = fixture_study();
    fr_result_model models[2] = {r.models[0], r.models[2]};
    r.models = models;
    r.n_models = 2;
    assert_contains(render(r, 400, false, false),
                    "is still open: all-MiniLM-L6-v2 is at -1.9 points of accuracy (95 % interval "
                    "-3.0 to -0.8, margin 2.0); about 4,230 items would settle it.");
    r = fixture_study();
    models[1] = r.models[3];
    r.models = models;
    r.n_models = 2;
    assert_contains(render(r, 400, false, false),
                    "No model is comparable to DeepSeek-R1-0528 on sentiment: the nearest, "
                    "bert-tiny (from scratch), is at -13.4 points");
    models[1] = fixture_study().models[1];
    models[1].factor.value = 0.4;
    models[1].factor.low = 0.38;
    models[1].factor.high = 0.42;
    models[1].crosses_bases = false;
    assert_contains(render(r, 400, false, false),
                    "for 2.50 times the emissions (95 % interval 2.38x to 2.63x).");
    models[0].quality.kind = FR_KIND_NONE;
    models[1].verdict = FR_VERDICT_NONE;
    assert_contains(render(r, 400, false, false),
                    "quality of DeepSeek-R1-0528 has not been measured");
}

static void numbers_read_as_people_write_them(void **state)
{
    (void)state;
    assert_string_equal(fr__number(9130).s, "9,130");
    assert_string_equal(fr__number(85432).s, "85,400");
    assert_string_equal(fr__number(0.1069).s, "0.107");
    assert_string_equal(fr__number(9.996).s, "10.0");
    assert_string_equal(fr__number(0).s, "0");
    assert_string_equal(fr__number(-3.456).s, "-3.46");
    assert_string_equal(fr__number(1.234e-5).s, "1.2e-05");
    assert_string_equal(fr__number(1e300).s, "1e+300");
    assert_string_equal(fr__number(0.0 / 0.0).s, "-");
    assert_string_equal(fr__fixed(-0.04, 1).s, "0.0");
    assert_string_equal(fr__signed(0.04, 1).s, "0.0");
    assert_string_equal(fr__count(1234567).s, "1,234,567");
    assert_string_equal(fr__seconds(0.0142).s, "14.2 ms");
    assert_string_equal(fr__seconds(252).s, "4 min 12 s");
    assert_string_equal(fr__seconds(7320).s, "2 h 2 min");
    assert_string_equal(fr__bytes(536870912.0).s, "512 MiB");
    assert_string_equal(fr__joules(9130).s, "9.13 kJ");
    assert_string_equal(fr__grams(0.0123).s, "12.3 mg");
    fr_figure f = {100, 90, 108, FR_KIND_MEASURED, NULL};
    assert_string_equal(fr__figure(&f).s, "100 [90.0, 108]");
    f.high = 130;
    assert_string_equal(fr__figure(&f).s, "100 [90, 130]");
    f = (fr_figure){30600, 30590, 30610, FR_KIND_MODELLED, NULL};
    assert_string_equal(fr__figure(&f).s, "30,600");
    f.kind = FR_KIND_NONE;
    assert_string_equal(fr__figure(&f).s, "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wide_terminal_shows_each_model_on_one_line),
        cmocka_unit_test(remarks_name_what_a_reader_must_know),
        cmocka_unit_test(a_remark_on_several_models_is_said_once_with_their_names),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
        cmocka_unit_test(narrow_terminals_lose_no_figure),
        cmocka_unit_test(colour_appears_only_when_asked_for),
        cmocka_unit_test(ascii_terminals_get_ascii_only),
        cmocka_unit_test(hostile_names_cannot_break_the_table),
        cmocka_unit_test(few_models_are_no_problem),
        cmocka_unit_test(the_headline_tells_an_open_and_a_lost_case_from_a_won_one),
        cmocka_unit_test(numbers_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
