/* fixture.h - a small world for whole studies: words that are good or bad, texts
 * made of them, a model of one layer, predictions of planted accuracy. */
#ifndef FR_TESTS_STUDY_FIXTURE_H
#define FR_TESTS_STUDY_FIXTURE_H

#include <sqlite3.h>

#include "base/rng.h"
#include "base/str.h"
#include "study/study.h"
#include "support/test.h"

enum { FIXTURE_TRAIN = 192, FIXTURE_VALIDATION = 48, FIXTURE_TEST = 120 };

static const char *const fixture_words[2][4] = {{"bad", "awful", "dull", "broken"},
                                                {"good", "superb", "lovely", "bright"}};
static const char *const fixture_filler[] = {"the", "film", "was", "and", "very", "a", "it"};

static const char fixture_config[] =
    "{\"model_type\": \"bert\", \"vocab_size\": 20, \"hidden_size\": 16, \"num_hidden_layers\": 1,"
    " \"num_attention_heads\": 2, \"intermediate_size\": 32, \"max_position_embeddings\": 32,"
    " \"initializer_range\": 0.2, \"hidden_dropout_prob\": 0.1,"
    " \"attention_probs_dropout_prob\": 0.1}";

static const char fixture_vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nbad\nawful\ndull\nbroken\n"
                                    "good\nsuperb\nlovely\nbright\nthe\nfilm\nwas\nand\nvery\na\n"
                                    "it\n";

/* A text about label: mostly its words. */
static inline void fixture_text(fr_rng *rng, int label, char *buf, size_t size)
{
    size_t n = 3 + fr_rng_below(rng, 7), used = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const char *word = fixture_filler[fr_rng_below(rng, 7)];
        if (i % 2 == 0) {
            int tone = fr_rng_uniform(rng) < 0.93 ? label : 1 - label;
            word = fixture_words[tone][fr_rng_below(rng, 4)];
        }
        used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? " " : "", word);
    }
}

static inline int fixture_label(size_t i)
{
    return (int)(i % 2);
}

static inline const char *fixture_data(const char *dir, const char *name, size_t n, uint64_t seed)
{
    fr_str s = FR_STR_INIT;
    fr_error err;
    fr_rng rng;
    char text[256];
    fr_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++) {
        fixture_text(&rng, fixture_label(i), text, sizeof(text));
        ASSERT_OK(fr_str_appendf(&s, &err, "{\"text\": \"%s %zu\", \"label\": %d}\n", text, i,
                                 fixture_label(i)));
    }
    const char *path = test_write_file(dir, name, fr_str_text(&s));
    fr_str_release(&s);
    return path;
}

/* Predictions for n items of which the first `wrong` are wrong. */
static inline void fixture_predictions(const char *dir, const char *name, size_t n, size_t wrong)
{
    static const char *const words[] = {"negative", "positive"};
    fr_str s = FR_STR_INIT;
    fr_error err;
    for (size_t i = 0; i < n; i++)
        ASSERT_OK(fr_str_appendf(&s, &err,
                                 "{\"prediction\": \"%s\", \"tokens_in\": 40, \"tokens_out\": 2}\n",
                                 words[i < wrong ? 1 - fixture_label(i) : fixture_label(i)]));
    test_write_file(dir, name, fr_str_text(&s));
    fr_str_release(&s);
}

/* A folder with data, the tiny model's config and vocabulary. */
static inline const char *fixture_folder(void)
{
    const char *dir = test_tmp_dir();
    fixture_data(dir, "train.jsonl", FIXTURE_TRAIN, 1);
    fixture_data(dir, "validation.jsonl", FIXTURE_VALIDATION, 2);
    fixture_data(dir, "test.jsonl", FIXTURE_TEST, 3);
    test_write_file(dir, "config.json", fixture_config);
    test_write_file(dir, "vocab.txt", fixture_vocab);
    return dir;
}

#define FIXTURE_HEAD                     \
    "name: first\n"                      \
    "task: sentiment\n"                  \
    "margin: 0.05\n"                     \
    "place: {region: India, pue: 1.2}\n" \
    "idle_seconds: 0\n"                  \
    "latency_items: 10\n"                \
    "checkpoint_seconds: 0.05\n"         \
    "threads: 1\n"                       \
    "data: {train: train.jsonl, validation: validation.jsonl, test: test.jsonl}\n"

#define FIXTURE_TINY   \
    "  - name: tiny\n" \
    "    config: .\n"  \
    "    batch: 16\n"  \
    "    tune: {epochs: 3, lr: 0.01, batch: 16, seeds: 2, max_tokens: 24}\n"

static inline fr_status fixture_run(const char *file, const char *out,
                                    const fr_study_listener *listener, fr_error *err)
{
    fr_study *study = NULL;
    fr_status st = fr_study_open(&study, file, &(fr_study_options){.out_dir = out}, err);
    if (st == FR_OK) st = fr_study_run(study, listener, err);
    fr_study_close(study);
    return st;
}

/* One number of a ledger; -1 where there is none. */
static inline double fixture_query(const char *out, const char *query)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    char path[4096];
    double value = -1;
    snprintf(path, sizeof(path), "%s/ledger.db", out);
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_prepare_v2(db, query, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", query, sqlite3_errmsg(db));
    if (sqlite3_step(q) == SQLITE_ROW) value = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return value;
}

static inline const fr_result_model *fixture_model(const fr_results *r, const char *name)
{
    for (size_t i = 0; i < r->n_models; i++)
        if (!strcmp(r->models[i].name, name)) return &r->models[i];
    fail_msg("there is no model %s", name);
    return NULL;
}

static inline bool fixture_has_note(const char *const *notes, size_t n, const char *words)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(notes[i], words)) return true;
    return false;
}

#endif
