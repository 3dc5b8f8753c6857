/* measure_impl.h - the inside of a metric of a task, for what fills its statistics (internal). */
#ifndef FR_TASK_MEASURE_IMPL_H
#define FR_TASK_MEASURE_IMPL_H

#include "metric/labels.h"
#include "task/measure.h"

typedef enum fr__measure_row {
    FR__ACCURACY,
    FR__MACRO_F1,
    FR__MCC,
    FR__PERPLEXITY,
    FR__BITS_PER_BYTE,
    FR__PASS_AT_K,
    FR__TEXT
} fr__measure_row;

struct fr_measure {
    char *name;
    fr__measure_row row;
    size_t n_labels, k;      /* k: of pass@k */
    fr_label_counts *counts; /* of macro-f1 and mcc: room for the counts of a score; owned */
    fr_metric *metric;       /* of texts; owned */
};

#endif
