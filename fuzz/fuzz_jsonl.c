/* fuzz_jsonl.c - any bytes as rows of JSON; a row that is read can be written and read again. */
#include <string.h>

#include "format/jsonl.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    fr_jsonl *rows;
    const json_t *row;
    int fd = fuzz_file(data, size, path);
    if (fr_jsonl_open(&rows, path, NULL) != FR_OK) abort();
    fr_error err;
    while (fr_jsonl_next(rows, &row, &err) == FR_OK && row) {
        const char *text;
        size_t n;
        fr_str line = FR_STR_INIT;
        json_t *back = NULL;
        if (fr_json_text(row, fr_jsonl_where(rows), "text", &text, &n, &err) == FR_OK &&
            strlen(text) > n)
            abort();
        if (fr_json_dump(row, &line, &err) != FR_OK ||
            fr_json_parse(&back, line.data, line.len, "back", &err) != FR_OK ||
            !json_equal(row, back))
            abort();
        json_decref(back);
        fr_str_release(&line);
    }
    fr_jsonl_close(rows);
    close(fd);
    return 0;
}
