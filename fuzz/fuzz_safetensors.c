/* fuzz_safetensors.c - any bytes as a safetensors file: every byte a tensor claims is read. */
#include "format/safetensors.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], shape[FR_ST_SHAPE_TEXT];
    fr_safetensors *st;
    int fd = fuzz_file(data, size, path);
    if (fr_safetensors_open(&st, path, NULL) == FR_OK) {
        for (size_t i = 0; i < fr_safetensors_count(st); i++) {
            const fr_st_tensor *t = fr_safetensors_at(st, i);
            if (t->n > size || t->n_bytes > size) abort();
            float *out = malloc((t->n + 1) * sizeof(*out));
            if (out && fr_st_to_f32(t, out, NULL) == FR_OK && t->n) {
                volatile float last = out[t->n - 1];
                (void)last;
            }
            free(out);
            fr_st_shape_text(t->shape, t->n_dims, shape);
            if (fr_safetensors_find(st, t->name) != t) abort();
        }
        fr_safetensors_close(st);
    }
    close(fd);
    return 0;
}
