/* yaml.h - the YAML that people write, as a tree that knows where everything stands.
 *
 *     static const char *const keys[] = {"name", "margin", "seeds"};
 *     fr_yaml *doc;
 *     const char *name;
 *     double margin;
 *     const fr_yaml_node *seeds;
 *     FR_TRY(fr_yaml_open(&doc, "study.yaml", err));
 *     const fr_yaml_node *root = fr_yaml_root(doc);
 *     FR_TRY(fr_yaml_check_keys(root, keys, 3, err));       // "study.yaml:4: unknown key
 *     FR_TRY(fr_yaml_string(root, "name", &name, err));     //  'margn'; did you mean 'margin'?"
 *     FR_TRY(fr_yaml_number_or(root, "margin", 2.0, &margin, err));
 *     FR_TRY(fr_yaml_list_or(root, "seeds", &seeds, err));  // NULL where absent
 *     for (size_t i = 0; seeds && i < fr_yaml_length(seeds); i++)
 *         FR_TRY(fr_yaml_as_integer(fr_yaml_item(seeds, i), &seed, err));
 *     fr_yaml_close(doc);
 *
 * Refused when opened: anchors and aliases, duplicate keys, keys that are not plain words, a
 * second document, tags, more than FR_YAML_MAX_DEPTH levels. Every error of every function is
 * FR_ERR_USAGE and starts with "file:line: " (FR_ERR_IO where the file cannot be read).
 * Reference: YAML 1.1 as libyaml reads it; booleans are true and false only. */
#ifndef FR_FORMAT_YAML_H
#define FR_FORMAT_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    FR_YAML_MAX_DEPTH = 32,
    FR_YAML_MAX_BYTES = 1 << 20,
    FR_YAML_MAX_NODES = 10000,
};

typedef struct fr_yaml fr_yaml;
typedef struct fr_yaml_node fr_yaml_node; /* valid as long as its fr_yaml, as are all strings */

typedef enum fr_yaml_kind { FR_YAML_SCALAR, FR_YAML_LIST, FR_YAML_MAP } fr_yaml_kind;

FR_NODISCARD fr_status fr_yaml_open(fr_yaml **out, const char *path, fr_error *err);

/* name: what messages call the text, for example a path or "task sentiment". */
FR_NODISCARD fr_status fr_yaml_open_text(fr_yaml **out, const char *text, size_t n,
                                         const char *name, fr_error *err);
void fr_yaml_close(fr_yaml *doc);

const fr_yaml_node *fr_yaml_root(const fr_yaml *doc);
fr_yaml_kind fr_yaml_kind_of(const fr_yaml_node *node);
const char *fr_yaml_where(const fr_yaml_node *node); /* "study.yaml:12", for the caller's errors */

/* The value under `key`, or NULL; NULL also where `map` is not a map. */
const fr_yaml_node *fr_yaml_get(const fr_yaml_node *map, const char *key);

/* Items of a list, pairs of a map, 0 of a scalar. */
size_t fr_yaml_length(const fr_yaml_node *node);
const fr_yaml_node *fr_yaml_item(const fr_yaml_node *node, size_t i); /* of a list or a map */
const char *fr_yaml_key(const fr_yaml_node *map, size_t i);           /* of a map, in file order */

/* `node` must be a map with no other keys than these n; suggests the nearest of them. */
FR_NODISCARD fr_status fr_yaml_check_keys(const fr_yaml_node *node, const char *const *keys,
                                          size_t n, fr_error *err);

/* Value of a node (an item of a list, or what fr_yaml_get gave). Integers are decimal, without
 * quotes; a number may be an integer; a string may be any scalar that is not empty or null, so
 * that `labels: [0, 1]` are strings. Counts: see base/count.h. */
FR_NODISCARD fr_status fr_yaml_as_string(const fr_yaml_node *node, const char **out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_as_integer(const fr_yaml_node *node, int64_t *out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_as_number(const fr_yaml_node *node, double *out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_as_bool(const fr_yaml_node *node, bool *out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_as_count(const fr_yaml_node *node, uint64_t *out, fr_error *err);

/* Value of a key that must be there. */
FR_NODISCARD fr_status fr_yaml_need(const fr_yaml_node *map, const char *key,
                                    const fr_yaml_node **out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_string(const fr_yaml_node *map, const char *key, const char **out,
                                      fr_error *err);
FR_NODISCARD fr_status fr_yaml_integer(const fr_yaml_node *map, const char *key, int64_t *out,
                                       fr_error *err);
FR_NODISCARD fr_status fr_yaml_number(const fr_yaml_node *map, const char *key, double *out,
                                      fr_error *err);
FR_NODISCARD fr_status fr_yaml_bool(const fr_yaml_node *map, const char *key, bool *out,
                                    fr_error *err);
FR_NODISCARD fr_status fr_yaml_count(const fr_yaml_node *map, const char *key, uint64_t *out,
                                     fr_error *err);
FR_NODISCARD fr_status fr_yaml_list(const fr_yaml_node *map, const char *key,
                                    const fr_yaml_node **out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_map(const fr_yaml_node *map, const char *key,
                                   const fr_yaml_node **out, fr_error *err);

/* The same, with a fallback where the key is absent (NULL for lists and maps). A key that is there
 * with an empty value is an error. */
FR_NODISCARD fr_status fr_yaml_string_or(const fr_yaml_node *map, const char *key,
                                         const char *fallback, const char **out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_integer_or(const fr_yaml_node *map, const char *key,
                                          int64_t fallback, int64_t *out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_number_or(const fr_yaml_node *map, const char *key, double fallback,
                                         double *out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_bool_or(const fr_yaml_node *map, const char *key, bool fallback,
                                       bool *out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_count_or(const fr_yaml_node *map, const char *key, uint64_t fallback,
                                        uint64_t *out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_list_or(const fr_yaml_node *map, const char *key,
                                       const fr_yaml_node **out, fr_error *err);
FR_NODISCARD fr_status fr_yaml_map_or(const fr_yaml_node *map, const char *key,
                                      const fr_yaml_node **out, fr_error *err);

#endif
