/* json.c - strict JSON files and typed access to their values.
 *
 * jansson does the parsing and refuses duplicate keys, bad UTF-8, lone
 * surrogates, integers beyond 64 bits and trailing text. Its own depth limit
 * (2,048) is far from our needs and near a small thread's stack, so nesting is
 * counted before it starts. */
#include "format/json.h"

#include <stdlib.h>
#include <string.h>

#include "os/file.h"

/* Brackets outside strings; valid or not, the text cannot make jansson recurse deeper. *values: at
 * least as many as jansson would make. */
static bool too_deep(const char *text, size_t n, size_t *values)
{
    size_t depth = 0;
    bool in_string = false;
    *values = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == ',') {
            ++*values;
        } else if (c == '[' || c == '{') {
            ++*values;
            if (++depth > FR_JSON_MAX_DEPTH) return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

fr_json_marks fr_json_count_marks(const char *text, size_t n)
{
    fr_json_marks m = {0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        m.objects += text[i] == '{';
        m.lists += text[i] == '[';
        m.commas += text[i] == ',';
        m.colons += text[i] == ':';
    }
    return m;
}

/* Is the tree of a small file larger than twice the file and 48 MB? By what jansson 2.14 takes for
 * an object, a list, an element, a key. */
static bool costs_too_much(const char *text, size_t n)
{
    fr_json_marks m = fr_json_count_marks(text, n);
    size_t cost = 210 * m.objects + 130 * m.lists + 80 * m.commas + 110 * m.colons;
    return cost > 2 * n + (48 << 20);
}

/* jansson quotes the text near an error; a message stays one line. */
static void one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ') *text = ' ';
}

static fr_status parse(json_t **out, const char *text, size_t n, const char *where,
                       size_t first_line, size_t max_values, json_error_t *e, fr_error *err)
{
    size_t values;
    *out = NULL;
    memset(e, 0, sizeof(*e));
    if (too_deep(text, n, &values))
        return fr_error_set(err, FR_ERR_FORMAT, "%s:%zu: nested deeper than %d levels", where,
                            first_line, FR_JSON_MAX_DEPTH);
    if (values > max_values)
        return fr_error_set(err, FR_ERR_FORMAT, "%s:%zu: a row of more than %zu values", where,
                            first_line, max_values);
    *out = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, e);
    if (*out) return FR_OK;
    one_line(e->text);
    return fr_error_set(err, FR_ERR_FORMAT, "%s:%zu:%d: not valid JSON: %s", where,
                        first_line + (e->line > 0 ? (size_t)e->line - 1 : 0), e->column, e->text);
}

fr_status fr_json_parse_line(json_t **out, const char *text, size_t n, const char *where,
                             size_t first_line, fr_error *err)
{
    json_error_t e;
    return parse(out, text, n, where, first_line, SIZE_MAX, &e, err);
}

fr_status fr_json_parse_row(json_t **out, const char *text, size_t n, const char *where,
                            size_t first_line, fr_error *err)
{
    json_error_t e;
    return parse(out, text, n, where, first_line, FR_JSON_ROW_VALUES, &e, err);
}

fr_status fr_json_parse(json_t **out, const char *text, size_t n, const char *where, fr_error *err)
{
    return fr_json_parse_line(out, text, n, where, 1, err);
}

/* Appends text, with "e0" behind every integer of more than 18 digits: a number, then, that is no
 * integer any more. In a text that is no JSON it may end up anywhere; that is an error anyway. */
static fr_status soften_integers(fr_str *out, const char *text, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    size_t digits = 0, kept = 0;
    bool in_string = false, in_real = false;
    for (size_t i = 0; i <= n; i++) {
        char c = i < n ? text[i] : ' ';
        bool digit = c >= '0' && c <= '9';
        if (in_string || digit) {
            if (in_string && c == '\\') i++;
            if (in_string && c == '"') in_string = false;
            digits += !in_string && digit;
            continue;
        }
        bool real = c == '.' || c == 'e' || c == 'E' || c == '+' || (c == '-' && in_real);
        if (digits > 18 && !real && !in_real) {
            FR_TRY(fr_str_append(out, text + kept, i - kept, err));
            FR_TRY(fr_str_append(out, "e0", 2, err));
            kept = i;
        }
        in_real = real;
        in_string = c == '"';
        digits = 0;
    }
    FR_TRY(fr_str_append(out, text + kept, n - kept, err));
cleanup:
    return st;
}

fr_status fr_json_load(json_t **out, const char *path, size_t max_bytes, fr_error *err)
{
    fr_status st = FR_OK;
    fr_map map = {NULL, 0};
    fr_str softened = FR_STR_INIT;
    json_error_t e;
    *out = NULL;
    FR_TRY(fr_map_open(&map, path, err));
    const char *text = (const char *)map.data;
    size_t n = map.size;
    if (n > max_bytes)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: longer than the limit of %zu bytes", path, max_bytes);
    if (n == 0) FR_FAIL(err, FR_ERR_FORMAT, "%s: the file is empty", path);
    if (max_bytes <= FR_JSON_MAX_CONFIG && costs_too_much(text, n))
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: far more lists, objects or values than a configuration of its size has", path);
    st = parse(out, text, n, path, 1, SIZE_MAX, &e, err);
    if (st != FR_OK && json_error_code(&e) == json_error_numeric_overflow) {
        FR_TRY(soften_integers(&softened, text, n, err));
        FR_TRY(parse(out, softened.data, softened.len, path, 1, SIZE_MAX, &e, err));
    }
cleanup:
    fr_str_release(&softened);
    fr_map_close(&map);
    return st;
}

typedef struct dump_target {
    fr_str *out;
    fr_error *err;
    fr_status status;
} dump_target;

static int dump_chunk(const char *bytes, size_t n, void *ctx)
{
    dump_target *target = ctx;
    target->status = fr_str_append(target->out, bytes, n, target->err);
    return target->status == FR_OK ? 0 : -1;
}

static fr_status dump(const json_t *value, size_t flags, fr_str *out, fr_error *err)
{
    dump_target target = {out, err, FR_OK};
    flags |= JSON_ENCODE_ANY | JSON_REAL_PRECISION(17);
    if (json_dump_callback(value, dump_chunk, &target, flags) == 0) return FR_OK;
    if (target.status != FR_OK) return target.status;
    return fr_error_set(err, FR_ERR_FORMAT, "cannot write a value as JSON (NaN or too deep)");
}

fr_status fr_json_dump(const json_t *value, fr_str *out, fr_error *err)
{
    return dump(value, 0, out, err);
}

fr_status fr_json_save(const json_t *value, const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str text = FR_STR_INIT;
    FR_TRY(dump(value, JSON_INDENT(2), &text, err));
    FR_TRY(fr_str_append(&text, "\n", 1, err));
    FR_TRY(fr_file_write_atomic(path, text.data, text.len, err));
cleanup:
    if (st != FR_OK && st != FR_ERR_IO) fr_error_prefix(err, "%s", path);
    fr_str_release(&text);
    return st;
}

const char *fr_json_kind(const json_t *value)
{
    if (!value) return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "true or false";
    case JSON_NULL: return "null";
    }
    return "nothing";
}

/* Value of a key, NULL where absent or null; `object` itself may be of any type. */
static fr_status lookup(const json_t *object, const char *where, const char *key, bool required,
                        const char *wanted, json_t **out, fr_error *err)
{
    *out = NULL;
    if (!json_is_object(object))
        return fr_error_set(err, FR_ERR_FORMAT, "%s: expected an object with key \"%s\", found %s",
                            where, key, fr_json_kind(object));
    json_t *value = json_object_get(object, key);
    if (value && !json_is_null(value)) {
        *out = value;
        return FR_OK;
    }
    if (!required) return FR_OK;
    return fr_error_set(err, FR_ERR_FORMAT, "%s: key \"%s\" (%s) is %s", where, key, wanted,
                        value ? "null" : "missing");
}

static fr_status wrong_kind(const char *where, const char *key, const char *wanted,
                            const json_t *found, fr_error *err)
{
    return fr_error_set(err, FR_ERR_FORMAT, "%s: \"%s\" must be %s, not %s", where, key, wanted,
                        fr_json_kind(found));
}

/* The rest of a getter, once `value` is there: the same for required and optional keys. */
#define FR_JSON_GETTER(name, wanted, type, convert)                                               \
    fr_status fr_json_##name(const json_t *object, const char *where, const char *key, type *out, \
                             fr_error *err)                                                       \
    {                                                                                             \
        json_t *value;                                                                            \
        fr_status st = lookup(object, where, key, true, wanted, &value, err);                     \
        return st != FR_OK ? st : convert(value, where, key, out, err);                           \
    }                                                                                             \
    fr_status fr_json_##name##_or(const json_t *object, const char *where, const char *key,       \
                                  type fallback, type *out, fr_error *err)                        \
    {                                                                                             \
        json_t *value;                                                                            \
        fr_status st = lookup(object, where, key, false, wanted, &value, err);                    \
        if (st != FR_OK) return st;                                                               \
        if (value) return convert(value, where, key, out, err);                                   \
        *out = fallback;                                                                          \
        return FR_OK;                                                                             \
    }

typedef const char *text_pointer;

static fr_status to_string(const json_t *v, const char *where, const char *key, text_pointer *out,
                           fr_error *err)
{
    if (!json_is_string(v)) return wrong_kind(where, key, "a string", v, err);
    if (strlen(json_string_value(v)) != json_string_length(v))
        return fr_error_set(err, FR_ERR_FORMAT, "%s: \"%s\" holds a NUL character", where, key);
    *out = json_string_value(v);
    return FR_OK;
}

static fr_status to_integer(const json_t *v, const char *where, const char *key, int64_t *out,
                            fr_error *err)
{
    if (!json_is_integer(v)) return wrong_kind(where, key, "an integer", v, err);
    *out = json_integer_value(v);
    return FR_OK;
}

static fr_status to_size(const json_t *v, const char *where, const char *key, size_t *out,
                         fr_error *err)
{
    if (!json_is_integer(v)) return wrong_kind(where, key, "an integer", v, err);
    int64_t n = json_integer_value(v);
    if (n < 0 || n >= (int64_t)1 << 40)
        return fr_error_set(err, FR_ERR_FORMAT, "%s: \"%s\" is %lld, not in [0, 2^40)", where, key,
                            (long long)n);
    *out = (size_t)n;
    return FR_OK;
}

static fr_status to_number(const json_t *v, const char *where, const char *key, double *out,
                           fr_error *err)
{
    if (!json_is_number(v)) return wrong_kind(where, key, "a number", v, err);
    *out = json_number_value(v);
    return FR_OK;
}

static fr_status to_bool(const json_t *v, const char *where, const char *key, bool *out,
                         fr_error *err)
{
    if (!json_is_boolean(v)) return wrong_kind(where, key, "true or false", v, err);
    *out = json_is_true(v);
    return FR_OK;
}

FR_JSON_GETTER(string, "a string", text_pointer, to_string)
FR_JSON_GETTER(integer, "an integer", int64_t, to_integer)
FR_JSON_GETTER(size, "an integer", size_t, to_size)
FR_JSON_GETTER(number, "a number", double, to_number)
FR_JSON_GETTER(bool, "true or false", bool, to_bool)

fr_status fr_json_text(const json_t *object, const char *where, const char *key, const char **out,
                       size_t *len, fr_error *err)
{
    json_t *value;
    fr_status st = lookup(object, where, key, true, "a string", &value, err);
    if (st != FR_OK) return st;
    if (!json_is_string(value)) return wrong_kind(where, key, "a string", value, err);
    *out = json_string_value(value);
    *len = json_string_length(value);
    return FR_OK;
}

fr_status fr_json_object(const json_t *object, const char *where, const char *key, bool required,
                         json_t **out, fr_error *err)
{
    fr_status st = lookup(object, where, key, required, "an object", out, err);
    if (st == FR_OK && *out && !json_is_object(*out))
        return wrong_kind(where, key, "an object", *out, err);
    return st;
}

fr_status fr_json_list(const json_t *object, const char *where, const char *key, bool required,
                       json_t **out, fr_error *err)
{
    fr_status st = lookup(object, where, key, required, "a list", out, err);
    if (st == FR_OK && *out && !json_is_array(*out))
        return wrong_kind(where, key, "a list", *out, err);
    return st;
}
