/* poller.c - fetches slow readings beside the sampler. */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "meter/domain_word.h"
#include "meter/poller.h"

enum { MAX_W = 1000000 }; /* a rack */

struct fr_poller {
    fr_poller_options options;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool lock_made, wake_made, thread_made;

    /* Behind the lock. */
    bool stop;
    double begun_s; /* the last fetch */
    fr_raw last;
};

static double now(const fr_poller *p)
{
    return p->options.clock(p->options.clock_ctx);
}

static bool is_stopped(void *ctx)
{
    fr_poller *p = ctx;
    pthread_mutex_lock(&p->lock);
    bool stop = p->stop;
    pthread_mutex_unlock(&p->lock);
    return stop;
}

/* One fetch. The value was true somewhere between its beginning and its end. */
static fr_status fetch(fr_poller *p, fr_error *err)
{
    fr_raw raw = {0};
    double begun_s = now(p);
    fr_status st = p->options.fetch(p->options.ctx, is_stopped, p, &raw.value, err);
    raw.ok = st == FR_OK;
    raw.at_s = 0.5 * (begun_s + now(p));
    pthread_mutex_lock(&p->lock);
    p->begun_s = begun_s;
    p->last = raw;
    if (st) fr_raw_fail(&p->last, "%s", err->message);
    pthread_mutex_unlock(&p->lock);
    return st;
}

static void *poll_on(void *ctx)
{
    fr_poller *p = ctx;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        double s = (double)until.tv_nsec * 1e-9 + p->options.every_s, whole = floor(s);
        until.tv_sec += (time_t)whole;
        until.tv_nsec = (long)((s - whole) * 1e9);
        while (!p->stop && pthread_cond_timedwait(&p->wake, &p->lock, &until) == 0) continue;
        if (p->stop) break;
        pthread_mutex_unlock(&p->lock);
        fr_error err;
        fetch(p, &err); /* kept for the next read */
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

fr_status fr__poller_open(fr_poller **out, const fr_poller_options *options, fr_error *err)
{
    fr_status st = FR_OK;
    pthread_condattr_t attr;
    fr_poller *p = calloc(1, sizeof(*p));
    *out = NULL;
    if (!p) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
    p->options = *options;
    p->lock_made = pthread_mutex_init(&p->lock, NULL) == 0;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    p->wake_made = pthread_cond_init(&p->wake, &attr) == 0;
    pthread_condattr_destroy(&attr);
    if (!p->lock_made || !p->wake_made) FR_FAIL(err, FR_ERR_NOMEM, "meter: out of memory");
    fr_error why;
    st = fetch(p, &why);
    if (st) FR_FAIL(err, st, "%s", why.message);
    *out = p;
    p = NULL;
cleanup:
    fr__poller_close(p);
    return st;
}

/* Signals belong to the threads of the program. */
static bool start(fr_poller *p)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    p->thread_made = pthread_create(&p->thread, NULL, poll_on, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p->thread_made;
}

void fr__poller_read(fr_poller *p, fr_raw *raw)
{
    if (p->options.manual) {
        fr_error err;
        if (now(p) - p->begun_s >= p->options.every_s) fetch(p, &err); /* kept as the last */
    } else if (!p->thread_made && !start(p)) {
        fr_raw_fail(raw, "cannot start a thread to read it");
        return;
    }
    pthread_mutex_lock(&p->lock);
    *raw = p->last;
    if (!p->last.ok) p->last.why[0] = 0;
    pthread_mutex_unlock(&p->lock);
}

void fr__poller_close(fr_poller *p)
{
    if (!p) return;
    if (p->thread_made) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_cond_signal(&p->wake);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    if (p->wake_made) pthread_cond_destroy(&p->wake);
    if (p->lock_made) pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- words and sensor ---- */

bool fr__poll_word(fr_poll_words *words, const char *word, size_t n)
{
    char copy[32], *end;
    if (n >= sizeof(copy)) return false;
    memcpy(copy, word, n);
    copy[n] = 0;
    if (!strncmp(copy, "every=", 6)) {
        words->every_s = fr_strtod(copy + 6, &end);
        return end != copy + 6 && !*end && words->every_s >= 0.1 && words->every_s <= 3600;
    }
    const char *unit = strncmp(copy, "unit=", 5) ? copy : copy + 5;
    return fr__domain_word(word, n, &words->domain) ||
           fr__unit_find(unit, strlen(unit), &words->unit);
}

fr_status fr__poll_sensor(fr_source *s, const fr_poll_words *words, const char *label, double scale,
                          fr_error *err)
{
    fr_status st = FR_OK;
    fr_channel *c = &s->channel[words->domain];
    bool counter = words->unit.kind == FR_SENSOR_COUNTER;
    fr_sensor e = {.domain = words->domain,
                   .kind = words->unit.kind,
                   .share = words->domain == FR_DOMAIN_GPU ? FR_SHARE_RAW : FR_SHARE_CPU,
                   .scale = scale,
                   .max_w = MAX_W,
                   .update_s = words->every_s};
    /* Whatever is measured draws at least a watt. */
    if (counter) e.frozen_s = 3 * words->every_s + fmax(10, scale);
    snprintf(e.id, sizeof(e.id), "%s", label);
    FR_TRY(fr_source_add(s, &e, NULL, err));
    c->present = true;
    c->kind = FR_KIND_MEASURED;
    c->relative_uncertainty = 0.05;
    fr_snprintf(c->source, sizeof(c->source), "%s, %s, each %g s, named by the user", label,
                counter ? "counter" : "power", words->every_s);
    fr_source_say(s, "%s as %s: %s, read each %g s", label, fr_domain_name(words->domain),
                  counter ? "a counter of energy" : "power", words->every_s);
cleanup:
    return st;
}
