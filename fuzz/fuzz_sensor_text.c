/* fuzz_sensor_text.c - any bytes as what commands, exporters and kernel files print. The first byte
 * chooses the reader; an exporter's page follows a first line with the selector. What is read is a
 * finite number that is not negative. */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "meter/poller.h"
#include "meter/prometheus_text.h"
#include "meter/reading_text.h"
#include "meter/sysfs_text.h"

static void as_reading(const char *text, const char *unit_name)
{
    fr_unit unit = {0};
    double value, step;
    fr_error err;
    fr__unit_find(unit_name, strlen(unit_name), &unit);
    if (fr__reading_parse(text, &unit, &value, &step, &err)) {
        if (strchr(err.message, '\n')) abort();
        return;
    }
    if (!unit.known || !isfinite(value) || value < 0 || !isfinite(step) || !(step > 0)) abort();
}

static void as_page(char *text)
{
    fr_selector s;
    const char *end;
    double sum;
    size_t n;
    fr_error err;
    char *page = strchr(text, '\n');
    if (!page) return;
    *page++ = 0;
    if (fr__selector_parse(text, &s, &end, &err)) return;
    if (fr__prometheus_sum(page, &s, &sum, &n, &err) == FR_OK &&
        (!isfinite(sum) || sum < 0 || n > strlen(page)))
        abort();
}

static void as_kernel_file(const char *text)
{
    unsigned cpus[16];
    uint64_t config;
    double x;
    if (fr__sysfs_cpu_list(text, cpus, 16) > 16) abort();
    fr__sysfs_event(text, &config);
    if (fr__sysfs_number(text, &x) && (!isfinite(x) || x < 0)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    char *text = malloc(size);
    if (!text) abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    fr_poll_words words = FR_POLL_WORDS_INIT;
    switch (data[0]) {
    case '0': as_reading(text, ""); break;
    case 'W': as_reading(text, "W"); break;
    case 'J': as_reading(text, "kWh"); break;
    case 'p': as_page(text); break;
    case 'k': as_kernel_file(text); break;
    default:
        if (fr__poll_word(&words, text, strlen(text)) &&
            !(words.every_s >= 0.1 && words.every_s <= 3600))
            abort();
    }
    free(text);
    return 0;
}
