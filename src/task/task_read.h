/* task_read.h - a task out of its YAML file (internal). */
#ifndef FR_TASK_TASK_READ_H
#define FR_TASK_TASK_READ_H

#include "format/yaml.h"
#include "task/task.h"

/* Fills *task, which is all zero; the caller closes it in any case.
 * Errors: FR_ERR_USAGE with file and line; FR_ERR_NOMEM. */
FR_NODISCARD fr_status fr__task_read(fr_task *task, const fr_yaml_node *root, fr_error *err);

#endif
