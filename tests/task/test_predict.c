/* test_predict.c - models over items: texts as transformers writes them, and that nothing but the
 * item and the options decides what an item gives. */
#include "format/tensors.h"
#include "support/test.h"
#include "task/predict.h"

#define GPT2 FR_TEST_DIR "/golden/decoders/gpt2"
enum { VOCABULARY = 41, PROMPT = 5, MAX_TEXTS = 6, MAX_IDS = 40 };

static fr_error err;
static const char *dir;
static fr_tokenizer *tokenizer;
static fr_model *model;
static char texts[MAX_TEXTS][2][256]; /* prompt and what transformers writes behind it */
static size_t n_texts;

/* Every id of the golden GPT-2 is a word: w0 w1 ... */
static void open_tokenizer(void)
{
    char json[4096] = "{\"added_tokens\": [], \"normalizer\": null, \"post_processor\": null,"
                      "\"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"},"
                      "\"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\","
                      " \"cleanup\": false},"
                      "\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"w0\","
                      " \"continuing_subword_prefix\": \"##\","
                      " \"max_input_chars_per_word\": 100, \"vocab\": {";
    for (int i = 0; i < VOCABULARY; i++)
        snprintf(json + strlen(json), 16, "%s\"w%d\": %d", i ? ", " : "", i, i);
    snprintf(json + strlen(json), 8, "}}}");
    ASSERT_OK(fr_tokenizer_open_json(&tokenizer, json, strlen(json), "words", &err));
}

static int open_all(void **state)
{
    (void)state;
    fr_tensors *file;
    const fr_model_options options = {.decoder = true, .as_stored = true};
    dir = test_tmp_dir();
    open_tokenizer();
    ASSERT_OK(fr_model_load(&model, GPT2, &options, &err));
    ASSERT_OK(fr_tensors_open(&file, GPT2 "/golden.safetensors", &err));
    for (int i = 0; i < MAX_TEXTS; i++) {
        float ids[MAX_IDS];
        char key[32];
        snprintf(key, sizeof(key), "greedy.%d", i);
        const fr_stored *t = fr_tensors_find(file, key);
        if (!t) continue;
        ASSERT_OK(fr_stored_to_f32(t, ids, &err));
        for (size_t k = 0; k < t->n; k++) {
            char *text = texts[n_texts][k >= PROMPT];
            snprintf(text + strlen(text), 8, "%sw%d", *text ? " " : "", (int)ids[k]);
        }
        n_texts++;
    }
    fr_tensors_close(file);
    assert_true(n_texts >= 3);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fr_model_destroy(model);
    fr_tokenizer_close(tokenizer);
    return 0;
}

/* A task with what is given behind its head, over the golden prompts. */
typedef struct world {
    fr_task *task;
    fr_dataset items;
    fr_predictor *p;
    const fr_predictions *got;
} world;

static fr_status open_world(world *w, const char *rest, fr_predict_options o)
{
    char text[1024], rows[MAX_TEXTS * 512] = "";
    memset(w, 0, sizeof(*w));
    snprintf(text, sizeof(text), "name: t\ncategory: c\n%s\n", rest);
    ASSERT_OK(fr_task_open(&w->task, test_write_file(dir, "own.yaml", text), &err));
    for (size_t i = 0; i < n_texts; i++)
        snprintf(rows + strlen(rows), 512,
                 "{\"text\": \"%.250s\", \"label\": 0, \"a\": \"w%zu w9\"}\n", texts[i][0], 10 + i);
    const char *path = test_write_file(dir, "items.jsonl", rows);
    ASSERT_OK(fr_dataset_load(&w->items, path, &(fr_dataset_options){.task = w->task}, &err));
    if (!o.max_tokens) o.max_tokens = 40;
    fr_status st = fr_predictor_create(&w->p, model, tokenizer, w->task, &o, &err);
    return st == FR_OK ? fr_predictor_read(w->p, &w->items, &err) : st;
}

static void close_world(world *w)
{
    fr_predictor_destroy(w->p);
    fr_dataset_release(&w->items);
    fr_task_close(w->task);
}

#define WRITES "kind: generate\nprompt: \"{text}\"\ntarget: \" {a}\"\nmetrics: [bleu]\n"
#define BOTH                                                                                 \
    "kind: generate\nprompt: \"{text}\"\ntarget: \" {a}\"\nmetrics: [bleu, bits-per-byte]\n" \
    "max_tokens: 3"
#define LIKELIHOOD                                                                     \
    "kind: generate\nprompt: \"{text}\"\ntarget: \" {a}\"\nmetrics: [bits-per-byte]\n" \
    "max_tokens: 3"
#define LABELS "kind: classify\nprompt: \"{text}\"\nmetrics: [accuracy]\nmax_tokens: 35\n"

static const fr_predict_options defaults = FR_PREDICT_DEFAULTS;

/* Every word begins with a w. */
static size_t n_words(const char *text)
{
    size_t n = 0;
    for (; *text; text++) n += *text == 'w';
    return n;
}

static void a_decoder_writes_what_transformers_writes(void **state)
{
    (void)state;
    world w;
    ASSERT_OK(open_world(&w, WRITES "max_tokens: 35", defaults));
    ASSERT_OK(fr_predictor_run(w.p, 0, n_texts, &w.got, &err));
    assert_null(w.got->logits);
    for (size_t i = 0; i < n_texts; i++) {
        const fr_answer *a = &w.got->answers[i];
        assert_int_equal(a->n_texts, 1);
        assert_int_equal(a->label, -1);
        assert_int_equal(w.got->tokens_in[i], PROMPT);
        assert_int_equal(w.got->tokens_out[i], n_words(a->texts[0].data));
        /* The golden texts are shorter, or end with the end's own word. */
        size_t n = strlen(texts[i][1]) < a->texts[0].len ? strlen(texts[i][1]) : a->texts[0].len;
        const char *text = a->texts[0].data;
        if (*text == ' ') text++;
        if (n > 0 && strncmp(text, texts[i][1], n - 1) != 0)
            fail_msg("\"%s\", transformers: \"%s\"", text, texts[i][1]);
    }
    close_world(&w);
}

static void prompt_and_answer_share_the_tokens_there_are(void **state)
{
    (void)state;
    world w;
    fr_predict_options o = defaults;
    o.max_tokens = 12;
    ASSERT_OK(open_world(&w, WRITES "max_tokens: 35", o));
    ASSERT_OK(fr_predictor_run(w.p, 0, n_texts, &w.got, &err));
    for (size_t i = 0; i < n_texts; i++)
        assert_true(w.got->tokens_in[i] + w.got->tokens_out[i] <= 12);
    close_world(&w);
}

static void a_stop_text_ends_what_is_written_and_is_left_away(void **state)
{
    (void)state;
    world w;
    char rest[600], first[16], second[16];
    assert_int_equal(sscanf(texts[0][1], "%15s %15s", first, second), 2);
    snprintf(rest, sizeof(rest), WRITES "max_tokens: 35\nstop: [\"never\", \"%s %s\"]", first,
             second);
    ASSERT_OK(open_world(&w, rest, defaults));
    ASSERT_OK(fr_predictor_run(w.p, 0, 1, &w.got, &err));
    assert_string_equal(w.got->answers[0].texts[0].data, " ");
    assert_int_equal(w.got->answers[0].texts[0].len, 1);
    assert_int_equal(w.got->tokens_out[0], 2); /* the stop text was written, too */
    close_world(&w);
}

/* What all items gave, as one text. */
static void put(char *out, size_t size, const fr_predictions *got, size_t i)
{
    const fr_answer *a = &got->answers[i];
    for (size_t s = 0; s < a->n_texts; s++)
        snprintf(out + strlen(out), size - strlen(out), "%zu %zu %d %a: %s\n", i, s, a->label,
                 a->log_p, a->texts[s].data);
}

static void an_item_gives_the_same_whatever_runs_before_and_beside_it(void **state)
{
    (void)state;
    world w;
    char together[8192] = "", apart[8192] = "", item[4096];
    fr_predict_options o = {.batch = 32, .samples = 3, .temperature = 1.5, .seed = 7};
    ASSERT_OK(open_world(&w, LABELS "labels: [w7, w12]", o));
    ASSERT_OK(fr_predictor_run(w.p, 0, n_texts, &w.got, &err));
    for (size_t i = 0; i < n_texts; i++) put(together, sizeof(together), w.got, i);
    close_world(&w);

    o.batch = 2;
    ASSERT_OK(open_world(&w, LABELS "labels: [w7, w12]", o));
    for (size_t i = n_texts; i-- > 0;) {
        ASSERT_OK(fr_predictor_run(w.p, i, 1, &w.got, &err));
        ASSERT_OK(fr_predictor_run_alone(w.p, i, &w.got, &err));
        item[0] = '\0';
        put(item, sizeof(item), w.got, 0);
        for (char *line = item; *line; line = strchr(line, '\n') + 1) line[0] = (char)('0' + i);
        memmove(apart + strlen(item), apart, strlen(apart) + 1);
        memcpy(apart, item, strlen(item));
    }
    assert_string_equal(apart, together);
    assert_non_null(strchr(together, '\n'));
    close_world(&w);

    o.seed = 8;
    apart[0] = '\0';
    ASSERT_OK(open_world(&w, LABELS "labels: [w7, w12]", o));
    ASSERT_OK(fr_predictor_run(w.p, 0, n_texts, &w.got, &err));
    for (size_t i = 0; i < n_texts; i++) put(apart, sizeof(apart), w.got, i);
    assert_string_not_equal(apart, together);
    close_world(&w);
}

static void likelihood_is_apart_from_writing(void **state)
{
    (void)state;
    world w;
    double log_p[MAX_TEXTS] = {0};
    ASSERT_OK(open_world(&w, LIKELIHOOD, defaults));
    ASSERT_OK(fr_predictor_run(w.p, 0, n_texts, &w.got, &err));
    for (size_t i = 0; i < n_texts; i++) {
        assert_int_equal(w.got->answers[i].n_texts, 0);
        assert_int_equal(w.got->answers[i].n_tokens, 3); /* two words and the end */
        assert_int_equal(w.got->tokens_in[i], PROMPT + 3);
        assert_int_equal(w.got->tokens_out[i], 0);
        log_p[i] = w.got->answers[i].log_p;
        assert_true(log_p[i] < 0);
    }
    close_world(&w);

    ASSERT_OK(open_world(&w, BOTH, defaults));
    ASSERT_OK(fr_predictor_run(w.p, 1, n_texts - 1, &w.got, &err));
    assert_int_equal(w.got->answers[0].n_tokens, 0);
    assert_int_equal(w.got->answers[0].n_texts, 1);
    ASSERT_OK(fr_predictor_score_targets(w.p, &err));
    for (size_t i = 1; i < n_texts; i++) {
        ASSERT_NEAR(w.got->answers[i - 1].log_p, log_p[i], 1e-5);
        assert_int_equal(w.got->answers[i - 1].n_texts, 1);
        assert_int_equal(w.got->tokens_in[i - 1], PROMPT);
    }
    close_world(&w);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *task;
        fr_predict_options options;
        const char *words;
    } cases[] = {
        {BOTH, {.batch = 1, .samples = 2}, "2 samples without a temperature are all the same"},
        {BOTH, {.batch = 0, .samples = 1}, "at least 1"},
        {BOTH, {.batch = 1, .samples = 0}, "at least 1"},
        {BOTH, {.batch = 1, .samples = 1, .max_tokens = 41}, "the model takes 1 to 40"},
        {"kind: generate\nprompt: \"a b c d e f {text}\"\ntarget: \" {a}\"\nmetrics: [bleu]\n"
         "max_tokens: 2",
         {.batch = 1, .samples = 1, .max_tokens = 5},
         "leaves no room"},
        {BOTH, {.batch = 1, .samples = 1, .stride = 40}, "gaps"},
        {LIKELIHOOD, {.batch = 1, .samples = 1, .temperature = 1}, "writes nothing"},
        {WRITES "max_tokens: 2", {.batch = 1, .samples = 1, .stride = 2}, "stride"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        world w;
        fr_status st = open_world(&w, cases[i].task, cases[i].options);
        if (st != FR_ERR_USAGE || !strstr(err.message, cases[i].words))
            fail_msg("case %zu: %s: %s", i, fr_status_name(st), st == FR_OK ? "" : err.message);
        close_world(&w);
    }
}

static bool stop_now(void *ctx)
{
    return --*(int *)ctx < 0;
}

static void it_stops_when_it_is_asked_to(void **state)
{
    (void)state;
    world w;
    int left = 3;
    const fr_observer observer = {.ctx = &left, .should_stop = stop_now};
    fr_predict_options o = {.batch = 1, .samples = 1, .observer = &observer};
    ASSERT_OK(open_world(&w, WRITES "max_tokens: 35", o));
    ASSERT_FAILS(fr_predictor_run(w.p, 0, n_texts, &w.got, &err), FR_ERR_INTERRUPTED,
                 "interrupted");
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decoder_writes_what_transformers_writes),
        cmocka_unit_test(prompt_and_answer_share_the_tokens_there_are),
        cmocka_unit_test(a_stop_text_ends_what_is_written_and_is_left_away),
        cmocka_unit_test(an_item_gives_the_same_whatever_runs_before_and_beside_it),
        cmocka_unit_test(likelihood_is_apart_from_writing),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(it_stops_when_it_is_asked_to),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
