/* record.c - raw readings in a file: written as they come, accounted again later.
 *
 * Lines of fields parted by tabs; numbers as C prints doubles without loss:
 *
 *     frugal-sensors  1
 *     options   interval  idle_least
 *     source    name label kind domains flags covers citation detail remedy
 *                                               flags: 1 devices, 2 named by the user, 4 blocked
 *     channel   domain kind uncertainty words             of the source above
 *     sensor    domain kind role share checks scale range max_w update frozen id     likewise
 *     go
 *     raw       sensor value at share                     what the next tick read
 *     aside     sensor value at share                     likewise, of a device that does not count
 *     bad       sensor why
 *     note      text
 *     tick      now boot usage_known cpu_s rss processes machine_known machine_cpu_s
 *     idle      domain watts
 *     begin     window name
 *     end       window
 *
 * What a source does to its sensors when it is opened is in the lines above `go`;
 * everything after it goes through the same code as live values. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "meter/meter_impl.h"
#include "meter/record.h"

#define MAGIC "frugal-sensors"
enum { MAX_LINE = 4096, MAX_FIELDS = 12, MAX_OPEN_WINDOWS = 4096 };

/* ---- writing ---- */

/* A text as a field: what would end it becomes a space. */
typedef struct field {
    char text[1024];
} field;

static field as_field(const char *text)
{
    field f;
    snprintf(f.text, sizeof(f.text), "%s", text ? text : "");
    for (char *c = f.text; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
    return f;
}

static void put(fr_meter *m, const char *fmt, ...) FR_PRINTF(2, 3);
static void put(fr_meter *m, const char *fmt, ...)
{
    if (!m->record || m->record_status) return;
    va_list args;
    va_start(args, fmt);
    int n = vfprintf(m->record, fmt, args);
    va_end(args);
    if (n < 0) m->record_status = FR_ERR_IO;
}

static void put_source(fr_meter *m, const fr_source *s)
{
    const fr_source_class *c = s->class;
    put(m, "source\t%s\t%s\t%d\t%u\t%d\t%s\t%s\t%s\t%s\n", c->name, as_field(c->label).text,
        (int)c->kind, c->domains, (c->devices ? 1 : 0) + (c->named ? 2 : 0) + (s->blocked ? 4 : 0),
        as_field(c->covers).text, as_field(c->citation).text, as_field(s->detail).text,
        as_field(s->remedy).text);
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        const fr_channel *ch = &s->channel[d];
        if (ch->present)
            put(m, "channel\t%d\t%d\t%.17g\t%s\n", d, (int)ch->kind, ch->relative_uncertainty,
                as_field(ch->source).text);
    }
    for (size_t k = 0; k < s->n_sensors; k++) {
        const fr_sensor *e = &s->sensors[k];
        put(m, "sensor\t%d\t%d\t%d\t%d\t%zu\t%.17g\t%.17g\t%.17g\t%.17g\t%.17g\t%s\n",
            (int)e->domain, (int)e->kind, (int)e->role, (int)e->share, e->checks, e->scale,
            e->range, e->max_w, e->update_s, e->frozen_s, as_field(e->id).text);
    }
}

fr_status fr__record_open(fr_meter *m, fr_error *err)
{
    fr_status st = FR_OK;
    if (!m->options.record) return FR_OK;
    m->record = fopen(m->options.record, "we");
    if (!m->record)
        FR_FAIL(err, FR_ERR_IO, "cannot write the sensor record %s: %s", m->options.record,
                strerror(errno));
    put(m, MAGIC "\t1\noptions\t%.17g\t%d\n", m->options.interval_s, m->options.idle_least);
    for (size_t i = 0; i < m->n_sources; i++) put_source(m, &m->sources[i]);
    put(m, "go\n");
    if (fflush(m->record) || m->record_status)
        FR_FAIL(err, FR_ERR_IO, "cannot write the sensor record %s: %s", m->options.record,
                strerror(errno));
cleanup:
    return st;
}

void fr__record_tick(fr_meter *m, const fr_tick *t, const fr_notes *notes)
{
    if (!m->record) return;
    for (size_t i = 0; i < m->n_sensors; i++) {
        const fr_raw *r = &m->raw[i];
        if (r->ok || r->aside)
            put(m, "%s\t%zu\t%.17g\t%.17g\t%.17g\n", r->aside ? "aside" : "raw", i,
                r->ok ? r->value : NAN, r->at_s, r->share);
        else if (r->why[0])
            put(m, "bad\t%zu\t%s\n", i, as_field(r->why).text);
    }
    for (size_t i = 0; i < notes->n; i++) put(m, "note\t%s\n", as_field(notes->first).text);
    put(m, "tick\t%.17g\t%.17g\t%d\t%.17g\t%.17g\t%zu\t%d\t%.17g\n", t->now_s, t->boot_s,
        t->usage_known, t->usage.cpu_s, t->usage.rss_bytes, t->usage.n_processes, t->machine_known,
        t->machine_cpu_s);
}

void fr__record_begin(fr_meter *m, const fr_window *w)
{
    put(m, "begin\t%zu\t%s\n", w->id, as_field(w->name).text);
}

void fr__record_end(fr_meter *m, const fr_window *w)
{
    put(m, "end\t%zu\n", w->id);
    if (m->record && fflush(m->record)) m->record_status = FR_ERR_IO;
}

void fr__record_idle(fr_meter *m, fr_domain domain, double watts)
{
    put(m, "idle\t%d\t%.17g\n", (int)domain, watts);
}

void fr__record_close(fr_meter *m)
{
    if (m->record) fclose(m->record);
    m->record = NULL;
}

fr_status fr_meter_record_status(fr_meter *m, fr_error *err)
{
    fr_status st = FR_OK;
    pthread_mutex_lock(&m->lock);
    if (m->record && fflush(m->record)) m->record_status = FR_ERR_IO;
    if (m->record_status)
        FR_FAIL(err, m->record_status,
                "the sensor record %s could not be written to its end; is the disk full?",
                m->options.record);
cleanup:
    pthread_mutex_unlock(&m->lock);
    return st;
}

/* ---- reading ---- */

typedef struct replay {
    fr_meter *m;
    const char *name; /* of the file */
    size_t line_no;
    char line[MAX_LINE];
    size_t n; /* fields of this line, the word included */
    char *field[MAX_FIELDS];
    bool gone; /* past `go` */
    fr_notes notes;
    fr_window *open[MAX_OPEN_WINDOWS]; /* by id modulo the array */
    void (*on_window)(void *ctx, const fr_meter *m, const char *name, const fr_reading *r);
    void *ctx;
} replay;

/* The texts of a recorded source, and the class that points at them. */
typedef struct recorded {
    fr_source_class class;
    char name[64], label[64], covers[256], citation[1024];
} recorded;

static void free_recorded(fr_source *s)
{
    free(s->state);
}

#define BAD_LINE(r, what) \
    FR_FAIL(err, FR_ERR_FORMAT, "%s, line %zu: %s", (r)->name, (r)->line_no, (what))

static fr_status number(const replay *r, size_t i, double *out, fr_error *err)
{
    fr_status st = FR_OK;
    char *end;
    *out = fr_strtod(r->field[i], &end);
    if (end == r->field[i] || *end) BAD_LINE(r, "a number is malformed");
cleanup:
    return st;
}

/* A whole number below `limit`. */
static fr_status whole(const replay *r, size_t i, size_t limit, size_t *out, fr_error *err)
{
    fr_status st = FR_OK;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(r->field[i], &end, 10);
    if (end == r->field[i] || *end || errno || r->field[i][0] == '-' || v >= limit)
        BAD_LINE(r, "a number is malformed or too large");
    *out = (size_t)v;
cleanup:
    return st;
}

static fr_status take_source(replay *r, fr_error *err)
{
    enum { MAX_SOURCES = 256 };
    fr_status st = FR_OK;
    fr_meter *m = r->m;
    size_t kind, domains, flags;
    FR_TRY(whole(r, 3, FR_KIND_ASSUMED + 1, &kind, err));
    FR_TRY(whole(r, 4, FR_IN(FR_N_DOMAINS), &domains, err));
    FR_TRY(whole(r, 5, 8, &flags, err));
    if (m->n_sources == MAX_SOURCES) BAD_LINE(r, "too many sources");
    fr_source *grown = realloc(m->sources, (m->n_sources + 1) * sizeof(*grown));
    if (!grown) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", r->name);
    m->sources = grown;
    recorded *t = calloc(1, sizeof(*t));
    if (!t) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", r->name);
    snprintf(t->name, sizeof(t->name), "%s", r->field[1]);
    snprintf(t->label, sizeof(t->label), "%s", r->field[2]);
    snprintf(t->covers, sizeof(t->covers), "%s", r->field[6]);
    snprintf(t->citation, sizeof(t->citation), "%s", r->field[7]);
    t->class = (fr_source_class){.name = t->name,
                                 .label = t->label,
                                 .covers = t->covers,
                                 .citation = t->citation,
                                 .kind = (fr_kind)kind,
                                 .domains = (unsigned)domains,
                                 .devices = flags & 1,
                                 .named = flags & 2,
                                 .close = free_recorded};
    fr_source *s = &m->sources[m->n_sources++];
    memset(s, 0, sizeof(*s));
    s->class = &t->class;
    s->state = t;
    s->blocked = flags & 4;
    snprintf(s->detail, sizeof(s->detail), "%s", r->field[8]);
    snprintf(s->remedy, sizeof(s->remedy), "%s", r->field[9]);
cleanup:
    return st;
}

static fr_status take_channel(replay *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t d, kind;
    if (r->m->n_sources == 0) BAD_LINE(r, "there is no source above");
    FR_TRY(whole(r, 1, FR_N_DOMAINS, &d, err));
    FR_TRY(whole(r, 2, FR_KIND_ASSUMED + 1, &kind, err));
    fr_channel *c = &r->m->sources[r->m->n_sources - 1].channel[d];
    FR_TRY(number(r, 3, &c->relative_uncertainty, err));
    c->present = true;
    c->kind = (fr_kind)kind;
    snprintf(c->source, sizeof(c->source), "%s", r->field[4]);
cleanup:
    return st;
}

static fr_status take_sensor(replay *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_sensor e;
    size_t domain, kind, role, share;
    memset(&e, 0, sizeof(e));
    if (r->m->n_sources == 0) BAD_LINE(r, "there is no source above");
    fr_source *s = &r->m->sources[r->m->n_sources - 1];
    FR_TRY(whole(r, 1, FR_N_DOMAINS, &domain, err));
    FR_TRY(whole(r, 2, FR_SENSOR_POWER + 1, &kind, err));
    FR_TRY(whole(r, 3, FR_ROLE_CHECK + 1, &role, err));
    FR_TRY(whole(r, 4, FR_SHARE_RAW + 1, &share, err));
    FR_TRY(whole(r, 5, SIZE_MAX, &e.checks, err));
    double *numbers[] = {&e.scale, &e.range, &e.max_w, &e.update_s, &e.frozen_s};
    for (size_t i = 0; i < 5; i++) {
        FR_TRY(number(r, 6 + i, numbers[i], err));
        if (!(*numbers[i] >= 0)) BAD_LINE(r, "a number is negative");
    }
    e.domain = (fr_domain)domain;
    e.kind = (fr_sensor_kind)kind;
    e.role = (fr_sensor_role)role;
    e.share = (fr_sensor_share)share;
    if (e.role == FR_ROLE_CHECK && e.checks >= s->n_sensors)
        BAD_LINE(r, "a sensor checks one that is not above it");
    snprintf(e.id, sizeof(e.id), "%s", r->field[11]);
    FR_TRY(fr_source_add(s, &e, NULL, err));
cleanup:
    return st;
}

static fr_status take_raw(replay *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t i;
    FR_TRY(whole(r, 1, r->m->n_sensors, &i, err));
    fr_raw *raw = &r->m->raw[i];
    memset(raw, 0, sizeof(*raw));
    if (!strcmp(r->field[0], "bad")) {
        fr_raw_fail(raw, "%s", r->field[2]);
        goto cleanup;
    }
    if (r->n < 5) BAD_LINE(r, "fields are missing");
    raw->aside = !strcmp(r->field[0], "aside");
    FR_TRY(number(r, 2, &raw->value, err));
    raw->ok = !raw->aside || !isnan(raw->value);
    FR_TRY(number(r, 3, &raw->at_s, err));
    FR_TRY(number(r, 4, &raw->share, err));
cleanup:
    return st;
}

static fr_status take_tick(replay *r, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tick t;
    size_t known, machine;
    memset(&t, 0, sizeof(t));
    double *numbers[] = {&t.now_s, &t.boot_s, NULL, &t.usage.cpu_s, &t.usage.rss_bytes};
    for (size_t i = 0; i < 5; i++)
        if (numbers[i]) FR_TRY(number(r, 1 + i, numbers[i], err));
    FR_TRY(whole(r, 3, 2, &known, err));
    FR_TRY(whole(r, 6, SIZE_MAX, &t.usage.n_processes, err));
    FR_TRY(whole(r, 7, 2, &machine, err));
    FR_TRY(number(r, 8, &t.machine_cpu_s, err));
    t.usage_known = known;
    t.machine_known = machine;
    if (!isfinite(t.now_s) || (r->m->ticked && t.now_s < r->m->last.now_s))
        BAD_LINE(r, "time goes backwards");
    fr__meter_take(r->m, &t, &r->notes);
    memset(r->m->raw, 0, r->m->n_sensors * sizeof(*r->m->raw));
    memset(&r->notes, 0, sizeof(r->notes));
cleanup:
    return st;
}

static fr_status take_idle(replay *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t d;
    double watts;
    FR_TRY(whole(r, 1, FR_N_DOMAINS, &d, err));
    FR_TRY(number(r, 2, &watts, err));
    if (!(watts >= 0)) BAD_LINE(r, "a number is negative");
    fr__meter_set_idle_w(r->m, (fr_domain)d, watts);
cleanup:
    return st;
}

static fr_status take_window(replay *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t id;
    FR_TRY(whole(r, 1, SIZE_MAX, &id, err));
    fr_window **at = &r->open[id % MAX_OPEN_WINDOWS];
    if (!strcmp(r->field[0], "begin")) {
        if (r->n < 3) BAD_LINE(r, "fields are missing");
        if (*at) BAD_LINE(r, "this window is open already");
        FR_TRY(fr__window_open(r->m, r->field[2], at, err));
    } else {
        fr_reading reading;
        if (!*at) BAD_LINE(r, "this window is not open");
        fr__window_read(*at, true, &reading);
        r->on_window(r->ctx, r->m, (*at)->name, &reading);
        fr__window_free(*at);
        *at = NULL;
    }
cleanup:
    return st;
}

static fr_status take_options(replay *r, fr_error *err)
{
    fr_status st = FR_OK;
    size_t least;
    FR_TRY(number(r, 1, &r->m->options.interval_s, err));
    FR_TRY(whole(r, 2, 2, &least, err));
    if (!(r->m->options.interval_s > 0)) BAD_LINE(r, "the interval is not positive");
    r->m->options.idle_least = least;
cleanup:
    return st;
}

static fr_status take_go(replay *r, fr_error *err)
{
    r->gone = true;
    return fr__meter_arrange(r->m, err);
}

static fr_status take_note(replay *r, fr_error *err)
{
    (void)err;
    fr_notes_add(&r->notes, "%s", r->field[1]);
    return FR_OK;
}

static const struct {
    const char *word;
    size_t n_fields; /* at least, the word included */
    bool after_go;
    fr_status (*take)(replay *r, fr_error *err);
} words[] = {
    {"options", 3, false, take_options}, {"source", 10, false, take_source},
    {"channel", 5, false, take_channel}, {"sensor", 12, false, take_sensor},
    {"go", 1, false, take_go},           {"raw", 5, true, take_raw},
    {"aside", 5, true, take_raw},        {"bad", 3, true, take_raw},
    {"note", 2, true, take_note},        {"tick", 9, true, take_tick},
    {"idle", 3, true, take_idle},        {"begin", 3, true, take_window},
    {"end", 2, true, take_window},
};

static void split(replay *r)
{
    r->n = 0;
    for (char *at = r->line; r->n < MAX_FIELDS; at++) {
        r->field[r->n++] = at;
        at += strcspn(at, "\t");
        if (!*at) return;
        *at = 0;
    }
}

static fr_status take_line(replay *r, fr_error *err)
{
    fr_status st = FR_OK;
    split(r);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcmp(r->field[0], words[i].word)) continue;
        if (r->n < words[i].n_fields) BAD_LINE(r, "fields are missing");
        if (r->gone != words[i].after_go) BAD_LINE(r, "this line is not expected here");
        return words[i].take(r, err);
    }
    BAD_LINE(r, "this line begins with no known word");
cleanup:
    return st;
}

static fr_status next_line(replay *r, FILE *f, bool *more, fr_error *err)
{
    fr_status st = FR_OK;
    *more = fgets(r->line, sizeof(r->line), f) != NULL;
    if (ferror(f)) FR_FAIL(err, FR_ERR_IO, "cannot read %s: %s", r->name, strerror(errno));
    if (!*more) goto cleanup;
    r->line_no++;
    size_t len = strlen(r->line);
    /* A last line without its end was cut off while it was written: what is whole counts. */
    if (len == 0 || r->line[len - 1] != '\n') {
        if (len == sizeof(r->line) - 1) BAD_LINE(r, "the line is too long");
        *more = false;
        goto cleanup;
    }
    r->line[len - 1] = 0;
cleanup:
    return st;
}

fr_status fr__replay_stream(FILE *f, const char *name,
                            void (*on_window)(void *ctx, const fr_meter *m, const char *name,
                                              const fr_reading *r),
                            void *ctx, fr_error *err)
{
    fr_status st = FR_OK;
    bool more = false;
    replay *r = calloc(1, sizeof(*r));
    if (r) r->m = calloc(1, sizeof(*r->m));
    if (!r || !r->m) FR_FAIL(err, FR_ERR_NOMEM, "%s: out of memory", name);
    r->name = name;
    r->on_window = on_window;
    r->ctx = ctx;
    r->m->options.interval_s = 1;
    FR_TRY(next_line(r, f, &more, err));
    if (!more || strcmp(r->line, MAGIC "\t1"))
        BAD_LINE(r, "this is no record of sensors, version 1");
    for (;;) {
        FR_TRY(next_line(r, f, &more, err));
        if (!more) break;
        FR_TRY(take_line(r, err));
    }
    if (!r->gone) BAD_LINE(r, "the record ends before its first reading");
cleanup:
    if (r) fr_meter_close(r->m);
    free(r);
    return st;
}

fr_status fr_meter_replay(const char *record,
                          void (*on_window)(void *ctx, const fr_meter *meter, const char *name,
                                            const fr_reading *r),
                          void *ctx, fr_error *err)
{
    fr_status st = FR_OK;
    FILE *f = fopen(record, "re");
    if (!f) FR_FAIL(err, FR_ERR_IO, "cannot open %s: %s", record, strerror(errno));
    FR_TRY(fr__replay_stream(f, record, on_window, ctx, err));
cleanup:
    if (f) fclose(f);
    return st;
}
