/* reading.h - what a written answer says: where it ends, and what it comes to (internal).
 *
 * Where a task has a marker ("####"), an answer is a number, the letter of a choice or a text, as
 * the reference behind its own marker is.
 *     strict   what stands behind the first marker, in the same line
 *     lenient  that; else the last number; the last letter in parentheses, or the one behind
 *              "answer is"; the text behind "answer is", the last yes or no, or the last line
 * Numbers compare by value ("1,000" and "1000", "18.0" and "18"), letters without parentheses,
 * texts by the metric (exact-match, exact-match-lenient). */
#ifndef FR_TASK_READING_H
#define FR_TASK_READING_H

#include "task/task.h"

/* Without white space at both ends. */
fr_text fr__trim(fr_text text);

/* What a model that thinks aloud answers: what stands behind its last "</think>", nothing where it
 * has begun with "<think>" and not come to an end. Of all others the whole text. */
fr_text fr__behind_thoughts(fr_text written);

/* What was written, without thoughts, up to the first of the task's stops, without white space at
 * the ends. */
fr_text fr__reading_cut(const fr_task *task, const fr_item *item, fr_text written);

/* Does the target have the marker, and something behind it? */
bool fr__reading_has_answer(const char *marker, fr_text target);

enum { FR__READING_SIZE = 96 }; /* digits of a number, at most */

/* The answers of both texts: equal where they are the same bytes, or, where true is returned, to be
 * compared as texts. *written has no data where it gives no answer. buffers: room that they may lie
 * in. */
bool fr__reading_take(const char *marker, bool lenient, fr_text *written, fr_text *target,
                      char buffers[2][FR__READING_SIZE]);

#endif
