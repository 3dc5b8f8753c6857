/* encoder_step.c - time and memory of one training or inference pass of an encoder.
 *
 *     bench_encoder_step --model electra-small|minilm --lengths FILE|BxT --mode train|infer
 *                        [--iterations N] [--batch 32]
 *
 * Random weights, real sizes, dropout 0.1 in training. FILE has one length a line; one iteration
 * goes over all of them in batches of --batch, in the order given, each batch with its own
 * optimizer step (forward, backward, AdamW). Two iterations warm up. Prints one line of JSON:
 * median, least and largest seconds an iteration, examples and tokens of an iteration, and the
 * peak resident memory of the process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "model/model.h"

enum { MAX_TEXTS = 1 << 16, MAX_TOKENS = 512, VOCAB = 30522 };

static const struct {
    const char *name, *config;
} models[] = {
    {"electra-small",
     "{\"model_type\": \"electra\", \"embedding_size\": 128, \"hidden_size\": 256, "
     "\"num_hidden_layers\": 12, \"num_attention_heads\": 4, \"intermediate_size\": 1024}"},
    {"minilm", "{\"model_type\": \"bert\", \"hidden_size\": 384, \"num_hidden_layers\": 6, "
               "\"num_attention_heads\": 12, \"intermediate_size\": 1536}"},
};

typedef struct workload {
    size_t n_texts, n_tokens, batch_size;
    uint32_t lengths[MAX_TEXTS];
    int32_t *ids;    /* [n_tokens] */
    int32_t *labels; /* [n_texts] */
} workload;

typedef struct bench {
    fr_model *model;
    fr_graph *graph;
    fr_param *const *params;
    size_t n_params;
    float **moments; /* both moments of a parameter behind each other */
    uint64_t step;
} bench;

static void die(const char *what)
{
    fprintf(stderr, "bench_encoder_step: %s\n", what);
    exit(2);
}

static void check(fr_status st, const fr_error *err)
{
    if (st != FR_OK) die(err->message);
}

static void read_lengths(workload *w, const char *text)
{
    unsigned n, t;
    char end;
    if (sscanf(text, "%ux%u%c", &n, &t, &end) == 2) {
        if (n < 1 || n > MAX_TEXTS || t < 1 || t > MAX_TOKENS) die("lengths out of range");
        w->n_texts = w->batch_size = n;
        for (size_t i = 0; i < n; i++) w->lengths[i] = t;
    } else {
        FILE *file = fopen(text, "r");
        if (!file) die("cannot open the file of lengths");
        while (w->n_texts < MAX_TEXTS && fscanf(file, "%u", &t) == 1) {
            if (t < 1 || t > MAX_TOKENS) die("a length is out of range");
            w->lengths[w->n_texts++] = t;
        }
        fclose(file);
        if (!w->n_texts) die("no lengths");
    }
    for (size_t i = 0; i < w->n_texts; i++) w->n_tokens += w->lengths[i];
    w->ids = malloc(w->n_tokens * sizeof(*w->ids));
    w->labels = malloc(w->n_texts * sizeof(*w->labels));
    if (!w->ids || !w->labels) die("out of memory");
    fr_rng rng;
    fr_rng_init(&rng, 1);
    for (size_t i = 0; i < w->n_tokens; i++) w->ids[i] = (int32_t)fr_rng_below(&rng, VOCAB);
    for (size_t i = 0; i < w->n_texts; i++) w->labels[i] = (int32_t)fr_rng_below(&rng, 2);
}

static void open_model(bench *b, const char *name, bool train)
{
    fr_error err;
    char dir[] = "/tmp/bench-encoder-XXXXXX", path[64];
    const char *config = NULL;
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        if (strcmp(name, models[i].name) == 0) config = models[i].config;
    if (!config) die("--model is electra-small or minilm");
    if (!mkdtemp(dir)) die("cannot make a folder in /tmp");
    snprintf(path, sizeof(path), "%s/config.json", dir);
    FILE *file = fopen(path, "w");
    if (!file || fputs(config, file) < 0 || fclose(file) != 0) die("cannot write to /tmp");
    fr_model_options options = {.trainable = train, .from_config = true, .seed = 1};
    fr_status st = fr_model_load(&b->model, dir, &options, &err);
    unlink(path);
    rmdir(dir);
    check(st, &err);
    check(fr_graph_create(&b->graph, fr_kernels_cpu(), &err), &err);
    b->params = fr_model_params(b->model, &b->n_params);
    b->moments = calloc(b->n_params, sizeof(*b->moments));
    for (size_t i = 0; train && i < b->n_params; i++) {
        b->moments[i] = calloc(2 * b->params[i]->t.rows * b->params[i]->t.cols, sizeof(float));
        if (!b->moments[i]) die("out of memory");
    }
}

static void run_batch(bench *b, const fr_batch *batch, const int32_t *labels, bool train)
{
    fr_error err;
    fr_tensor *logits, *loss;
    const fr_kernels *k = fr_graph_kernels(b->graph);
    fr_graph_begin(b->graph, train, 1, b->step);
    check(fr_model_classify(b->model, b->graph, batch, &logits, &err), &err);
    if (!train) return;
    check(fr_cross_entropy(b->graph, logits, labels, 0, &loss, &err), &err);
    for (size_t i = 0; i < b->n_params; i++)
        memset(b->params[i]->t.grad, 0,
               b->params[i]->t.rows * b->params[i]->t.cols * sizeof(float));
    check(fr_graph_backward(b->graph, loss, &err), &err);
    b->step++;
    for (size_t i = 0; i < b->n_params; i++) {
        fr_tensor *t = &b->params[i]->t;
        size_t n = t->rows * t->cols;
        fr_adamw o = {5e-5f, 0.9f,   0.999f, 1e-8f, b->params[i]->decays ? 0.01f : 0.0f,
                      1.0f,  b->step};
        k->adamw(t->data, b->moments[i], b->moments[i] + n, t->grad, &o, n);
    }
    fr_model_touch(b->model);
}

static void run_all(bench *b, const workload *w, bool train)
{
    static uint32_t offsets[MAX_TEXTS + 1];
    size_t token = 0;
    for (size_t first = 0; first < w->n_texts; first += w->batch_size) {
        size_t n = w->n_texts - first < w->batch_size ? w->n_texts - first : w->batch_size;
        for (size_t i = 0; i < n; i++) offsets[i + 1] = offsets[i] + w->lengths[first + i];
        fr_batch batch = {.n_segments = n, .offsets = offsets, .ids = w->ids + token};
        run_batch(b, &batch, w->labels + first, train);
        token += offsets[n];
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    fr_kernels_wait_passively(argv);
    static workload w = {.batch_size = 32};
    bench b = {0};
    const char *model = "electra-small", *lengths = "32x128", *mode = "train";
    size_t iterations = 5;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc) die("an option without a value");
        if (strcmp(argv[i], "--model") == 0)
            model = argv[i + 1];
        else if (strcmp(argv[i], "--lengths") == 0)
            lengths = argv[i + 1];
        else if (strcmp(argv[i], "--mode") == 0)
            mode = argv[i + 1];
        else if (strcmp(argv[i], "--iterations") == 0)
            iterations = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--batch") == 0)
            w.batch_size = strtoul(argv[i + 1], NULL, 10);
        else
            die("unknown option");
    }
    bool train = strcmp(mode, "train") == 0;
    if (!train && strcmp(mode, "infer") != 0) die("--mode is train or infer");
    if (iterations < 1 || iterations > 10000 || w.batch_size < 1) die("a number is out of range");
    double *seconds = malloc(iterations * sizeof(*seconds));
    if (!seconds) die("out of memory");

    fr_kernels_set_threads(0);
    read_lengths(&w, lengths);
    open_model(&b, model, train);
    for (int i = 0; i < 2; i++) run_all(&b, &w, train);
    for (size_t i = 0; i < iterations; i++) {
        double start = fr_clock_monotonic(NULL);
        run_all(&b, &w, train);
        seconds[i] = fr_clock_monotonic(NULL) - start;
    }
    qsort(seconds, iterations, sizeof(*seconds), compare);

    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"median_s\": %.6f, \"min_s\": %.6f, \"max_s\": %.6f, \"examples\": %zu, "
           "\"tokens\": %zu, \"peak_rss_bytes\": %zu, \"threads\": %d}\n",
           seconds[iterations / 2], seconds[0], seconds[iterations - 1], w.n_texts, w.n_tokens,
           (size_t)usage.ru_maxrss * 1024, fr_kernels_threads());
    return 0;
}
