/* decoder_speed.c - how fast a decoder reads and writes, asked line by line.
 *
 *     bench_decoder_speed PATH [f16]        f16: of the cache
 *
 * Loads a folder or a GGUF file, then answers each line of standard input with the seconds it took:
 *
 *     generate N      N tokens of one text, behind the first (N - 1 steps)
 *     prompt N        a prompt of N tokens, to the first token behind it
 *     together S N    S texts of N tokens each, prompts of 16 tokens included
 *
 * Tokens are random; nothing ends a text early. bench/decoders.py asks, in turns with its peer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "infer/generate.h"
#include "kernel/kernel.h"

enum { MAX_TEXTS = 64, MAX_TOKENS = 4096 };

typedef struct watch {
    double first_s; /* when the first token came */
    size_t n;
} watch;

static bool see(void *ctx, size_t prompt, int32_t id)
{
    watch *w = ctx;
    (void)prompt;
    (void)id;
    if (!w->n++) w->first_s = fr_clock_monotonic(NULL);
    return true;
}

static void check(fr_status st, const fr_error *err)
{
    if (st == FR_OK) return;
    fprintf(stderr, "bench_decoder_speed: %s\n", err->message);
    exit(1);
}

/* Runs n texts behind prompts of n_prompt tokens: when it began, first_s in *w, and when it ended.
 */
static void run(fr_generator *gen, size_t vocabulary, size_t n, size_t n_prompt, size_t n_tokens,
                double *began_s, watch *w, double *ended_s)
{
    static int32_t ids[MAX_TEXTS * MAX_TOKENS];
    fr_prompt prompts[MAX_TEXTS];
    fr_sampling greedy = FR_SAMPLING_GREEDY;
    fr_sink sink = {w, see};
    fr_error err;
    fr_rng rng;
    fr_rng_init(&rng, n_prompt);
    for (size_t i = 0; i < n * n_prompt; i++)
        ids[i] = (int32_t)(300 + fr_rng_next(&rng) % (vocabulary - 300));
    for (size_t i = 0; i < n; i++)
        prompts[i] = (fr_prompt){.ids = ids + i * n_prompt, .n = n_prompt, .max_tokens = n_tokens};
    *w = (watch){0};
    *began_s = fr_clock_monotonic(NULL);
    check(fr_generate(gen, prompts, n, &greedy, &sink, &err), &err);
    *ended_s = fr_clock_monotonic(NULL);
    if (w->n != n * n_tokens) {
        fprintf(stderr, "bench_decoder_speed: %zu tokens, not %zu\n", w->n, n * n_tokens);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    fr_kernels_wait_passively(argv);
    if (argc < 2) return 2;
    fr_model *model;
    fr_generator *gen;
    fr_error err;
    fr_model_options stored = {.decoder = true, .as_stored = true};
    fr_generator_options options = {.slots = MAX_TEXTS,
                                    .half_cache = argc > 2 && strcmp(argv[2], "f16") == 0};
    char line[128], word[32];
    check(fr_model_load(&model, argv[1], &stored, &err), &err);
    check(fr_generator_create(&gen, model, fr_kernels_cpu(), &options, &err), &err);
    size_t vocabulary = fr_model_get_info(model)->vocab_size;
    while (fgets(line, sizeof(line), stdin)) {
        size_t a = 0, b = 0;
        double began, ended;
        watch w;
        int words = sscanf(line, "%31s %zu %zu", word, &a, &b);
        bool together = words == 3 && strcmp(word, "together") == 0;
        bool prompt = words == 2 && strcmp(word, "prompt") == 0;
        if (words < 2 || !a || a > MAX_TOKENS || (together && (!b || a > MAX_TEXTS))) return 2;
        if (together)
            run(gen, vocabulary, a, 16, b, &began, &w, &ended);
        else
            run(gen, vocabulary, 1, prompt ? a : 16, prompt ? 1 : a, &began, &w, &ended);
        printf("%.6f\n", together ? ended - began : prompt ? w.first_s - began : ended - w.first_s);
        fflush(stdout);
    }
    fr_generator_destroy(gen);
    fr_model_destroy(model);
    return 0;
}
