/* spec_read.h - what the files that read study.yaml share (internal to study).
 *
 *     spec.c         the study, its data, its place, and what holds of all models together
 *     spec_model.c   one model
 *     spec_read.c    values with their types and ranges */
#ifndef FR_STUDY_SPEC_READ_H
#define FR_STUDY_SPEC_READ_H

#include "base/str.h"
#include "format/yaml.h"
#include "study/spec.h"

typedef struct fr__spec_reader {
    fr_spec *spec;
    fr_str folder; /* of the study file */
    fr_str path;   /* scratch */
} fr__spec_reader;

/* A copy that lives as long as the spec; NULL of NULL. */
FR_NODISCARD fr_status fr__spec_keep(fr__spec_reader *r, const char *text, const char **out,
                                     fr_error *err);

/* NULL where the key is absent. Errors, as of those below: FR_ERR_USAGE with file and line (a wrong
 * type, out of range), FR_ERR_IO (no such file). */
FR_NODISCARD fr_status fr__spec_text(fr__spec_reader *r, const fr_yaml_node *map, const char *key,
                                     const char **out, fr_error *err);

/* A path, taken from the folder of the study file. What it must be is checked here, so that the
 * error can name the line. */
typedef enum fr__spec_wanted {
    FR__SPEC_FILE,
    FR__SPEC_FOLDER,
    FR__SPEC_FILE_OR_FOLDER
} fr__spec_wanted;

FR_NODISCARD fr_status fr__spec_path(fr__spec_reader *r, const fr_yaml_node *map, const char *key,
                                     fr__spec_wanted what, const char **out, fr_error *err);

/* [low, high] of what stands there; fallback where nothing does. */
FR_NODISCARD fr_status fr__spec_number(const fr_yaml_node *map, const char *key, double fallback,
                                       double low, double high, double *out, fr_error *err);
FR_NODISCARD fr_status fr__spec_size(const fr_yaml_node *map, const char *key, size_t fallback,
                                     size_t low, size_t high, size_t *out, fr_error *err);

/* Entry i of the models; those before it are read. */
FR_NODISCARD fr_status fr__spec_model(fr__spec_reader *r, const fr_yaml_node *map, size_t i,
                                      fr_error *err);

#endif
