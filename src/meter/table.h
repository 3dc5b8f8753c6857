/* table.h - rows of our own tables under data/: one header line, commas, no quotes. */
#ifndef FR_METER_TABLE_H
#define FR_METER_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum { FR_TABLE_MAX_FIELDS = 16, FR_TABLE_MAX_LINE = 1024 };

typedef struct fr_table {
    const char *at, *end; /* what is left of the text; not owned */
    size_t n_fields;      /* as the header has them; rows of another number are skipped */
    const char *field[FR_TABLE_MAX_FIELDS]; /* of the current row, in `line` */
    char line[FR_TABLE_MAX_LINE];
} fr_table;

/* Starts at the embedded file data/<name> (see base/embedded.h), behind its header.
 * False when there is no such file. */
bool fr_table_open(fr_table *table, const char *name);

/* The next row; false past the last one. */
bool fr_table_next(fr_table *table);

#endif
