/* program.h - programs of a code task, out of what a model has written (internal).
 *
 * Where an answer has a Markdown fence, its code is what stands in there: of several the one that
 * defines the function asked for, else the first. A fence behind code only closes what the prompt
 * had opened. Without a fence the code ends at the first stop behind the definition of the function
 * asked for, or at the first at all. Code that defines the function stands behind the item's code;
 * other code goes on from it. */
#ifndef FR_TASK_PROGRAM_H
#define FR_TASK_PROGRAM_H

#include "sandbox/sandbox.h"
#include "task/score.h"

typedef struct fr__programs {
    fr_program *all; /* [n] samples of the answers, item by item; owned, as are the texts */
    fr_str *code;    /* [n] */
    size_t n;
} fr__programs;

FR_NODISCARD fr_status fr__programs_make(fr__programs *out, const fr_task *task,
                                         const fr_item *items, const fr_answer *answers, size_t n,
                                         fr_error *err);
void fr__programs_release(fr__programs *p);

/* fr_task_end of a code task. */
size_t fr__program_end(const fr_task *task, const fr_item *item, fr_text written);

/* Appends the program that an answer makes of the item. */
FR_NODISCARD fr_status fr__program_write(const fr_task *task, const fr_item *item, fr_text written,
                                         fr_str *out, fr_error *err);

/* The last function defined in `code` that `tests` call, into entry[size]; "": none. */
void fr__program_find_entry(const char *code, const char *tests, char *entry, size_t size);

#endif
