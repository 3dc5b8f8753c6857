/* quant.h - blocks of quantized numbers (internal to format; see dtype.h). */
#ifndef FR_FORMAT_QUANT_H
#define FR_FORMAT_QUANT_H

#include <stdbool.h>
#include <stdint.h>

#include "format/dtype.h"

/* As fr_dtype_decode and fr_dtype_encode; false for types without blocks. */
bool fr__quant_decode(fr_dtype dtype, const unsigned char *bytes, size_t n, float *out);
bool fr__quant_encode(fr_dtype dtype, const float *values, size_t n, unsigned char *bytes);

/* IEEE 754 binary16 from and to binary32; to: nearest, ties to even, infinity from 65520 on. */
float fr__half_to_float(uint16_t h);
uint16_t fr__float_to_half(float f);

#endif
