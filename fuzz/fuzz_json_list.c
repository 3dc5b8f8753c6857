/* fuzz_json_list.c - any bytes as a list of rows, or an object with one: what is taken for whole is
 * one JSON value to the strict parser too, with the same rows. */
#include <string.h>

#include "format/rows.h"
#include "format/stream.h"
#include "fuzz.h"

/* The list that the rows come from: the value itself, or the only list in it. */
static const json_t *list_of(const json_t *root)
{
    const char *key;
    json_t *value, *list = NULL;
    if (json_is_array(root)) return root;
    json_object_foreach((json_t *)root, key, value)
    {
        if (!json_is_array(value)) continue;
        if (list) abort();
        list = value;
    }
    return list;
}

static void compare(const json_t *rows, const uint8_t *data, size_t size)
{
    json_t *root = NULL;
    fr_error err;
    size_t bom = size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3) ? 3 : 0;
    fr_status st = fr_json_parse(&root, (const char *)data + bom, size - bom, "whole", &err);
    if (st == FR_OK && !json_equal(rows, list_of(root))) abort();
    /* Keys of an outer object are not compared, and the list is one more level. */
    if (st != FR_OK && size > bom && data[bom] == '[' && !strstr(err.message, "deeper")) abort();
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    fr_rows *rows;
    const json_t *row = NULL;
    json_t *all = json_array();
    fr_error err;
    int fd = fuzz_file(data, size, path);
    fr_status st = fr_rows_open(&rows, path, FR_ROWS_JSON, &err);
    while (st == FR_OK && (st = fr_rows_next(rows, &row, &err)) == FR_OK && row)
        json_array_append(all, (json_t *)(uintptr_t)row);
    int packed = size > 1 && ((data[0] == 0x1f && data[1] == 0x8b) || data[0] == 0x28 ||
                              (data[0] & 0xf0) == 0x50);
    if (st == FR_OK && !packed) compare(all, data, size);
    fr_rows_close(rows);
    json_decref(all);
    close(fd);
    return 0;
}
