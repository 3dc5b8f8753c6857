/* fuzz_jsonl.c - any bytes as rows of JSON, a line each or one list (by the first byte); a row that
 * is read can be written and read again. */
#include <string.h>

#include "format/rows.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    fr_rows *rows;
    const json_t *row;
    fr_error err;
    int fd = fuzz_file(data, size, path);
    fr_rows_format format = size && data[0] == '[' ? FR_ROWS_JSON : FR_ROWS_JSONL;
    if (fr_rows_open(&rows, path, format, &err) != FR_OK) goto cleanup; /* packed, UTF-16 */
    while (fr_rows_next(rows, &row, &err) == FR_OK && row) {
        const char *text;
        size_t n;
        fr_str line = FR_STR_INIT;
        json_t *back = NULL;
        if (fr_json_text(row, fr_rows_where(rows), "text", &text, &n, &err) == FR_OK &&
            strlen(text) > n)
            abort();
        if (fr_json_dump(row, &line, &err) != FR_OK ||
            fr_json_parse(&back, line.data, line.len, "back", &err) != FR_OK ||
            !json_equal(row, back))
            abort();
        json_decref(back);
        fr_str_release(&line);
    }
    fr_rows_close(rows);
cleanup:
    close(fd);
    return 0;
}
