/* model.c - joules of processor and memory where no sensor can be read.
 *
 * CPU:  W = TDP / hardware threads of that processor x busy threads of our process tree,
 *       so  J = W per thread x CPU seconds, whatever the sampling. TDP is never divided by
 *       the threads that a virtual machine shows.
 * RAM:  W = 3/8 W per GB (1e9 bytes) resident in our process tree; integrated by the
 *       trapezoid rule over the samples.  Source: Eco2AI (arXiv 2208.00406), after Crucial's
 *       3 W per 8 GB module.
 *
 * Both bill only what our own tree uses: there is no idle share in them. */
#include <stdio.h>

#include "base/number.h"
#include "meter/processors.h"
#include "meter/source.h"

#define RAM_W_PER_BYTE (3.0 / 8.0 / 1e9)
enum { RAM_PERIOD_S = 5 }; /* resident memory may change a lot in longer gaps */

/* The user's TDP and threads in place of the table's; threads are known, or it is an error. */
static fr_status take_users_word(const fr_meter_options *o, fr_processor *p, fr_error *err)
{
    fr_status st = FR_OK;
    double tdp_w = o->tdp_w > 0 ? o->tdp_w : p->tdp_w;
    int threads = o->tdp_threads > 0 ? o->tdp_threads : p->threads;
    if (o->tdp_w <= 0 && o->tdp_threads <= 0) goto cleanup;
    if (tdp_w <= 0 || threads <= 0)
        FR_FAIL(err, FR_ERR_USAGE,
                "the processor \"%.64s\" is not in the table: give both its TDP and its number of "
                "hardware threads (of the processor, not of a virtual machine on it)",
                p->name);
    p->tdp_w = tdp_w;
    p->threads = threads;
    p->w_per_thread = tdp_w / threads;
    p->kind = FR_KIND_MODELLED;
    p->relative_uncertainty = 0.5;
    snprintf(p->source, sizeof(p->source), "TDP or threads as given by the user");
cleanup:
    return st;
}

static fr_status cpu_open(fr_source *s, const fr_source_setup *setup, fr_error *err)
{
    fr_status st = FR_OK;
    fr_processor p;
    fr_channel *c = &s->channel[FR_DOMAIN_CPU];
    char figures[96];

    fr_processor_find(setup->machine, &p);
    FR_TRY(take_users_word(setup->options, &p, err));
    if (p.threads > 0)
        fr_snprintf(figures, sizeof(figures), "%g W / %d threads = %.3f W", p.tdp_w, p.threads,
                    p.w_per_thread);
    else
        fr_snprintf(figures, sizeof(figures), "%.3f W", p.w_per_thread);
    c->present = true;
    c->kind = p.kind;
    c->relative_uncertainty = p.relative_uncertainty;
    snprintf(c->source, sizeof(c->source), "CPU model: %s per busy thread, %s", figures, p.name);
    fr_source_say(s, "%s: %s per busy thread of our process tree (%s)", p.name, figures, p.source);
    /* Counted in microseconds, as getrusage and cgroups do; /proc, by which a tree of others is
     * read, has ticks of 10 ms. */
    bool ticks = setup->options->pid != 0 && !setup->options->processes;
    FR_TRY(fr_source_add(s,
                         &(fr_sensor){.id = "CPU model",
                                      .domain = FR_DOMAIN_CPU,
                                      .kind = FR_SENSOR_COUNTER,
                                      .scale = 1e-6 * p.w_per_thread,
                                      .update_s = ticks ? 0.01 : 0},
                         NULL, err));
cleanup:
    return st;
}

static void cpu_read(fr_source *s, const fr_tick *tick, fr_raw *raw)
{
    (void)s;
    if (tick->usage_known) *raw = (fr_raw){.ok = true, .value = 1e6 * tick->usage.cpu_s};
}

static fr_status ram_open(fr_source *s, const fr_source_setup *setup, fr_error *err)
{
    (void)setup;
    fr_status st = FR_OK;
    fr_channel *c = &s->channel[FR_DOMAIN_RAM];
    c->present = true;
    c->kind = FR_KIND_MODELLED;
    c->relative_uncertainty = 0.5;
    snprintf(c->source, sizeof(c->source), "RAM model: 3/8 W per GB resident in our process tree");
    fr_source_say(s, "3/8 W per GB resident in our process tree (Eco2AI, arXiv 2208.00406, after "
                     "3 W per 8 GB module)");
    FR_TRY(fr_source_add(s,
                         &(fr_sensor){.id = "RAM model",
                                      .domain = FR_DOMAIN_RAM,
                                      .kind = FR_SENSOR_POWER,
                                      .scale = RAM_W_PER_BYTE,
                                      .update_s = RAM_PERIOD_S},
                         NULL, err));
cleanup:
    return st;
}

static void ram_read(fr_source *s, const fr_tick *tick, fr_raw *raw)
{
    (void)s;
    if (tick->usage_known) *raw = (fr_raw){.ok = true, .value = tick->usage.rss_bytes};
}

const fr_source_class fr__cpu_model_class = {
    .name = "cpu-model",
    .label = "model",
    .covers = "CPU",
    .citation = "codecarbon, docs/explanation/accuracy.md (2025): a TDP model was 3 to 88 % above "
                "RAPL at full load; Fischer 2025 (arXiv 2509.22092): up to 40 % from external "
                "meters",
    .kind = FR_KIND_MODELLED,
    .domains = FR_IN(FR_DOMAIN_CPU),
    .open = cpu_open,
    .read = cpu_read,
};

const fr_source_class fr__ram_model_class = {
    .name = "ram-model",
    .label = "model",
    .covers = "RAM",
    .citation = "no validation known; taken as 50 %: vendors' figures run from 1.5 to 5 W a module",
    .kind = FR_KIND_MODELLED,
    .domains = FR_IN(FR_DOMAIN_RAM),
    .open = ram_open,
    .read = ram_read,
};
