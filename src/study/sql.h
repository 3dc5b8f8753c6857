/* sql.h - SQLite with the project's errors; the ledger's and the assessment's tool.
 *
 *     FR_TRY(fr_sql_run(db, err, "UPDATE t SET a = ? WHERE b = ?", "dt", 1.5, "x"));
 *
 *     FR_TRY(fr_sql_prepare(db, &q, err, "SELECT a FROM t WHERE b = ?", "t", "x"));
 *     for (;;) {
 *         FR_TRY(fr_sql_step(db, q, &row, err));
 *         if (!row) break;
 *         ... sqlite3_column_double(q, 0) ...
 *     }
 *     cleanup: sqlite3_finalize(q);
 *
 * Values are bound by letters: t text (NULL: SQL NULL), i int64_t, d double
 * (NaN: SQL NULL), b blob (pointer, then size_t). */
#ifndef FR_STUDY_SQL_H
#define FR_STUDY_SQL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/error.h"

typedef struct fr_sql {
    sqlite3 *handle;
    char *path; /* for messages */
} fr_sql;

/* flags: as of sqlite3_open_v2. Errors: FR_ERR_IO, FR_ERR_FORMAT (not a database). */
FR_NODISCARD fr_status fr_sql_open(fr_sql *db, const char *path, int flags, fr_error *err);
void fr_sql_close(fr_sql *db);

/* What SQLite says now, as an error of ours: a full disk, a lock, a damaged file each in words that
 * say what to do. doing: "writing results". */
fr_status fr_sql_error(fr_sql *db, const char *doing, fr_error *err);

/* Statements without values or rows, several at once. */
FR_NODISCARD fr_status fr_sql_exec(fr_sql *db, const char *statements, fr_error *err);

/* One statement without rows. */
FR_NODISCARD fr_status fr_sql_run(fr_sql *db, fr_error *err, const char *statement,
                                  const char *types, ...);

/* One statement with its values bound. The caller finalizes *out. */
FR_NODISCARD fr_status fr_sql_prepare(fr_sql *db, sqlite3_stmt **out, fr_error *err,
                                      const char *statement, const char *types, ...);

/* Binds again from the first parameter, after a reset. */
FR_NODISCARD fr_status fr_sql_bind(fr_sql *db, sqlite3_stmt *q, fr_error *err, const char *types,
                                   ...);

/* *row: whether there is one. */
FR_NODISCARD fr_status fr_sql_step(fr_sql *db, sqlite3_stmt *q, bool *row, fr_error *err);

/* First column of the first row; `otherwise` where there is no row or it is NULL. */
FR_NODISCARD fr_status fr_sql_get_i64(fr_sql *db, int64_t *out, int64_t otherwise, fr_error *err,
                                      const char *statement, const char *types, ...);
FR_NODISCARD fr_status fr_sql_get_f64(fr_sql *db, double *out, double otherwise, fr_error *err,
                                      const char *statement, const char *types, ...);

/* A copy of a text column in the arena ("" for NULL), NULL when out of memory. */
const char *fr_sql_text(sqlite3_stmt *q, int column, fr_arena *arena);

/* A real column, NaN for NULL. */
double fr_sql_f64(sqlite3_stmt *q, int column);

#endif
