/* json.h - JSON files over jansson, strict, with errors that name path and key.
 *
 *     json_t *config = NULL;
 *     size_t hidden;
 *     FR_TRY(fr_json_load(&config, path, FR_JSON_MAX_CONFIG, err));
 *     FR_TRY(fr_json_size(config, path, "hidden_size", &hidden, err));
 *     FR_TRY(fr_json_number_or(config, path, "layer_norm_eps", 1e-12, &eps, err));
 *     json_decref(config);
 *
 * Strict: one value and nothing behind it, no duplicate keys, valid UTF-8, depth below
 * FR_JSON_MAX_DEPTH. Getters take an object and `where` (a path, or path:line), which starts
 * their messages; the ones with _or give the fallback where the key is absent or null. */
#ifndef FR_FORMAT_JSON_H
#define FR_FORMAT_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum {
    FR_JSON_MAX_DEPTH = 64,
    FR_JSON_MAX_CONFIG = 16 << 20, /* bytes: a config.json or an index of shards */
    FR_JSON_MAX_FILE = 256 << 20,  /* bytes: a vocabulary that its tokenizer has taken before */
    FR_JSON_ROW_VALUES = 100000,   /* in a row of data, so that "[{},{},..." stays small */
};

/* *out: a new reference for the caller. The root may be any value. Where max_bytes is at most
 * FR_JSON_MAX_CONFIG, the tree takes at most twice the file and 48 MB. Integers of more than 64
 * bits become real numbers: transformers writes 10^30 for "no limit". Errors: FR_ERR_IO;
 * FR_ERR_FORMAT "path:line:column: ...", longer than max_bytes, a larger tree. */
FR_NODISCARD fr_status fr_json_load(json_t **out, const char *path, size_t max_bytes,
                                    fr_error *err);

/* Parses n bytes. where: what the message starts with, before ":line:column". */
FR_NODISCARD fr_status fr_json_parse(json_t **out, const char *text, size_t n, const char *where,
                                     fr_error *err);

/* The same for a piece of a file that begins at first_line. */
FR_NODISCARD fr_status fr_json_parse_line(json_t **out, const char *text, size_t n,
                                          const char *where, size_t first_line, fr_error *err);

/* The same for a row of data, of FR_JSON_ROW_VALUES values at most. */
FR_NODISCARD fr_status fr_json_parse_row(json_t **out, const char *text, size_t n,
                                         const char *where, size_t first_line, fr_error *err);

/* What a JSON text would cost as a tree, where a few bytes can ask for a hundred times as many. */
typedef struct fr_json_marks {
    size_t objects, lists, commas, colons; /* also those within strings */
} fr_json_marks;

fr_json_marks fr_json_count_marks(const char *text, size_t n);

/* Appends the value as one line; numbers with 17 digits, keys in the order of insertion. */
FR_NODISCARD fr_status fr_json_dump(const json_t *value, fr_str *out, fr_error *err);

/* Writes the value, indented by two, atomically. */
FR_NODISCARD fr_status fr_json_save(const json_t *value, const char *path, fr_error *err);

/* "an object", "a list", "a string", "an integer", "a number", "true or false", "null". */
const char *fr_json_kind(const json_t *value);

/* Errors of all getters: FR_ERR_FORMAT, naming where, key, what was expected and what was found.
 * Strings and nodes are borrowed from `object`. An integer is not taken from 3.5; a number is
 * taken from an integer. */
FR_NODISCARD fr_status fr_json_string(const json_t *object, const char *where, const char *key,
                                      const char **out, fr_error *err);
FR_NODISCARD fr_status fr_json_string_or(const json_t *object, const char *where, const char *key,
                                         const char *fallback, const char **out, fr_error *err);
/* A string that may hold NULs of its own (a text to read): *len bytes. */
FR_NODISCARD fr_status fr_json_text(const json_t *object, const char *where, const char *key,
                                    const char **out, size_t *len, fr_error *err);
FR_NODISCARD fr_status fr_json_integer(const json_t *object, const char *where, const char *key,
                                       int64_t *out, fr_error *err);
FR_NODISCARD fr_status fr_json_integer_or(const json_t *object, const char *where, const char *key,
                                          int64_t fallback, int64_t *out, fr_error *err);
/* An integer in [0, 2^40): sizes that can still be multiplied with care. */
FR_NODISCARD fr_status fr_json_size(const json_t *object, const char *where, const char *key,
                                    size_t *out, fr_error *err);
FR_NODISCARD fr_status fr_json_size_or(const json_t *object, const char *where, const char *key,
                                       size_t fallback, size_t *out, fr_error *err);
FR_NODISCARD fr_status fr_json_number(const json_t *object, const char *where, const char *key,
                                      double *out, fr_error *err);
FR_NODISCARD fr_status fr_json_number_or(const json_t *object, const char *where, const char *key,
                                         double fallback, double *out, fr_error *err);
FR_NODISCARD fr_status fr_json_bool(const json_t *object, const char *where, const char *key,
                                    bool *out, fr_error *err);
FR_NODISCARD fr_status fr_json_bool_or(const json_t *object, const char *where, const char *key,
                                       bool fallback, bool *out, fr_error *err);
/* *out is NULL where the key is absent or null and !required. */
FR_NODISCARD fr_status fr_json_object(const json_t *object, const char *where, const char *key,
                                      bool required, json_t **out, fr_error *err);
FR_NODISCARD fr_status fr_json_list(const json_t *object, const char *where, const char *key,
                                    bool required, json_t **out, fr_error *err);

#endif
