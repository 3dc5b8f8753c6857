/* fuzz_unpack.c - any bytes as a packed file, read to its end or to a megabyte. */
#include "format/stream.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    fr_stream *s;
    fr_error err;
    const char *bytes;
    size_t n = 1, sum = 0, all = 0;
    int fd = fuzz_file(data, size, path);
    if (fr_stream_open(&s, path, &err) == FR_OK) {
        while (n && all < (1 << 20) && fr_stream_peek(s, &bytes, &n, &err) == FR_OK) {
            for (size_t i = 0; i < n; i++) sum += (unsigned char)bytes[i];
            fr_stream_skip(s, n);
            all += n;
        }
        fr_stream_close(s);
    }
    close(fd);
    return sum == (size_t)-1;
}
