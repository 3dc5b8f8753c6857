/* test_generate.c - generation against transformers (tests/golden/decoders), and its own rules. */
#include "infer/generate.h"

#include <math.h>

#include "base/rng.h"
#include "format/tensors.h"
#include "support/test.h"

#define GOLDEN FR_TEST_DIR "/golden/decoders/"

static const char *const names[] = {"gpt2",  "gpt_neox", "gpt_neox_serial", "opt",
                                    "olmo",  "olmo2",    "llama",           "llama_tied",
                                    "qwen2", "qwen3",    "mistral"};
enum { N_NAMES = sizeof(names) / sizeof(names[0]), MAX_PROMPTS = 6, MAX_IDS = 40 };

static fr_error err;
static const fr_generator_options two_slots = {.slots = 2};

/* What was written, text by text. */
typedef struct written {
    int32_t ids[MAX_PROMPTS][MAX_IDS];
    size_t n[MAX_PROMPTS];
    int32_t end; /* ends a text */
} written;

static bool take(void *ctx, size_t prompt, int32_t id)
{
    written *w = ctx;
    assert_true(prompt < MAX_PROMPTS && w->n[prompt] < MAX_IDS);
    w->ids[prompt][w->n[prompt]++] = id;
    return id != w->end;
}

static fr_model *load(const char *name, bool as_stored)
{
    char dir[512];
    fr_model *m;
    fr_model_options options = {.decoder = true, .as_stored = as_stored};
    snprintf(dir, sizeof(dir), GOLDEN "%s", name);
    ASSERT_OK(fr_model_load(&m, dir, &options, &err));
    return m;
}

/* With options; *done, which may be NULL, becomes what was done, without the shares. */
static written run_as(fr_model *m, fr_generator_options options, const fr_prompt *prompts, size_t n,
                      const fr_sampling *sampling, int32_t end, fr_generation *done)
{
    written w = {.end = end};
    fr_generator *gen;
    fr_sink sink = {&w, take};
    ASSERT_OK(fr_generator_create(&gen, m, fr_kernels_cpu(), &options, &err));
    ASSERT_OK(fr_generate(gen, prompts, n, sampling, &sink, &err));
    if (done) *done = *fr_generator_done(gen);
    fr_generator_destroy(gen);
    return w;
}

static written run(fr_model *m, size_t slots, const fr_prompt *prompts, size_t n,
                   const fr_sampling *sampling, int32_t end)
{
    return run_as(m, (fr_generator_options){.slots = slots}, prompts, n, sampling, end, NULL);
}

/* The golden texts of a model: ids [n], of which the first 5 are the prompt. */
static size_t golden(const char *name, int32_t ids[MAX_PROMPTS][MAX_IDS], size_t n[MAX_PROMPTS])
{
    char path[560], key[32];
    fr_tensors *file;
    size_t n_texts = 0;
    snprintf(path, sizeof(path), GOLDEN "%s/golden.safetensors", name);
    ASSERT_OK(fr_tensors_open(&file, path, &err));
    for (int i = 0; i < MAX_PROMPTS; i++) {
        float values[MAX_IDS];
        snprintf(key, sizeof(key), "greedy.%d", i);
        const fr_stored *t = fr_tensors_find(file, key);
        if (!t) continue;
        assert_true(t->n <= MAX_IDS);
        ASSERT_OK(fr_stored_to_f32(t, values, &err));
        for (size_t k = 0; k < t->n; k++) ids[n_texts][k] = (int32_t)values[k];
        n[n_texts++] = t->n;
    }
    fr_tensors_close(file);
    assert_true(n_texts >= 3);
    return n_texts;
}

static void check_greedy(const char *name, size_t slots, bool as_stored)
{
    int32_t ids[MAX_PROMPTS][MAX_IDS];
    size_t n[MAX_PROMPTS], n_texts = golden(name, ids, n);
    fr_prompt prompts[MAX_PROMPTS];
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    for (size_t i = 0; i < n_texts; i++)
        prompts[i] = (fr_prompt){.ids = ids[i], .n = 5, .max_tokens = n[i] - 5};
    fr_model *m = load(name, as_stored);
    written w = run(m, slots, prompts, n_texts, &greedy, -1);
    for (size_t i = 0; i < n_texts; i++) {
        assert_int_equal(w.n[i], n[i] - 5);
        for (size_t k = 0; k < w.n[i]; k++)
            if (w.ids[i][k] != ids[i][5 + k])
                fail_msg("%s, text %zu, token %zu is %d, transformers has %d", name, i, k,
                         w.ids[i][k], ids[i][5 + k]);
    }
    fr_model_destroy(m);
}

static void greedy_texts_are_those_of_transformers(void **state)
{
    (void)state;
    for (int i = 0; i < N_NAMES; i++) {
        check_greedy(names[i], 1, false);
        check_greedy(names[i], 2, true); /* fewer slots than texts: finished ones make room */
        check_greedy(names[i], 6, false);
    }
}

static void what_runs_beside_a_text_makes_no_difference(void **state)
{
    (void)state;
    static const int32_t ids[] = {3, 9, 27, 11, 5, 8};
    fr_prompt prompts[MAX_PROMPTS];
    fr_sampling random = {.temperature = 1.5, .top_p = 0.95, .repetition_penalty = 1.2, .seed = 4};
    for (size_t i = 0; i < MAX_PROMPTS; i++)
        prompts[i] = (fr_prompt){.ids = ids, .n = 1 + i, .max_tokens = 4 + 3 * i, .stream = i};
    fr_model *m = load("llama", false);
    written all = run(m, 6, prompts, MAX_PROMPTS, &random, 7);
    written few = run(m, 2, prompts, MAX_PROMPTS, &random, 7);
    assert_memory_equal(&all, &few, sizeof(all));
    for (size_t i = 0; i < MAX_PROMPTS; i++) {
        written one = run(m, 1, &prompts[i], 1, &random, 7);
        assert_int_equal(one.n[0], all.n[i]);
        assert_memory_equal(one.ids[0], all.ids[i], all.n[i] * sizeof(int32_t));
    }
    fr_model_destroy(m);
}

/* Prompts over a common beginning: text i has its first `common` tokens and `own` of its own. */
static size_t prompts_of(fr_prompt *prompts, int32_t ids[MAX_PROMPTS][MAX_IDS], size_t common)
{
    static const size_t own[MAX_PROMPTS] = {6, 1, 9, 6, 0, 7};
    size_t tokens = 0;
    for (size_t i = 0; i < MAX_PROMPTS; i++) {
        size_t n = common + own[i];
        for (size_t k = 0; k < n; k++)
            ids[i][k] = (int32_t)(k < common ? 3 + k * 5 % 31 : 1 + (k * (i + 2)) % 37);
        prompts[i] = (fr_prompt){.ids = ids[i], .n = n, .max_tokens = 7, .stream = i};
        tokens += n;
    }
    return tokens;
}

static void check_sharing(const char *name, size_t slots, bool half)
{
    enum { COMMON = 19 };
    int32_t ids[MAX_PROMPTS][MAX_IDS];
    fr_prompt prompts[MAX_PROMPTS];
    fr_sampling random = {.temperature = 1.2, .top_p = 0.9, .repetition_penalty = 1, .seed = 8};
    size_t tokens = prompts_of(prompts, ids, COMMON);
    fr_generation shared, apart;
    fr_generator_options options = {.slots = slots, .half_cache = half};
    fr_model *m = load(name, true);
    written a = run_as(m, options, prompts, MAX_PROMPTS, &random, -1, &shared);
    options.no_sharing = true;
    written b = run_as(m, options, prompts, MAX_PROMPTS, &random, -1, &apart);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_int_equal(shared.prompt_tokens, tokens);
    assert_int_equal(apart.prompt_tokens, tokens);
    assert_int_equal(apart.shared_tokens, 0);
    /* the last five tokens of a prompt are always computed, and less than 16 is not worth it:
     * texts 2 and 5 are too short */
    assert_int_equal(shared.shared_tokens, 3 * COMMON);
    assert_int_equal(shared.new_tokens, 7 * MAX_PROMPTS);
    fr_model_destroy(m);
}

static void a_common_beginning_is_computed_once_and_changes_no_bit(void **state)
{
    (void)state;
    check_sharing("llama", 6, false);
    check_sharing("llama", 2, false);
    check_sharing("gpt2", 3, true);
    check_sharing("mistral", 6, false); /* with a window */
}

static void samples_of_one_prompt_read_it_once(void **state)
{
    (void)state;
    int32_t ids[30];
    fr_prompt prompts[MAX_PROMPTS];
    fr_sampling random = {.temperature = 2, .top_p = 1, .repetition_penalty = 1, .seed = 8};
    fr_generation done;
    for (int i = 0; i < 30; i++) ids[i] = 1 + i;
    for (size_t i = 0; i < MAX_PROMPTS; i++)
        prompts[i] = (fr_prompt){.ids = ids, .n = 30, .max_tokens = 5, .stream = i};
    fr_model *m = load("llama", true);
    written all =
        run_as(m, (fr_generator_options){.slots = 4}, prompts, MAX_PROMPTS, &random, -1, &done);
    assert_int_equal(done.shared_tokens, 5 * 25);
    for (size_t i = 0; i < MAX_PROMPTS; i++) {
        written one = run(m, 1, &prompts[i], 1, &random, -1);
        assert_memory_equal(one.ids[0], all.ids[i], 5 * sizeof(int32_t));
    }
    fr_model_destroy(m);
}

/* Phases as they were told: 'p', 'd' at a begin, '.' at an end. */
static void note_phase(void *ctx, fr_phase phase, bool begins)
{
    char *log = ctx;
    size_t n = strlen(log);
    assert_true(n < 60);
    log[n] = (char)(!begins ? '.' : phase == FR_PHASE_PREFILL ? 'p' : 'd');
}

static void phases_take_turns_and_shares_add_up(void **state)
{
    (void)state;
    static const int32_t ids[] = {3, 9, 27, 11, 5, 8, 30, 2, 6, 7};
    static const size_t lengths[] = {10, 5, 10}, tokens[] = {4, 1, 8};
    char log[64] = "";
    written w = {.end = -1};
    fr_sink sink = {&w, take};
    fr_observer observer = {.ctx = log, .on_phase = note_phase};
    fr_generator_options options = {.slots = 2, .observer = &observer};
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    fr_prompt prompts[3];
    fr_generator *gen;
    for (int i = 0; i < 3; i++)
        prompts[i] = (fr_prompt){.ids = ids, .n = lengths[i], .max_tokens = tokens[i]};
    fr_model *m = load("gpt2", false);
    ASSERT_OK(fr_generator_create(&gen, m, fr_kernels_cpu(), &options, &err));
    ASSERT_OK(fr_generate(gen, prompts, 3, &greedy, &sink, &err));
    /* the second text ends with its first token, so that the third begins at once */
    assert_string_equal(log, "p.d.");
    const fr_share *s = fr_generator_done(gen)->shares;
    ASSERT_NEAR(s[0].prefill, 0.4, 1e-12);
    ASSERT_NEAR(s[1].prefill, 0.2, 1e-12);
    ASSERT_NEAR(s[2].prefill, 0.4, 1e-12);
    assert_true(s[1].decode == 0);
    assert_true(s[2].decode > s[0].decode); /* it ran by itself in the end */
    ASSERT_NEAR(s[0].decode + s[2].decode, 1, 1e-12);

    prompts[1].max_tokens = 2; /* now the third must wait */
    memset(log, 0, sizeof(log));
    memset(w.n, 0, sizeof(w.n));
    ASSERT_OK(fr_generate(gen, prompts, 3, &greedy, &sink, &err));
    assert_string_equal(log, "p.d.p.d.");
    fr_generator_destroy(gen);
    fr_model_destroy(m);
}

static void a_cache_of_binary16_changes_logits_little(void **state)
{
    (void)state;
    int32_t ids[MAX_PROMPTS][MAX_IDS];
    size_t n[MAX_PROMPTS], n_texts = golden("llama", ids, n), same = 0, all = 0;
    fr_prompt prompts[MAX_PROMPTS];
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    for (size_t i = 0; i < n_texts; i++)
        prompts[i] = (fr_prompt){.ids = ids[i], .n = 5, .max_tokens = n[i] - 5};
    fr_model *m = load("llama", true);
    written w = run_as(m, (fr_generator_options){.slots = 4, .half_cache = true}, prompts, n_texts,
                       &greedy, -1, NULL);
    for (size_t i = 0; i < n_texts; i++) {
        for (size_t k = 0; k < w.n[i] && w.ids[i][k] == ids[i][5 + k]; k++) same++;
        all += w.n[i];
    }
    /* near ties may fall the other way */
    if (2 * same < all) fail_msg("%zu of %zu tokens are those of transformers", same, all);
    fr_model_destroy(m);
}

static void streams_and_seeds_give_other_texts(void **state)
{
    (void)state;
    static const int32_t ids[] = {3, 9};
    fr_sampling random = {.temperature = 2, .top_p = 1, .repetition_penalty = 1, .seed = 4};
    fr_prompt prompts[2] = {{.ids = ids, .n = 2, .max_tokens = 20, .stream = 0},
                            {.ids = ids, .n = 2, .max_tokens = 20, .stream = 1}};
    fr_model *m = load("gpt2", false);
    written a = run(m, 2, prompts, 2, &random, -1);
    random.seed = 5;
    written b = run(m, 2, prompts, 2, &random, -1);
    assert_memory_not_equal(a.ids[0], a.ids[1], 20 * sizeof(int32_t));
    assert_memory_not_equal(a.ids[0], b.ids[0], 20 * sizeof(int32_t));
    fr_model_destroy(m);
}

static void a_text_ends_where_the_model_does(void **state)
{
    (void)state;
    static const int32_t ids[] = {3, 9, 5};
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    fr_prompt prompt = {.ids = ids, .n = 3, .max_tokens = 1000};
    fr_model *m = load("gpt2", false);
    written w = run(m, 1, &prompt, 1, &greedy, -1);
    assert_int_equal(w.n[0], 37); /* the model takes 40 tokens */
    fr_model_destroy(m);
}

static void prompts_that_cannot_be_are_refused(void **state)
{
    (void)state;
    int32_t ids[40] = {0};
    written w = {.end = -1};
    fr_sink sink = {&w, take};
    fr_generator *gen;
    fr_sampling greedy = FR_SAMPLING_GREEDY, wrong = {.temperature = -1, .top_p = 1};
    fr_model *m = load("gpt2", false);
    ASSERT_OK(fr_generator_create(&gen, m, fr_kernels_cpu(), &two_slots, &err));
    const fr_generator_options no_slot = {.slots = 0};
    fr_generator *never;
    ASSERT_FAILS(fr_generator_create(&never, m, fr_kernels_cpu(), &no_slot, &err), FR_ERR_USAGE,
                 "0 slots");
    fr_prompt none = {.ids = ids, .max_tokens = 1},
              long_one = {.ids = ids, .n = 40, .max_tokens = 1};
    ASSERT_FAILS(fr_generate(gen, &none, 1, &greedy, &sink, &err), FR_ERR_USAGE, "has no token");
    ASSERT_FAILS(fr_generate(gen, &long_one, 1, &greedy, &sink, &err), FR_ERR_USAGE,
                 "40 tokens; the model takes 40");
    ids[0] = 41;
    fr_prompt unknown = {.ids = ids, .n = 1, .max_tokens = 1};
    ASSERT_FAILS(fr_generate(gen, &unknown, 1, &greedy, &sink, &err), FR_ERR_SHAPE, "id 41");
    ASSERT_FAILS(fr_generate(gen, &unknown, 1, &wrong, &sink, &err), FR_ERR_USAGE, "temperature");
    fr_generator_destroy(gen);
    fr_model_destroy(m);
}

static void caches_that_do_not_fit_are_foretold(void **state)
{
    (void)state;
    static const int32_t ids[] = {3};
    char proc[256];
    written w = {.end = -1};
    fr_sink sink = {&w, take};
    fr_generator *gen;
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    fr_prompt prompts[2] = {{.ids = ids, .n = 1, .max_tokens = 39}, {.ids = ids, .n = 1}};
    snprintf(proc, sizeof(proc), "%s", test_tmp_dir());
    test_write_file(proc, "meminfo", "MemTotal: 9 kB\nMemAvailable: 9 kB\n");
    fr_generator_options options = {.slots = 2, .proc_root = proc};
    fr_model *m = load("gpt2", false);
    ASSERT_OK(fr_generator_create(&gen, m, fr_kernels_cpu(), &options, &err));
    ASSERT_FAILS(fr_generate(gen, prompts, 2, &greedy, &sink, &err), FR_ERR_NOMEM,
                 "keys and values of 2 texts of up to 40 tokens");
    assert_int_equal(w.n[0], 0);
    fr_generator_destroy(gen);
    fr_model_destroy(m);
}

static void a_long_prompt_needs_more_than_its_cache(void **state)
{
    (void)state;
    enum { LONG = 2000 };
    static int32_t ids[LONG];
    written w = {.end = -1};
    fr_sink sink = {&w, take};
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    fr_prompt prompt = {.ids = ids, .n = LONG, .max_tokens = 1};
    const fr_model_options from_config = {.decoder = true, .from_config = true, .seed = 1};
    fr_model *m;
    const char *dir = test_tmp_dir();
    test_write_file(dir, "config.json",
                    "{\"model_type\":\"gpt2\",\"vocab_size\":50,\"n_embd\":16,\"n_layer\":1,"
                    "\"n_head\":2,\"n_positions\":2048}");
    ASSERT_OK(fr_model_load(&m, dir, &from_config, &err));
    /* keys and values are 2 x 16 numbers a token; queries to values alone are 3 x 16 more, the wide
     * layer 4 x 16 */
    for (int enough = 0; enough < 2; enough++) {
        char text[64];
        fr_generator *gen;
        const char *proc = test_tmp_dir();
        fr_generator_options options = {.slots = 1, .proc_root = proc};
        snprintf(text, sizeof(text), "MemAvailable: %d kB\n",
                 (enough ? 24 : 6) * 16 * 4 * (LONG + 1) / 1024);
        test_write_file(proc, "meminfo", text);
        ASSERT_OK(fr_generator_create(&gen, m, fr_kernels_cpu(), &options, &err));
        if (enough)
            ASSERT_OK(fr_generate(gen, &prompt, 1, &greedy, &sink, &err));
        else
            ASSERT_FAILS(fr_generate(gen, &prompt, 1, &greedy, &sink, &err), FR_ERR_NOMEM,
                         "and reading a prompt of 2000");
        fr_generator_destroy(gen);
    }
    assert_int_equal(w.n[0], 1);
    fr_model_destroy(m);
}

static void outputs_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    static const int32_t ids[] = {3};
    written w = {.end = -1};
    fr_sink sink = {&w, take};
    fr_generator *gen;
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    fr_prompt prompt = {.ids = ids, .n = 1, .max_tokens = 3};
    size_t n;
    fr_model *m = load("gpt2", false);
    fr_model_params(m, &n)[0]->t.data[3 * 16] = NAN;
    ASSERT_OK(fr_generator_create(&gen, m, fr_kernels_cpu(), &two_slots, &err));
    ASSERT_FAILS(fr_generate(gen, &prompt, 1, &greedy, &sink, &err), FR_ERR_STATE, "not finite");
    fr_generator_destroy(gen);
    fr_model_destroy(m);
}

/* Keys are scaled until binary16 loses them; values and logits stay as they are. */
static void keys_beyond_binary16_are_an_error_that_names_the_cache(void **state)
{
    (void)state;
    int32_t ids[MAX_PROMPTS][MAX_IDS];
    size_t lengths[MAX_PROMPTS], n;
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    const fr_kernels *const kernels[] = {fr_kernels_scalar(), fr_kernels_cpu()};
    golden("llama", ids, lengths);
    /* a long prompt goes another way through attention than a short one and than each step */
    for (size_t i = 0; i < 4; i++) {
        fr_prompt prompt = {.ids = ids[0], .n = i % 2 ? 5 : 1, .max_tokens = 4};
        written w = {.end = -1};
        fr_sink sink = {&w, take};
        fr_generator_options options = {.slots = 1, .half_cache = true};
        fr_generator *gen;
        fr_model *m = load("llama", false);
        fr_param *const *params = fr_model_params(m, &n);
        for (size_t p = 0; p < n; p++) {
            double factor = strstr(params[p]->name, "k_proj.weight")   ? 0x1p40
                            : strstr(params[p]->name, "q_proj.weight") ? 0x1p-40
                                                                       : 1;
            for (size_t k = 0; k < params[p]->t.rows * params[p]->t.cols; k++)
                params[p]->t.data[k] *= (float)factor;
        }
        ASSERT_OK(fr_generator_create(&gen, m, kernels[i / 2], &options, &err));
        ASSERT_FAILS(fr_generate(gen, &prompt, 1, &greedy, &sink, &err), FR_ERR_STATE,
                     "too large for an f16 cache");
        fr_generator_destroy(gen);
        options.half_cache = false;
        ASSERT_OK(fr_generator_create(&gen, m, kernels[i / 2], &options, &err));
        ASSERT_OK(fr_generate(gen, &prompt, 1, &greedy, &sink, &err));
        fr_generator_destroy(gen);
        fr_model_destroy(m);
    }
}

/* --- Sampling by itself ------------------------------------------------------------ */

enum { VOCABULARY = 5, DRAWS = 20000 };

/* How often each token comes, out of DRAWS. */
static void frequencies(fr_sampling s, double out[VOCABULARY])
{
    static const float logits[VOCABULARY] = {1, 3, 0, 2, -1};
    fr_candidate room[VOCABULARY];
    int32_t seen[1] = {1};
    for (int i = 0; i < VOCABULARY; i++) out[i] = 0;
    for (uint64_t d = 0; d < DRAWS; d++) {
        float copy[VOCABULARY];
        memcpy(copy, logits, sizeof(copy));
        out[fr_sample(&s, copy, VOCABULARY, seen, 1, d, room)] += 1.0 / DRAWS;
    }
}

/* The probabilities that remain after the filters, worked by hand, to 4 standard deviations. */
static void expect(fr_sampling s, const double weights[VOCABULARY])
{
    double got[VOCABULARY], sum = 0;
    frequencies(s, got);
    for (int i = 0; i < VOCABULARY; i++) sum += weights[i];
    for (int i = 0; i < VOCABULARY; i++) {
        double p = weights[i] / sum;
        ASSERT_NEAR(got[i], p, 4 * sqrt(p * (1 - p) / DRAWS) + 1e-9);
    }
}

static void tokens_come_as_often_as_they_should(void **state)
{
    (void)state;
    const double e = exp(1), all[] = {e, e * e * e, 1, e * e, 1 / e};
    expect((fr_sampling){.temperature = 1, .top_p = 1, .repetition_penalty = 1}, all);
    const double halved[] = {exp(0.5), exp(1.5), 1, e, exp(-0.5)};
    expect((fr_sampling){.temperature = 2, .top_p = 1, .repetition_penalty = 1}, halved);
    const double two[] = {0, e * e * e, 0, e * e, 0};
    expect((fr_sampling){.temperature = 1, .top_k = 2, .top_p = 1, .repetition_penalty = 1}, two);
    /* p of the first is 0.636, of the first two 0.871 */
    expect((fr_sampling){.temperature = 1, .top_p = 0.65, .repetition_penalty = 1}, two);
    const double first[] = {0, 1, 0, 0, 0};
    expect((fr_sampling){.temperature = 1, .top_p = 0.6, .repetition_penalty = 1}, first);
    /* e^-1 = 0.368 of the first, e^-2 = 0.135 */
    expect((fr_sampling){.temperature = 1, .top_p = 1, .min_p = 0.2, .repetition_penalty = 1}, two);
    /* token 1 was seen: 3 / 3 */
    const double penalised[] = {e, e, 1, e * e, 1 / e};
    expect((fr_sampling){.temperature = 1, .top_p = 1, .repetition_penalty = 3}, penalised);
}

static void near_zero_the_temperature_takes_the_likeliest_token(void **state)
{
    (void)state;
    static const double temperatures[] = {1e-300, 1e-45, 1e-38, 1e-30, 1e-5};
    static const double offsets[] = {0, 3.5, -40}; /* the likeliest logit is 3, 6.5 and -37 */
    fr_candidate room[VOCABULARY];
    for (size_t t = 0; t < sizeof(temperatures) / sizeof(*temperatures); t++)
        for (size_t o = 0; o < 3; o++) {
            float logits[VOCABULARY] = {1, 3, 0, 2, -1};
            fr_sampling s = {.temperature = temperatures[t],
                             .top_p = 0.9,
                             .min_p = 0.01,
                             .repetition_penalty = 1};
            for (int i = 0; i < VOCABULARY; i++) logits[i] += (float)offsets[o];
            assert_int_equal(fr_sample(&s, logits, VOCABULARY, NULL, 0, 7, room), 1);
            s.top_p = 1;
            s.min_p = 0;
            for (int i = 0; i < VOCABULARY; i++) logits[i] -= 3;
            assert_int_equal(fr_sample(&s, logits, VOCABULARY, NULL, 0, 7, room), 1);
        }
}

static void a_token_seen_again_is_penalised_once(void **state)
{
    (void)state;
    static const int32_t seen[] = {1, 4, 1, 1, 4};
    float logits[VOCABULARY] = {1, 3, 0, 2, -1};
    const float wanted[VOCABULARY] = {1, 1.5f, 0, 2, -2};
    fr_candidate room[VOCABULARY];
    fr_sampling s = {.temperature = 0, .top_p = 1, .repetition_penalty = 2};
    assert_int_equal(fr_sample(&s, logits, VOCABULARY, seen, 5, 0, room), 3);
    assert_memory_equal(logits, wanted, sizeof(wanted));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_texts_are_those_of_transformers),
        cmocka_unit_test(what_runs_beside_a_text_makes_no_difference),
        cmocka_unit_test(a_common_beginning_is_computed_once_and_changes_no_bit),
        cmocka_unit_test(samples_of_one_prompt_read_it_once),
        cmocka_unit_test(phases_take_turns_and_shares_add_up),
        cmocka_unit_test(a_cache_of_binary16_changes_logits_little),
        cmocka_unit_test(streams_and_seeds_give_other_texts),
        cmocka_unit_test(a_text_ends_where_the_model_does),
        cmocka_unit_test(prompts_that_cannot_be_are_refused),
        cmocka_unit_test(caches_that_do_not_fit_are_foretold),
        cmocka_unit_test(a_long_prompt_needs_more_than_its_cache),
        cmocka_unit_test(outputs_that_are_not_finite_are_refused),
        cmocka_unit_test(keys_beyond_binary16_are_an_error_that_names_the_cache),
        cmocka_unit_test(tokens_come_as_often_as_they_should),
        cmocka_unit_test(near_zero_the_temperature_takes_the_likeliest_token),
        cmocka_unit_test(a_token_seen_again_is_penalised_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
