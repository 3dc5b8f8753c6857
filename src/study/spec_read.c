/* spec_read.c - values of study.yaml with their types and ranges. */
#include "study/spec_read.h"

#include "os/file.h"

fr_status fr__spec_keep(fr__spec_reader *r, const char *text, const char **out, fr_error *err)
{
    *out = NULL;
    if (!text) return FR_OK;
    *out = fr_arena_strdup(&r->spec->arena, text);
    return *out ? FR_OK : fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory", r->spec->file);
}

fr_status fr__spec_text(fr__spec_reader *r, const fr_yaml_node *map, const char *key,
                        const char **out, fr_error *err)
{
    const char *text;
    fr_status st = fr_yaml_string_or(map, key, NULL, &text, err);
    return st == FR_OK ? fr__spec_keep(r, text, out, err) : st;
}

fr_status fr__spec_path(fr__spec_reader *r, const fr_yaml_node *map, const char *key,
                        fr__spec_wanted what, const char **out, fr_error *err)
{
    static const char *const names[] = {"file", "folder", "folder or GGUF file"};
    fr_status st = FR_OK;
    const char *text;
    FR_TRY(fr_yaml_string_or(map, key, NULL, &text, err));
    *out = NULL;
    if (!text) goto cleanup;
    FR_TRY(fr_path_join(&r->path, fr_str_text(&r->folder), text, err));
    const char *path = fr_str_text(&r->path);
    if (!(what != FR__SPEC_FILE && fr_dir_exists(path)) &&
        !(what != FR__SPEC_FOLDER && fr_file_exists(path)))
        FR_FAIL(err, FR_ERR_IO, "%s: %s: there is no %s %s", fr_yaml_where(fr_yaml_get(map, key)),
                key, names[what], path);
    FR_TRY(fr__spec_keep(r, path, out, err));
cleanup:
    return st;
}

fr_status fr__spec_number(const fr_yaml_node *map, const char *key, double fallback, double low,
                          double high, double *out, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_yaml_number_or(map, key, fallback, out, err));
    if (fr_yaml_get(map, key) && !(*out >= low && *out <= high))
        FR_FAIL(err, FR_ERR_USAGE, "%s: %s must lie between %g and %g, not %g",
                fr_yaml_where(fr_yaml_get(map, key)), key, low, high, *out);
cleanup:
    return st;
}

fr_status fr__spec_size(const fr_yaml_node *map, const char *key, size_t fallback, size_t low,
                        size_t high, size_t *out, fr_error *err)
{
    fr_status st = FR_OK;
    int64_t n;
    FR_TRY(fr_yaml_integer_or(map, key, (int64_t)fallback, &n, err));
    if (fr_yaml_get(map, key) && (n < (int64_t)low || n > (int64_t)high))
        FR_FAIL(err, FR_ERR_USAGE, "%s: %s must lie between %zu and %zu, not %lld",
                fr_yaml_where(fr_yaml_get(map, key)), key, low, high, (long long)n);
    *out = (size_t)n;
cleanup:
    return st;
}
