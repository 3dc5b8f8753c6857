/* study.yaml: what is read, and what is refused with file, line and nearest key. */
#include <math.h>

#include "fixture.h"
#include "frugal/carbon.h"
#include "study/spec.h"

#define HEAD "name: x\ntask: sentiment\ndata: {test: test.jsonl}\n"
#define TRAINED                                                        \
    "name: x\ntask: sentiment\ndata: {train: test.jsonl, validation: " \
    "test.jsonl, test: test.jsonl}\n"
#define MODEL "models: [{name: a, params_active: 7B, tokens_in: 1, tokens_out: 1}]\n"

static const char *dir;

static int make_folder(void **state)
{
    (void)state;
    dir = test_tmp_dir();
    test_write_file(dir, "test.jsonl", "{\"text\": \"good\", \"label\": 1}\n");
    test_write_file(dir, "config.json", fixture_config);
    return 0;
}

static fr_status read_spec(const char *text, fr_spec *spec, fr_error *err)
{
    return fr_spec_read(spec, test_write_file(dir, "study.yaml", text), err);
}

static void every_key_is_read_with_its_type(void **state)
{
    (void)state;
    fr_error err;
    fr_spec s;
    setenv("FR_TEST_URL", "http://127.0.0.1:9", 1);
    setenv("FR_TEST_MODEL", "from the environment", 1);
    ASSERT_OK(read_spec("name: all of it\n"
                        "task: sentiment\n"
                        "margin: 0.03\n"
                        "reference: b\n"
                        "repeat: 2\n"
                        "threads: 3\n"
                        "idle_seconds: 1.5\n"
                        "latency_items: 7\n"
                        "checkpoint_seconds: 9\n"
                        "meters: [\"command:W,cat plug\", hwmon:psu/power1=cpu]\n"
                        "place: {region: India, pue: 1.3, intensity: 100.5}\n"
                        "data:\n"
                        "  train: test.jsonl\n"
                        "  validation: test.jsonl\n"
                        "  test: test.jsonl\n"
                        "  fields: {text: review.body, label: class}\n"
                        "  shuffle: 7\n"
                        "  limit: 10\n"
                        "  train_limit: 11\n"
                        "  validation_limit: 12\n"
                        "models:\n"
                        "  - name: a\n"
                        "    path: .\n"
                        "    batch: 5\n"
                        "    tune: {epochs: 2, lr: 1e-4, batch: 6, seeds: [3, 1], warmup: 0.2,\n"
                        "           decay: 0.1, clip: 0.5, max_tokens: 64}\n"
                        "  - name: c\n"
                        "    path: .\n"
                        "    tune: {method: lora, rank: 4, targets: [c_attn, q_proj], "
                        "lora_dropout: 0.1,\n"
                        "           accumulate: 2, recompute: true, precision: f32}\n"
                        "    samples: 3\n"
                        "    temperature: 0.8\n"
                        "  - name: d\n"
                        "    path: .\n"
                        "    shots: 2\n"
                        "  - name: b\n"
                        "    params_active: 37B\n"
                        "    params_total: 671B\n"
                        "    prompt: \"Say: {text}\"\n"
                        "    endpoint: {url_env: FR_TEST_URL, model: m, model_env: FR_TEST_MODEL,\n"
                        "               key_env: KEY, concurrency: 8, timeout: 5, retries: 2,\n"
                        "               max_tokens: 3, temperature: 0.5}\n",
                        &s, &err));
    assert_string_equal(s.name, "all of it");
    ASSERT_NEAR(s.margin, 0.03, 0);
    assert_string_equal(s.reference, "b");
    assert_int_equal(s.repeat, 2);
    assert_int_equal(s.threads, 3);
    ASSERT_NEAR(s.idle_s, 1.5, 0);
    assert_int_equal(s.latency_items, 7);
    ASSERT_NEAR(s.checkpoint_s, 9, 0);
    assert_int_equal(s.n_meters, 2);
    assert_string_equal(s.meters[0], "command:W,cat plug");
    assert_string_equal(s.meters[1], "hwmon:psu/power1=cpu");
    assert_string_equal(s.region, "India");
    ASSERT_NEAR(s.pue, 1.3, 0);
    ASSERT_NEAR(s.intensity, 100.5, 0);
    assert_string_equal(s.text_field, "review.body");
    assert_string_equal(s.label_field, "class");
    assert_int_equal(s.shuffle, 7);
    assert_int_equal(s.limit, 10);
    assert_int_equal(s.train_limit, 11);
    assert_int_equal(s.validation_limit, 12);
    assert_int_equal(s.n_models, 4);
    const fr_spec_model *a = &s.models[0], *b = &s.models[3], *c = &s.models[1];
    const fr_tuning *lora = &c->tune.how;
    assert_true(lora->lora);
    assert_int_equal(lora->adapters.rank, 4);
    ASSERT_NEAR(lora->adapters.alpha, 8, 0);
    ASSERT_NEAR(lora->adapters.dropout, 0.1, 0);
    assert_int_equal(lora->adapters.n_targets, 2);
    assert_string_equal(lora->adapters.targets[1], "q_proj");
    assert_int_equal(lora->train.accumulate, 2);
    assert_true(lora->train.recompute);
    assert_false(lora->bf16);
    assert_int_equal(c->samples, 3);
    ASSERT_NEAR(c->temperature, 0.8, 0);
    assert_int_equal(s.models[2].shots, 2);
    assert_false(s.run_unprotected_code);
    assert_int_equal(a->kind, FR_SPEC_LOCAL);
    assert_int_equal(a->batch, 5);
    assert_int_equal(a->max_tokens, 64);
    assert_true(a->tuned);
    assert_int_equal(a->tune.how.train.epochs, 2);
    assert_int_equal(a->tune.how.train.batch_size, 6);
    ASSERT_NEAR(a->tune.how.train.lr, 1e-4, 0);
    ASSERT_NEAR(a->tune.how.train.warmup_ratio, 0.2, 0);
    ASSERT_NEAR(a->tune.how.train.weight_decay, 0.1, 0);
    ASSERT_NEAR(a->tune.how.train.clip, 0.5, 0);
    assert_int_equal(a->tune.n_seeds, 2);
    assert_int_equal(a->tune.seeds[0], 3);
    assert_int_equal(b->kind, FR_SPEC_ENDPOINT);
    ASSERT_NEAR(b->params_active, 37e9, 0);
    ASSERT_NEAR(b->params_total, 671e9, 0);
    assert_string_equal(b->prompt, "Say: {text}");
    assert_string_equal(b->endpoint.url, "http://127.0.0.1:9");
    assert_string_equal(b->endpoint.model, "from the environment");
    assert_int_equal(b->endpoint.concurrency, 8);
    assert_int_equal(b->endpoint.retries, 2);
    assert_int_equal(b->endpoint.max_tokens, 3);
    ASSERT_NEAR(b->endpoint.timeout_s, 5, 0);
    ASSERT_NEAR(b->endpoint.temperature, 0.5, 0);
    fr_spec_release(&s);
}

static void what_is_left_out_gets_its_default(void **state)
{
    (void)state;
    fr_error err;
    fr_spec s;
    ASSERT_OK(read_spec(TRAINED "models: [{name: a, config: ., tune: {}}]\n", &s, &err));
    ASSERT_NEAR(s.margin, 0.02, 0);
    assert_string_equal(s.region, FR_REGION_WORLD);
    assert_false(s.region_given);
    ASSERT_NEAR(s.pue, 1, 0);
    assert_true(isnan(s.intensity));
    assert_null(s.reference);
    assert_int_equal(s.repeat, 1);
    assert_true(s.latency_items == FR_SPEC_LATENCY_DEFAULT);
    const fr_spec_model *a = &s.models[0];
    assert_int_equal(a->kind, FR_SPEC_SCRATCH);
    assert_int_equal(a->batch, 32);
    assert_int_equal(a->max_tokens, 0); /* by the kind of model */
    assert_int_equal(a->samples, 1);
    assert_false(a->tune.how.lora);
    assert_int_equal(a->tune.how.train.epochs, 3);
    ASSERT_NEAR(a->tune.how.train.lr, 5e-5, 0);
    assert_int_equal(a->tune.n_seeds, 1);
    assert_int_equal(a->tune.seeds[0], 1);
    fr_spec_release(&s);
}

static void an_optional_endpoint_without_its_variable_is_left_out(void **state)
{
    (void)state;
    fr_error err;
    fr_spec s;
    unsetenv("FR_TEST_URL");
    ASSERT_OK(read_spec(HEAD "models:\n  - {name: a, endpoint: {url_env: FR_TEST_URL, optional: "
                             "true}}\n  - {name: b, params_active: 1B}\n",
                        &s, &err));
    assert_true(s.models[0].left_out);
    assert_false(s.models[1].left_out);
    fr_spec_release(&s);
    ASSERT_FAILS(
        read_spec(HEAD "models: [{name: a, endpoint: {url_env: FR_TEST_URL}}]\n", &s, &err),
        FR_ERR_USAGE, "FR_TEST_URL is not set");
}

static void mistakes_are_named_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        fr_status status;
        const char *words;
    } cases[] = {
        {HEAD MODEL "margn: 0.02\n", FR_ERR_USAGE, "study.yaml:5"},
        {HEAD MODEL "margn: 0.02\n", FR_ERR_USAGE, "margin"},
        {HEAD "models: [{name: a, parms_active: 7B}]\n", FR_ERR_USAGE, "params_active"},
        {HEAD MODEL "margin: two\n", FR_ERR_USAGE, "study.yaml:5"},
        {HEAD MODEL "margin: 2\n", FR_ERR_USAGE, "between"},
        {HEAD MODEL "repeat: 1.5\n", FR_ERR_USAGE, "repeat"},
        {HEAD MODEL "threads: -1\n", FR_ERR_USAGE, "threads"},
        {HEAD MODEL "meters: command\n", FR_ERR_USAGE, "meters must be a list"},
        {HEAD MODEL "meters: [{a: b}]\n", FR_ERR_USAGE, "study.yaml:5"},
        {HEAD MODEL "reference: b\n", FR_ERR_USAGE, "no model is named \"b\""},
        {HEAD MODEL "place: {region: Indai}\n", FR_ERR_USAGE, "India"},
        {HEAD MODEL "place: {pue: 0.9}\n", FR_ERR_USAGE, "pue"},
        {HEAD MODEL "place: {intensity: 50, live: uk}\n", FR_ERR_USAGE, "its own intensity or"},
        {"name: x\ntask: sentiment\n" MODEL, FR_ERR_USAGE, "data"},
        {"name: x\ntask: sentiment\ndata: {train: test.jsonl}\n" MODEL, FR_ERR_USAGE, "test"},
        {"name: x\ntask: sentiment\ndata: {test: gone.jsonl}\n" MODEL, FR_ERR_IO, "study.yaml:3"},
        {"name: x\ntask: sentiment\ndata: {test: gone.jsonl}\n" MODEL, FR_ERR_IO, "gone.jsonl"},
        {HEAD "models: []\n", FR_ERR_USAGE, "models"},
        {HEAD "models: {name: a}\n", FR_ERR_USAGE, "models"},
        {HEAD "models: [{name: a}]\n", FR_ERR_USAGE, "params_active"},
        {HEAD "models: [{params_active: 7B}]\n", FR_ERR_USAGE, "name"},
        {HEAD "models: [{name: a/b, params_active: 7B}]\n", FR_ERR_USAGE, "'/'"},
        {HEAD "models: [{name: .., params_active: 7B}]\n", FR_ERR_USAGE, "'.'"},
        {HEAD "models:\n  - {name: a, params_active: 7B}\n  - {name: a, params_active: 8B}\n",
         FR_ERR_USAGE, "study.yaml:6"},
        {HEAD "models: [{name: a, params_active: 7Q}]\n", FR_ERR_USAGE, "params_active"},
        {HEAD "models: [{name: a, params_active: 8B, params_total: 7B}]\n", FR_ERR_USAGE, "larger"},
        {HEAD "models: [{name: a, path: gone}]\n", FR_ERR_IO, "no folder"},
        {HEAD "models: [{name: a, path: ., config: .}]\n", FR_ERR_USAGE, "path and config"},
        {HEAD "models: [{name: a, config: .}]\n", FR_ERR_USAGE, "needs tune"},
        {HEAD "models: [{name: a, path: ., tune: {}}]\n", FR_ERR_USAGE, "data needs train"},
        {"name: x\ntask: sentiment\ndata: {test: test.jsonl, fields: {txt: a}}\n" MODEL,
         FR_ERR_USAGE, "study.yaml:3: unknown key 'txt'; did you mean 'text'?"},
        {"name: x\ntask: sentiment\ndata: {test: test.jsonl, shuffle: 0}\n" MODEL, FR_ERR_USAGE,
         "shuffle must lie between 1"},
        {"name: x\ntask: sentiment\ndata: {test: test.jsonl, validation_share: 0.1}\n" MODEL,
         FR_ERR_USAGE, "study.yaml:3: validation_share takes a part of train"},
        {"name: x\ntask: sentiment\ndata: {train: test.jsonl, validation: test.jsonl, "
         "test: test.jsonl, validation_share: 0.1}\n" MODEL,
         FR_ERR_USAGE, "validation_share takes a part of train"},
        {HEAD "models: [{name: a, predictions: test.jsonl, tune: {}}]\n", FR_ERR_USAGE,
         "fine-tuned"},
        {TRAINED "models: [{name: a, baseline: median}]\n", FR_ERR_USAGE, "not \"median\""},
        {TRAINED "models: [{name: a, baseline: tfidf, path: .}]\n", FR_ERR_USAGE,
         "path and baseline"},
        {HEAD "models: [{name: a, baseline: tfidf}]\n", FR_ERR_USAGE, "data needs train"},
        {TRAINED "models: [{name: a, baseline: tfidf, tune: {}}]\n", FR_ERR_USAGE, "fine-tuned"},
        {TRAINED "models: [{name: a, path: ., tune: {epochs: 0}}]\n", FR_ERR_USAGE, "epochs"},
        {TRAINED "models: [{name: a, path: ., tune: {epoch: 1}}]\n", FR_ERR_USAGE, "epochs"},
        {TRAINED "models: [{name: a, path: ., tune: {seeds: [1, 1]}}]\n", FR_ERR_USAGE, "twice"},
        {TRAINED "models: [{name: a, path: ., tune: {rank: 4}}]\n", FR_ERR_USAGE,
         "belong to method lora"},
        {TRAINED "models: [{name: a, path: ., tune: {method: half}}]\n", FR_ERR_USAGE,
         "must be full or lora, not half"},
        {TRAINED "models: [{name: a, path: ., tune: {method: lora, targets: []}}]\n", FR_ERR_USAGE,
         "targets"},
        {TRAINED "models: [{name: a, path: ., tune: {precision: f64}}]\n", FR_ERR_USAGE,
         "must be f32 or bf16, not f64"},
        {TRAINED "models: [{name: a, path: ., tune: {}, shots: 2}]\n", FR_ERR_USAGE,
         "shots are for models as they are"},
        {HEAD "models: [{name: a, path: ., shots: 2}]\n", FR_ERR_USAGE, "data needs train"},
        {TRAINED "models: [{name: a, baseline: tfidf, shots: 2}]\n", FR_ERR_USAGE, "asked"},
        {TRAINED "models: [{name: a, baseline: tfidf, samples: 2}]\n", FR_ERR_USAGE,
         "samples is for models of this machine"},
        {TRAINED "models: [{name: a, endpoint: {url: u}, temperature: 1}]\n", FR_ERR_USAGE,
         "stands under endpoint"},
        {TRAINED "models: [{name: a, path: ., tune: {seeds: []}}]\n", FR_ERR_USAGE, "seeds"},
        {HEAD "models: [{name: a, endpoint: {url: u}, max_tokens: 9}]\n", FR_ERR_USAGE,
         "max_tokens is for models of this machine; a server's stands under endpoint"},
        {HEAD "models: [{name: a, endpoint: {url: u}, batch: 9}]\n", FR_ERR_USAGE,
         "batch is for models of this machine"},
        {HEAD "models: [{name: a, predictions: test.jsonl, batch: 9}]\n", FR_ERR_USAGE, "batch is"},
        {HEAD "models: [{name: a, params_active: 7B, max_tokens: 9}]\n", FR_ERR_USAGE,
         "max_tokens is"},
        {HEAD "models: [{name: a, path: ., tokens_in: 9}]\n", FR_ERR_USAGE,
         "tokens_in is for models that do not run here"},
        {TRAINED "models: [{name: a, baseline: tfidf, prompt: \"{text}\"}]\n", FR_ERR_USAGE,
         "a baseline reads the item alone"},
        {TRAINED "models: [{name: a, baseline: tfidf, params_total: 1B}]\n", FR_ERR_USAGE,
         "params_total is for models; a baseline has none"},
        {TRAINED "models: [{name: a, path: ., max_tokens: 9, tune: {max_tokens: 9}}]\n",
         FR_ERR_USAGE, "give it once"},
        {HEAD "models: [{name: a, endpoint: {model: m}}]\n", FR_ERR_USAGE, "url or url_env"},
        {HEAD "models: [{name: a, endpoint: {url: u, url_env: V}}]\n", FR_ERR_USAGE,
         "url or url_env"},
        {HEAD "models: [{name: a, endpoint: {url: u, timeout: 0}}]\n", FR_ERR_USAGE, "timeout"},
        {HEAD "models: [{name: a, prompt: hello, params_active: 7B}]\n", FR_ERR_USAGE, "{text}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fr_error err = {0};
        fr_spec s;
        fr_status st = read_spec(cases[i].text, &s, &err);
        if (st != cases[i].status || !strstr(err.message, cases[i].words) ||
            !strstr(err.message, "study.yaml:"))
            fail_msg("case %zu: %s, \"%s\" is not in: %s", i, fr_status_name(st), cases[i].words,
                     err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read_with_its_type),
        cmocka_unit_test(what_is_left_out_gets_its_default),
        cmocka_unit_test(an_optional_endpoint_without_its_variable_is_left_out),
        cmocka_unit_test(mistakes_are_named_with_file_and_line),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
