/* table.c - reads our own comma-separated tables. */
#include "meter/table.h"

#include <string.h>

#include "base/embedded.h"

/* Cuts the next line into fields; their number, 0 for a line that is too long or empty. */
static size_t next_line(fr_table *t)
{
    const char *nl = memchr(t->at, '\n', (size_t)(t->end - t->at));
    size_t n = (size_t)((nl ? nl : t->end) - t->at);
    const char *begin = t->at;
    t->at = nl ? nl + 1 : t->end;
    if (n && begin[n - 1] == '\r') n--;
    if (n == 0 || n >= sizeof(t->line)) return 0;
    memcpy(t->line, begin, n);
    t->line[n] = 0;

    size_t n_fields = 0;
    for (char *at = t->line; at && n_fields < FR_TABLE_MAX_FIELDS;) {
        t->field[n_fields++] = at;
        at = strchr(at, ',');
        if (at) *at++ = 0;
    }
    return n_fields;
}

bool fr_table_open(fr_table *table, const char *name)
{
    size_t size = 0;
    memset(table, 0, sizeof(*table));
    table->at = fr_embedded_find(name, &size);
    if (!table->at) return false;
    table->end = table->at + size;
    table->n_fields = next_line(table);
    return table->n_fields > 0;
}

bool fr_table_next(fr_table *table)
{
    while (table->at < table->end)
        if (next_line(table) == table->n_fields) return true;
    return false;
}
