/* completions.c - reads the golden texts of completions. */
#include "support/completions.h"

#include "support/test.h"

static fr_error err;

fr_tensors *completions_open(void)
{
    fr_tensors *file;
    ASSERT_OK(fr_tensors_open(&file, FR_TEST_DIR "/golden/completions/golden.safetensors", &err));
    return file;
}

float *completions_read(const fr_tensors *file, const char *name, size_t *n)
{
    const fr_stored *t = fr_tensors_find(file, name);
    if (!t) fail_msg("no golden %s", name);
    float *values = malloc(t->n * sizeof(*values));
    assert_non_null(values);
    ASSERT_OK(fr_stored_to_f32(t, values, &err));
    *n = t->n;
    return values;
}

void completions_texts(const fr_tensors *file, const char *prefix, fr_sequences *out)
{
    static const char *const names[] = {"ids", "offsets", "starts"};
    float *values[3];
    size_t n[3];
    int32_t ids[64];
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%s%s", prefix, names[i]);
        values[i] = completions_read(file, name, &n[i]);
    }
    for (size_t i = 0; i < n[2]; i++) {
        size_t at = (size_t)values[1][i], length = (size_t)values[1][i + 1] - at;
        assert_true(length <= sizeof(ids) / sizeof(*ids));
        for (size_t t = 0; t < length; t++) ids[t] = (int32_t)values[0][at + t];
        ASSERT_OK(fr_sequences_append_completion(out, ids, length, (size_t)values[2][i], &err));
    }
    for (int i = 0; i < 3; i++) free(values[i]);
}
