/* rope.c - rotary embeddings between config.json and GGUF.
 *
 * GGUF holds Llama 3's scaling as one factor a pair, not as the numbers they come from. Those are
 * found again from the factors: between slow and fast pairs, 1 / factor is a straight line over the
 * frequency. What does not give the same factors again is refused. */
#include "model/rope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/json.h"

enum { KEY = 128, MAX_DIMS = 1 << 16 };

static const double two_pi = 6.283185307179586;

/* Radians a position by which pair j turns. */
static double frequency(const fr_rope *rope, size_t j)
{
    return pow(rope->theta, -2.0 * (double)j / (double)rope->n_dims);
}

void fr__rope_factors(const fr_rope *rope, float *factors)
{
    for (size_t j = 0; j < rope->n_dims / 2; j++) {
        double turns = rope->original_tokens * frequency(rope, j) / two_pi;
        double smooth = (turns - rope->low_freq) / (rope->high_freq - rope->low_freq);
        double factor = rope->kind == FR_ROPE_PLAIN ? 1 : rope->factor;
        if (rope->kind == FR_ROPE_LLAMA3 && turns > rope->high_freq)
            factor = 1;
        else if (rope->kind == FR_ROPE_LLAMA3 && turns >= rope->low_freq)
            factor = 1 / ((1 - smooth) / factor + smooth);
        factors[j] = (float)factor;
    }
}

static fr_status check(const fr_rope *rope, const char *path, fr_error *err)
{
    bool good =
        isfinite(rope->theta) && rope->theta > 0 && isfinite(rope->factor) && rope->factor > 0;
    if (good && rope->kind == FR_ROPE_LLAMA3)
        good = rope->low_freq > 0 && rope->high_freq > rope->low_freq &&
               isfinite(rope->high_freq) && rope->original_tokens >= 1 &&
               isfinite(rope->original_tokens);
    if (good) return FR_OK;
    return fr_error_set(err, FR_ERR_USAGE,
                        "%s: numbers of the rotary embedding that cannot be (theta %g, factor %g)",
                        path, rope->theta, rope->factor);
}

static fr_status read_llama3(fr_rope *rope, const json_t *scaling, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    rope->kind = FR_ROPE_LLAMA3;
    FR_TRY(fr_json_number(scaling, path, "factor", &rope->factor, err));
    FR_TRY(fr_json_number(scaling, path, "low_freq_factor", &rope->low_freq, err));
    FR_TRY(fr_json_number(scaling, path, "high_freq_factor", &rope->high_freq, err));
    FR_TRY(fr_json_number(scaling, path, "original_max_position_embeddings", &rope->original_tokens,
                          err));
cleanup:
    return st;
}

fr_status fr__rope_from_json(fr_rope *rope, double *partial, const json_t *config,
                             const char *theta_key, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    json_t *scaling, *parameters, *value; /* the second one since transformers 5 */
    const char *kind, *old, *name;
    *rope = (fr_rope){.factor = 1};
    FR_TRY(fr_json_number_or(config, path, theta_key, 10000, &rope->theta, err));
    FR_TRY(fr_json_number_or(config, path, "partial_rotary_factor", *partial, partial, err));
    FR_TRY(fr_json_object(config, path, "rope_parameters", false, &parameters, err));
    FR_TRY(fr_json_object(config, path, "rope_scaling", false, &scaling, err));
    json_object_foreach(parameters, name, value)
    {
        if (json_is_object(value))
            FR_FAIL(err, FR_ERR_UNSUPPORTED,
                    "%s: rope_parameters of each kind of layer (\"%.32s\") are not supported", path,
                    name);
    }
    if (parameters) scaling = parameters;
    if (scaling) {
        FR_TRY(fr_json_number_or(scaling, path, "rope_theta", rope->theta, &rope->theta, err));
        FR_TRY(fr_json_number_or(scaling, path, "partial_rotary_factor", *partial, partial, err));
        FR_TRY(fr_json_string_or(scaling, path, "type", "default", &old, err));
        FR_TRY(fr_json_string_or(scaling, path, "rope_type", old, &kind, err));
        if (!strcmp(kind, "linear")) {
            rope->kind = FR_ROPE_LINEAR;
            FR_TRY(fr_json_number(scaling, path, "factor", &rope->factor, err));
        } else if (!strcmp(kind, "llama3")) {
            FR_TRY(read_llama3(rope, scaling, path, err));
        } else if (strcmp(kind, "default") != 0) {
            FR_FAIL(err, FR_ERR_UNSUPPORTED,
                    "%s: rotary scaling '%.32s' is not converted; 'default', 'linear' and 'llama3' "
                    "are",
                    path, kind);
        }
    }
    FR_TRY(check(rope, path, err));
cleanup:
    return st;
}

int fr__rope_to_json(const fr_rope *rope, json_t *config)
{
    if (rope->kind == FR_ROPE_PLAIN) return 0;
    if (rope->kind == FR_ROPE_LINEAR)
        return json_object_set_new(
            config, "rope_scaling",
            json_pack("{s:s, s:f}", "rope_type", "linear", "factor", rope->factor));
    return json_object_set_new(
        config, "rope_scaling",
        json_pack("{s:s, s:f, s:f, s:f, s:I}", "rope_type", "llama3", "factor", rope->factor,
                  "low_freq_factor", rope->low_freq, "high_freq_factor", rope->high_freq,
                  "original_max_position_embeddings", (json_int_t)rope->original_tokens));
}

static const char *key(const char *architecture, const char *name, char buf[KEY])
{
    snprintf(buf, KEY, "%.60s.rope.%s", architecture, name);
    return buf;
}

fr_status fr__rope_to_gguf(const fr_rope *rope, const char *architecture, fr_gguf_meta *meta,
                           fr_error *err)
{
    fr_status st = FR_OK;
    char buf[KEY];
    FR_TRY(fr_gguf_put_u32(meta, key(architecture, "dimension_count", buf), rope->n_dims, err));
    FR_TRY(fr_gguf_put_f32(meta, key(architecture, "freq_base", buf), rope->theta, err));
    if (rope->kind != FR_ROPE_LINEAR) goto cleanup;
    FR_TRY(fr_gguf_put_text(meta, key(architecture, "scaling.type", buf), "linear", err));
    FR_TRY(fr_gguf_put_f32(meta, key(architecture, "scaling.factor", buf), rope->factor, err));
cleanup:
    return st;
}

/* Do these numbers give those factors, as near as float32 can tell? */
static bool gives(const fr_rope *rope, const float *wanted, float *tried)
{
    fr__rope_factors(rope, tried);
    for (size_t j = 0; j < rope->n_dims / 2; j++)
        if (!(fabs(tried[j] / wanted[j] - 1) < 1e-5)) return false;
    return true;
}

/* Turns a position of pair j, and how fast it is by its factor: 1 at high_freq, 0 at low_freq. */
static void point(const fr_rope *rope, const float *factors, size_t j, double *x, double *y)
{
    double slow = 1 / rope->factor;
    *x = frequency(rope, j) / two_pi;
    *y = (1 / (double)factors[j] - slow) / (1 - slow);
}

/* The line of how fast over turns: through the outermost of the pairs between; where that is one,
 * through it and past its neighbours; where there is none, between the last fast one and the first
 * slow one. */
static void find_line(const fr_rope *rope, const float *factors, double *slope, double *x_low)
{
    size_t n = rope->n_dims / 2, first = 0, last = n; /* the pairs between: [first, last) */
    double x0, y0, x1, y1;
    while (first < n && factors[first] == 1) first++;
    while (last > first && factors[last - 1] >= (float)rope->factor) last--;
    if (last - first >= 2) {
        point(rope, factors, first, &x0, &y0);
        point(rope, factors, last - 1, &x1, &y1);
        *slope = (y0 - y1) / (x0 - x1);
    } else {
        double fast =
            frequency(rope, first) * pow(rope->theta, 2.0 / (double)rope->n_dims) / two_pi;
        double slow = frequency(rope, last) / two_pi;
        x0 = sqrt(fast * slow);
        y0 = 0.5;
        if (last > first) point(rope, factors, first, &x0, &y0);
        *slope = fmax((1 - y0) / (fast - x0), y0 / (x0 - slow));
    }
    *x_low = x0 - y0 / *slope;
}

/* The numbers behind the factors. Only their ratios count: the length is made whole. */
static bool fit(fr_rope *rope, const float *factors, float *tried)
{
    double slope, x_low;
    find_line(rope, factors, &slope, &x_low);
    rope->original_tokens = fmax(1, round(1 / x_low));
    double low = rope->original_tokens * x_low, high = low + rope->original_tokens / slope;
    /* As people choose them, where that gives the same. */
    rope->low_freq = round(low);
    rope->high_freq = round(high);
    if (rope->high_freq > rope->low_freq && gives(rope, factors, tried)) return true;
    rope->low_freq = low;
    rope->high_freq = high;
    return gives(rope, factors, tried);
}

static fr_status read_factors(fr_rope *rope, const fr_stored *t, fr_error *err)
{
    fr_status st = FR_OK;
    float *factors = NULL, *tried = NULL;
    size_t n = rope->n_dims / 2;
    if (t->n != n || n > MAX_DIMS)
        FR_FAIL(err, FR_ERR_SHAPE, "%s: tensor %s has %zu numbers, not one of each of %zu pairs",
                t->path, t->name, t->n, n);
    factors = calloc(n, sizeof(*factors));
    tried = calloc(n, sizeof(*tried));
    if (!factors || !tried) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", t->path);
    FR_TRY(fr_stored_to_f32(t, factors, err));
    rope->kind = FR_ROPE_PLAIN;
    if (gives(rope, factors, tried)) goto cleanup;
    rope->factor = factors[0];
    for (size_t j = 0; j < n; j++)
        if (factors[j] > rope->factor) rope->factor = factors[j];
    rope->kind = FR_ROPE_LINEAR;
    if (gives(rope, factors, tried)) goto cleanup;
    rope->kind = FR_ROPE_LLAMA3;
    if (!fit(rope, factors, tried) || check(rope, t->path, NULL) != FR_OK)
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: tensor %s: these factors of the rotary embedding are not of Llama 3's form; "
                "others are not converted",
                t->path, t->name);
cleanup:
    free(factors);
    free(tried);
    return st;
}

fr_status fr__rope_from_gguf(fr_rope *rope, const fr_gguf *g, const char *architecture,
                             fr_error *err)
{
    fr_status st = FR_OK;
    const char *path = fr_gguf_path(g);
    char buf[KEY];
    fr_bytes kind = {"linear", 6}; /* llama.cpp's default, of no effect without a factor */
    const fr_stored *t = NULL;
    rope->kind = FR_ROPE_PLAIN;
    rope->factor = 1;
    FR_TRY(fr_gguf_number_or(g, key(architecture, "freq_base", buf), 10000, &rope->theta, err));
    if (fr_gguf_find(g, key(architecture, "scaling.type", buf)))
        FR_TRY(fr_gguf_text(g, buf, &kind, err));
    FR_TRY(fr_gguf_number_or(g, key(architecture, "scale_linear", buf), 1, &rope->factor, err));
    FR_TRY(fr_gguf_number_or(g, key(architecture, "scaling.factor", buf), rope->factor,
                             &rope->factor, err));
    if (rope->factor == 0 || fr_bytes_equal(kind, "none")) rope->factor = 1;
    if (!fr_bytes_equal(kind, "linear") && !fr_bytes_equal(kind, "none"))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: rotary scaling '%.*s' is not converted; 'none', 'linear' and Llama 3's are",
                path, kind.len < 32 ? (int)kind.len : 32, kind.data);
    if (rope->factor != 1) rope->kind = FR_ROPE_LINEAR;
    for (size_t i = 0; i < fr_gguf_n_tensors(g); i++)
        if (!strcmp(fr_gguf_tensor(g, i)->name, FR_ROPE_TENSOR)) t = fr_gguf_tensor(g, i);
    if (t && rope->kind != FR_ROPE_PLAIN)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "%s: rotary factors beside a linear one are not converted",
                path);
    if (t) FR_TRY(read_factors(rope, t, err));
    FR_TRY(check(rope, path, err));
cleanup:
    return st;
}
