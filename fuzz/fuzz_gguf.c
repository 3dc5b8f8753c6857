/* fuzz_gguf.c - any bytes as a GGUF file: every value, every tensor and the vocabulary. */
#include "format/gguf.h"
#include "fuzz_tensors.h"

static void read_values(const fr_gguf *g)
{
    size_t size, n;
    double x;
    fr_bytes text, *texts;
    fr_gguf_vocab vocab;
    for (size_t i = 0; i < fr_gguf_n_values(g); i++) {
        const fr_gguf_value *v = fr_gguf_value_at(g, i);
        if (fr_gguf_find(g, v->key) != v) abort();
        if (fr_gguf_size(g, v->key, &size, NULL) == FR_OK && size >> 40) abort();
        if (fr_gguf_number(g, v->key, &x, NULL) == FR_OK && v->is_array) abort();
        if (fr_gguf_text(g, v->key, &text, NULL) == FR_OK && text.len > v->n_bytes) abort();
        if (fr_gguf_texts(g, v->key, &texts, &n, NULL) == FR_OK) {
            size_t total = 0;
            for (size_t k = 0; k < n; k++) total += texts[k].len;
            if (total > v->n_bytes) abort();
            free(texts);
        }
    }
    if (fr_gguf_vocab_read(g, &vocab, NULL) == FR_OK) fr_gguf_vocab_release(&vocab);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    fr_gguf *g;
    int fd = fuzz_file(data, size, path);
    if (fr_gguf_open(&g, path, NULL) == FR_OK) {
        read_values(g);
        fr_gguf_close(g);
        fuzz_tensors(path, size);
    }
    close(fd);
    return 0;
}
