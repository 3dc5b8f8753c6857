/* fuzz.h - what the fuzz targets share.
 *
 * A target is fuzz_<name>.c with LLVMFuzzerTestOneInput. `cmake -DFR_FUZZ=ON` with clang makes
 * libFuzzer programs of them (fuzz_<name> CORPUS...); every build makes replay_<name>, which the
 * tests run over fuzz/corpus/<name>. */
#ifndef FR_FUZZ_FUZZ_H
#define FR_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory with these bytes; its path into path[64]. Close the descriptor after use. */
static inline int fuzz_file(const uint8_t *data, size_t size, char path[64])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size)) abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

#endif
