/* checkpoint.c - a run of fine-tuning on disk.
 *
 *     [header][weights, m, v, (best) of each parameter, float32, in the model's order]
 *
 * A private file of the machine that wrote it: it is read back only by the same
 * build of the program for the same work, and thrown away afterwards. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sha256.h"
#include "base/str.h"
#include "os/file.h"
#include "train/state.h"

static const char magic[16] = "frugal-train-1\n";

typedef struct header {
    char magic[16];
    char identity[FR_SHA256_HEX_SIZE];
    uint64_t n_params, n_numbers;
    uint64_t step, best_epoch, has_best;
    double best_validation, epoch_loss, last_loss;
} header;

static size_t count_numbers(const fr_train_state *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_params; i++) n += fr__train_state_count(s, i);
    return n;
}

static fr_status checkpoint_path(fr_str *path, const char *dir, fr_error *err)
{
    return fr_path_join(path, dir, "checkpoint.bin", err);
}

fr_status fr__checkpoint_write(const fr_train_state *s, const char *dir, const char *identity,
                               fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    fr_file_writer *w = NULL;
    header h;
    memset(&h, 0, sizeof(h));
    memcpy(h.magic, magic, sizeof(magic));
    snprintf(h.identity, sizeof(h.identity), "%s", identity);
    h.n_params = s->n_params;
    h.n_numbers = count_numbers(s);
    h.step = s->step;
    h.best_epoch = s->best_epoch;
    h.has_best = s->best[0] != NULL;
    h.best_validation = s->best_validation;
    h.epoch_loss = s->epoch_loss;
    h.last_loss = s->last_loss;

    FR_TRY(fr_dir_create(dir, err));
    FR_TRY(checkpoint_path(&path, dir, err));
    FR_TRY(fr_file_writer_open(&w, path.data, err));
    FR_TRY(fr_file_writer_write(w, &h, sizeof(h), err));
    for (size_t i = 0; i < s->n_params; i++) {
        size_t bytes = fr__train_state_count(s, i) * sizeof(float);
        FR_TRY(fr_file_writer_write(w, s->params[i]->t.data, bytes, err));
        FR_TRY(fr_file_writer_write(w, s->m[i], bytes, err));
        FR_TRY(fr_file_writer_write(w, s->v[i], bytes, err));
        if (h.has_best) FR_TRY(fr_file_writer_write(w, s->best[i], bytes, err));
    }
    FR_TRY(fr_file_writer_commit(w, err));
cleanup:
    fr_file_writer_close(w);
    fr_str_release(&path);
    return st;
}

/* Why the mapped file is not the checkpoint we look for; NULL when it is. */
static const char *refusal(const fr_map *map, const header *h, const fr_train_state *s,
                           const char *identity)
{
    if (map->size < sizeof(*h) || memcmp(h->magic, magic, sizeof(magic))) return "it is damaged";
    if (memcmp(h->identity, identity, FR_SHA256_HEX_SIZE))
        return "it belongs to other data or settings";
    size_t copies = h->has_best ? 4 : 3;
    if (h->n_params != s->n_params || h->n_numbers != count_numbers(s) ||
        map->size != sizeof(*h) + copies * h->n_numbers * sizeof(float))
        return "it does not fit the model";
    return NULL;
}

fr_status fr__checkpoint_read(fr_train_state *s, const char *dir, const char *identity, bool *found,
                              fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    fr_map map = {NULL, 0};
    header h;
    memset(&h, 0, sizeof(h));
    *found = false;
    FR_TRY(checkpoint_path(&path, dir, err));
    if (!fr_file_exists(path.data)) goto cleanup;
    FR_TRY(fr_map_open(&map, path.data, err));
    if (map.size >= sizeof(h)) memcpy(&h, map.data, sizeof(h));
    const char *why = refusal(&map, &h, s, identity);
    if (why) {
        fr_log(FR_LOG_WARNING, "%s is not used: %s; fine-tuning starts anew", path.data, why);
        goto cleanup;
    }
    if (h.has_best) FR_TRY(fr__train_state_keep_best(s, err)); /* makes room */
    const unsigned char *at = map.data + sizeof(h);
    for (size_t i = 0; i < s->n_params; i++) {
        size_t bytes = fr__train_state_count(s, i) * sizeof(float);
        float *rows[] = {s->params[i]->t.data, s->m[i], s->v[i], s->best[i]};
        for (size_t j = 0; j < (h.has_best ? 4u : 3u); j++, at += bytes) memcpy(rows[j], at, bytes);
    }
    s->step = h.step;
    s->best_epoch = h.best_epoch;
    s->best_validation = h.best_validation;
    s->epoch_loss = h.epoch_loss;
    s->last_loss = h.last_loss;
    *found = true;
cleanup:
    fr_map_close(&map);
    fr_str_release(&path);
    return st;
}

void fr_train_forget(const char *checkpoint_dir)
{
    fr_str path = FR_STR_INIT;
    fr_error err;
    if (checkpoint_path(&path, checkpoint_dir, &err) == FR_OK) {
        unlink(path.data);
        fr_file_remove_leftovers(path.data);
    }
    rmdir(checkpoint_dir);
    fr_str_release(&path);
}
