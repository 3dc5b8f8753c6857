/* fuzz_torch_bin.c - any bytes as a zip archive, and the same bytes as the pickle in one. */
#include "format/pickle.h"
#include "fuzz_tensors.h"

static fr_status visit(void *ctx, const fr_pickled *t, fr_error *err)
{
    size_t *seen = ctx;
    (void)err;
    *seen += t->name.len + t->storage.len + t->n_dims;
    return FR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    size_t seen = 0;
    if (size > 1 && data[0] == 'P') {
        int fd = fuzz_file(data, size, path);
        fuzz_tensors(path, size);
        close(fd);
    } else if (fr_pickle_read(data, size, "pickle", visit, &seen, NULL) == FR_OK &&
               seen > SIZE_MAX / 2) {
        abort();
    }
    return 0;
}
