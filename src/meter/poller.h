/* poller.h - a thread that fetches a reading which takes its time: from a command, from a server.
 *
 * The sampler must not wait, so it takes the last value that the thread has left, with the moment
 * at which it was true. In a manual meter there is no thread, and a value that is due is fetched
 * when it is asked for. */
#ifndef FR_METER_POLLER_H
#define FR_METER_POLLER_H

#include "meter/reading_text.h"
#include "meter/source.h"

typedef struct fr_poller fr_poller;

typedef struct fr_poller_options {
    /* Fetches one value, in the sensor's unit; returns soon after `stop` has become true. */
    fr_status (*fetch)(void *ctx, bool (*stop)(void *stop_ctx), void *stop_ctx, double *value,
                       fr_error *err);
    void *ctx;
    double every_s;
    bool manual;
    double (*clock)(void *ctx); /* the meter's */
    void *clock_ctx;
} fr_poller_options;

/* Fetches for the first time; the thread begins with the first fr__poller_read.
 * Errors: those of fetch; FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__poller_open(fr_poller **out, const fr_poller_options *options,
                                       fr_error *err);

/* Never waits (unless manual). A fetch that failed is told once. */
void fr__poller_read(fr_poller *poller, fr_raw *raw);

/* Stops the thread. NULL is fine. */
void fr__poller_close(fr_poller *poller);

/* What such sources agree on in their words.
 *     [system|cpu|gpu|ram]  [W|J|Wh|kWh|unit=...]  [every=SECONDS]  */
enum { FR_POLL_MAX_S = 10 }; /* a fetch may take so long */

typedef struct fr_poll_words {
    fr_domain domain; /* SYSTEM unless given */
    fr_unit unit;     /* unknown unless given */
    double every_s;   /* 1 unless given */
} fr_poll_words;

#define FR_POLL_WORDS_INIT                         \
    {                                              \
        .domain = FR_DOMAIN_SYSTEM, .every_s = 1.0 \
    }

/* Takes one word of n bytes; false when it is none of them. Errors in it (every=0) count as none.
 */
bool fr__poll_word(fr_poll_words *words, const char *word, size_t n);

/* Adds the one sensor of such a source and fills its channel. label: in the sensor's name and the
 * words; scale: joules of a counter's step, or watts of one unit of power.
 * Errors: FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__poll_sensor(fr_source *source, const fr_poll_words *words,
                                       const char *label, double scale, fr_error *err);

#endif
