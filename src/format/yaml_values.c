/* yaml_values.c - keys, types and defaults of a YAML tree; counts such as 7B. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/number.h"
#include "base/str.h"
#include "format/yaml_node.h"

fr_yaml_kind fr_yaml_kind_of(const fr_yaml_node *node)
{
    return node->kind;
}

const char *fr_yaml_where(const fr_yaml_node *node)
{
    return node->where;
}

const fr_yaml_node *fr_yaml_get(const fr_yaml_node *map, const char *key)
{
    if (map->kind != FR_YAML_MAP) return NULL;
    for (const fr_yaml_node *child = map->children; child; child = child->next)
        if (!strcmp(child->key, key)) return child;
    return NULL;
}

size_t fr_yaml_length(const fr_yaml_node *node)
{
    return node->n;
}

const fr_yaml_node *fr_yaml_item(const fr_yaml_node *node, size_t i)
{
    const fr_yaml_node *child = node->children;
    while (child && i-- > 0) child = child->next;
    return child;
}

const char *fr_yaml_key(const fr_yaml_node *map, size_t i)
{
    const fr_yaml_node *child = fr_yaml_item(map, i);
    return child ? child->key : NULL;
}

static bool is_null(const fr_yaml_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (node->kind != FR_YAML_SCALAR || node->quoted) return false;
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
        if (!strcmp(node->text, nulls[i])) return true;
    return false;
}

/* "study.yaml:7: 'epochs' must be an integer, not '3.5'" */
static fr_status wrong_type(const fr_yaml_node *node, const char *wanted, fr_error *err)
{
    char found[80];
    if (node->kind == FR_YAML_MAP)
        snprintf(found, sizeof(found), ", not a map");
    else if (node->kind == FR_YAML_LIST)
        snprintf(found, sizeof(found), ", not a list");
    else if (is_null(node))
        snprintf(found, sizeof(found), "; it is empty");
    else
        snprintf(found, sizeof(found), ", not %s'%.40s'%s", node->quoted ? "the text " : "",
                 node->text, strlen(node->text) > 40 ? "..." : "");
    const char *quote = node->key || node->in_list ? "'" : "";
    return fr_error_set(err, FR_ERR_USAGE, "%s: %s%s%s%s must be %s%s", node->where,
                        node->in_list ? "an item of " : "", quote, node->label, quote, wanted,
                        found);
}

static fr_status as_map(const fr_yaml_node *node, const fr_yaml_node **out, fr_error *err)
{
    if (node->kind != FR_YAML_MAP) return wrong_type(node, "a map (key: value)", err);
    *out = node;
    return FR_OK;
}

static fr_status as_list(const fr_yaml_node *node, const fr_yaml_node **out, fr_error *err)
{
    if (node->kind != FR_YAML_LIST) return wrong_type(node, "a list", err);
    *out = node;
    return FR_OK;
}

fr_status fr_yaml_check_keys(const fr_yaml_node *node, const char *const *keys, size_t n,
                             fr_error *err)
{
    fr_status st = as_map(node, &node, err);
    if (st != FR_OK) return st;
    for (const fr_yaml_node *child = node->children; child; child = child->next) {
        size_t i = 0;
        while (i < n && strcmp(child->key, keys[i])) i++;
        if (i < n) continue;
        const char *near = fr_nearest(child->key, keys, n);
        if (near)
            return fr_error_set(err, FR_ERR_USAGE, "%s: unknown key '%s'; did you mean '%s'?",
                                child->where, child->key, near);
        fr_str known = FR_STR_INIT;
        for (i = 0; i < n && st == FR_OK; i++)
            st = fr_str_appendf(&known, err, "%s%s", i ? ", " : "", keys[i]);
        if (st == FR_OK)
            st = fr_error_set(err, FR_ERR_USAGE, "%s: unknown key '%s'; known here: %s",
                              child->where, child->key, fr_str_text(&known));
        fr_str_release(&known);
        return st;
    }
    return FR_OK;
}

fr_status fr_yaml_as_string(const fr_yaml_node *node, const char **out, fr_error *err)
{
    if (node->kind != FR_YAML_SCALAR || is_null(node)) return wrong_type(node, "a text", err);
    *out = node->text;
    return FR_OK;
}

/* strtod takes more than YAML means: hexadecimal, "inf", leading blanks. */
static bool is_decimal(const char *text, const char *allowed)
{
    return *text && strspn(text, allowed) == strlen(text);
}

fr_status fr_yaml_as_integer(const fr_yaml_node *node, int64_t *out, fr_error *err)
{
    char *end;
    if (node->kind != FR_YAML_SCALAR || node->quoted || !is_decimal(node->text, "+-0123456789"))
        return wrong_type(node, "an integer", err);
    errno = 0;
    long long value = strtoll(node->text, &end, 10);
    if (*end || end == node->text || errno) return wrong_type(node, "an integer", err);
    *out = value;
    return FR_OK;
}

fr_status fr_yaml_as_number(const fr_yaml_node *node, double *out, fr_error *err)
{
    char *end;
    if (node->kind != FR_YAML_SCALAR || node->quoted || !is_decimal(node->text, "+-.eE0123456789"))
        return wrong_type(node, "a number", err);
    double value = fr_strtod(node->text, &end);
    if (*end || end == node->text || !isfinite(value)) return wrong_type(node, "a number", err);
    *out = value;
    return FR_OK;
}

fr_status fr_yaml_as_bool(const fr_yaml_node *node, bool *out, fr_error *err)
{
    bool plain = node->kind == FR_YAML_SCALAR && !node->quoted;
    if (!plain || (strcmp(node->text, "true") && strcmp(node->text, "false")))
        return wrong_type(node, "true or false", err);
    *out = node->text[0] == 't';
    return FR_OK;
}

fr_status fr_yaml_as_count(const fr_yaml_node *node, uint64_t *out, fr_error *err)
{
    if (node->kind != FR_YAML_SCALAR || fr_count_parse(node->text, out, NULL) != FR_OK)
        return wrong_type(node, "a count such as 124M, 7B, 7e9 or 4096", err);
    return FR_OK;
}

fr_status fr_yaml_need(const fr_yaml_node *map, const char *key, const fr_yaml_node **out,
                       fr_error *err)
{
    fr_status st = as_map(map, &map, err);
    if (st != FR_OK) return st;
    *out = fr_yaml_get(map, key);
    if (*out) return FR_OK;
    return fr_error_set(err, FR_ERR_USAGE, "%s: key '%s' is missing here", map->where, key);
}

/* Required and optional getter of one type. */
#define FR_YAML_GETTER(name, type, as)                                                           \
    fr_status fr_yaml_##name(const fr_yaml_node *map, const char *key, type *out, fr_error *err) \
    {                                                                                            \
        const fr_yaml_node *node;                                                                \
        fr_status st = fr_yaml_need(map, key, &node, err);                                       \
        return st != FR_OK ? st : as(node, out, err);                                            \
    }

#define FR_YAML_GETTER_OR(name, type, as)                                                  \
    fr_status fr_yaml_##name##_or(const fr_yaml_node *map, const char *key, type fallback, \
                                  type *out, fr_error *err)                                \
    {                                                                                      \
        const fr_yaml_node *node;                                                          \
        fr_status st = as_map(map, &map, err);                                             \
        if (st != FR_OK) return st;                                                        \
        node = fr_yaml_get(map, key);                                                      \
        if (node) return as(node, out, err);                                               \
        *out = fallback;                                                                   \
        return FR_OK;                                                                      \
    }

typedef const char *text_pointer;
typedef const fr_yaml_node *node_pointer;

FR_YAML_GETTER(string, text_pointer, fr_yaml_as_string)
FR_YAML_GETTER(integer, int64_t, fr_yaml_as_integer)
FR_YAML_GETTER(number, double, fr_yaml_as_number)
FR_YAML_GETTER(bool, bool, fr_yaml_as_bool)
FR_YAML_GETTER(count, uint64_t, fr_yaml_as_count)
FR_YAML_GETTER(list, node_pointer, as_list)
FR_YAML_GETTER(map, node_pointer, as_map)

FR_YAML_GETTER_OR(string, text_pointer, fr_yaml_as_string)
FR_YAML_GETTER_OR(integer, int64_t, fr_yaml_as_integer)
FR_YAML_GETTER_OR(number, double, fr_yaml_as_number)
FR_YAML_GETTER_OR(bool, bool, fr_yaml_as_bool)
FR_YAML_GETTER_OR(count, uint64_t, fr_yaml_as_count)

static fr_status child_or_null(const fr_yaml_node *map, const char *key, const fr_yaml_node **out,
                               fr_error *err)
{
    fr_status st = as_map(map, &map, err);
    *out = st == FR_OK ? fr_yaml_get(map, key) : NULL;
    return st;
}

fr_status fr_yaml_list_or(const fr_yaml_node *map, const char *key, const fr_yaml_node **out,
                          fr_error *err)
{
    fr_status st = child_or_null(map, key, out, err);
    return st == FR_OK && *out ? as_list(*out, out, err) : st;
}

fr_status fr_yaml_map_or(const fr_yaml_node *map, const char *key, const fr_yaml_node **out,
                         fr_error *err)
{
    fr_status st = child_or_null(map, key, out, err);
    return st == FR_OK && *out ? as_map(*out, out, err) : st;
}
