/* window.c - readings: the difference of two moments, with its doubts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "meter/meter_impl.h"

/* A sensor and the one that checks it may differ by this before it is said. Published cases differ
 * by 75 % (zeus issue 181: 187 J against 327 J); integrated power is good to about 10 %. */
#define CHECK_TOLERANCE 0.15
#define CHECK_MIN_S 5.0 /* momentary power is too coarse for shorter windows */

fr_status fr__window_open(fr_meter *m, const char *name, fr_window **out, fr_error *err)
{
    fr_status st = FR_OK;
    fr_window *w = calloc(1, sizeof(*w));
    *out = NULL;
    if (w) w->name = strdup(name);
    if (w) w->base = calloc(m->n_sensors + 1, sizeof(*w->base));
    if (!w || !w->name || !w->base)
        FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory for window %s", name);
    w->meter = m;
    w->id = m->n_windows_ever++;
    w->next = m->windows;
    m->windows = w;
    w->started_s = m->last.now_s;
    w->started_boot_s = m->last.boot_s;
    w->base_cpu_s = m->last.usage.cpu_s;
    w->base_machine_cpu_s = m->last.machine_known ? m->last.machine_cpu_s : NAN;
    w->base_rss_s = m->rss_s;
    w->notes = m->last_notes;
    w->max_rss = m->last.usage.rss_bytes;
    memcpy(w->base, m->account, m->n_sensors * sizeof(*w->base));
    *out = w;
    w = NULL;
cleanup:
    if (w) {
        free(w->name);
        free(w->base);
        free(w);
    }
    return st;
}

void fr__window_free(fr_window *w)
{
    for (fr_window **at = &w->meter->windows; *at; at = &(*at)->next) {
        if (*at != w) continue;
        *at = w->next;
        break;
    }
    free(w->name);
    free(w->base);
    free(w);
}

fr_status fr_window_begin(fr_meter *m, const char *name, fr_window **out, fr_error *err)
{
    pthread_mutex_lock(&m->lock);
    fr__meter_tick(m, true);
    fr_status st = fr__window_open(m, name, out, err);
    if (st == FR_OK) fr__record_begin(m, *out);
    pthread_mutex_unlock(&m->lock);
    return st;
}

/* What one domain gathers from its sensors. */
typedef struct sum {
    double j, tree_j, unknown_j, doubt_j, random_j2, covered_s;
    double most_doubt; /* highest relative uncertainty among them */
    fr_kind kind;
} sum;

static void add_sensor(sum *t, const fr_window *w, const fr_channel *c, const fr_sensor *s,
                       size_t at, double duration_s)
{
    const fr_account *now = &w->meter->account[at], *base = &w->base[at];
    double covered_s = now->started || now->aside ? now->last_s - w->started_s : 0;
    if (!(covered_s > 0)) covered_s = 0;
    if (!(now->started || now->aside) || (covered_s == 0 && duration_s > 0) ||
        now->last_s < w->started_s) {
        t->covered_s = 0;
        return;
    }
    /* A sensor with a pace of its own is a little behind at both edges: the stretch is as long. */
    if (base->started) covered_s = fmin(now->last_s - base->last_s, duration_s);
    double j = now->joules - base->joules;
    /* Of a device that nobody of the tree uses, nothing is what there is to count. */
    double random_j =
        base->aside && now->aside ? 0 : fr__account_random_j(s, base, now, duration_s);
    t->j += j;
    t->tree_j += now->tree_joules - base->tree_joules;
    t->unknown_j += now->unknown_joules - base->unknown_joules;
    t->doubt_j += j * c->relative_uncertainty;
    t->most_doubt = fmax(t->most_doubt, c->relative_uncertainty);
    t->random_j2 += random_j * random_j;
    if (covered_s < t->covered_s) t->covered_s = covered_s;
    if (c->kind > t->kind) t->kind = c->kind;
}

static void read_domain(const fr_window *w, fr_domain d, double duration_s, fr_energy *e)
{
    const fr_meter *m = w->meter;
    sum t = {.covered_s = duration_s};
    bool machine = false; /* some of it counts what others do, and idling */
    *e = (fr_energy){.kind = FR_KIND_NONE, .source = "no source", .why = m->words[d].why};
    if (!m->words[d].served) return;
    e->source = m->words[d].source;
    for (size_t i = 0; i < m->n_sources; i++) {
        const fr_source *s = &m->sources[i];
        if (!s->channel[d].used) continue;
        for (size_t k = 0; k < s->n_sensors; k++) {
            if (s->sensors[k].domain != d || s->sensors[k].role != FR_ROLE_COUNTED) continue;
            add_sensor(&t, w, &s->channel[d], &s->sensors[k], m->first[i] + k, duration_s);
            if (s->sensors[k].share != FR_SHARE_ALL) machine = true;
        }
    }
    e->covered_s = t.covered_s;
    if (t.kind == FR_KIND_NONE) {
        e->j = e->attributed_j = NAN;
        return;
    }
    e->kind = t.kind;
    e->j = t.j;
    e->relative_uncertainty = t.j > 0 ? t.doubt_j / t.j : t.most_doubt;
    e->relative_random = t.j > 0 ? sqrt(t.random_j2) / t.j : t.random_j2 > 0;
    if (machine && m->idle_seen[d]) e->idle_j = fmin(m->idle_w[d] * t.covered_s, t.j);
    /* Active energy times the tree's share of it, after Kepler (sustainable-computing.io). */
    e->attributed_j = t.unknown_j > 0 ? NAN : t.j > 0 ? t.tree_j * (t.j - e->idle_j) / t.j : 0;
}

/* Over the time that was read, since its joules are those of that time; 0 for no time at all. */
static double mean_power(const fr_energy *e)
{
    return e->covered_s > 0 ? e->j / e->covered_s : e->j > 0 ? NAN : e->j;
}

/* The sum over domains, and its mean power; that of the whole machine where there is one. */
static void read_total(const fr_window *w, fr_reading *r)
{
    const fr_meter *m = w->meter;
    const fr_energy *all[FR_N_DOMAINS] = {&r->cpu, &r->ram, &r->gpu, &r->system};
    double doubt_j = 0, most_doubt = 0, random_j2 = 0;
    r->total.source = m->all_sources;
    r->total.why = m->words[FR_DOMAIN_CPU].why;
    r->total.covered_s = r->duration_s;
    if (m->words[FR_DOMAIN_SYSTEM].served) {
        r->total = r->system;
        r->mean_w = mean_power(&r->system);
        return;
    }
    for (int d = 0; d < FR_N_DOMAINS; d++) {
        const fr_energy *e = all[d];
        if (!m->words[d].served) continue;
        if (e->covered_s < r->total.covered_s) r->total.covered_s = e->covered_s;
        if (e->kind == FR_KIND_NONE) continue;
        r->total.j += e->j;
        r->total.idle_j += e->idle_j;
        r->total.attributed_j += e->attributed_j;
        r->mean_w += mean_power(e);
        doubt_j += e->j * e->relative_uncertainty;
        most_doubt = fmax(most_doubt, e->relative_uncertainty);
        random_j2 += e->j * e->relative_random * e->j * e->relative_random;
        if (e->kind > r->total.kind) r->total.kind = e->kind;
    }
    if (r->total.kind == FR_KIND_NONE) r->total.j = r->total.attributed_j = r->mean_w = NAN;
    r->total.relative_uncertainty = r->total.j > 0 ? doubt_j / r->total.j : most_doubt;
    if (r->total.j > 0) r->total.relative_random = sqrt(random_j2) / r->total.j;
}

static void cross_check(const fr_window *w, double duration_s, fr_notes *notes)
{
    const fr_meter *m = w->meter;
    for (size_t i = 0; i < m->n_sources && duration_s >= CHECK_MIN_S; i++) {
        const fr_source *s = &m->sources[i];
        for (size_t k = 0; k < s->n_sensors; k++) {
            const fr_sensor *check = &s->sensors[k];
            if (check->role != FR_ROLE_CHECK || !s->channel[check->domain].used) continue;
            size_t a = m->first[i] + check->checks, b = m->first[i] + k;
            double ja = m->account[a].joules - w->base[a].joules;
            double jb = m->account[b].joules - w->base[b].joules;
            double most = fmax(ja, jb);
            if (!m->account[b].started || most <= 0 || fabs(ja - jb) <= CHECK_TOLERANCE * most)
                continue;
            fr_notes_add(notes, "%s counts %.1f J and %s gives %.1f J over the same %.1f s",
                         s->sensors[check->checks].id, ja, check->id, jb, duration_s);
        }
    }
}

void fr__window_read(const fr_window *w, bool at_end, fr_reading *r)
{
    const fr_meter *m = w->meter;
    fr_notes notes = w->notes;
    memset(r, 0, sizeof(*r));
    r->started_s = w->started_s;
    r->duration_s = m->last.now_s - w->started_s;
    read_domain(w, FR_DOMAIN_CPU, r->duration_s, &r->cpu);
    read_domain(w, FR_DOMAIN_RAM, r->duration_s, &r->ram);
    read_domain(w, FR_DOMAIN_GPU, r->duration_s, &r->gpu);
    read_domain(w, FR_DOMAIN_SYSTEM, r->duration_s, &r->system);
    read_total(w, r);
    if (at_end) cross_check(w, r->duration_s, &notes);

    r->cpu_s = m->last.usage.cpu_s - w->base_cpu_s;
    r->machine_cpu_s = m->last.machine_known ? m->last.machine_cpu_s - w->base_machine_cpu_s : NAN;
    r->suspended_s = fmax(0, m->last.boot_s - w->started_boot_s - r->duration_s);
    r->max_rss_bytes = w->max_rss;
    r->mean_rss_bytes = m->last.usage.rss_bytes;
    if (r->duration_s > 0) r->mean_rss_bytes = (m->rss_s - w->base_rss_s) / r->duration_s;
    r->max_w = w->max_w > r->mean_w ? w->max_w : r->mean_w;
    r->n_errors = notes.n;
    memcpy(r->first_error, notes.first, sizeof(r->first_error));
}

void fr_window_peek(fr_window *w, fr_reading *out)
{
    pthread_mutex_lock(&w->meter->lock);
    fr__meter_tick(w->meter, true);
    fr__window_read(w, false, out);
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
    fr__meter_tick(m, true);
    if (out) fr__window_read(w, true, out);
    fr__record_end(m, w);
    fr__window_free(w);
    pthread_mutex_unlock(&m->lock);
}

const char *fr_window_name(const fr_window *w)
{
    return w->name;
}
