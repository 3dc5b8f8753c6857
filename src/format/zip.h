/* zip.h - the table of contents of a zip archive in memory, as torch.save writes them (internal to
 * format).
 *
 * Only stored entries can be used, each a piece of the archive that no other entry shares: nothing
 * is unpacked, so nothing can swell. Read are zip64 archives (torch writes no others) and plain
 * ones. Refused: encryption, several disks, entries that overlap, repeat a name or lie outside.
 * Checksums are not looked at: torch can leave them out, and looking would touch every byte.
 * Source: PKWARE, APPNOTE.TXT 6.3.10. */
#ifndef FR_FORMAT_ZIP_H
#define FR_FORMAT_ZIP_H

#include <stdint.h>

#include "format/gguf.h" /* fr_bytes */
#include "os/file.h"

typedef struct fr_zip_entry {
    fr_bytes name;             /* in the archive */
    const unsigned char *data; /* in the archive */
    size_t size;
} fr_zip_entry;

typedef struct fr_zip {
    fr_zip_entry *entries; /* sorted by name; owned */
    size_t n;
} fr_zip;

/* The archive must outlive *out. Owner: the caller, by fr_zip_release.
 * Errors: FR_ERR_FORMAT, FR_ERR_UNSUPPORTED (compressed, encrypted); `path` begins messages. */
FR_NODISCARD fr_status fr_zip_read(fr_zip *out, const unsigned char *archive, size_t size,
                                   const char *path, fr_error *err);
void fr_zip_release(fr_zip *zip);

/* The entry of that name, or NULL. */
const fr_zip_entry *fr_zip_find(const fr_zip *zip, fr_bytes name);

#endif
