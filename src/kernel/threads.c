/* threads.c - how many threads the kernels use, and how they wait.
 *
 * The only file of the room that looks at the environment. */
#include "kernel/kernel.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>
#endif

/* Set in the second start, which takes all three out again for its children. */
static const char *const mark = "FRUGAL_WAITS_PASSIVELY";
static const char *const policy = "OMP_WAIT_POLICY";
static const char *const spins = "GOMP_SPINCOUNT";
/* Rounds of some 20 ns: between two products of a decoder a thread waits less than it takes to fall
 * asleep and be woken, which costs more processor time than the spinning (bench/decoders.py). */
static const char *const few_spins = "3000";

static atomic_int wanted; /* 0: not asked for yet */

static int processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) {
        return CPU_COUNT(&set);
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 && n < 4096 ? (int)n : 1;
}

void fr_kernels_set_threads(int n)
{
    wanted = n > 0 ? n : processors();
}

int fr_kernels_threads(void)
{
#ifdef _OPENMP
    int n = wanted;
    if (n == 0) {
        n = omp_get_max_threads(); /* OMP_NUM_THREADS, else the affinity mask */
        wanted = n;
    }
    /* oneDNN asks OpenMP, whose number belongs to the calling thread. */
    if (omp_get_max_threads() != n) omp_set_num_threads(n);
    return n;
#else
    return 1;
#endif
}

void fr_kernels_wait_passively(char **argv)
{
    if (getenv(mark)) {
        unsetenv(mark);
        unsetenv(policy);
        unsetenv(spins);
        return;
    }
    if (getenv(policy) || getenv(spins)) return;

    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n <= 0) return;
    path[n] = '\0';
    if (setenv(policy, "passive", 1) == 0 && setenv(spins, few_spins, 1) == 0 &&
        setenv(mark, "1", 1) == 0)
        execv(path, argv);
    unsetenv(mark);
    unsetenv(policy);
    unsetenv(spins);
}
