/* sql.c - SQLite calls turned into fr_status. */
#include "study/sql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_TIMEOUT_MS = 10000 }; /* a report may read while a study writes */

fr_status fr_sql_error(fr_sql *db, const char *doing, fr_error *err)
{
    int extended = db->handle ? sqlite3_extended_errcode(db->handle) : SQLITE_NOMEM;
    const char *words = db->handle ? sqlite3_errmsg(db->handle) : "out of memory";
    switch (extended & 0xff) {
    case SQLITE_FULL:
        return fr_error_set(err, FR_ERR_IO,
                            "%s: no space left on the disk (%s); free some space and start again: "
                            "all that was committed is kept",
                            db->path, doing);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return fr_error_set(err, FR_ERR_IO,
                            "%s: %s failed: %s (code %d); check the disk and its permissions and "
                            "start again: all that was committed is kept",
                            db->path, doing, words, extended);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fr_error_set(err, FR_ERR_BUSY, "%s: another process holds the ledger (%s)", db->path,
                            doing);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fr_error_set(err, FR_ERR_FORMAT, "%s: not a ledger, or a damaged one (%s: %s)",
                            db->path, doing, words);
    case SQLITE_NOMEM:
        return fr_error_set(err, FR_ERR_NOMEM, "%s: out of memory (%s)", db->path, doing);
    default:
        return fr_error_set(err, FR_ERR_STATE, "%s: %s: %s (code %d)", db->path, doing, words,
                            extended);
    }
}

fr_status fr_sql_open(fr_sql *db, const char *path, int flags, fr_error *err)
{
    fr_status st = FR_OK;
    memset(db, 0, sizeof(*db));
    db->path = strdup(path);
    if (!db->path) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", path);
    if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK) {
        st = fr_sql_error(db, "opening", err);
        goto cleanup;
    }
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    sqlite3_extended_result_codes(db->handle, 1);

cleanup:
    if (st != FR_OK) fr_sql_close(db);
    return st;
}

void fr_sql_close(fr_sql *db)
{
    sqlite3_close_v2(db->handle);
    free(db->path);
    memset(db, 0, sizeof(*db));
}

fr_status fr_sql_exec(fr_sql *db, const char *statements, fr_error *err)
{
    if (sqlite3_exec(db->handle, statements, NULL, NULL, NULL) != SQLITE_OK)
        return fr_sql_error(db, "writing", err);
    return FR_OK;
}

static fr_status bind_values(fr_sql *db, sqlite3_stmt *q, fr_error *err, const char *types,
                             va_list args)
{
    for (int i = 0; types[i]; i++) {
        int rc = SQLITE_OK;
        switch (types[i]) {
        case 't': {
            const char *text = va_arg(args, const char *);
            rc = text ? sqlite3_bind_text(q, i + 1, text, -1, SQLITE_TRANSIENT)
                      : sqlite3_bind_null(q, i + 1);
            break;
        }
        case 'i': rc = sqlite3_bind_int64(q, i + 1, va_arg(args, int64_t)); break;
        case 'd': {
            double x = va_arg(args, double);
            rc = isnan(x) ? sqlite3_bind_null(q, i + 1) : sqlite3_bind_double(q, i + 1, x);
            break;
        }
        case 'b': {
            const void *bytes = va_arg(args, const void *);
            size_t n = va_arg(args, size_t);
            rc = bytes ? sqlite3_bind_blob64(q, i + 1, bytes, n, SQLITE_TRANSIENT)
                       : sqlite3_bind_null(q, i + 1);
            break;
        }
        default: return fr_error_set(err, FR_ERR_STATE, "sql: unknown type letter '%c'", types[i]);
        }
        if (rc != SQLITE_OK) return fr_sql_error(db, "binding a value", err);
    }
    return FR_OK;
}

static fr_status prepare_values(fr_sql *db, sqlite3_stmt **out, fr_error *err,
                                const char *statement, const char *types, va_list args)
{
    *out = NULL;
    if (sqlite3_prepare_v2(db->handle, statement, -1, out, NULL) != SQLITE_OK)
        return fr_sql_error(db, "reading", err);
    fr_status st = bind_values(db, *out, err, types, args);
    if (st != FR_OK) {
        sqlite3_finalize(*out);
        *out = NULL;
    }
    return st;
}

fr_status fr_sql_prepare(fr_sql *db, sqlite3_stmt **out, fr_error *err, const char *statement,
                         const char *types, ...)
{
    va_list args;
    va_start(args, types);
    fr_status st = prepare_values(db, out, err, statement, types, args);
    va_end(args);
    return st;
}

fr_status fr_sql_bind(fr_sql *db, sqlite3_stmt *q, fr_error *err, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    fr_status st = bind_values(db, q, err, types, args);
    va_end(args);
    return st;
}

fr_status fr_sql_step(fr_sql *db, sqlite3_stmt *q, bool *row, fr_error *err)
{
    int rc = sqlite3_step(q);
    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) return FR_OK;
    return fr_sql_error(db, sqlite3_stmt_readonly(q) ? "reading" : "writing", err);
}

fr_status fr_sql_run(fr_sql *db, fr_error *err, const char *statement, const char *types, ...)
{
    fr_status st = FR_OK;
    sqlite3_stmt *q = NULL;
    bool row;
    va_list args;
    va_start(args, types);
    st = prepare_values(db, &q, err, statement, types, args);
    va_end(args);
    if (st == FR_OK) st = fr_sql_step(db, q, &row, err);
    sqlite3_finalize(q);
    return st;
}

fr_status fr_sql_get_i64(fr_sql *db, int64_t *out, int64_t otherwise, fr_error *err,
                         const char *statement, const char *types, ...)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    va_list args;
    va_start(args, types);
    fr_status st = prepare_values(db, &q, err, statement, types, args);
    va_end(args);
    if (st == FR_OK) st = fr_sql_step(db, q, &row, err);
    *out = row && sqlite3_column_type(q, 0) != SQLITE_NULL ? sqlite3_column_int64(q, 0) : otherwise;
    sqlite3_finalize(q);
    return st;
}

fr_status fr_sql_get_f64(fr_sql *db, double *out, double otherwise, fr_error *err,
                         const char *statement, const char *types, ...)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    va_list args;
    va_start(args, types);
    fr_status st = prepare_values(db, &q, err, statement, types, args);
    va_end(args);
    if (st == FR_OK) st = fr_sql_step(db, q, &row, err);
    *out =
        row && sqlite3_column_type(q, 0) != SQLITE_NULL ? sqlite3_column_double(q, 0) : otherwise;
    sqlite3_finalize(q);
    return st;
}

const char *fr_sql_text(sqlite3_stmt *q, int column, fr_arena *arena)
{
    const char *text = (const char *)sqlite3_column_text(q, column);
    return fr_arena_strdup(arena, text ? text : "");
}

double fr_sql_f64(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ? NAN : sqlite3_column_double(q, column);
}
