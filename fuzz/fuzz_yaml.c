/* fuzz_yaml.c - any bytes as YAML: the whole tree is walked, every value asked for as every type.
 */
#include "format/yaml.h"
#include "fuzz.h"

static void walk(const fr_yaml_node *node)
{
    static const char *const keys[] = {"name", "models", "margin"};
    fr_error err;
    const char *s;
    int64_t i;
    uint64_t u;
    double d;
    bool b;
    (void)!fr_yaml_as_string(node, &s, &err);
    (void)!fr_yaml_as_integer(node, &i, &err);
    (void)!fr_yaml_as_number(node, &d, &err);
    (void)!fr_yaml_as_bool(node, &b, &err);
    (void)!fr_yaml_as_count(node, &u, &err);
    (void)!fr_yaml_check_keys(node, keys, 3, &err);
    for (size_t k = 0; k < fr_yaml_length(node); k++) {
        const fr_yaml_node *child = fr_yaml_item(node, k);
        if (fr_yaml_kind_of(node) == FR_YAML_MAP &&
            fr_yaml_get(node, fr_yaml_key(node, k)) != child)
            abort();
        walk(child);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fr_yaml *doc;
    fr_error err;
    if (fr_yaml_open_text(&doc, (const char *)data, size, "fuzz.yaml", &err) == FR_OK) {
        walk(fr_yaml_root(doc));
        fr_yaml_close(doc);
    }
    return 0;
}
