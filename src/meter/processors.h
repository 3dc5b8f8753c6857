/* processors.h - watts per busy hardware thread of a processor.
 *
 * From data/hardware/cpus.csv by name, else from data/hardware/cpu-families.csv
 * by family and model number (hypervisors often hide the name), else assumed.
 * Never from the number of threads that a virtual machine happens to show; a machine of its own
 * that shows just half of them has SMT switched off. */
#ifndef FR_METER_PROCESSORS_H
#define FR_METER_PROCESSORS_H

#include "base/figure.h"
#include "os/process.h"

typedef struct fr_processor {
    char name[96]; /* of the table's row */
    double tdp_w;  /* of one processor; 0 where only w_per_thread is assumed */
    int threads;   /* hardware threads of one processor; 0 likewise */
    double w_per_thread;
    fr_kind kind; /* MODELLED, or ASSUMED where nothing is known about the processor */
    double relative_uncertainty;
    char source[192]; /* where the figures come from, and how the row was chosen */
} fr_processor;

/* Never fails: the last resort is FR_UNKNOWN_W_PER_THREAD. */
void fr_processor_find(const fr_machine *machine, fr_processor *out);

/* codecarbon's last resort for a processor that it does not know. */
#define FR_UNKNOWN_W_PER_THREAD 4.0

/* "Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz" -> "intel xeon e5-2690 v4" in out[size]. */
void fr_processor_normalise(const char *name, char *out, size_t size);

#endif
