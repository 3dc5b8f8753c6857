#include "support/results_fixture.h"

#include <math.h>

static fr_figure figure(double value, double low, double high, fr_kind kind, const char *source)
{
    return (fr_figure){value, low, high, kind, source};
}

static fr_figure plain(double value, fr_kind kind, const char *source)
{
    return figure(value, value, value, kind, source);
}

#define NOTHING plain(0, FR_KIND_NONE, NULL)

static const char model_source[] =
    "TDP / hardware threads x busy threads, plus RAM 0.375 W/GB; no RAPL on this machine";
static const char k_source[] =
    "K = 2.4686e-4 g per billion active parameters and token, 187 tokens";
static const char clock_source[] = "monotonic clock, batch 1, 500 items";

static const fr_result_seed seeds[] = {{1, 0.941, 0.938, 61, 1830},
                                       {2, 0.947, 0.941, 60, 1795},
                                       {3, 0.944, 0.940, 60, 1801},
                                       {4, 0.938, 0.933, 62, 1859},
                                       {5, 0.950, 0.945, 61, 1822}};
static const char *const tuned_notes[] = {"The classification head was initialised at random: the "
                                          "folder had none."};
static const char *const study_notes[] = {
    "No energy sensor could be read; run `frugal meters` to see why and what to do about it."};

static const fr_result_metric accuracy[] = {{"accuracy", 1, false}};
static const fr_result_metric hostile_metric[] = {{"acc<uracy>", 1, false}};

static fr_result_model models[7];
static fr_result_window windows[12];
static const fr_result_provenance provenance[] = {
    {"grid intensity", "625.6 g CO2e/kWh", FR_KIND_ASSUMED,
     "Electricity Maps / Ember, India, 2023, direct emissions"},
    {"PUE", "1.00", FR_KIND_ASSUMED, "default of the study file"},
    {"CPU power", "2.41 \xc2\xb1 0.4 W a busy thread", FR_KIND_MODELLED,
     "Intel Xeon Platinum 8275CL, TDP 240 W / 96 threads (vendor's page); uncertainty 30 %"},
    {"RAM power", "0.375 W/GB", FR_KIND_MODELLED, "eco2AI's figure, Budennyy et al. 2022"},
    {"LLM emissions", "2.4686e-4 g per (billion active parameters x token)", FR_KIND_ESTIMATED,
     "Garg et al. 2026, arXiv 2601.08844"},
};

static const fr_result_set sets[] = {
    {"train", 6920, 8, 0, 0}, {"validation", 872, 0, 1, 0}, {"test", 1821, 2, 12, 0}};

static fr_result_model base_model(const char *name, const char *how, double params)
{
    return (fr_result_model){.name = name,
                             .how = how,
                             .params_active = params,
                             .params_total = params,
                             .n_items = 1821,
                             .p_non_inferior = NAN,
                             .p_holm = NAN,
                             .p_mcnemar = NAN};
}

static fr_result_model local_model(const char *name, const char *how, double params, double joules)
{
    fr_result_model m = base_model(name, how, params);
    double grams = joules / 3600 * 625.6 / 1000 * 1000;
    m.j_per_item = figure(joules, joules * 0.75, joules * 1.3, FR_KIND_MODELLED, model_source);
    m.j_per_item_net =
        figure(joules * 0.7, joules * 0.5, joules * 0.95, FR_KIND_MODELLED, model_source);
    m.g_per_1000 = figure(grams, grams * 0.75, grams * 1.3, FR_KIND_MODELLED, model_source);
    m.latency_p50_s = plain(0.0042 * joules * 20, FR_KIND_MEASURED, clock_source);
    m.latency_p95_s = plain(0.0093 * joules * 20, FR_KIND_MEASURED, clock_source);
    m.items_per_s = plain(30 / joules, FR_KIND_MEASURED, "batch 32");
    m.peak_memory_bytes = plain(180e6 + params * 9, FR_KIND_MEASURED, "VmHWM of the process");
    m.mean_tokens = 27.4;
    return m;
}

static void compare(fr_result_model *m, double difference, double half, fr_verdict verdict,
                    double factor)
{
    m->difference = figure(difference, difference - half, difference + half, FR_KIND_MEASURED,
                           "paired score interval (Tango 1998)");
    m->verdict = verdict;
    m->p_non_inferior = verdict == FR_VERDICT_COMPARABLE ? 0.004 : 0.4;
    m->p_holm = verdict == FR_VERDICT_COMPARABLE ? 0.012 : 0.8;
    m->p_mcnemar = 0.31;
    m->factor = figure(factor, factor * 0.7, factor * 1.4, FR_KIND_ESTIMATED, "ratio of g CO2e");
    m->crosses_bases = true;
    m->factor_same_basis =
        figure(factor / 31, factor / 31, factor / 31, FR_KIND_ESTIMATED, "K for both");
}

fr_results fixture_study(void)
{
    fr_result_model llm = base_model("DeepSeek-R1-0528", "endpoint", 37e9);
    llm.is_reference = true;
    llm.params_total = 671e9;
    llm.n_failed = 3;
    llm.mean_tokens = 187;
    llm.quality = figure(0.951, 0.940, 0.960, FR_KIND_MEASURED, "1,821 answers of the endpoint");
    llm.g_per_1000 = figure(1708, 356, 1708, FR_KIND_ESTIMATED, k_source);
    llm.j_per_item = figure(9830, 2048, 9830, FR_KIND_ESTIMATED, k_source);
    llm.latency_p50_s = plain(3.9, FR_KIND_MEASURED, clock_source);
    llm.latency_p95_s = plain(11.2, FR_KIND_MEASURED, clock_source);

    fr_result_model electra = local_model("electra-small", "tuned", 13.5e6, 0.61);
    electra.quality = figure(0.944, 0.932, 0.954, FR_KIND_MEASURED, "1,821 test items, 5 seeds");
    compare(&electra, -0.007, 0.010, FR_VERDICT_COMPARABLE, 16100);
    electra.tune_j = figure(9107, 6830, 11800, FR_KIND_MODELLED, model_source);
    electra.tune_g = figure(1.58, 1.19, 2.05, FR_KIND_MODELLED, model_source);
    electra.break_even =
        figure(925, 700, 4400, FR_KIND_ESTIMATED, "tuning over the saving an item");
    electra.seeds = seeds;
    electra.n_seeds = 5;
    electra.notes = tuned_notes;
    electra.n_notes = 1;

    fr_result_model minilm = local_model("all-MiniLM-L6-v2", "tuned", 22.7e6, 0.83);
    minilm.quality = figure(0.932, 0.919, 0.943, FR_KIND_MEASURED, "1,821 test items");
    compare(&minilm, -0.019, 0.011, FR_VERDICT_INCONCLUSIVE, 11800);
    minilm.items_needed = 4230;
    minilm.tune_j = figure(2480, 1860, 3220, FR_KIND_MODELLED, model_source);
    minilm.tune_g = figure(0.431, 0.32, 0.56, FR_KIND_MODELLED, model_source);

    fr_result_model tiny = local_model("bert-tiny (from scratch)", "tuned", 4.4e6, 0.035);
    tiny.quality = figure(0.817, 0.798, 0.834, FR_KIND_MEASURED, "1,821 test items");
    compare(&tiny, -0.134, 0.019, FR_VERDICT_WORSE, 281000);

    fr_result_model majority = base_model("majority class", "baseline", 0);
    majority.is_baseline = true;
    majority.quality = figure(0.501, 0.478, 0.524, FR_KIND_MEASURED, "1,821 test items");
    majority.g_per_1000 = plain(0, FR_KIND_ASSUMED, "no arithmetic to speak of");
    majority.j_per_item = plain(0, FR_KIND_ASSUMED, "no arithmetic to speak of");
    compare(&majority, -0.45, 0.02, FR_VERDICT_WORSE, INFINITY);
    majority.crosses_bases = false;

    fr_result_model mistral = base_model("Mistral-7B", "estimate only", 7.3e9);
    mistral.g_per_1000 = figure(337, 7.8, 337, FR_KIND_ESTIMATED, k_source);
    mistral.j_per_item = figure(1940, 45, 1940, FR_KIND_ESTIMATED, k_source);
    fr_result_model qwen = base_model("Qwen3-235B-A22B", "estimate only", 22e9);
    qwen.params_total = 235e9;
    qwen.g_per_1000 = figure(1016, 75, 1016, FR_KIND_ESTIMATED, k_source);
    qwen.j_per_item = figure(5850, 432, 5850, FR_KIND_ESTIMATED, k_source);

    models[0] = llm;
    models[1] = electra;
    models[2] = minilm;
    models[3] = tiny;
    models[4] = majority;
    models[5] = mistral;
    models[6] = qwen;

    size_t n = 0;
    static const struct {
        const char *model;
        fr_phase phase;
        double cpu_j, seconds;
        bool interrupted;
    } rows[] = {
        {"", FR_PHASE_IDLE, 41, 12, false},
        {"electra-small", FR_PHASE_LOAD, 3.1, 0.4, false},
        {"electra-small", FR_PHASE_TUNE, 1210, 39, true},
        {"electra-small", FR_PHASE_TUNE, 7400, 241, false},
        {"electra-small", FR_PHASE_WARMUP, 21, 0.7, false},
        {"electra-small", FR_PHASE_INFER, 1020, 34, false},
        {"electra-small", FR_PHASE_LATENCY, 310, 12, false},
        {"all-MiniLM-L6-v2", FR_PHASE_TUNE, 2300, 77, false},
        {"all-MiniLM-L6-v2", FR_PHASE_INFER, 1380, 46, false},
        {"bert-tiny (from scratch)", FR_PHASE_TUNE, 190, 6.4, false},
        {"bert-tiny (from scratch)", FR_PHASE_INFER, 58, 2.1, false},
        {"DeepSeek-R1-0528", FR_PHASE_INFER, 122, 1890, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++, n++) {
        windows[i] = (fr_result_window){.model = rows[i].model,
                                        .phase = rows[i].phase,
                                        .attempt = 1 + (i == 3),
                                        .interrupted = rows[i].interrupted,
                                        .started_unix_s = 1767225600.0 + 60 * (double)i,
                                        .duration_s = rows[i].seconds,
                                        .cpu_j = rows[i].cpu_j,
                                        .ram_j = rows[i].cpu_j * 0.08,
                                        .idle_j = rows[i].cpu_j * 0.3,
                                        .kind = FR_KIND_MODELLED,
                                        .source = model_source,
                                        .relative_uncertainty = 0.15};
    }

    return (fr_results){
        .study = "sst2-small-against-large",
        .task = "sentiment",
        .metrics = accuracy,
        .n_metrics = 1,
        .run_id = "9f2c41d07a5b",
        .n_items = 1821,
        .margin = 0.02,
        .region = "India",
        .country_iso = "IND",
        .intensity = plain(625.6, FR_KIND_ASSUMED, "table, 2023"),
        .pue = 1,
        .meter = "CPU modelled: no RAPL, see `frugal meters`",
        .cpu_model = "Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz",
        .os = "Linux 6.1.0 x86_64",
        .n_threads = 2,
        .ram_bytes = 7.6 * 1024 * 1024 * 1024,
        .started_unix_s = 1767225600,
        .finished_unix_s = 1767227954,
        .version = "0.1.0",
        .models = models,
        .n_models = 7,
        .windows = windows,
        .n_windows = n,
        .provenance = provenance,
        .n_provenance = sizeof(provenance) / sizeof(provenance[0]),
        .sets = sets,
        .n_sets = 3,
        .notes = study_notes,
        .n_notes = 1,
    };
}

static const char *const hostile_notes[] = {
    "<img src=x onerror=alert(1)>\nsecond \"line\", with | pipe & ampersand", "\xff\xfe broken",
    ""};
static fr_result_model hostile_models[9];
static fr_result_window hostile_windows[3];
static const fr_result_provenance hostile_provenance[] = {
    {"</td><script>alert(2)</script>", "1,5\r\n\"x\"", FR_KIND_ASSUMED, "javascript:alert(3)"},
    {NULL, NULL, FR_KIND_NONE, NULL}};
static const fr_result_set hostile_sets[] = {{"<b>|te\x1bst", (size_t)-1, (size_t)-1, 1, 1}};
static char long_name[5001];

fr_results fixture_hostile(void)
{
    for (size_t i = 0; i + 1 < sizeof(long_name); i++) long_name[i] = i % 97 == 96 ? ' ' : 'w';
    const char *const names[] = {
        "<script>alert('x')</script>",
        "quote\"comma,apostrophe'\r\nnew line\ttab",
        "=HYPERLINK(\"x\")|pipe|`tick`*star*_[a](b)",
        long_name,
        "\xe6\xbc\xa2\xe5\xad\x97\xe3\x83\xa2\xe3\x83\x87\xe3\x83\xab\xf0\x9f\x90\xa2", /* wide */
        "\x1b[31mred\x1b[0m\x07\x7f",
        "broken \xff\xc3\x28 utf-8 \xed\xa0\x80",
        "\xe2\x80\xae"
        "evil \xe2\x80\xa8 e\xcc\x81\xcc\x81\xcc\x81", /* right to left */
        "",
    };
    const double values[] = {NAN, INFINITY, -INFINITY, 1e300, -5, 1e-300, 0, 123456.789, 0.5};
    for (size_t i = 0; i < 9; i++) {
        fr_result_model m = base_model(names[i], i % 2 ? "tuned" : NULL, values[i]);
        fr_figure f = figure(values[i], values[8 - i], values[(i + 1) % 9], (fr_kind)(i % 5),
                             i % 3 ? hostile_notes[0] : NULL);
        m.is_reference = i == 7;
        m.params_total = values[(i + 3) % 9];
        m.quality = m.j_per_item = m.j_per_item_net = m.g_per_1000 = m.latency_p50_s = f;
        m.latency_p95_s = m.items_per_s = m.peak_memory_bytes = m.difference = m.factor = f;
        m.factor_same_basis = m.tune_j = m.tune_g = m.break_even = f;
        m.crosses_bases = true;
        m.verdict = (fr_verdict)(i % 4);
        m.n_failed = i;
        m.notes = hostile_notes;
        m.n_notes = 3;
        hostile_models[i] = m;
    }
    for (size_t i = 0; i < 3; i++) {
        hostile_windows[i] = (fr_result_window){.model = names[i],
                                                .phase = (fr_phase)i,
                                                .interrupted = true,
                                                .started_unix_s = values[i],
                                                .duration_s = values[i],
                                                .cpu_j = values[i],
                                                .ram_j = values[4],
                                                .idle_j = values[3],
                                                .kind = (fr_kind)i,
                                                .source = hostile_notes[i],
                                                .relative_uncertainty = values[i]};
    }
    return (fr_results){
        .study = "<b>study</b> & \"more\"",
        .task = "ta]]>sk -->",
        .metrics = hostile_metric,
        .n_metrics = 1,
        .run_id = NULL,
        .n_items = (size_t)-1,
        .margin = NAN,
        .region = "\"><svg onload=alert(4)>",
        .country_iso = NULL,
        .intensity = plain(INFINITY, FR_KIND_ASSUMED, "<i>"),
        .pue = NAN,
        .meter = "meter </title>",
        .cpu_model = NULL,
        .os = "os,\"with\"\ncsv",
        .n_threads = -1,
        .ram_bytes = NAN,
        .started_unix_s = NAN,
        .finished_unix_s = 1e300,
        .version = NULL,
        .models = hostile_models,
        .n_models = 9,
        .windows = hostile_windows,
        .n_windows = 3,
        .provenance = hostile_provenance,
        .n_provenance = 2,
        .sets = hostile_sets,
        .n_sets = 1,
        .notes = hostile_notes,
        .n_notes = 3,
    };
}

fr_results fixture_empty(void)
{
    return (fr_results){.study = "nothing yet",
                        .task = "sentiment",
                        .metrics = accuracy,
                        .n_metrics = 1,
                        .margin = 0.02};
}

fr_results fixture_one_model(void)
{
    fr_results r = fixture_study();
    r.n_models = 1;
    r.n_windows = 1;
    return r;
}
