/* packed.c - weights into panels and rows out of them; the layout is in packed_layout.h. */
#include "kernel/packed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/half.h"
#include "kernel/cpu.h"
#include "kernel/packed_layout.h"

/* Larger arrays ask for large pages, which spare a stream of weights most misses of the TLB. */
enum { LARGE_PAGE = 2 << 20 };

const char *fr_packed_type_name(fr_packed_type type)
{
    static const char *const names[FR_N_PACKED_TYPES] = {
#define NAME(name) #name,
        FR_PACKED_MAP(NAME)
#undef NAME
    };
    return names[type];
}

size_t fr_packed_bytes(const fr_packed *w)
{
    return sizeof(*w) + w->bytes;
}

size_t fr_packed_outputs(const fr_packed *w)
{
    return w->n;
}

size_t fr_packed_inputs(const fr_packed *w)
{
    return w->k;
}

void fr_packed_destroy(fr_packed *w)
{
    if (!w) return;
    free(w->data);
    free(w);
}

/* Index of the first value of n that is not finite; n where all are. */
static size_t first_bad(const float *x, size_t n)
{
    size_t i = 0;
    while (i < n && isfinite(x[i])) i++;
    return i;
}

static bool half_is_finite(uint16_t h)
{
    return (h & 0x7c00u) != 0x7c00u;
}

static size_t source_row_bytes(const fr_packed *w)
{
    return w->k / w->from.block * w->from.block_bytes;
}

/* Value i of a row of a plain type, as float and as bits. */
static float plain_value(fr_packed_type type, const unsigned char *row, size_t i, uint16_t *bits)
{
    float f;
    if (type == FR_PACKED_F32) {
        memcpy(&f, row + 4 * i, sizeof(f));
        return f;
    }
    memcpy(bits, row + 2 * i, sizeof(*bits));
    return type == FR_PACKED_F16 ? fr_half_to_float(*bits) : fr_brain_to_float(*bits);
}

/* Where input i of a lane lies in the panel of a plain type. */
static size_t plain_at(fr_packed_type type, size_t lane, size_t i)
{
    if (type == FR_PACKED_F32) return 4 * (i * FR__PANEL + lane);
    if (type == FR_PACKED_F16) return 2 * (i * FR__PANEL + lane);
    return 2 * (i / 2 * 2 * FR__PANEL + 2 * lane + i % 2);
}

/* These put row r in its place and return the first column that is not finite, or k. */
static size_t put_plain(const fr_packed *w, unsigned char *panel, size_t lane,
                        const unsigned char *row)
{
    for (size_t i = 0; i < w->k; i++) {
        uint16_t bits = 0;
        float value = plain_value(w->type, row, i, &bits);
        if (!isfinite(value)) return i;
        unsigned char *to = panel + plain_at(w->type, lane, i);
        if (w->type == FR_PACKED_F32) {
            memcpy(to, &value, sizeof(value));
        } else {
            memcpy(to, &bits, sizeof(bits));
        }
    }
    return w->k;
}

static size_t put_blocks(const fr_packed *w, unsigned char *panel, size_t lane,
                         const unsigned char *row)
{
    for (size_t b = 0; b < w->k / FR__BLOCK; b++) {
        fr__block block;
        fr__block_read(&block, w->type, row, b);
        if (!half_is_finite(block.d) || !half_is_finite(block.m)) return b * FR__BLOCK;
        fr__block_store(&block, w, panel, lane, b);
    }
    return w->k;
}

static size_t put_unknown(const fr_packed *w, unsigned char *to, const unsigned char *row)
{
    size_t bytes = source_row_bytes(w), per = w->from.block_bytes * (FR__CHUNK / w->from.block);
    float values[FR__CHUNK];
    memcpy(to, row, bytes);
    for (size_t i = 0; i < w->k; i += FR__CHUNK) {
        size_t n = w->k - i < FR__CHUNK ? w->k - i : FR__CHUNK;
        w->from.decode(w->from.tag, row + i / FR__CHUNK * per, n, values);
        size_t bad = first_bad(values, n);
        if (bad < n) return i + bad;
    }
    return w->k;
}

static size_t put_row(const fr_packed *w, size_t r, const unsigned char *row)
{
    size_t lane = r % FR__PANEL;
    if (w->type == FR_PACKED_BLOCKS) return put_unknown(w, w->data + r * w->panel_bytes, row);
    unsigned char *panel = w->data + r / FR__PANEL * w->panel_bytes;
    return fr__packed_traits(w->type).scales == FR__SCALES_NONE ? put_plain(w, panel, lane, row)
                                                                : put_blocks(w, panel, lane, row);
}

/* Threads own panels. Of several bad values the first in the order of rows is told. */
static fr_status fill(fr_packed *w, const unsigned char *rows, fr_error *err)
{
    size_t stride = source_row_bytes(w), bad_row = w->n, bad_column = 0;
    size_t panels = (w->n + FR__PANEL - 1) / FR__PANEL;
    FR__PARALLEL_FOR(w->n * w->k)
    for (size_t p = 0; p < panels; p++) {
        for (size_t r = p * FR__PANEL; r < (p + 1) * FR__PANEL && r < w->n; r++) {
            size_t column = put_row(w, r, rows + r * stride);
            if (column == w->k) continue;
#pragma omp critical
            if (r < bad_row) {
                bad_row = r;
                bad_column = column;
            }
        }
    }
    if (bad_row == w->n) return FR_OK;
    return fr_error_set(err, FR_ERR_FORMAT,
                        "row %zu, column %zu: the weight or its scale is not finite; the file is "
                        "damaged or its training diverged",
                        bad_row, bad_column);
}

/* Bytes of a panel (of a row, for unknown blocks); false on overflow. */
static bool measure(fr_packed *w)
{
    fr__traits t = fr__packed_traits(w->type);
    size_t blocks = w->k / FR__BLOCK;
    if (w->k > SIZE_MAX / FR__SUPER || w->n > SIZE_MAX - FR__PANEL) return false;
    w->panels = (w->n + FR__PANEL - 1) / FR__PANEL;
    if (w->type == FR_PACKED_BLOCKS) {
        w->panels = w->n;
        w->panel_bytes = source_row_bytes(w);
    } else if (t.scales == FR__SCALES_NONE) {
        w->panel_bytes = (w->k + w->k % 2) * FR__PANEL * t.block_bytes;
    } else {
        size_t scales = fr__super_at(t.scales, w->k, t.block == FR__SUPER ? blocks : 0);
        w->codes_at = (scales + 63) / 64 * 64;
        w->panel_bytes = w->codes_at + blocks * fr__codes_bytes(t);
    }
    return fr_size_mul(w->panels, w->panel_bytes, &w->bytes) && w->bytes < SIZE_MAX - LARGE_PAGE;
}

fr_status fr_packed_create(fr_packed **out, const fr_packed_source *source, fr_error *err)
{
    fr_status st = FR_OK;
    fr_packed *w = calloc(1, sizeof(*w));
    *out = NULL;
    if (!w) FR_FAIL(err, FR_ERR_NOMEM, "packed weights: out of memory");
    w->type = source->type;
    w->n = source->n;
    w->k = source->k;
    w->from = *source;
    w->from.rows = NULL;
    if (w->type != FR_PACKED_BLOCKS) {
        w->from.block = fr__packed_traits(w->type).block;
        w->from.block_bytes = fr__packed_traits(w->type).block_bytes;
    }
    if (!w->from.block || FR__CHUNK % w->from.block || w->k % w->from.block) {
        FR_FAIL(err, FR_ERR_SHAPE, "rows of %zu values are not made of whole blocks of %zu (%s)",
                w->k, w->from.block, fr_packed_type_name(w->type));
    }
    if (!measure(w)) {
        FR_FAIL(err, FR_ERR_SHAPE, "[%zu, %zu] weights do not fit into memory", w->n, w->k);
    }
    size_t align = w->bytes >= 2 * (size_t)LARGE_PAGE ? LARGE_PAGE : 64;
    size_t room = (w->bytes + align) / align * align;
    w->data = aligned_alloc(align, room);
    if (!w->data) FR_FAIL(err, FR_ERR_NOMEM, "out of memory for %zu bytes of weights", w->bytes);
    if (align == LARGE_PAGE) (void)madvise(w->data, room, MADV_HUGEPAGE); /* an advice */
    memset(w->data, 0, room);
    FR_TRY(fill(w, source->rows, err));
    *out = w;
    w = NULL;
cleanup:
    fr_packed_destroy(w);
    return st;
}

void fr__packed_values(const fr_packed *w, size_t r, size_t k0, size_t count, float *out)
{
    if (w->type == FR_PACKED_BLOCKS) {
        const unsigned char *row = w->data + r * w->panel_bytes;
        w->from.decode(w->from.tag, row + k0 / w->from.block * w->from.block_bytes, count, out);
        return;
    }
    const unsigned char *panel = w->data + r / FR__PANEL * w->panel_bytes;
    size_t lane = r % FR__PANEL;
    if (fr__packed_traits(w->type).scales == FR__SCALES_NONE) {
        for (size_t i = 0; i < count; i++) {
            const unsigned char *at = panel + plain_at(w->type, lane, k0 + i);
            uint16_t bits;
            out[i] = plain_value(w->type, at, 0, &bits);
        }
        return;
    }
    for (size_t i = 0; i < count; i += FR__BLOCK) {
        fr__block_values(w, panel, lane, (k0 + i) / FR__BLOCK, out + i);
    }
}

void fr_packed_row(const fr_packed *w, size_t r, float *out)
{
    for (size_t i = 0; i < w->k; i += FR__CHUNK) {
        fr__packed_values(w, r, i, w->k - i < FR__CHUNK ? w->k - i : FR__CHUNK, out + i);
    }
}
