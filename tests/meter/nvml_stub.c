/* nvml_stub.c - a management library of NVIDIA's that says what a text file says.
 *
 * The file is named by FR_NVML_STUB_FILE and read anew at each call. Lines of `key value`:
 *
 *     init 9            result of nvmlInit_v2; 0 when it is not there
 *     count 2           devices
 *     0.name H100       of device 0
 *     0.energy 12345    mJ; without it the counter is not supported
 *     0.power 250000    mW; likewise
 *     0.lost 15         result of everything that is asked of the device
 *     0.blind 999       result of its energy and power alone
 *     0.compute 42 43   processes with a compute context
 *     0.graphics 44
 *     0.samples 7:42:60 time in us : pid : utilisation of the multiprocessors; more follow
 *     0.mig 1 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/nvml_api.h"

/* The value of a key in buf[size]; false when it is not there. */
static bool find(unsigned device, const char *key, char *buf, size_t size)
{
    char line[512], wanted[64];
    const char *path = getenv("FR_NVML_STUB_FILE");
    FILE *f = path ? fopen(path, "re") : NULL;
    bool found = false;
    if (!f) return false;
    if (device < 1000)
        snprintf(wanted, sizeof(wanted), "%u.%s ", device, key);
    else
        snprintf(wanted, sizeof(wanted), "%s ", key);
    while (!found && fgets(line, sizeof(line), f)) {
        found = !strncmp(line, wanted, strlen(wanted));
        if (found) snprintf(buf, size, "%s", line + strlen(wanted));
    }
    fclose(f);
    buf[strcspn(buf, "\n")] = 0;
    return found;
}

static unsigned long long number(unsigned device, const char *key, unsigned long long otherwise)
{
    char text[512];
    return find(device, key, text, sizeof(text)) ? strtoull(text, NULL, 10) : otherwise;
}

enum { WHOLE = 1000, MAX_STUBS = 16 };

/* A device is known by its place in this array. */
static char devices[MAX_STUBS];

static unsigned index_of(fr_nvml_device d)
{
    return (unsigned)((char *)d - devices);
}

static int result_of(fr_nvml_device d)
{
    return (int)number(index_of(d), "lost", 0);
}

static int blind(fr_nvml_device d)
{
    return (int)number(index_of(d), "blind", (unsigned)result_of(d));
}

int nvmlInit_v2(void);
int nvmlInit_v2(void)
{
    return (int)number(WHOLE, "init", 0);
}

int nvmlShutdown(void);
int nvmlShutdown(void)
{
    return 0;
}

const char *nvmlErrorString(int result);
const char *nvmlErrorString(int result)
{
    return result == FR_NVML_GPU_IS_LOST         ? "GPU is lost"
           : result == FR_NVML_NOT_SUPPORTED     ? "Not Supported"
           : result == FR_NVML_DRIVER_NOT_LOADED ? "Driver Not Loaded"
                                                 : "Unknown Error";
}

int nvmlDeviceGetCount_v2(unsigned *n);
int nvmlDeviceGetCount_v2(unsigned *n)
{
    *n = (unsigned)number(WHOLE, "count", 0);
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, fr_nvml_device *out);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, fr_nvml_device *out)
{
    *out = (fr_nvml_device)(void *)&devices[index];
    return index < MAX_STUBS ? 0 : 2;
}

int nvmlDeviceGetName(fr_nvml_device d, char *out, unsigned size);
int nvmlDeviceGetName(fr_nvml_device d, char *out, unsigned size)
{
    char text[512] = "stub";
    find(index_of(d), "name", text, sizeof(text));
    snprintf(out, size, "%s", text);
    return 0;
}

int nvmlDeviceGetTotalEnergyConsumption(fr_nvml_device d, unsigned long long *mj);
int nvmlDeviceGetTotalEnergyConsumption(fr_nvml_device d, unsigned long long *mj)
{
    char text[512];
    if (blind(d)) return blind(d);
    if (!find(index_of(d), "energy", text, sizeof(text))) return FR_NVML_NOT_SUPPORTED;
    *mj = strtoull(text, NULL, 10);
    return 0;
}

int nvmlDeviceGetPowerUsage(fr_nvml_device d, unsigned *mw);
int nvmlDeviceGetPowerUsage(fr_nvml_device d, unsigned *mw)
{
    char text[512];
    if (blind(d)) return blind(d);
    if (!find(index_of(d), "power", text, sizeof(text))) return FR_NVML_NOT_SUPPORTED;
    *mw = (unsigned)strtoul(text, NULL, 10);
    return 0;
}

int nvmlDeviceGetMigMode(fr_nvml_device d, unsigned *current, unsigned *pending);
int nvmlDeviceGetMigMode(fr_nvml_device d, unsigned *current, unsigned *pending)
{
    *current = *pending = (unsigned)number(index_of(d), "mig", 0);
    return 0;
}

static int processes(fr_nvml_device d, const char *key, unsigned *n, fr_nvml_process *out)
{
    char text[512] = "";
    unsigned room = *n;
    if (result_of(d)) return result_of(d);
    find(index_of(d), key, text, sizeof(text));
    *n = 0;
    for (char *at = text, *end;; at = end) {
        unsigned long pid = strtoul(at, &end, 10);
        if (end == at) return 0;
        if (*n == room) return FR_NVML_INSUFFICIENT_SIZE;
        out[(*n)++] = (fr_nvml_process){.pid = (unsigned)pid, .memory = 1 << 20};
    }
}

int nvmlDeviceGetComputeRunningProcesses_v2(fr_nvml_device d, unsigned *n, fr_nvml_process *out);
int nvmlDeviceGetComputeRunningProcesses_v2(fr_nvml_device d, unsigned *n, fr_nvml_process *out)
{
    return processes(d, "compute", n, out);
}

int nvmlDeviceGetGraphicsRunningProcesses_v2(fr_nvml_device d, unsigned *n, fr_nvml_process *out);
int nvmlDeviceGetGraphicsRunningProcesses_v2(fr_nvml_device d, unsigned *n, fr_nvml_process *out)
{
    return processes(d, "graphics", n, out);
}

int nvmlDeviceGetProcessUtilization(fr_nvml_device d, fr_nvml_sample *out, unsigned *n,
                                    unsigned long long since_us);
int nvmlDeviceGetProcessUtilization(fr_nvml_device d, fr_nvml_sample *out, unsigned *n,
                                    unsigned long long since_us)
{
    char text[512];
    unsigned room = *n;
    if (!find(index_of(d), "samples", text, sizeof(text))) return FR_NVML_NOT_SUPPORTED;
    *n = 0;
    for (char *at = strtok(text, " "); at && *n < room; at = strtok(NULL, " ")) {
        fr_nvml_sample s = {0};
        if (sscanf(at, "%llu:%u:%u", &s.time_us, &s.pid, &s.sm) != 3) continue;
        if (s.time_us > since_us) out[(*n)++] = s;
    }
    return *n ? 0 : FR_NVML_NOT_FOUND;
}
