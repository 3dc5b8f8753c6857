/* fuzz_csv.c - any bytes as CSV, or TSV where a tab comes before the first comma; a table that is
 * read and written again, all fields in quotes, is read the same. */
#include <string.h>

#include "base/str.h"
#include "format/rows.h"
#include "fuzz.h"

static fr_error err;

static void put_field(fr_str *out, const char *text, size_t n)
{
    if (fr_str_append(out, "\"", 1, &err)) abort();
    for (size_t i = 0; i < n; i++)
        if (fr_str_append(out, text[i] == '"' ? "\"\"" : text + i, text[i] == '"' ? 2 : 1, &err))
            abort();
    if (fr_str_append(out, "\"", 1, &err)) abort();
}

static void put_row(fr_str *out, const json_t *row, bool names, char separator)
{
    const char *key;
    json_t *value;
    size_t i = 0;
    json_object_foreach((json_t *)(uintptr_t)row, key, value)
    {
        if (i++ && fr_str_append(out, &separator, 1, &err)) abort();
        if (names)
            put_field(out, key, strlen(key));
        else
            put_field(out, json_string_value(value), json_string_length(value));
    }
    if (fr_str_append(out, "\r\n", 2, &err)) abort();
}

/* All rows as a list, and the table written again. */
static fr_status read_table(const void *data, size_t size, fr_rows_format format, json_t *all,
                            fr_str *again)
{
    char path[64];
    fr_rows *rows;
    const json_t *row = NULL;
    int fd = fuzz_file(data, size, path);
    fr_status st = fr_rows_open(&rows, path, format, &err);
    while (st == FR_OK && (st = fr_rows_next(rows, &row, &err)) == FR_OK && row) {
        char separator = format == FR_ROWS_TSV ? '\t' : ',';
        if (json_array_size(all) == 0) put_row(again, row, true, separator);
        put_row(again, row, false, separator);
        json_array_append(all, (json_t *)(uintptr_t)row);
    }
    fr_rows_close(rows);
    close(fd);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fr_str again = FR_STR_INIT, third = FR_STR_INIT;
    json_t *first = json_array(), *second = json_array();
    const uint8_t *tab = size ? memchr(data, '\t', size) : NULL;
    const uint8_t *comma = size ? memchr(data, ',', size) : NULL;
    fr_rows_format format = tab && (!comma || tab < comma) ? FR_ROWS_TSV : FR_ROWS_CSV;
    (void)read_table(data, size, format, first, &again);
    if (json_array_size(first) &&
        (read_table(again.data, again.len, format, second, &third) != FR_OK ||
         !json_equal(first, second)))
        abort();
    json_decref(first);
    json_decref(second);
    fr_str_release(&again);
    fr_str_release(&third);
    return 0;
}
