/* zip.c - local headers, a central directory and the end record; no zip64. */
#include "support/zip.h"

#include <stdint.h>
#include <string.h>

#include "support/test.h"

static void put(unsigned char *at, size_t n, size_t value)
{
    for (size_t i = 0; i < n; i++) at[i] = (unsigned char)(value >> (8 * i));
}

void test_zip_add(test_zip *zip, const char *name, const void *data, size_t n)
{
    size_t len = strlen(name);
    assert_true(zip->size + 30 + len + n < sizeof(zip->bytes));
    assert_true(zip->directory_size + 46 + len < sizeof(zip->directory));
    unsigned char *local = zip->bytes + zip->size;
    memcpy(local, "PK\3\4", 4);
    put(local + 18, 4, n);
    put(local + 22, 4, n);
    put(local + 26, 2, len);
    memcpy(local + 30, name, len);
    if (n) memcpy(local + 30 + len, data, n);

    unsigned char *central = zip->directory + zip->directory_size;
    memcpy(central, "PK\1\2", 4);
    put(central + 20, 4, n);
    put(central + 24, 4, n);
    put(central + 28, 2, len);
    put(central + 42, 4, zip->size);
    memcpy(central + 46, name, len);
    zip->size += 30 + len + n;
    zip->directory_size += 46 + len;
    zip->n++;
}

void test_zip_end(test_zip *zip)
{
    zip->directory_at = zip->size;
    assert_true(zip->size + zip->directory_size + 22 < sizeof(zip->bytes));
    memcpy(zip->bytes + zip->size, zip->directory, zip->directory_size);
    zip->size += zip->directory_size;
    unsigned char *end = zip->bytes + zip->size;
    memcpy(end, "PK\5\6", 4);
    put(end + 8, 2, zip->n);
    put(end + 10, 2, zip->n);
    put(end + 12, 4, zip->directory_size);
    put(end + 16, 4, zip->directory_at);
    zip->size += 22;
}
