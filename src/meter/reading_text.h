/* reading_text.h - energy and power as programs print them: pure functions over texts that nobody
 * should trust. */
#ifndef FR_METER_READING_TEXT_H
#define FR_METER_READING_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "meter/source.h"

typedef struct fr_unit {
    bool known;
    fr_sensor_kind kind; /* joules or watts */
    double scale;        /* of one unit: 3600 for Wh */
} fr_unit;

/* "W", "kWh", "joules", ... of n bytes. Units that differ by case alone (mW, MW) are told apart;
 * words are not. False: no such unit. */
bool fr__unit_find(const char *word, size_t n, fr_unit *out);

/* The first number of a text, with the unit behind it or `unit` where there is none. A number is
 * a word of its own ("220", "12.5W", "apower":12.5), so that neither "PS1" nor a time of day
 * is taken for one.
 *   *value   in joules or watts
 *   *step    worth of the last digit that was printed, likewise
 *   *unit    becomes the unit that was found
 * Errors: FR_ERR_FORMAT: no number; negative; a comma in it; no unit anywhere; *unit is known and
 * the text says the other of energy and power. */
FR_NODISCARD fr_status fr__reading_parse(const char *text, fr_unit *unit, double *value,
                                         double *step, fr_error *err);

#endif
