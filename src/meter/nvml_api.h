/* nvml_api.h - the few functions of NVIDIA's management library that the meter calls, loaded when
 * a meter is opened. Each member is the function of that name without its "nvml"; those that old
 * drivers have not may be NULL.
 *
 * Reference: NVML API Reference (docs.nvidia.com/deploy/nvml-api); struct sizes as of CUDA 11 */
#ifndef FR_METER_NVML_API_H
#define FR_METER_NVML_API_H

#include <stdbool.h>

#include "base/error.h"

typedef struct nvmlDevice_st *fr_nvml_device;

enum {
    FR_NVML_SUCCESS = 0,
    FR_NVML_NOT_SUPPORTED = 3,
    FR_NVML_NO_PERMISSION = 4,
    FR_NVML_NOT_FOUND = 6,
    FR_NVML_INSUFFICIENT_SIZE = 7,
    FR_NVML_DRIVER_NOT_LOADED = 9,
    FR_NVML_GPU_IS_LOST = 15,
    FR_NVML_VERSION_MISMATCH = 18
};

/* A process with a context on the device. The first form of old drivers ends after the memory. */
typedef struct fr_nvml_process {
    unsigned pid;
    unsigned long long memory;
    unsigned gpu_instance, compute_instance;
} fr_nvml_process;

typedef struct fr_nvml_process_v1 {
    unsigned pid;
    unsigned long long memory;
} fr_nvml_process_v1;

/* Utilisation of one process over a driver's sampling period, percent. */
typedef struct fr_nvml_sample {
    unsigned pid;
    unsigned long long time_us;
    unsigned sm, memory, encoder, decoder;
} fr_nvml_sample;

typedef int (*fr_nvml_processes_fn)(fr_nvml_device, unsigned *n, void *out);

typedef struct fr_nvml_api {
    void *library;
    int (*init)(void);
    int (*shutdown)(void);
    const char *(*error_string)(int result);
    int (*count)(unsigned *n);
    int (*handle)(unsigned index, fr_nvml_device *out);
    int (*name)(fr_nvml_device, char *out, unsigned size);
    int (*energy)(fr_nvml_device, unsigned long long *mj); /* NULL before driver 375 */
    int (*power)(fr_nvml_device, unsigned *mw);
    int (*mig_mode)(fr_nvml_device, unsigned *current, unsigned *pending); /* may be NULL */
    int (*utilization)(fr_nvml_device, fr_nvml_sample *out, unsigned *n,
                       unsigned long long since_us); /* may be NULL */
    fr_nvml_processes_fn processes[2];               /* compute, graphics; may be NULL */
    bool old_processes;                              /* they fill fr_nvml_process_v1 */
} fr_nvml_api;

/* Loads `library` (NULL: libnvidia-ml.so.1) and its functions; init has not been called.
 * Errors: FR_ERR_UNSUPPORTED: it is not there, or lacks what is needed. */
FR_NODISCARD fr_status fr__nvml_load(fr_nvml_api *api, const char *library, fr_error *err);
void fr__nvml_unload(fr_nvml_api *api); /* a zeroed one is fine */

#endif
