/* lora.c - adapters of low rank: which layers have them, what they start with, how they become
 * part of the weights.
 *
 * Not here: PEFT's files (lora_files.c) and the arithmetic (fr_linear).
 * Source: Hu et al. 2021; PEFT, tuners/lora/layer.py and tuners_utils.py. */
#include "model/lora.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/decoder_net.h"

enum { MAX_RANK = 1 << 16, MAX_MODULE = 512 };

static const int linear_parts[] = {FR_DECODER_QKV, FR_DECODER_Q,    FR_DECODER_K,  FR_DECODER_V,
                                   FR_DECODER_O,   FR_DECODER_GATE, FR_DECODER_UP, FR_DECODER_DOWN};
enum { N_LINEAR = sizeof(linear_parts) / sizeof(*linear_parts) };

/* "transformer.h.0.attn.c_attn" of "transformer.h.0.attn.c_attn.weight" */
static void module_of(const fr_param *w, char buf[MAX_MODULE])
{
    snprintf(buf, MAX_MODULE, "%.*s", (int)(strlen(w->name) - strlen(".weight")), w->name);
}

/* As PEFT matches: the whole name, or what follows a dot in it. */
static bool is_called(const char *module, const char *target)
{
    size_t n = strlen(module), k = strlen(target);
    if (k > n || strcmp(module + n - k, target) != 0) return false;
    return k == n || module[n - k - 1] == '.';
}

/* The last parts of the names of layer 0's linear layers, each once: pointers into `buf`. */
static size_t leaves_of(const fr_model *m, char buf[N_LINEAR][MAX_MODULE],
                        const char *leaves[N_LINEAR])
{
    size_t n = 0;
    for (size_t i = 0; i < N_LINEAR; i++) {
        const fr_param *w = m->decoder->layers[0].part[linear_parts[i]].w;
        if (!w) continue;
        module_of(w, buf[n]);
        const char *dot = strrchr(buf[n], '.'), *leaf = dot ? dot + 1 : buf[n];
        bool seen = false;
        for (size_t k = 0; k < n; k++) seen = seen || strcmp(leaves[k], leaf) == 0;
        if (!seen) leaves[n++] = leaf;
    }
    return n;
}

static fr_status unknown_target(const fr_model *m, const char *target, fr_error *err)
{
    char buf[N_LINEAR][MAX_MODULE], known[N_LINEAR * MAX_MODULE] = "";
    const char *leaves[N_LINEAR];
    size_t n = leaves_of(m, buf, leaves);
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", leaves[i]);
    }
    return fr_error_set(err, FR_ERR_USAGE,
                        "%s: LoRA: %s has no linear layer \"%.64s\" in attention or feed-forward; "
                        "those there are: %s",
                        m->lora->from_file ? m->lora->config : m->source_dir, m->info.architecture,
                        target, known);
}

/* Every target names a layer; one read from PEFT's files at least one, the file's tensors tell. */
static fr_status check_targets(const fr_model *m, const bool *used, fr_error *err)
{
    const fr_lora *lora = m->lora;
    size_t n_used = 0;
    for (size_t i = 0; i < lora->n_targets; i++) n_used += used[i];
    if (lora->from_file && n_used) return FR_OK;
    for (size_t i = 0; i < lora->n_targets; i++)
        if (!used[i]) return unknown_target(m, lora->targets[i], err);
    return FR_OK;
}

static bool is_target(const fr_lora *lora, const char *module, bool *used)
{
    bool any = lora->n_targets == 0;
    for (size_t i = 0; i < lora->n_targets; i++) {
        if (!is_called(module, lora->targets[i])) continue;
        used[i] = any = true;
    }
    return any;
}

static float factor_of(const fr_lora *lora)
{
    double rank = (double)lora->rank;
    return (float)(lora->alpha / (lora->rank_stabilized ? sqrt(rank) : rank));
}

static fr_status add_adapter(fr_model *m, fr_weight *to, const char *module, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_lora *lora = m->lora;
    size_t rows = to->p.t.rows, cols = to->p.t.cols, least = rows < cols ? rows : cols;
    char stem[MAX_MODULE + 32];
    fr_adapter *adapter = fr_arena_calloc(&m->meta, 1, sizeof(*adapter));
    if (!adapter) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", m->source_dir);
    /* PEFT allows more, which never does more: not asked for, but read. */
    if (lora->rank > (lora->from_file ? MAX_RANK : least))
        FR_FAIL(err, FR_ERR_USAGE, "%s: LoRA: rank %zu is larger than %s [%zu, %zu] can have (%zu)",
                m->source_dir, lora->rank, to->p.name, rows, cols,
                lora->from_file ? (size_t)MAX_RANK : least);
    snprintf(stem, sizeof(stem), "base_model.model.%s", module);
    fr_weight a = {.p.decays = true, .n_dims = 2, .init = FR_INIT_UNIFORM};
    /* Its rows are those of the matrix: in folders they stand as the matrix's do. */
    fr_weight b = {.p.decays = true,
                   .n_dims = 2,
                   .init = FR_INIT_ZEROS,
                   .reorder = to->reorder == FR_PART_QKV ? FR_PART_QKV : FR_AS_IS,
                   .heads = to->heads};
    FR_TRY(fr__weight_add(m, &adapter->a, stem, ".lora_A.weight", lora->rank, cols, a, err));
    FR_TRY(fr__weight_add(m, &adapter->b, stem, ".lora_B.weight", rows, lora->rank, b, err));
    adapter->factor = factor_of(lora);
    adapter->dropout = (float)lora->dropout;
    to->p.adapter = adapter;
cleanup:
    return st;
}

/* Names for target_modules, where the caller has none. */
static fr_status name_targets(fr_model *m, fr_error *err)
{
    fr_lora *lora = m->lora;
    char buf[N_LINEAR][MAX_MODULE];
    const char *leaves[N_LINEAR];
    size_t n = leaves_of(m, buf, leaves);
    lora->targets = fr_arena_calloc(&m->meta, n, sizeof(*lora->targets));
    for (size_t i = 0; lora->targets && i < n; i++) {
        lora->targets[i] = fr_arena_strdup(&m->meta, leaves[i]);
        if (!lora->targets[i]) lora->targets = NULL;
    }
    if (!lora->targets) return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", m->source_dir);
    lora->n_targets = n;
    return FR_OK;
}

fr_status fr__lora_describe(fr_model *m, fr_error *err)
{
    fr_status st = FR_OK;
    fr_lora *lora = m->lora;
    if (lora->n_targets == 0) FR_TRY(name_targets(m, err));
    bool *used = fr_arena_calloc(&m->meta, lora->n_targets, sizeof(*used));
    if (!used) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", m->source_dir);
    for (size_t l = 0; l < m->decoder->config.n_layers; l++) {
        for (size_t i = 0; i < N_LINEAR; i++) {
            char module[MAX_MODULE];
            fr_param *w = m->decoder->layers[l].part[linear_parts[i]].w;
            if (!w) continue;
            module_of(w, module);
            /* a weight's fr_param comes first in it */
            if (is_target(lora, module, used)) FR_TRY(add_adapter(m, (fr_weight *)w, module, err));
        }
    }
    FR_TRY(check_targets(m, used, err));
    m->info.lora_rank = lora->rank;
cleanup:
    return st;
}

fr_status fr__lora_make(fr_model *m, uint64_t seed, fr_error *err)
{
    fr_status st = FR_OK;
    /* What the file does not have is not allocated. */
    if (m->lora->dir) FR_TRY(fr__lora_load(m, false, err));
    for (size_t i = m->n_base; i < m->n_weights; i++) {
        fr_tensor *t = &m->params[i]->t;
        t->data = fr_arena_alloc(&m->meta, t->rows * t->cols, sizeof(float));
        if (m->trainable) t->grad = fr_arena_calloc(&m->meta, t->rows * t->cols, sizeof(float));
        if (!t->data || (m->trainable && !t->grad))
            FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory for the adapter %s [%zu, %zu]",
                    m->source_dir, m->params[i]->name, t->rows, t->cols);
        m->info.n_bytes += t->rows * t->cols * sizeof(float);
    }
    if (m->lora->dir)
        FR_TRY(fr__lora_load(m, true, err));
    else
        for (size_t i = m->n_base; i < m->n_weights; i++)
            fr__weight_initialise(m, &m->weights[i], seed);
cleanup:
    return st;
}

void fr__lora_merge(const fr_adapter *adapter, float *w)
{
    const fr_tensor *a = &adapter->a->t, *b = &adapter->b->t;
    for (size_t n = 0; n < b->rows; n++) {
        for (size_t r = 0; r < a->rows; r++) {
            float f = adapter->factor * b->data[n * a->rows + r];
            for (size_t k = 0; k < a->cols; k++) w[n * a->cols + k] += f * a->data[r * a->cols + k];
        }
    }
}

void fr__lora_forget(fr_model *m)
{
    for (size_t i = 0; i < m->n_base; i++) m->params[i]->adapter = NULL;
    for (size_t i = m->n_base; i < m->n_weights; i++) {
        size_t n = m->params[i]->t.rows * m->params[i]->t.cols;
        m->info.n_params -= n;
        m->info.n_bytes -= n * sizeof(float);
    }
    m->n_weights = m->n_base;
    m->info.lora_rank = 0;
    fr__lora_release(m->lora);
    m->lora = NULL;
}

void fr__lora_release(fr_lora *lora)
{
    if (lora) json_decref(lora->config_json);
}
