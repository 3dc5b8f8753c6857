/* decoder_step.c - training steps of GPT-2 (124 M parameters, random weights), one a line of input.
 *
 *     bench_decoder_step [--method full|lora] [--precision f32|bf16] [--recompute 0|1]
 *                        [--texts 4] [--tokens 256]
 *
 * A step is forward, backward and AdamW over so many texts of so many tokens, dropout 0.1; LoRA of
 * rank 8 on all linear layers. For every line on stdin it takes one step and answers with one line
 * of JSON: seconds, loss, and the peak resident memory of the process so far. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "model/model.h"
#include "os/process.h"

enum { VOCAB = 50257, MAX_TEXTS = 64, MAX_TOKENS = 1024 };

static const char *const config =
    "{\"model_type\": \"gpt2\", \"vocab_size\": 50257, \"n_positions\": 1024, \"n_embd\": 768, "
    "\"n_layer\": 12, \"n_head\": 12}";

typedef struct bench {
    fr_model *model;
    fr_graph *graph;
    fr_param *const *params;
    size_t n_params;
    float **moments; /* both moments of a parameter behind each other */
    uint32_t offsets[MAX_TEXTS + 1];
    int32_t ids[MAX_TEXTS * MAX_TOKENS], labels[MAX_TEXTS * MAX_TOKENS];
    size_t n_texts, n_tokens;
    uint64_t step;
} bench;

static void die(const char *what)
{
    fprintf(stderr, "bench_decoder_step: %s\n", what);
    exit(2);
}

static void check(fr_status st, const fr_error *err)
{
    if (st != FR_OK) die(err->message);
}

static size_t count_of(const fr_param *p)
{
    return p->t.rows * p->t.cols;
}

static void open_model(bench *b, bool lora)
{
    fr_error err;
    char dir[] = "/tmp/bench-decoder-XXXXXX", path[64];
    if (!mkdtemp(dir)) die("cannot make a folder in /tmp");
    snprintf(path, sizeof(path), "%s/config.json", dir);
    FILE *file = fopen(path, "w");
    if (!file || fputs(config, file) < 0 || fclose(file) != 0) die("cannot write to /tmp");
    fr_lora_options adapters = {.rank = 8, .alpha = 16};
    fr_model_options options = {.decoder = true,
                                .trainable = true,
                                .from_config = true,
                                .seed = 1,
                                .lora = lora ? &adapters : NULL};
    fr_status st = fr_model_load(&b->model, dir, &options, &err);
    unlink(path);
    rmdir(dir);
    check(st, &err);
    b->params = fr_model_trainable(b->model, &b->n_params);
    b->moments = calloc(b->n_params + 1, sizeof(*b->moments));
    if (!b->moments) die("out of memory");
    for (size_t i = 0; i < b->n_params; i++) {
        b->moments[i] = calloc(2 * count_of(b->params[i]), sizeof(float));
        if (!b->moments[i]) die("out of memory");
    }
}

static void make_texts(bench *b)
{
    fr_rng rng;
    fr_rng_init(&rng, 1);
    for (size_t i = 0; i < b->n_texts; i++) {
        size_t first = i * b->n_tokens;
        b->offsets[i + 1] = (uint32_t)(first + b->n_tokens);
        for (size_t t = 0; t < b->n_tokens; t++)
            b->ids[first + t] = (int32_t)fr_rng_below(&rng, VOCAB);
        for (size_t t = 0; t < b->n_tokens; t++)
            b->labels[first + t] = t + 1 < b->n_tokens ? b->ids[first + t + 1] : FR_IGNORE;
    }
}

static float take_step(bench *b)
{
    fr_error err;
    fr_tensor *loss;
    const fr_kernels *k = fr_graph_kernels(b->graph);
    fr_batch batch = {.n_segments = b->n_texts, .offsets = b->offsets, .ids = b->ids};
    float divisor = (float)(b->n_texts * (b->n_tokens - 1));
    fr_graph_begin(b->graph, true, 1, b->step++);
    check(fr_model_loss(b->model, b->graph, &batch, b->labels, divisor, &loss, &err), &err);
    check(fr_graph_backward(b->graph, loss, &err), &err);
    for (size_t i = 0; i < b->n_params; i++) {
        fr_tensor *t = &b->params[i]->t;
        size_t n = count_of(b->params[i]);
        fr_adamw o = {5e-5f, 0.9f,   0.999f, 1e-8f, b->params[i]->decays ? 0.01f : 0.0f,
                      1.0f,  b->step};
        k->adamw(t->data, b->moments[i], b->moments[i] + n, t->grad, &o, n);
        memset(t->grad, 0, n * sizeof(float));
    }
    fr_model_touch(b->model);
    return loss->data[0];
}

int main(int argc, char **argv)
{
    fr_kernels_wait_passively(argv);
    static bench b = {.n_texts = 4, .n_tokens = 256};
    fr_error err;
    const fr_kernels *kernels = fr_kernels_cpu();
    bool recompute = false, lora = false;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc) die("an option without a value");
        if (strcmp(argv[i], "--precision") == 0)
            kernels = strcmp(argv[i + 1], "bf16") == 0 ? fr_kernels_cpu_bf16() : kernels;
        else if (strcmp(argv[i], "--method") == 0)
            lora = strcmp(argv[i + 1], "lora") == 0;
        else if (strcmp(argv[i], "--recompute") == 0)
            recompute = strcmp(argv[i + 1], "1") == 0;
        else if (strcmp(argv[i], "--texts") == 0)
            b.n_texts = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--tokens") == 0)
            b.n_tokens = strtoul(argv[i + 1], NULL, 10);
        else
            die("unknown option");
    }
    if (!kernels) die("this processor does not multiply bfloat16");
    if (b.n_texts < 1 || b.n_texts > MAX_TEXTS || b.n_tokens < 2 || b.n_tokens > MAX_TOKENS)
        die("a number is out of range");
    fr_kernels_set_threads(0);
    open_model(&b, lora);
    make_texts(&b);
    check(fr_graph_create(&b.graph, kernels, &err), &err);
    fr_graph_set_recompute(b.graph, recompute);

    char line[16];
    while (fgets(line, sizeof(line), stdin)) {
        double start = fr_clock_monotonic(NULL);
        struct rusage before, after;
        getrusage(RUSAGE_SELF, &before);
        float loss = take_step(&b);
        double seconds = fr_clock_monotonic(NULL) - start;
        getrusage(RUSAGE_SELF, &after);
        printf("{\"seconds\": %.6f, \"cpu_s\": %.6f, \"loss\": %.5f, \"peak_rss_bytes\": %zu}\n",
               seconds, fr_rusage_cpu_s(&after) - fr_rusage_cpu_s(&before), (double)loss,
               (size_t)after.ru_maxrss * 1024);
        fflush(stdout);
    }
    return 0;
}
