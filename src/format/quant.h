/* quant.h - blocks of quantized numbers (internal to format; see dtype.h). */
#ifndef FR_FORMAT_QUANT_H
#define FR_FORMAT_QUANT_H

#include <stdbool.h>
#include <stdint.h>

#include "format/dtype.h"

/* As fr_dtype_decode and fr_dtype_encode; false for types without blocks. */
bool fr__quant_decode(fr_dtype dtype, const unsigned char *bytes, size_t n, float *out);
bool fr__quant_encode(fr_dtype dtype, const float *values, size_t n, unsigned char *bytes);

#endif
