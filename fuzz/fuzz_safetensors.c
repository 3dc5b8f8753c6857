/* fuzz_safetensors.c - any bytes as a file whose first bytes do not say what it is. */
#include "fuzz_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = fuzz_file(data, size, path);
    fuzz_tensors(path, size);
    close(fd);
    return 0;
}
