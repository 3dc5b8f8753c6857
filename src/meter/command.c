/* command.c - any program that prints watts or joules: a smart plug, ipmitool, a PDU.
 *
 *     command:[system|cpu|gpu|ram,][W|J|Wh|kWh,][every=SECONDS,]COMMAND LINE
 *
 * /bin/sh runs it each second in a thread of its own, for 10 s at most; the first number that it
 * prints counts (reading_text.h). Joules and watt-hours are a counter that never wraps: where it
 * falls, it was reset. Of the command only its first word is told to anyone: it may hold a key. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/poller.h"
#include "os/shell.h"

typedef struct command_state {
    fr_poller *poller;
    char *line;
    char name[48]; /* its first word */
    fr_unit unit;  /* as told, then as the first run has shown */
    double step; /* of a counter, joules; 1 W: values are handed on in it; 0 until the first run */
    fr_str out;
} command_state;

static fr_status fetch(void *ctx, bool (*stop)(void *stop_ctx), void *stop_ctx, double *value,
                       fr_error *err)
{
    fr_status st = FR_OK;
    command_state *c = ctx;
    fr_unit unit = c->unit;
    double step;
    fr_str_clear(&c->out);
    FR_TRY(fr_shell_read(c->line, FR_POLL_MAX_S, stop, stop_ctx, &c->out, err));
    FR_TRY(fr__reading_parse(fr_str_text(&c->out), &unit, value, &step, err));
    if (c->step == 0) {
        c->unit = unit;
        c->step = unit.kind == FR_SENSOR_COUNTER ? step : 1;
    }
    *value /= c->step;
cleanup:
    return st;
}

/* Leading words that say something about the source, each up to a comma; the rest is the line. */
static fr_status take_words(command_state *c, const char *text, fr_poll_words *words, fr_error *err)
{
    fr_status st = FR_OK;
    for (const char *comma; (comma = strchr(text, ','));) {
        if (!fr__poll_word(words, text, (size_t)(comma - text))) break;
        text = comma + 1;
    }
    text += strspn(text, " ");
    if (!*text) FR_FAIL(err, FR_ERR_USAGE, "command: there is no command line after the colon");
    size_t n = strcspn(text, " \t\n|;&");
    snprintf(c->name, sizeof(c->name), "command %.*s", (int)(n < 32 ? n : 32), text);
    c->line = strdup(text);
    if (!c->line) FR_FAIL(err, FR_ERR_NOMEM, "command: out of memory");
    c->unit = words->unit;
cleanup:
    return st;
}

static fr_status command_open(fr_source *s, const fr_source_setup *setup, fr_error *err)
{
    fr_status st = FR_OK;
    const fr_meter_options *o = setup->options;
    fr_poll_words words = FR_POLL_WORDS_INIT;
    fr_error why;
    if (!setup->words) {
        fr_source_say(s, "no command has been named: any program that prints W, J, Wh or kWh");
        snprintf(s->remedy, sizeof(s->remedy),
                 "frugal meters --source 'command:system,W,ipmitool dcmi power reading'");
        return FR_OK;
    }
    command_state *c = calloc(1, sizeof(*c));
    s->state = c;
    if (!c) FR_FAIL(err, FR_ERR_NOMEM, "command: out of memory");
    FR_TRY(take_words(c, setup->words, &words, err));
    fr_poller_options poll = {.fetch = fetch,
                              .ctx = c,
                              .every_s = words.every_s,
                              .manual = o->manual,
                              .clock = o->clock,
                              .clock_ctx = o->clock_ctx};
    if (fr__poller_open(&c->poller, &poll, &why))
        FR_FAIL(err, FR_ERR_USAGE, "energy source %s: %s", c->name, why.message);
    words.unit = c->unit;
    FR_TRY(fr__poll_sensor(s, &words, c->name, c->step, err));
cleanup:
    return st;
}

static void command_read(fr_source *s, const fr_tick *tick, fr_raw *raw)
{
    (void)tick;
    const command_state *c = s->state;
    fr__poller_read(c->poller, raw);
    raw->share = NAN;
}

static void command_close(fr_source *s)
{
    command_state *c = s->state;
    if (!c) return;
    fr__poller_close(c->poller);
    fr_str_release(&c->out);
    free(c->line);
    free(c);
}

const fr_source_class fr__command_class = {
    .name = "command",
    .label = "command",
    .covers = "what the user says",
    .citation = "taken as 5 %: plug meters are sold with 1 to 3 %, BMCs with up to 5 %",
    .kind = FR_KIND_MEASURED,
    .domains = FR_IN(FR_DOMAIN_SYSTEM),
    .named = true,
    .open = command_open,
    .read = command_read,
    .close = command_close,
};
