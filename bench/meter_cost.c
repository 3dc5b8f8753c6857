/* meter_cost.c - what metering itself costs: processor time at 10 Hz, resident memory of a program
 * that only meters, and how much longer a command takes under `frugal measure`.
 *     bench_meter_cost FRUGAL_BINARY [SECONDS]            20 s unless given
 * Linked with libfrugal-meter.so alone. */
#include <fcntl.h>
#include <frugal/meter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double status_mib(const char *key)
{
    char line[256];
    double kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, key, strlen(key))) kib = strtod(line + strlen(key), NULL);
    if (f) fclose(f);
    return kib / 1024;
}

/* Wall seconds of a command whose output goes nowhere. */
static double run(char *const argv[])
{
    double start = now_s(CLOCK_MONOTONIC);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (status) {
        fprintf(stderr, "meter_cost: %s ended with status %d\n", argv[0], status);
        exit(1);
    }
    return now_s(CLOCK_MONOTONIC) - start;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure_a_command(char *frugal)
{
    enum { N = 41 };
    char *plain[] = {"true", NULL}, *measured[] = {frugal, "measure", "--", "true", NULL};
    double a[N], b[N], more[N];
    for (int i = 0; i < N; i++) { /* taking turns */
        a[i] = run(plain);
        b[i] = run(measured);
        more[i] = b[i] - a[i];
    }
    qsort(more, N, sizeof(*more), ascending);
    printf(
        "`frugal measure -- true` takes %.1f ms longer than `true` (median of %d; quartiles %.1f "
        "to %.1f)\n",
        1e3 * more[N / 2], N, 1e3 * more[N / 4], 1e3 * more[3 * N / 4]);
}

static void pause_s(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds,
                         .tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&t, NULL);
}

/* Microseconds of processor time that sleeping ten times a second costs by itself. */
static double waking_us(void)
{
    enum { N = 50 };
    double cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < N; i++) pause_s(0.1);
    return 1e6 * (now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) / N;
}

int main(int argc, char **argv)
{
    fr_error err;
    fr_meter *meter;
    fr_meter_options options = FR_METER_OPTIONS_INIT;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 20;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_meter_cost FRUGAL_BINARY [SECONDS]\n");
        return 2;
    }
    double waking = waking_us();
    options.interval_s = 0.1;
    if (fr_meter_open(&meter, &options, &err)) {
        fprintf(stderr, "meter_cost: %s\n", err.message);
        return 1;
    }
    double cpu = now_s(CLOCK_PROCESS_CPUTIME_ID), wall = now_s(CLOCK_MONOTONIC);
    pause_s(seconds);
    cpu = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = now_s(CLOCK_MONOTONIC) - wall;
    printf("sampling at 10 Hz (%s): %.4f %% of one core; %.0f us a look, of which waking up alone "
           "costs %.0f us here\n",
           fr_meter_summary(meter), 100 * cpu / wall, 1e6 * cpu / (10 * wall), waking);
    printf("resident memory of a program that only meters: %.2f MiB (of which %.2f MiB are "
           "pages of files)\n",
           status_mib("VmRSS:"), status_mib("RssFile:"));
    fr_meter_close(meter);
    measure_a_command(argv[1]);
    return 0;
}
