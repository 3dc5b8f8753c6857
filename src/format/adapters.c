/* adapters.c - where the base of a folder of adapters lies. */
#include "format/adapters.h"

#include "format/json.h"
#include "os/file.h"

bool fr_adapters_here(const char *dir)
{
    fr_str file = FR_STR_INIT;
    bool here =
        fr_path_join(&file, dir, FR_ADAPTERS_CONFIG, NULL) == FR_OK && fr_file_exists(file.data);
    fr_str_release(&file);
    return here;
}

fr_status fr_adapters_base(fr_str *out, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    json_t *config = NULL;
    const char *name;
    FR_TRY(fr_path_join(&path, dir, FR_ADAPTERS_CONFIG, err));
    FR_TRY(fr_json_load(&config, path.data, FR_JSON_MAX_CONFIG, err));
    if (!json_is_object(config))
        FR_FAIL(err, FR_ERR_FORMAT, "%s: expected an object, found %s", path.data,
                fr_json_kind(config));
    FR_TRY(fr_json_string(config, path.data, "base_model_name_or_path", &name, err));
    FR_TRY(fr_path_join(out, dir, name, err));
    if (!*name || (!fr_dir_exists(out->data) && !fr_file_exists(out->data)))
        FR_FAIL(err, FR_ERR_IO,
                "%s: base_model_name_or_path \"%.256s\" is no folder here (looked for %s); write "
                "there where the base lies",
                path.data, name, out->data);
    if (fr_adapters_here(out->data))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s: the base %s is a folder of adapters itself; it must be a whole model",
                path.data, out->data);
cleanup:
    json_decref(config);
    fr_str_release(&path);
    return st;
}
