/* zip.h - a zip archive of stored entries in memory, for planting faults in it.
 *
 *     test_zip zip = {.n = 0};
 *     test_zip_add(&zip, "m/data.pkl", pickle, sizeof(pickle));
 *     test_zip_end(&zip);                        // zip.bytes[0 .. zip.size) */
#ifndef FR_TESTS_SUPPORT_ZIP_H
#define FR_TESTS_SUPPORT_ZIP_H

#include <stddef.h>

typedef struct test_zip {
    unsigned char bytes[1 << 14], directory[1 << 12];
    size_t size, directory_size, n;
    size_t directory_at; /* where the directory begins, after test_zip_end */
} test_zip;

void test_zip_add(test_zip *zip, const char *name, const void *data, size_t n);
void test_zip_end(test_zip *zip);

#endif
