/* template.h - texts with places for the fields of a row of data.
 *
 *     "Premise: {premise}\nHypothesis: {hypothesis}"
 *
 * A place is a field's name in braces: letters, digits, _ and . (a field inside of another one),
 * the first no digit. Every other brace stands for itself, so that prompts may show JSON or code.
 */
#ifndef FR_TASK_TEMPLATE_H
#define FR_TASK_TEMPLATE_H

#include <stddef.h>

/* A field's name in a template, without its braces. */
typedef struct fr_place {
    const char *begin, *end; /* of the place, braces included; NULL: there is no other */
    char name[128];
} fr_place;

/* The first place at or behind `at`. */
fr_place fr_template_next(const char *at);

#endif
