/* json_build.h - values of the JSON reports (internal to report). Building stops making sense after
 * the first NULL: that is remembered in the builder. */
#ifndef FR_REPORT_JSON_BUILD_H
#define FR_REPORT_JSON_BUILD_H

#include <jansson.h>
#include <stdbool.h>

#include "base/figure.h"
#include "base/str.h"

typedef struct fr__json {
    bool failed;
} fr__json;

/* Both take over `value`. */
void fr__json_set(fr__json *b, json_t *object, const char *key, json_t *value);
void fr__json_add(fr__json *b, json_t *array, json_t *value);

json_t *fr__json_text(fr__json *b, const char *text); /* cleaned */
json_t *fr__json_number(double x);                    /* null where it is not finite */
json_t *fr__json_figure(fr__json *b, const fr_figure *f);

/* Appends `root`, which it takes over. Errors: FR_ERR_NOMEM, also of what failed before. */
FR_NODISCARD fr_status fr__json_write(fr__json *b, json_t *root, fr_str *out, fr_error *err);

#endif
