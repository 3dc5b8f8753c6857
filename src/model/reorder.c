/* reorder.c - tensors in another order of rows, or of another type. */
#include "model/reorder.h"

#include <stdlib.h>
#include <string.h>

/* Row of the source that row r of the result comes from. Pairs: a head's rows (k, j) of two halves
 * become (j, k). Parts: rows (head, part, i) become (part, head, i). And back. */
static size_t source_row(const fr_reordering *s, size_t rows, size_t r)
{
    if (s->reorder == FR_PART_QKV) {
        size_t size = rows / (3 * s->heads), i = r % size, k = r / size;
        return s->to_gguf ? (k % s->heads * 3 + k / s->heads) * size + i
                          : (k % 3 * s->heads + k / 3) * size + i;
    }
    if (s->reorder != FR_PERMUTE_Q && s->reorder != FR_PERMUTE_K) return r;
    size_t head = rows / s->heads, half = head / 2, in = r % head;
    size_t from = s->to_gguf ? in % 2 * half + in / 2 : in % half * 2 + in / half;
    return r - in + from;
}

static void move_rows(const fr_reordering *s, unsigned char *to, const unsigned char *from,
                      size_t rows, size_t row_bytes)
{
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * row_bytes, from + source_row(s, rows, r) * row_bytes, row_bytes);
}

/* Rows stay whole, so they can be moved as they are, quantized or not. */
static fr_status make_same_type(const fr_stored *t, const fr_reordering *s, void *out,
                                fr_error *err)
{
    if (s->reorder == FR_AS_IS) {
        fr_stored_copy(t, out);
        return FR_OK;
    }
    unsigned char *bytes = malloc(t->n_bytes + 1);
    if (!bytes)
        return fr_error_set(err, FR_ERR_NOMEM, "%s: tensor %s: out of memory", t->path, t->name);
    fr_stored_copy(t, bytes);
    move_rows(s, out, bytes, t->shape[0], t->n_bytes / t->shape[0]);
    free(bytes);
    return FR_OK;
}

fr_status fr__reorder(const fr_reordering *s, fr_dtype type, void *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_stored *t = s->t;
    float *x = NULL, *y = NULL;
    if (type == t->dtype && s->reorder != FR_TRANSPOSE) return make_same_type(t, s, out, err);
    x = malloc(t->n * sizeof(*x));
    y = s->reorder == FR_AS_IS ? x : malloc(t->n * sizeof(*y));
    if (!x || !y) FR_FAIL(err, FR_ERR_NOMEM, "%s: tensor %s: out of memory", t->path, t->name);
    FR_TRY(fr_stored_to_f32(t, x, err));
    if (s->reorder == FR_TRANSPOSE) {
        for (size_t r = 0; r < t->shape[0]; r++)
            for (size_t k = 0; k < t->shape[1]; k++)
                y[k * t->shape[0] + r] = x[r * t->shape[1] + k];
    } else if (s->reorder != FR_AS_IS) {
        move_rows(s, (unsigned char *)y, (const unsigned char *)x, t->shape[0],
                  t->n / t->shape[0] * sizeof(float));
    }
    if (!fr_dtype_encode(type, y, t->n, out))
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: tensor %s has values that %s cannot hold (too large, or not finite)", t->path,
                t->name, fr_dtype_name(type));
cleanup:
    if (y != x) free(y);
    free(x);
    return st;
}

fr_status fr__reorder_check(const fr_reordering *s, fr_dtype type, fr_error *err)
{
    const fr_stored *t = s->t;
    fr_reorder reorder = s->reorder;
    size_t heads = s->heads;
    char shape[FR_SHAPE_TEXT];
    bool permutes = reorder != FR_AS_IS && reorder != FR_TRANSPOSE;
    size_t parts = (reorder == FR_PART_QKV ? 3 : 2) * heads;
    if ((permutes && (t->n_dims == 0 || t->shape[0] % parts || t->n == 0)) ||
        (reorder == FR_TRANSPOSE && t->n_dims != 2))
        return fr_error_set(err, FR_ERR_SHAPE, "%s: tensor %s is %s, which %zu heads do not divide",
                            t->path, t->name, fr_shape_text(t->shape, t->n_dims, shape), heads);
    if (t->dtype == type && reorder != FR_TRANSPOSE) return FR_OK;
    float one[256];
    if (!fr_dtype_is_encoded(type) || !fr_dtype_decode(t->dtype, "", 0, one))
        return fr_error_set(err, FR_ERR_UNSUPPORTED, "%s: tensor %s is %s, which cannot become %s",
                            t->path, t->name, fr_dtype_name(t->dtype), fr_dtype_name(type));
    return FR_OK;
}
