/* fuzz_tensors.h - any bytes as a file of weights: every byte that a tensor claims is read. */
#ifndef FR_FUZZ_FUZZ_TENSORS_H
#define FR_FUZZ_FUZZ_TENSORS_H

#include "format/tensors.h"
#include "fuzz.h"

static inline void fuzz_tensors(const char *path, size_t size)
{
    char shape[FR_SHAPE_TEXT];
    fr_tensors *set;
    size_t total = 0;
    if (fr_tensors_open(&set, path, NULL) != FR_OK) return;
    for (size_t i = 0; i < fr_tensors_count(set); i++) {
        const fr_stored *t = fr_tensors_at(set, i);
        total += t->n_bytes;
        if (t->n_bytes > size || total > 5 * size) abort();
        float *out = malloc((t->n + 1) * sizeof(*out));
        unsigned char *bytes = malloc(t->n_bytes + 1);
        if (!out || !bytes) abort();
        fr_stored_copy(t, bytes);
        if (fr_stored_to_f32(t, out, NULL) == FR_OK && t->n) {
            volatile float last = out[t->n - 1];
            (void)last;
        }
        free(out);
        free(bytes);
        fr_shape_text(t->shape, t->n_dims, shape);
        if (fr_tensors_find(set, t->name) != t) abort();
    }
    fr_tensors_close(set);
}

#endif
