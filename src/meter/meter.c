/* meter.c - the sampler: reads sensors at the pace that the fastest one needs.
 *
 *     sensors --tick--> raw values --account.c--> joules --difference of two--> window
 *                            |
 *                         record
 *
 * All state is behind one lock, which a tick holds while it reads its few small
 * files. Power is taken over at least half a sampling interval and several steps of
 * the sensor: shorter differences say nothing. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "meter/domain_word.h"
#include "meter/meter_impl.h"

/* Idle power is taken over stretches of at least this. */
#define CALM_S 1.0

const char *fr_domain_name(fr_domain domain)
{
    static const char *const names[FR_N_DOMAINS] = {"CPU", "RAM", "GPU", "system"};
    return names[domain];
}

bool fr__domain_word(const char *word, size_t n, fr_domain *out)
{
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        const char *name = fr_domain_name((fr_domain)d);
        if (strlen(name) != n || strncasecmp(word, name, n) != 0) continue;
        *out = (fr_domain)d;
        return true;
    }
    return false;
}

static double boot_clock(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- ticks ---- */

/* Does this sensor's power belong to that of the domain? */
static bool counts(const fr_source *s, const fr_sensor *sensor, fr_domain domain)
{
    return sensor->domain == domain && s->channel[domain].used && sensor->role == FR_ROLE_COUNTED;
}

/* Ends the stretch at the sensor's last value, once it is long enough to say something of power. */
static void advance(fr_stretch *at, const fr_account *a, double least_s)
{
    double dt = a->last_s - at->s;
    if (at->begun && !(dt >= least_s)) return;
    at->w = at->begun ? (a->joules - at->j) / dt : NAN;
    at->from_s = at->s;
    at->s = a->last_s;
    at->j = a->joules;
    at->begun = a->started || a->aside;
}

/* Mean power of a domain over its sensors' last stretches; NaN before each has had one. *from_s:
 * where the earliest of them began. */
static double domain_power(fr_meter *m, fr_domain domain, fr_stretch *stretches, double least_s,
                           double *from_s)
{
    /* Less than a few steps of a counter that moves slowly is more chance than power. */
    const double steps = 5;
    double watts = 0;
    for (size_t i = 0; i < m->n_sources; i++) {
        const fr_source *s = &m->sources[i];
        for (size_t k = 0; k < s->n_sensors; k++) {
            const fr_sensor *sensor = &s->sensors[k];
            if (!counts(s, sensor, domain)) continue;
            fr_stretch *at = &stretches[m->first[i] + k];
            double wait_s = sensor->kind == FR_SENSOR_COUNTER ? steps * sensor->update_s : 0;
            advance(at, &m->account[m->first[i] + k], fmax(least_s, wait_s));
            watts += at->w;
            *from_s = fmin(*from_s, at->from_s);
        }
    }
    return watts;
}

static void update_power(fr_meter *m)
{
    double watts = 0, from_s = INFINITY, any = INFINITY;
    bool system = m->words[FR_DOMAIN_SYSTEM].served;
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        if (system && d != FR_DOMAIN_SYSTEM) continue;
        double w = domain_power(m, (fr_domain)d, m->power, 0.5 * m->tick_every_s, &from_s);
        if (w > 0) watts += w;
    }
    m->power_w = watts;
    for (fr_window *w = m->windows; w; w = w->next)
        if (from_s >= w->started_s && m->power_w > w->max_w) w->max_w = m->power_w;

    for (int d = 0; d < FR_N_DOMAINS && m->options.idle_least; d++) {
        double w = domain_power(m, (fr_domain)d, m->calm, CALM_S, &any);
        /* No joules at all: the sensor was not read in that time. */
        if (m->idle_told[d] || !(w > 0) || (m->idle_seen[d] && w >= m->idle_w[d])) continue;
        m->idle_w[d] = w;
        m->idle_seen[d] = true;
    }
}

static void note_sleep(const fr_meter *m, const fr_tick *tick, fr_notes *notes)
{
    double asleep_s = (tick->boot_s - m->last.boot_s) - (tick->now_s - m->last.now_s);
    if (m->ticked && asleep_s > 0.5)
        fr_notes_add(notes,
                     "the machine was suspended for %.0f s, which are not part of the window",
                     asleep_s);
}

/* The tree's part of the machine's busy time since the last tick; NaN when not known. */
static double share_of_cpu(const fr_meter *m, const fr_tick *tick)
{
    if (!m->ticked || !tick->usage_known || !tick->machine_known || !m->last.machine_known)
        return NAN;
    double ours = tick->usage.cpu_s - m->last.usage.cpu_s;
    double all = tick->machine_cpu_s - m->last.machine_cpu_s;
    if (ours <= 0) return 0;
    return all > ours ? ours / all : 1; /* counted in ticks of 10 ms, ours may come out as more */
}

static void take_accounts(fr_meter *m, const fr_tick *tick, double cpu_share, fr_notes *notes)
{
    for (size_t i = 0; i < m->n_sources; i++) {
        const fr_source *s = &m->sources[i];
        for (size_t k = 0; k < s->n_sensors; k++) {
            const fr_sensor *sensor = &s->sensors[k];
            size_t at = m->first[i] + k;
            if (!s->channel[sensor->domain].used) continue;
            fr__account_take(&m->account[at], sensor, &m->raw[at], cpu_share, tick->now_s, notes);
        }
    }
}

static void join_notes(fr_notes *to, const fr_notes *more)
{
    if (more->n && !to->n) memcpy(to->first, more->first, sizeof(to->first));
    to->n += more->n;
}

void fr__meter_take(fr_meter *m, const fr_tick *tick, fr_notes *notes)
{
    fr_notes of_sensors = {0};
    note_sleep(m, tick, notes);
    take_accounts(m, tick, share_of_cpu(m, tick), &of_sensors);
    /* What was lost before this look is nothing to a window that begins with it. */
    m->last_notes = of_sensors;
    if (!tick->usage_known) join_notes(&m->last_notes, notes);
    join_notes(notes, &of_sensors);

    fr_tick now = *tick;
    if (!now.usage_known) now.usage = m->last.usage;
    if (m->ticked)
        m->rss_s +=
            0.5 * (m->last.usage.rss_bytes + now.usage.rss_bytes) * (now.now_s - m->last.now_s);
    m->last = now;
    m->ticked = true;
    for (fr_window *w = m->windows; w; w = w->next) {
        if (now.usage.rss_bytes > w->max_rss) w->max_rss = now.usage.rss_bytes;
        join_notes(&w->notes, notes);
    }
    update_power(m);
}

/* Looks at the process tree. Its sum falls for a moment while a child is being reaped, so that a
 * look that shows less is taken again; and for good when one dies whom nobody waits for. */
static fr_status look_at_tree(fr_meter *m, fr_usage *out, fr_error *err)
{
    enum { MORE_LOOKS = 2 };
    fr_status st = FR_OK;
    fr_usage again;
    FR_TRY(m->processes.usage(m->processes.ctx, out, err));
    for (int i = 0; i < MORE_LOOKS && out->cpu_s + m->gone_cpu_s < m->last.usage.cpu_s; i++) {
        FR_TRY(m->processes.usage(m->processes.ctx, &again, err));
        if (again.cpu_s > out->cpu_s) *out = again;
    }
cleanup:
    return st;
}

/* Reads the process tree into *tick. Seconds that have been seen stay counted, and what comes after
 * a loss counts from there. */
static void read_tree(fr_meter *m, fr_tick *tick, fr_notes *notes)
{
    fr_error why;
    if (look_at_tree(m, &tick->usage, &why)) {
        fr_notes_add(notes, "process tree: %s", why.message);
        return;
    }
    tick->usage_known = true;
    double lost_s = m->last.usage.cpu_s - (tick->usage.cpu_s + m->gone_cpu_s);
    if (lost_s > 0) m->gone_cpu_s += lost_s;
    if (lost_s > 0.05)
        fr_notes_add(notes,
                     "process tree: a child that nobody waited for has ended and taken %.2f CPU "
                     "seconds with it: those that were seen count, later ones do not",
                     lost_s);
    tick->usage.cpu_s += m->gone_cpu_s;
}

void fr__meter_tick(fr_meter *m, bool at_edge)
{
    fr_tick tick = {.now_s = m->options.clock(m->options.clock_ctx)};
    fr_notes notes = {0};
    tick.boot_s = m->options.boot_clock(m->options.clock_ctx);
    if (m->ticked && !(tick.now_s >= m->last.now_s)) {
        fr_notes_add(&notes, "the monotonic clock went back by %g s", m->last.now_s - tick.now_s);
        tick.now_s = m->last.now_s;
    }
    read_tree(m, &tick, &notes);
    /* The kernel goes through all interrupts for that file: dear on a large machine. */
    if (m->shares_cpu || at_edge)
        tick.machine_known = fr_machine_busy_read(m->proc_root, &tick.machine_cpu_s, NULL) == FR_OK;
    memset(m->raw, 0, m->n_sensors * sizeof(*m->raw));
    for (size_t i = 0; i < m->n_sources; i++)
        if (m->sources[i].info.used)
            m->sources[i].class->read(&m->sources[i], &tick, m->raw + m->first[i]);
    fr__record_tick(m, &tick, &notes);
    fr__meter_take(m, &tick, &notes);
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
        if (!m->stop) fr__meter_tick(m, false);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* ---- open and close ---- */

static fr_status check_options(const fr_meter_options *o, fr_error *err)
{
    fr_status st = FR_OK;
    if (!o->sysfs_root || !o->proc_root)
        FR_FAIL(err, FR_ERR_USAGE, "meter: start from FR_METER_OPTIONS_INIT");
    if (!(o->interval_s >= 0.001 && o->interval_s <= 3600))
        FR_FAIL(err, FR_ERR_USAGE, "meter: an interval of %g s is not within 0.001 to 3600 s",
                o->interval_s);
    if (!(o->tdp_w >= 0 && o->tdp_w <= 10000) || o->tdp_threads < 0 || o->pid < 0)
        FR_FAIL(err, FR_ERR_USAGE, "meter: TDP (up to 10,000 W), threads and pid are not negative");
cleanup:
    return st;
}

static fr_status copy_options(fr_meter *m, const fr_meter_options *o, fr_error *err)
{
    fr_status st = FR_OK;
    m->options = *o;
    m->sysfs_root = strdup(o->sysfs_root);
    m->proc_root = strdup(o->proc_root);
    if (!m->sysfs_root || !m->proc_root) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
    m->options.sysfs_root = m->sysfs_root;
    m->options.proc_root = m->proc_root;
    /* A clock that was passed in without its twin is never suspended. */
    if (!o->boot_clock) m->options.boot_clock = o->clock ? o->clock : boot_clock;
    if (!o->clock) m->options.clock = fr_clock_monotonic;
    m->tree = (fr_proc_tree){.proc_root = m->proc_root, .pid = o->pid};
    m->processes = o->processes ? *o->processes : fr_proc_tree_set(&m->tree);
cleanup:
    return st;
}

/* Does `words` name this class ("command:...")? Gives what follows the colon. */
static const char *named_words(const fr_source_class *class, const char *words)
{
    size_t n = strlen(class->name);
    return !strncmp(words, class->name, n) && words[n] == ':' ? words + n + 1 : NULL;
}

static const fr_source_class *class_of(const char *words, const char **rest)
{
    for (const fr_source_class *const *c = fr__source_classes; *c; c++)
        if ((*c)->named && (*rest = named_words(*c, words))) return *c;
    return NULL;
}

static fr_status open_source(fr_meter *m, const fr_source_class *class, const fr_machine *machine,
                             const char *words, fr_error *err)
{
    fr_source *s = &m->sources[m->n_sources++];
    s->class = class;
    fr_source_setup setup = {
        .options = &m->options, .machine = machine, .processes = &m->processes, .words = words};
    return class->open(s, &setup, err);
}

static bool has_class(const fr_meter *m, const fr_source_class *class)
{
    for (size_t i = 0; i < m->n_sources; i++)
        if (m->sources[i].class == class) return true;
    return false;
}

/* Those that the user has named come first: they are preferred. */
static fr_status open_sources(fr_meter *m, const fr_machine *machine, fr_error *err)
{
    fr_status st = FR_OK;
    size_t n = m->options.n_sources;
    for (const fr_source_class *const *c = fr__source_classes; *c; c++) n++;
    m->sources = calloc(n, sizeof(*m->sources));
    if (!m->sources) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
    for (size_t i = 0; i < m->options.n_sources; i++) {
        const char *words = m->options.sources[i], *rest = NULL;
        const fr_source_class *class = class_of(words, &rest);
        if (!class)
            FR_FAIL(
                err, FR_ERR_USAGE,
                "energy source \"%.64s\": there are command:COMMAND, hwmon:NAME/LABEL=DOMAIN and "
                "prometheus:URL METRIC",
                words);
        FR_TRY(open_source(m, class, machine, rest, err));
    }
    for (const fr_source_class *const *c = fr__source_classes; *c; c++)
        if (!has_class(m, *c)) FR_TRY(open_source(m, *c, machine, NULL, err));
cleanup:
    return st;
}

/* Decides which domains source i serves, and how often it must be read. */
static void put_to_use(fr_meter *m, fr_source *s)
{
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
        /* A source that the user has named stands for all of its domain. */
        if (m->words[d].named || (m->words[d].served && !s->class->devices)) continue;
        c->used = s->info.used = m->words[d].served = true;
        m->words[d].named = s->class->named;
    }
    if (s->info.usable && !s->info.used) fr_source_say(s, "; not used, since a sensor is there");
    for (size_t k = 0; s->info.used && k < s->n_sensors; k++) {
        if (s->sensors[k].share == FR_SHARE_CPU) m->shares_cpu = true;
        double need_s = fr__account_max_interval_s(&s->sensors[k]);
        if (need_s > 0 && need_s < m->tick_every_s && s->channel[s->sensors[k].domain].used)
            m->tick_every_s = need_s;
    }
}

static void append(char *out, size_t size, const char *between, const char *text)
{
    size_t n = strlen(out);
    snprintf(out + n, size - n, "%s%s", n ? between : "", text);
}

/* Why the domain is not measured: the first source that could, but cannot. Where nothing serves it
 * there is nothing to say, unless devices are there whose joules are missing. */
static void say_why(fr_meter *m, fr_domain domain)
{
    bool served = m->words[domain].served;
    for (size_t i = 0; i < m->n_sources; i++) {
        const fr_channel *c = &m->sources[i].channel[domain];
        if (c->used && c->kind == FR_KIND_MEASURED) return;
    }
    for (size_t i = 0; i < m->n_sources; i++) {
        const fr_source *s = &m->sources[i];
        if (s->info.usable || !(s->class->domains & FR_IN(domain))) continue;
        if (!served && !s->blocked) continue;
        snprintf(m->words[domain].why, sizeof(m->words[domain].why), "%s%s: %s%s%s",
                 served ? "" : "not counted, ", s->class->name, s->detail,
                 s->remedy[0] ? "; to change that: " : "", s->remedy);
        return;
    }
}

static void write_words(fr_meter *m)
{
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        fr_kind kind = FR_KIND_NONE;
        char part[64];
        say_why(m, (fr_domain)d);
        if (!m->words[d].served) {
            if (!m->words[d].why[0]) continue;
            snprintf(part, sizeof(part), "%s not counted", fr_domain_name((fr_domain)d));
            append(m->summary, sizeof(m->summary), ", ", part);
            continue;
        }
        for (size_t i = 0; i < m->n_sources; i++) {
            const fr_channel *c = &m->sources[i].channel[d];
            if (!c->used) continue;
            append(m->words[d].source, sizeof(m->words[d].source), "; ", c->source);
            if (c->kind <= kind) continue;
            kind = c->kind;
            snprintf(part, sizeof(part), "%s %s%s%s%s", fr_domain_name((fr_domain)d),
                     fr_kind_name(kind), kind == FR_KIND_MEASURED ? " (" : "",
                     kind == FR_KIND_MEASURED ? m->sources[i].class->label : "",
                     kind == FR_KIND_MEASURED ? ")" : "");
        }
        append(m->summary, sizeof(m->summary), ", ", part);
        append(m->all_sources, sizeof(m->all_sources), "; ", m->words[d].source);
    }
    if (m->words[FR_DOMAIN_CPU].why[0])
        append(m->summary, sizeof(m->summary), "", ": no RAPL, see `frugal meters`");
}

fr_status fr__meter_arrange(fr_meter *m, fr_error *err)
{
    fr_status st = FR_OK;
    m->tick_every_s = m->options.interval_s;
    m->first = calloc(m->n_sources + 1, sizeof(*m->first));
    if (!m->first) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
    for (size_t i = 0; i < m->n_sources; i++) {
        m->first[i] = m->n_sensors;
        m->n_sensors += m->sources[i].n_sensors;
        put_to_use(m, &m->sources[i]);
    }
    write_words(m);
    m->raw = calloc(m->n_sensors + 1, sizeof(*m->raw));
    m->account = calloc(m->n_sensors + 1, sizeof(*m->account));
    m->power = calloc(m->n_sensors + 1, sizeof(*m->power));
    m->calm = calloc(m->n_sensors + 1, sizeof(*m->calm));
    m->lock_made = pthread_mutex_init(&m->lock, NULL) == 0;
    if (!m->raw || !m->account || !m->power || !m->calm || !m->lock_made)
        FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
cleanup:
    return st;
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
    FR_TRY(copy_options(m, options, err));
    FR_TRY(fr_machine_read(m->proc_root, &machine, err));
    FR_TRY(open_sources(m, &machine, err));
    FR_TRY(fr__record_open(m, err));
    FR_TRY(fr__meter_arrange(m, err));
    fr__meter_tick(m, true); /* nobody else knows this meter yet */
    if (!m->options.manual) FR_TRY(start_thread(m, err));

    *out = m;
    m = NULL;
cleanup:
    fr_meter_close(m);
    return st;
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
    while (m->windows) fr__window_free(m->windows);
    for (size_t i = 0; i < m->n_sources; i++) {
        if (m->sources[i].class->close) m->sources[i].class->close(&m->sources[i]);
        free(m->sources[i].sensors);
    }
    fr__record_close(m);
    if (m->wake_made) pthread_cond_destroy(&m->wake);
    if (m->lock_made) pthread_mutex_destroy(&m->lock);
    free(m->sources);
    free(m->first);
    free(m->raw);
    free(m->account);
    free(m->power);
    free(m->calm);
    free(m->sysfs_root);
    free(m->proc_root);
    free(m);
}

void fr_meter_tick(fr_meter *m)
{
    pthread_mutex_lock(&m->lock);
    fr__meter_tick(m, false);
    pthread_mutex_unlock(&m->lock);
}

double fr_meter_power_w(fr_meter *m)
{
    pthread_mutex_lock(&m->lock);
    if (m->options.clock(m->options.clock_ctx) - m->last.now_s >= 1.0) fr__meter_tick(m, false);
    double w = m->power_w;
    pthread_mutex_unlock(&m->lock);
    return w;
}

void fr__meter_set_idle_w(fr_meter *m, fr_domain domain, double watts)
{
    m->idle_w[domain] = watts;
    m->idle_told[domain] = m->idle_seen[domain] = true;
}

void fr_meter_set_idle(fr_meter *m, const fr_reading *idle)
{
    const fr_energy *e[FR_N_DOMAINS] = {&idle->cpu, &idle->ram, &idle->gpu, &idle->system};
    pthread_mutex_lock(&m->lock);
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        /* No joules: nothing was read, or the devices were set aside, which tells nothing. */
        if (e[d]->kind == FR_KIND_NONE || !(e[d]->covered_s > 0) || !(e[d]->j > 0)) continue;
        double watts = e[d]->j / e[d]->covered_s;
        fr__meter_set_idle_w(m, (fr_domain)d, watts);
        fr__record_idle(m, (fr_domain)d, watts);
    }
    pthread_mutex_unlock(&m->lock);
}

/* ---- what the user is told ---- */

const char *fr_meter_summary(const fr_meter *m)
{
    return m->summary;
}

const fr_source_info *fr_meter_source(const fr_meter *m, size_t i)
{
    return i < m->n_sources ? &m->sources[i].info : NULL;
}
