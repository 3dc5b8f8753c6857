/* decoder.c - what parity.py asks of decoders that no command tells: logits, and models as saved.
 *
 *     frugal-parity-decoder FOLDER IDS LOGITS [SAVE RANK]
 *
 * Writes the logits after each of IDS (comma-separated) as raw float32 to LOGITS. With SAVE, after
 * three steps of SGD on that text: of adapters of that rank, or of all weights (RANK 0). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/model.h"
#include "os/file.h"

enum { MAX_IDS = 512, N_STEPS = 3 };

typedef struct text {
    int32_t ids[MAX_IDS], labels[MAX_IDS];
    uint32_t offsets[2];
    fr_batch batch;
} text;

static void parse(text *t, const char *list)
{
    uint32_t n = 0;
    for (const char *at = list; *at && n < MAX_IDS; at += *at == ',')
        t->ids[n++] = (int32_t)strtol(at, (char **)&at, 10);
    for (uint32_t i = 0; i < n; i++) t->labels[i] = i + 1 < n ? t->ids[i + 1] : FR_IGNORE;
    t->offsets[1] = n;
    t->batch = (fr_batch){.n_segments = 1, .offsets = t->offsets, .ids = t->ids};
}

static fr_status train(fr_model *m, fr_graph *g, const text *t, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n;
    fr_tensor *loss;
    fr_param *const *params = fr_model_trainable(m, &n);
    for (uint64_t step = 0; step < N_STEPS; step++) {
        fr_graph_begin(g, true, 1, step);
        FR_TRY(fr_model_loss(m, g, &t->batch, t->labels, 1, &loss, err));
        FR_TRY(fr_graph_backward(g, loss, err));
        for (size_t i = 0; i < n; i++) {
            size_t size = params[i]->t.rows * params[i]->t.cols;
            fr_kernels_cpu()->sgd(params[i]->t.data, params[i]->t.grad, 1e-3f, 1.0f, size);
            memset(params[i]->t.grad, 0, size * sizeof(float));
        }
        fr_model_touch(m);
    }
cleanup:
    return st;
}

static fr_status run(char **argv, const char *save, size_t rank, fr_error *err)
{
    fr_status st = FR_OK;
    fr_model *m = NULL;
    fr_graph *g = NULL;
    fr_tensor *hidden, *logits;
    text t = {.ids = {0}};
    fr_lora_options lora = {.rank = rank, .alpha = 3};
    fr_model_options options = {
        .decoder = true, .trainable = save != NULL, .seed = 4, .lora = rank ? &lora : NULL};
    parse(&t, argv[2]);
    FR_TRY(fr_model_load(&m, argv[1], &options, err));
    FR_TRY(fr_graph_create(&g, fr_kernels_cpu(), err));
    if (save) FR_TRY(train(m, g, &t, err));
    if (save) FR_TRY(fr_model_save(m, save, err));
    fr_graph_begin(g, false, 0, 0);
    FR_TRY(fr_model_decode(m, g, &t.batch, NULL, 0, &hidden, err));
    FR_TRY(fr_model_logits(m, g, hidden, &logits, err));
    FR_TRY(fr_file_write_atomic(argv[3], logits->data, logits->rows * logits->cols * sizeof(float),
                                err));
cleanup:
    fr_graph_destroy(g);
    fr_model_destroy(m);
    return st;
}

int main(int argc, char **argv)
{
    fr_error err;
    if (argc != 4 && argc != 6) return 2;
    if (run(argv, argc == 6 ? argv[4] : NULL, argc == 6 ? strtoul(argv[5], NULL, 10) : 0, &err) ==
        FR_OK)
        return 0;
    fprintf(stderr, "%s\n", err.message);
    return 1;
}
