/* weights_open.c - what opening a large file of weights costs: time and resident memory before
 * anything is touched, after one tensor, after all.
 *     bench_weights_open [MIB]                            500 unless given
 * The file is written below $TMPDIR first and is in the page cache when it is opened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "format/safetensors.h"
#include "format/tensors.h"

enum { ROWS = 1024, COLS = 1024, ROUNDS = 5 }; /* a tensor of 4 MiB */

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
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

static void touch(const fr_stored *t)
{
    volatile unsigned char sum = 0;
    for (size_t i = 0; i < t->n_bytes; i += 4096) sum = (unsigned char)(sum + t->data[i]);
}

static fr_status write_file(const char *path, size_t n, fr_error *err)
{
    fr_status st = FR_OK;
    fr_entry *entries = calloc(n, sizeof(*entries));
    char(*names)[64] = calloc(n, sizeof(*names));
    float *data = malloc(sizeof(float) * ROWS * COLS);
    if (!entries || !names || !data) FR_FAIL(err, FR_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < (size_t)ROWS * COLS; i++) data[i] = (float)i;
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof(names[i]), "model.layers.%zu.mlp.weight", i);
        entries[i] = (fr_entry){.name = names[i], .n_dims = 2, .shape = {ROWS, COLS}, .data = data};
    }
    FR_TRY(fr_safetensors_write(path, entries, n, err));
cleanup:
    free(entries);
    free(names);
    free(data);
    return st;
}

static fr_status look(const char *path, fr_error *err)
{
    fr_status st = FR_OK;
    fr_tensors *set = NULL;
    double resident = status_mib("VmRSS:"), anonymous = status_mib("RssAnon:"), start = now_ms();
    FR_TRY(fr_tensors_open(&set, path, err));
    double opened_ms = now_ms() - start, opened = status_mib("VmRSS:");
    touch(fr_tensors_at(set, fr_tensors_count(set) / 2));
    double one = status_mib("VmRSS:");
    for (size_t i = 0; i < fr_tensors_count(set); i++) touch(fr_tensors_at(set, i));
    printf("  opened in %6.2f ms; resident memory grew by %5.2f MiB, after one tensor of 4 MiB by "
           "%5.2f, after all by %6.1f, of which copies %4.2f\n",
           opened_ms, opened - resident, one - resident, status_mib("VmRSS:") - resident,
           status_mib("RssAnon:") - anonymous);
cleanup:
    fr_tensors_close(set);
    return st;
}

int main(int argc, char **argv)
{
    fr_error err;
    struct stat s;
    char dir[256], path[300];
    const char *tmp = getenv("TMPDIR");
    size_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 500;
    snprintf(dir, sizeof(dir), "%s/frugal-bench-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir)) return perror(dir), 1;
    snprintf(path, sizeof(path), "%s/model.safetensors", dir);
    fr_status st = write_file(path, mib / 4, &err);
    if (st == FR_OK && stat(path, &s) == 0)
        printf("%zu tensors, %.1f MiB of safetensors\n", mib / 4, (double)s.st_size / (1 << 20));
    for (int i = 0; st == FR_OK && i < ROUNDS; i++) st = look(path, &err);
    if (st != FR_OK) fprintf(stderr, "%s\n", err.message);
    remove(path);
    rmdir(dir);
    return st != FR_OK;
}
