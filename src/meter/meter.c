/* meter.c - the sampler, and windows over what it counts.
 *
 *     sources --tick--> counts of joules per domain --difference of two--> window
 *
 * A tick reads the process tree and every source in use; the sampler ticks at the
 * pace the fastest counter needs, a window ticks at both its edges. All state is
 * behind one lock, which a tick holds while it reads its few small files.
 *
 * Power is taken over at least half a sampling interval: counters move in steps
 * of a millisecond, so shorter differences say nothing. */
#include "meter/meter.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "meter/source.h"

/* In order of preference, domain by domain. */
static const fr_source_class *const classes[] = {
    &fr__rapl_class,
    &fr__cpu_model_class,
    &fr__ram_model_class,
};
enum { N_SOURCES = sizeof(classes) / sizeof(*classes) };

struct fr_window {
    fr_meter *meter;
    fr_window *next; /* in meter->windows */
    char *name;
    double started_s;
    double base_j[FR_N_DOMAINS], base_cpu_s, base_rss_s;
    double max_w, max_rss;
    fr_notes notes;
};

struct fr_meter {
    fr_meter_options options;
    char *sysfs_root, *proc_root;
    fr_source sources[N_SOURCES];
    fr_channel *serving[FR_N_DOMAINS]; /* NULL: no source */
    double tick_every_s;
    char summary[256], all_sources[512];

    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool lock_made, wake_made, thread_made, stop;

    /* Behind the lock. */
    fr_window *windows;
    bool ticked;
    double now_s;
    double cpu_s;                       /* CPU seconds of the tree: the most that was seen */
    bool cpu_fell;                      /* the tree has lost seconds, and that has been noted */
    double rss, rss_s;                  /* resident bytes now; their integral over time */
    double anchor_s, anchor_j, power_w; /* where the running power interval began; the last one's */
    double idle_w[FR_N_DOMAINS];
};

const char *fr_domain_name(fr_domain domain)
{
    static const char *const names[FR_N_DOMAINS] = {"CPU", "RAM", "GPU"};
    return names[domain];
}

void fr_notes_add(fr_notes *notes, const char *fmt, ...)
{
    if (notes->n++) return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(notes->first, sizeof(notes->first), fmt, args);
    va_end(args);
}

/* ---- ticks ---- */

static double total_joules(const fr_meter *m)
{
    double sum = 0;
    for (int d = 0; d < FR_N_DOMAINS; d++)
        if (m->serving[d]) sum += m->serving[d]->joules;
    return sum;
}

/* Reads the process tree into *tick. The sum of a tree falls for a moment while a child is being
 * reaped, and for good when one dies unwaited; counting only new heights never counts twice. */
static void read_tree(fr_meter *m, fr_tick *tick, fr_notes *notes)
{
    fr_error why;
    if (fr_usage_read(m->proc_root, m->options.pid, &tick->usage, &why)) {
        fr_notes_add(notes, "process tree: %s", why.message);
        return;
    }
    tick->usage_known = true;
    double lost_s = m->cpu_s - tick->usage.cpu_s;
    if (lost_s > 0.05 && !m->cpu_fell)
        fr_notes_add(notes,
                     "process tree: %.2f CPU seconds went with a child that nobody waited for; "
                     "CPU seconds are a lower bound",
                     lost_s);
    m->cpu_fell = lost_s > 0.05;
    if (tick->usage.cpu_s > m->cpu_s) m->cpu_s = tick->usage.cpu_s;
    tick->usage.cpu_s = m->cpu_s;
}

static void update_power(fr_meter *m)
{
    double j = total_joules(m), dt = m->now_s - m->anchor_s;
    if (dt < 0.5 * m->tick_every_s) return;
    m->power_w = (j - m->anchor_j) / dt;
    for (fr_window *w = m->windows; w; w = w->next)
        if (m->anchor_s >= w->started_s && m->power_w > w->max_w) w->max_w = m->power_w;
    m->anchor_s = m->now_s;
    m->anchor_j = j;
}

static void tick_locked(fr_meter *m)
{
    fr_tick tick = {.now_s = m->options.clock(m->options.clock_ctx)};
    fr_notes notes = {0};
    if (m->ticked && !(tick.now_s >= m->now_s)) tick.now_s = m->now_s;

    read_tree(m, &tick, &notes);
    for (int i = 0; i < N_SOURCES; i++)
        if (m->sources[i].info.used) m->sources[i].class->read(&m->sources[i], &tick, &notes);

    double rss = tick.usage_known ? tick.usage.rss_bytes : m->rss;
    if (m->ticked)
        m->rss_s += 0.5 * (m->rss + rss) * (tick.now_s - m->now_s);
    else
        m->anchor_s = tick.now_s;
    m->rss = rss;
    m->now_s = tick.now_s;
    m->ticked = true;
    for (fr_window *w = m->windows; w; w = w->next) {
        if (rss > w->max_rss) w->max_rss = rss;
        if (notes.n && !w->notes.n) memcpy(w->notes.first, notes.first, sizeof(notes.first));
        w->notes.n += notes.n;
    }
    update_power(m);
}

static void *sample(void *arg)
{
    fr_meter *m = arg;
    pthread_mutex_lock(&m->lock);
    while (!m->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        double s = (double)until.tv_nsec * 1e-9 + m->tick_every_s, whole = floor(s);
        until.tv_sec += (time_t)whole;
        until.tv_nsec = (long)((s - whole) * 1e9);
        int rc = 0;
        while (!m->stop && rc != ETIMEDOUT) rc = pthread_cond_timedwait(&m->wake, &m->lock, &until);
        if (!m->stop) tick_locked(m);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* ---- open and close ---- */

static fr_status check_options(const fr_meter_options *o, fr_error *err)
{
    fr_status st = FR_OK;
    if (!o->sysfs_root || !o->proc_root || !o->clock)
        FR_FAIL(err, FR_ERR_USAGE, "meter: start from FR_METER_OPTIONS_INIT");
    if (!(o->interval_s >= 0.001 && o->interval_s <= 3600))
        FR_FAIL(err, FR_ERR_USAGE, "meter: an interval of %g s is not within 0.001 to 3600 s",
                o->interval_s);
    if (!(o->tdp_w >= 0 && o->tdp_w <= 10000) || o->tdp_threads < 0 || o->pid < 0)
        FR_FAIL(err, FR_ERR_USAGE, "meter: TDP (up to 10,000 W), threads and pid are not negative");
cleanup:
    return st;
}

static fr_status open_sources(fr_meter *m, const fr_machine *machine, fr_error *err)
{
    fr_status st = FR_OK;
    m->tick_every_s = m->options.interval_s;
    for (int i = 0; i < N_SOURCES; i++) {
        fr_source *s = &m->sources[i];
        s->class = classes[i];
        FR_TRY(s->class->open(s, &m->options, machine, err));
        s->info = (fr_source_info){.name = s->class->name,
                                   .covers = s->class->covers,
                                   .kind = s->class->kind,
                                   .detail = s->detail,
                                   .remedy = s->remedy,
                                   .citation = s->class->citation};
        for (int d = 0; d < FR_N_DOMAINS; d++) {
            fr_channel *c = &s->channel[d];
            if (!c->present) continue;
            s->info.usable = true;
            s->info.kind = c->kind;
            if (c->relative_uncertainty > s->info.relative_uncertainty)
                s->info.relative_uncertainty = c->relative_uncertainty;
            if (m->serving[d]) continue;
            c->used = s->info.used = true;
            m->serving[d] = c;
        }
        if (s->info.used && s->max_interval_s > 0 && s->max_interval_s < m->tick_every_s)
            m->tick_every_s = s->max_interval_s;
        if (s->info.usable && !s->info.used) {
            size_t n = strlen(s->detail);
            snprintf(s->detail + n, sizeof(s->detail) - n, "; not used, since a sensor is there");
        }
    }
cleanup:
    return st;
}

static void write_summary(fr_meter *m)
{
    size_t n = 0, k = 0;
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        const fr_channel *c = m->serving[d];
        if (!c) continue;
        n += (size_t)snprintf(m->all_sources + n, sizeof(m->all_sources) - n, "%s%s", n ? "; " : "",
                              c->source);
        k += (size_t)snprintf(m->summary + k, sizeof(m->summary) - k, "%s%s %s%s", k ? ", " : "",
                              fr_domain_name((fr_domain)d), fr_kind_name(c->kind),
                              c->kind == FR_KIND_MEASURED ? " (RAPL)" : "");
    }
    if (!m->sources[0].info.usable)
        snprintf(m->summary + k, sizeof(m->summary) - k, ": no RAPL, see `frugal meters`");
}

/* Signals belong to the threads of the program, not to the sampler. */
static fr_status start_thread(fr_meter *m, fr_error *err)
{
    fr_status st = FR_OK;
    pthread_condattr_t attr;
    sigset_t all, before;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    m->wake_made = pthread_cond_init(&m->wake, &attr) == 0;
    pthread_condattr_destroy(&attr);
    if (!m->wake_made) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&m->thread, NULL, sample, m);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    m->thread_made = rc == 0;
    if (rc) FR_FAIL(err, FR_ERR_NOMEM, "meter: cannot start the sampler: %s", strerror(rc));
cleanup:
    return st;
}

fr_status fr_meter_open(fr_meter **out, const fr_meter_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    fr_meter *m = NULL;
    fr_machine machine;
    *out = NULL;

    FR_TRY(check_options(options, err));
    m = calloc(1, sizeof(*m));
    if (!m) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
    m->options = *options;
    m->sysfs_root = strdup(options->sysfs_root);
    m->proc_root = strdup(options->proc_root);
    if (!m->sysfs_root || !m->proc_root) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
    m->options.sysfs_root = m->sysfs_root;
    m->options.proc_root = m->proc_root;
    FR_TRY(fr_machine_read(m->proc_root, &machine, err));
    FR_TRY(open_sources(m, &machine, err));
    write_summary(m);
    m->lock_made = pthread_mutex_init(&m->lock, NULL) == 0;
    if (!m->lock_made) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
    tick_locked(m); /* nobody else knows this meter yet */
    if (!m->options.manual) FR_TRY(start_thread(m, err));

    *out = m;
    m = NULL;
cleanup:
    fr_meter_close(m);
    return st;
}

static void free_window(fr_window *w)
{
    if (!w) return;
    free(w->name);
    free(w);
}

void fr_meter_close(fr_meter *m)
{
    if (!m) return;
    if (m->thread_made) {
        pthread_mutex_lock(&m->lock);
        m->stop = true;
        pthread_cond_signal(&m->wake);
        pthread_mutex_unlock(&m->lock);
        pthread_join(m->thread, NULL);
    }
    while (m->windows) {
        fr_window *w = m->windows;
        m->windows = w->next;
        free_window(w);
    }
    for (int i = 0; i < N_SOURCES; i++)
        if (m->sources[i].class) m->sources[i].class->close(&m->sources[i]);
    if (m->wake_made) pthread_cond_destroy(&m->wake);
    if (m->lock_made) pthread_mutex_destroy(&m->lock);
    free(m->sysfs_root);
    free(m->proc_root);
    free(m);
}

void fr_meter_tick(fr_meter *m)
{
    pthread_mutex_lock(&m->lock);
    tick_locked(m);
    pthread_mutex_unlock(&m->lock);
}

double fr_meter_power_w(fr_meter *m)
{
    pthread_mutex_lock(&m->lock);
    if (m->options.clock(m->options.clock_ctx) - m->now_s >= 1.0) tick_locked(m);
    double w = m->power_w;
    pthread_mutex_unlock(&m->lock);
    return w;
}

void fr_meter_set_idle(fr_meter *m, const fr_reading *idle)
{
    const fr_energy *e[FR_N_DOMAINS] = {&idle->cpu, &idle->ram, &idle->gpu};
    pthread_mutex_lock(&m->lock);
    for (int d = 0; d < FR_N_DOMAINS; d++)
        if (m->serving[d] && m->serving[d]->whole_machine && e[d]->kind != FR_KIND_NONE &&
            e[d]->covered_s > 0)
            m->idle_w[d] = e[d]->j / e[d]->covered_s;
    pthread_mutex_unlock(&m->lock);
}

/* ---- windows ---- */

fr_status fr_window_begin(fr_meter *m, const char *name, fr_window **out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_window *w = calloc(1, sizeof(*w));
    *out = NULL;
    if (w) w->name = strdup(name);
    if (!w || !w->name) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory for window %s", name);
    w->meter = m;

    pthread_mutex_lock(&m->lock);
    w->next = m->windows;
    m->windows = w;
    tick_locked(m);
    w->started_s = m->now_s;
    w->base_cpu_s = m->cpu_s;
    w->base_rss_s = m->rss_s;
    w->max_rss = m->rss;
    w->max_w = 0;
    for (int d = 0; d < FR_N_DOMAINS; d++)
        if (m->serving[d]) w->base_j[d] = m->serving[d]->joules;
    pthread_mutex_unlock(&m->lock);

    *out = w;
    w = NULL;
cleanup:
    free_window(w);
    return st;
}

static fr_energy domain_energy(const fr_window *w, fr_domain d, double duration_s)
{
    const fr_meter *m = w->meter;
    const fr_channel *c = m->serving[d];
    fr_energy e = {.kind = FR_KIND_NONE, .source = "no source"};
    if (!c) return e;
    e.source = c->source;
    e.relative_uncertainty = c->relative_uncertainty;
    e.covered_s = c->as_of_s - w->started_s;
    if (!(e.covered_s > 0)) e.covered_s = 0;
    if (c->as_of_s < w->started_s || (e.covered_s == 0 && duration_s > 0)) {
        e.j = NAN;
        return e;
    }
    e.kind = c->kind;
    e.j = c->joules - w->base_j[d];
    if (!c->whole_machine) return e;
    e.idle_j = m->idle_w[d] * duration_s;
    if (e.idle_j > e.j) e.idle_j = e.j;
    return e;
}

static void read_window(const fr_window *w, fr_reading *r)
{
    const fr_meter *m = w->meter;
    fr_energy *all[FR_N_DOMAINS] = {&r->cpu, &r->ram, &r->gpu};
    memset(r, 0, sizeof(*r));
    r->started_s = w->started_s;
    r->duration_s = m->now_s - w->started_s;
    r->total.covered_s = r->duration_s;
    r->total.source = m->all_sources;
    double doubt_j = 0;
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        *all[d] = domain_energy(w, (fr_domain)d, r->duration_s);
        if (!m->serving[d]) continue;
        if (all[d]->covered_s < r->total.covered_s) r->total.covered_s = all[d]->covered_s;
        if (all[d]->kind == FR_KIND_NONE) continue;
        r->total.j += all[d]->j;
        r->total.idle_j += all[d]->idle_j;
        doubt_j += all[d]->j * all[d]->relative_uncertainty;
        if (all[d]->kind > r->total.kind) r->total.kind = all[d]->kind;
    }
    if (r->total.kind == FR_KIND_NONE) r->total.j = NAN;
    if (r->total.j > 0) r->total.relative_uncertainty = doubt_j / r->total.j;

    r->cpu_s = m->cpu_s - w->base_cpu_s;
    r->max_rss_bytes = w->max_rss;
    r->mean_rss_bytes = m->rss;
    if (r->duration_s > 0) {
        r->mean_rss_bytes = (m->rss_s - w->base_rss_s) / r->duration_s;
        r->mean_w = r->total.j / r->duration_s;
    }
    r->max_w = w->max_w > r->mean_w ? w->max_w : r->mean_w;
    r->n_errors = w->notes.n;
    memcpy(r->first_error, w->notes.first, sizeof(r->first_error));
}

void fr_window_peek(fr_window *w, fr_reading *out)
{
    pthread_mutex_lock(&w->meter->lock);
    tick_locked(w->meter);
    read_window(w, out);
    pthread_mutex_unlock(&w->meter->lock);
}

void fr_window_end(fr_window *w, fr_reading *out)
{
    if (!w) {
        if (out) memset(out, 0, sizeof(*out));
        return;
    }
    fr_meter *m = w->meter;
    pthread_mutex_lock(&m->lock);
    tick_locked(m);
    if (out) read_window(w, out);
    for (fr_window **at = &m->windows; *at; at = &(*at)->next) {
        if (*at != w) continue;
        *at = w->next;
        break;
    }
    pthread_mutex_unlock(&m->lock);
    free_window(w);
}

const char *fr_window_name(const fr_window *w)
{
    return w->name;
}

/* ---- what the user is told ---- */

const char *fr_meter_summary(const fr_meter *m)
{
    return m->summary;
}

const fr_source_info *fr_meter_source(const fr_meter *m, size_t i)
{
    return i < N_SOURCES ? &m->sources[i].info : NULL;
}

fr_status fr_meter_explain(const fr_meter *m, fr_str *out, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_source_info *s;
    for (size_t i = 0; (s = fr_meter_source(m, i)); i++) {
        FR_TRY(fr_str_appendf(out, err, "%s (%s; %s): %s\n    %s\n", s->name, s->covers,
                              fr_kind_name(s->kind),
                              s->used     ? "in use"
                              : s->usable ? "usable, not in use"
                                          : "not usable",
                              s->detail));
        if (s->remedy[0]) FR_TRY(fr_str_appendf(out, err, "    to change that: %s\n", s->remedy));
        if (s->usable)
            FR_TRY(fr_str_appendf(out, err, "    uncertainty %.0f %%: %s\n",
                                  100 * s->relative_uncertainty, s->citation));
    }
cleanup:
    return st;
}
