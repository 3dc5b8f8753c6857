/* growth.h - how long a text may become on its way through a normalizer or decoder.
 *
 * A file may name steps that make a text longer and longer. What writing systems need is little:
 * the longest compatibility form makes 33 bytes of 3, spelling bytes as characters doubles them. */
#ifndef FR_TEXT_GROWTH_H
#define FR_TEXT_GROWTH_H

#include <stddef.h>

#include "base/error.h"

enum { FR_GROWTH = 32, FR_GROWTH_FREE = 64 << 10 };

/* Bytes that may become of a text of len bytes. */
static inline size_t fr_growth_limit(size_t len)
{
    return len < SIZE_MAX / FR_GROWTH - FR_GROWTH_FREE ? FR_GROWTH * len + FR_GROWTH_FREE
                                                       : SIZE_MAX;
}

/* Errors: FR_ERR_UNSUPPORTED when len is more. */
FR_NODISCARD static inline fr_status fr_growth_check(size_t len, size_t most, fr_error *err)
{
    if (len <= most) return FR_OK;
    return fr_error_set(err, FR_ERR_UNSUPPORTED,
                        "the tokenizer makes a text more than %d times as long as it was",
                        FR_GROWTH);
}

#endif
