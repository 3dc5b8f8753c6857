/* json_build.c - values of the JSON reports. */
#include "report/json_build.h"

#include <math.h>

#include "report/format.h"

void fr__json_set(fr__json *b, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) b->failed = true;
}

void fr__json_add(fr__json *b, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) b->failed = true;
}

json_t *fr__json_text(fr__json *b, const char *s)
{
    fr_str clean = FR_STR_INIT;
    if (fr__clean(&clean, s, false, NULL) != FR_OK) b->failed = true;
    json_t *value = json_string(fr_str_text(&clean));
    fr_str_release(&clean);
    return value;
}

json_t *fr__json_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *fr__json_figure(fr__json *b, const fr_figure *f)
{
    json_t *o = json_object();
    bool exists = fr__figure_exists(f);
    fr__json_set(b, o, "value", exists ? fr__json_number(f->value) : json_null());
    fr__json_set(b, o, "low", exists ? fr__json_number(f->low) : json_null());
    fr__json_set(b, o, "high", exists ? fr__json_number(f->high) : json_null());
    fr__json_set(b, o, "kind", json_string(fr_kind_name(f->kind)));
    fr__json_set(b, o, "source", fr__json_text(b, f->source));
    return o;
}

static int append(const char *bytes, size_t n, void *out)
{
    return fr_str_append(out, bytes, n, NULL) == FR_OK ? 0 : -1;
}

fr_status fr__json_write(fr__json *b, json_t *root, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    if (b->failed || !root ||
        json_dump_callback(root, append, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) != 0)
        FR_FAIL(err, FR_ERR_NOMEM, "JSON: out of memory");
    FR_TRY(fr_str_append(out, "\n", 1, err));
cleanup:
    json_decref(root);
    return st;
}
