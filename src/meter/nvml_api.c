/* nvml_api.c - loads NVIDIA's management library. */
#include "meter/nvml_api.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* Symbol into a member, by its bytes: ISO C has no cast from void * to a function. */
#define LOAD(api, member, symbol) \
    load((api)->library, symbol, &(api)->member, sizeof((api)->member))

static bool load(void *library, const char *symbol, void *member, size_t size)
{
    void *at = dlsym(library, symbol);
    memcpy(member, &at, size);
    return at != NULL;
}

/* Lists of processes. _v2 comes first: _v3 has the same form, except in drivers 535.43 to 535.86,
 * which fill a longer one (nvitop pull requests 79 and 89). */
static void load_processes(fr_nvml_api *a)
{
    if (LOAD(a, processes[0], "nvmlDeviceGetComputeRunningProcesses_v2") ||
        LOAD(a, processes[0], "nvmlDeviceGetComputeRunningProcesses_v3")) {
        if (!LOAD(a, processes[1], "nvmlDeviceGetGraphicsRunningProcesses_v2"))
            LOAD(a, processes[1], "nvmlDeviceGetGraphicsRunningProcesses_v3");
        return;
    }
    LOAD(a, processes[0], "nvmlDeviceGetComputeRunningProcesses");
    LOAD(a, processes[1], "nvmlDeviceGetGraphicsRunningProcesses");
    a->old_processes = true;
}

fr_status fr__nvml_load(fr_nvml_api *a, const char *library, fr_error *err)
{
    fr_status st = FR_OK;
    if (!library) library = "libnvidia-ml.so.1";
    memset(a, 0, sizeof(*a));
    a->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!a->library)
        FR_FAIL(err, FR_ERR_UNSUPPORTED, "no NVIDIA driver here: cannot load %s", library);
    if (!LOAD(a, init, "nvmlInit_v2") || !LOAD(a, shutdown, "nvmlShutdown") ||
        !LOAD(a, error_string, "nvmlErrorString") || !LOAD(a, count, "nvmlDeviceGetCount_v2") ||
        !LOAD(a, handle, "nvmlDeviceGetHandleByIndex_v2") || !LOAD(a, name, "nvmlDeviceGetName") ||
        !LOAD(a, power, "nvmlDeviceGetPowerUsage"))
        FR_FAIL(err, FR_ERR_UNSUPPORTED,
                "%s lacks functions that NVIDIA's drivers have since 2014: is the driver older?",
                library);
    LOAD(a, energy, "nvmlDeviceGetTotalEnergyConsumption");
    LOAD(a, mig_mode, "nvmlDeviceGetMigMode");
    LOAD(a, utilization, "nvmlDeviceGetProcessUtilization");
    load_processes(a);
cleanup:
    if (st) fr__nvml_unload(a);
    return st;
}

void fr__nvml_unload(fr_nvml_api *a)
{
    if (a->library) dlclose(a->library);
    memset(a, 0, sizeof(*a));
}
