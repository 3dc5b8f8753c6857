/* ledger.c - the schema, and what is written to it while a study runs. */
#include "study/ledger.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "os/fs.h"

static const char schema[] =
    "CREATE TABLE data_file(path TEXT PRIMARY KEY, role TEXT NOT NULL, sha256 TEXT NOT NULL);"
    "CREATE TABLE study("
    "  id INTEGER PRIMARY KEY CHECK(id = 1), run_id TEXT NOT NULL, name TEXT NOT NULL,"
    "  task TEXT NOT NULL, metrics TEXT NOT NULL, n_labels INTEGER NOT NULL,"
    "  margin REAL NOT NULL, region TEXT NOT NULL,"
    "  country_iso TEXT NOT NULL, intensity REAL NOT NULL, intensity_low REAL NOT NULL,"
    "  intensity_high REAL NOT NULL, intensity_kind INTEGER NOT NULL,"
    "  intensity_source TEXT NOT NULL, pue REAL NOT NULL, created_unix_s REAL NOT NULL);"
    "CREATE TABLE test_item("
    "  position INTEGER PRIMARY KEY, item TEXT NOT NULL UNIQUE, label INTEGER NOT NULL,"
    "  line INTEGER NOT NULL);"
    "CREATE TABLE plan_model("
    "  position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, how TEXT NOT NULL,"
    "  is_local INTEGER NOT NULL, is_reference INTEGER NOT NULL, params_active REAL NOT NULL,"
    "  params_total REAL NOT NULL, tokens_in REAL, tokens_out REAL, tokens_source TEXT,"
    "  identity TEXT NOT NULL);"
    "CREATE TABLE plan_run("
    "  model INTEGER NOT NULL REFERENCES plan_model(position), run INTEGER NOT NULL,"
    "  seed INTEGER NOT NULL, repeat INTEGER NOT NULL, cell TEXT NOT NULL, tune_key TEXT NOT NULL,"
    "  PRIMARY KEY(model, run));"
    "CREATE TABLE note(id INTEGER PRIMARY KEY, model TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE TABLE provenance("
    "  id INTEGER PRIMARY KEY, what TEXT NOT NULL, value TEXT NOT NULL, kind INTEGER NOT NULL,"
    "  source TEXT NOT NULL);"
    "CREATE TABLE session("
    "  id INTEGER PRIMARY KEY, started_unix_s REAL NOT NULL, finished_unix_s REAL, outcome TEXT,"
    "  version TEXT NOT NULL, os TEXT NOT NULL, cpu_model TEXT NOT NULL, meter TEXT NOT NULL,"
    "  n_threads INTEGER NOT NULL, ram_bytes REAL NOT NULL);"
    "CREATE TABLE window("
    "  id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES session(id),"
    "  model TEXT NOT NULL, cell TEXT NOT NULL, phase INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    "  state INTEGER NOT NULL, started_unix_s REAL NOT NULL, duration_s REAL NOT NULL DEFAULT 0,"
    "  cpu_j REAL NOT NULL DEFAULT 0, ram_j REAL NOT NULL DEFAULT 0,"
    "  gpu_j REAL NOT NULL DEFAULT 0, idle_j REAL NOT NULL DEFAULT 0,"
    "  kind INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL DEFAULT '',"
    "  uncertainty REAL NOT NULL DEFAULT 0, n_items INTEGER NOT NULL DEFAULT 0,"
    /* as of the last commit, while the window is open */
    "  done_s REAL NOT NULL DEFAULT 0, done_cpu_j REAL NOT NULL DEFAULT 0,"
    "  done_ram_j REAL NOT NULL DEFAULT 0, done_gpu_j REAL NOT NULL DEFAULT 0,"
    "  done_idle_j REAL NOT NULL DEFAULT 0);"
    "CREATE INDEX window_cell ON window(cell, phase);"
    "CREATE TABLE tuned("
    "  tune_key TEXT PRIMARY KEY, model TEXT NOT NULL, seed INTEGER NOT NULL,"
    "  folder TEXT NOT NULL, weights_hash TEXT NOT NULL, best_validation REAL NOT NULL,"
    "  last_loss REAL NOT NULL, best_epoch INTEGER NOT NULL, n_steps INTEGER NOT NULL);"
    "CREATE TABLE cell("
    "  cell TEXT PRIMARY KEY, model TEXT NOT NULL, peak_memory_bytes REAL);"
    "CREATE TABLE result("
    "  cell TEXT NOT NULL, item TEXT NOT NULL, prediction INTEGER NOT NULL, scores BLOB,"
    "  statistics BLOB,"
    "  output TEXT, tokens_in INTEGER, tokens_out INTEGER, latency_s REAL, error TEXT,"
    "  session INTEGER NOT NULL REFERENCES session(id), PRIMARY KEY(cell, item)) WITHOUT ROWID;"
    "CREATE TABLE sandbox("
    "  cell TEXT PRIMARY KEY, jail TEXT NOT NULL, not_run TEXT NOT NULL);"
    "CREATE TABLE data_set("
    "  position INTEGER PRIMARY KEY, role TEXT NOT NULL, n_items INTEGER NOT NULL,"
    "  n_repeated INTEGER NOT NULL, n_in_train INTEGER NOT NULL,"
    "  n_in_validation INTEGER NOT NULL);"
    "CREATE TABLE latency("
    "  cell TEXT NOT NULL, sample INTEGER NOT NULL, seconds REAL NOT NULL,"
    "  PRIMARY KEY(cell, sample)) WITHOUT ROWID;"
    "CREATE TABLE batch("
    "  cell TEXT NOT NULL, batch INTEGER NOT NULL, n_items INTEGER NOT NULL,"
    "  seconds REAL NOT NULL, joules REAL NOT NULL, PRIMARY KEY(cell, batch)) WITHOUT ROWID;"
    "CREATE TABLE request("
    "  id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES session(id),"
    "  cell TEXT NOT NULL, item TEXT NOT NULL, sent_unix_s REAL NOT NULL);"
    "CREATE INDEX request_cell ON request(cell, item);"
    "PRAGMA user_version = 2;";

static fr_status check_version(fr_ledger *ledger, int64_t *version, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_sql_get_i64(&ledger->db, version, 0, err, "PRAGMA user_version", ""));
    if (*version > FR_LEDGER_VERSION)
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: written by a newer frugal (ledger version %lld, this one knows %d); use that "
                "one, or another output folder",
                ledger->db.path, (long long)*version, FR_LEDGER_VERSION);
    if (*version > 0 && *version < FR_LEDGER_VERSION)
        FR_FAIL(err, FR_ERR_FORMAT,
                "%s: written by an older frugal (ledger version %lld, this one needs %d), which "
                "kept less of each answer; use that one, or run the study into another output "
                "folder",
                ledger->db.path, (long long)*version, FR_LEDGER_VERSION);
cleanup:
    return st;
}

static fr_status open_ledger(fr_ledger *ledger, const char *dir, int flags, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str path = FR_STR_INIT;
    memset(ledger, 0, sizeof(*ledger));
    FR_TRY(fr_str_appendf(&path, err, "%s/ledger.db", dir));
    FR_TRY(fr_sql_open(&ledger->db, fr_str_text(&path), flags, err));
cleanup:
    fr_str_release(&path);
    return st;
}

fr_status fr_ledger_open(fr_ledger *ledger, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    int64_t version = 0;
    FR_TRY(open_ledger(ledger, dir, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err));

    FR_TRY(check_version(ledger, &version, err));
    FR_TRY(fr_sql_exec(&ledger->db,
                       fr_fs_is_network(dir, NULL) ? "PRAGMA journal_mode = DELETE;"
                                                   : "PRAGMA journal_mode = WAL;",
                       err));
    FR_TRY(fr_sql_exec(&ledger->db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;", err));
    if (version == 0) {
        /* One transaction: a ledger is either empty or has its whole schema. */
        FR_TRY(fr_ledger_begin(ledger, err));
        FR_TRY(fr_sql_exec(&ledger->db, schema, err));
        FR_TRY(fr_ledger_commit(ledger, err));
    }
cleanup:
    if (st != FR_OK) fr_ledger_close(ledger);
    return st;
}

/* Reading a WAL needs its shared index, which only a writer may make. Where the folder is read-only
 * and no WAL is left, the file alone holds everything. */
static fr_status open_immutable(fr_ledger *ledger, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    fr_str uri = FR_STR_INIT;
    FR_TRY(fr_str_appendf(&uri, err, "%s/ledger.db-wal", dir));
    if (access(fr_str_text(&uri), F_OK) == 0)
        FR_FAIL(err, FR_ERR_IO,
                "%s/ledger.db: the study did not end by itself and the folder is read-only; copy "
                "the folder to where it can be written",
                dir);
    fr_str_clear(&uri);
    FR_TRY(fr_str_appendf(&uri, err, "file:"));
    for (const char *c = dir; *c; c++)
        FR_TRY(fr_str_appendf(&uri, err, strchr("%?#", *c) ? "%%%02x" : "%c", (unsigned char)*c));
    FR_TRY(fr_str_appendf(&uri, err, "/ledger.db?immutable=1"));
    FR_TRY(
        fr_sql_open(&ledger->db, fr_str_text(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err));
cleanup:
    fr_str_release(&uri);
    return st;
}

fr_status fr_ledger_open_existing(fr_ledger *ledger, const char *dir, fr_error *err)
{
    fr_status st = FR_OK;
    int64_t version = 0;
    fr_str path = FR_STR_INIT;
    memset(ledger, 0, sizeof(*ledger));
    FR_TRY(fr_str_appendf(&path, err, "%s/ledger.db", dir));
    if (access(fr_str_text(&path), R_OK) != 0)
        FR_FAIL(err, FR_ERR_IO, "%s: %s; give the output folder of a study", fr_str_text(&path),
                strerror(errno));

    FR_TRY(open_ledger(ledger, dir, SQLITE_OPEN_READWRITE, err));
    st = check_version(ledger, &version, err);
    if (st == FR_ERR_IO) {
        fr_ledger_close(ledger);
        FR_TRY(open_immutable(ledger, dir, err));
        st = check_version(ledger, &version, err);
    }
    if (st != FR_OK) goto cleanup;
    if (version == 0)
        FR_FAIL(err, FR_ERR_FORMAT, "%s: an empty ledger: no study has begun here",
                fr_str_text(&path));
cleanup:
    if (st != FR_OK) fr_ledger_close(ledger);
    fr_str_release(&path);
    return st;
}

void fr_ledger_close(fr_ledger *ledger)
{
    if (ledger->db.path) fr_sql_close(&ledger->db);
    memset(ledger, 0, sizeof(*ledger));
}

fr_status fr_ledger_begin(fr_ledger *ledger, fr_error *err)
{
    return fr_sql_exec(&ledger->db, "BEGIN IMMEDIATE", err);
}

fr_status fr_ledger_commit(fr_ledger *ledger, fr_error *err)
{
    fr_status st = fr_sql_exec(&ledger->db, "COMMIT", err);
    if (st != FR_OK) fr_ledger_rollback(ledger);
    return st;
}

void fr_ledger_rollback(fr_ledger *ledger)
{
    if (ledger->db.handle && !sqlite3_get_autocommit(ledger->db.handle))
        sqlite3_exec(ledger->db.handle, "ROLLBACK", NULL, NULL, NULL);
}

/* Splits each open window into what was committed and what was lost. */
static fr_status close_killed_windows(fr_ledger *ledger, size_t *n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &ledger->db;
    int64_t count = 0;
    FR_TRY(fr_sql_get_i64(db, &count, 0, err, "SELECT COUNT(*) FROM window WHERE state = 0", ""));
    *n = (size_t)count;
    if (count == 0) goto cleanup;
    FR_TRY(fr_sql_exec(
        db,
        "INSERT INTO window(session, model, cell, phase, attempt, state, started_unix_s,"
        "  duration_s, cpu_j, ram_j, gpu_j, idle_j, kind, source, uncertainty, n_items)"
        " SELECT session, model, cell, phase, attempt, 1, started_unix_s, done_s, done_cpu_j,"
        "  done_ram_j, done_gpu_j, done_idle_j, kind, source, uncertainty, n_items"
        " FROM window WHERE state = 0 AND n_items > 0;"
        "UPDATE window SET state = 2, started_unix_s = started_unix_s + done_s,"
        "  duration_s = duration_s - done_s, cpu_j = cpu_j - done_cpu_j,"
        "  ram_j = ram_j - done_ram_j, gpu_j = gpu_j - done_gpu_j,"
        "  idle_j = idle_j - done_idle_j, n_items = 0 WHERE state = 0;",
        err));
cleanup:
    return st;
}

fr_status fr_ledger_begin_session(fr_ledger *ledger, const fr_ledger_session *s,
                                  size_t *n_interrupted, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &ledger->db;
    FR_TRY(fr_ledger_begin(ledger, err));
    FR_TRY(close_killed_windows(ledger, n_interrupted, err));
    FR_TRY(fr_sql_exec(db, "UPDATE session SET outcome = 'killed' WHERE outcome IS NULL", err));
    FR_TRY(fr_sql_run(db, err,
                      "INSERT INTO session(started_unix_s, version, os, cpu_model, meter,"
                      " n_threads, ram_bytes) VALUES(?,?,?,?,?,?,?)",
                      "dttttid", s->started_unix_s, s->version, s->os, s->cpu_model, s->meter,
                      (int64_t)s->n_threads, s->ram_bytes));
    ledger->session = sqlite3_last_insert_rowid(db->handle);
    FR_TRY(fr_ledger_commit(ledger, err));
cleanup:
    if (st != FR_OK) fr_ledger_rollback(ledger);
    return st;
}

fr_status fr_ledger_end_session(fr_ledger *ledger, const char *outcome, fr_error *err)
{
    return fr_sql_run(&ledger->db, err,
                      "UPDATE session SET finished_unix_s = ?, outcome = ? WHERE id = ?", "dti",
                      fr_time_unix_s(), outcome, ledger->session);
}

fr_status fr_ledger_check_data(fr_ledger *ledger, const char *path, const char *role,
                               const char *sha256, fr_error *err)
{
    fr_status st = FR_OK;
    sqlite3_stmt *q = NULL;
    bool row;
    FR_TRY(fr_sql_prepare(&ledger->db, &q, err, "SELECT sha256 FROM data_file WHERE path = ?", "t",
                          path));
    FR_TRY(fr_sql_step(&ledger->db, q, &row, err));
    if (row && strcmp((const char *)sqlite3_column_text(q, 0), sha256) != 0)
        FR_FAIL(err, FR_ERR_STATE,
                "%s: the %s data have changed since this output folder was begun (SHA-256 was "
                "%.12s, now %.12s); restore the file, give the new one another name, or use "
                "another output folder",
                path, role, (const char *)sqlite3_column_text(q, 0), sha256);
    if (!row)
        FR_TRY(fr_sql_run(&ledger->db, err, "INSERT INTO data_file VALUES(?,?,?)", "ttt", path,
                          role, sha256));
cleanup:
    sqlite3_finalize(q);
    return st;
}

fr_status fr_ledger_open_window(fr_ledger *ledger, int64_t *id, const char *model, const char *cell,
                                fr_phase phase, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sql *db = &ledger->db;
    /* An attempt is a session that worked on it: a killed window may have left two rows. */
    FR_TRY(fr_sql_run(db, err,
                      "INSERT INTO window(session, model, cell, phase, attempt, state,"
                      " started_unix_s) SELECT ?1, ?2, ?3, ?4, 1 + COUNT(DISTINCT session), 0, ?5"
                      " FROM window WHERE cell = ?3 AND phase = ?4 AND model = ?2"
                      " AND session <> ?1",
                      "ittid", ledger->session, model, cell, (int64_t)phase, fr_time_unix_s()));
    *id = sqlite3_last_insert_rowid(db->handle);
cleanup:
    return st;
}

fr_status fr_ledger_update_window(fr_ledger *ledger, int64_t id, const fr_ledger_energy *e,
                                  bool committed, size_t n_items, fr_error *err)
{
    fr_status st = FR_OK;
    FR_TRY(fr_sql_run(&ledger->db, err,
                      "UPDATE window SET duration_s = ?, cpu_j = ?, ram_j = ?, gpu_j = ?,"
                      " idle_j = ?, kind = ?, source = ?, uncertainty = ? WHERE id = ?",
                      "ddddditdi", e->duration_s, e->cpu_j, e->ram_j, e->gpu_j, e->idle_j,
                      (int64_t)e->kind, e->source, e->uncertainty, id));
    if (committed)
        FR_TRY(fr_sql_run(&ledger->db, err,
                          "UPDATE window SET done_s = duration_s, done_cpu_j = cpu_j,"
                          " done_ram_j = ram_j, done_gpu_j = gpu_j, done_idle_j = idle_j,"
                          " n_items = n_items + ? WHERE id = ?",
                          "ii", (int64_t)n_items, id));
cleanup:
    return st;
}

fr_status fr_ledger_close_window(fr_ledger *ledger, int64_t id, const fr_ledger_energy *e,
                                 bool interrupted, fr_error *err)
{
    fr_status st = FR_OK;
    bool inside = !sqlite3_get_autocommit(ledger->db.handle);
    if (!inside) FR_TRY(fr_ledger_begin(ledger, err));
    FR_TRY(fr_ledger_update_window(ledger, id, e, false, 0, err));
    if (interrupted) {
        size_t n;
        FR_TRY(close_killed_windows(ledger, &n, err));
    } else {
        FR_TRY(fr_sql_run(&ledger->db, err, "UPDATE window SET state = 1 WHERE id = ?", "i", id));
    }
    if (!inside) FR_TRY(fr_ledger_commit(ledger, err));
cleanup:
    if (st != FR_OK && !inside) fr_ledger_rollback(ledger);
    return st;
}
