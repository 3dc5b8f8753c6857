/* simd_math.h - exp, tanh, the normal distribution and activations on vectors.
 *
 * The polynomials are minimax fits of our own (weighted least squares, relative
 * error); figures are the largest errors found against double precision. */
#ifndef FR_KERNEL_SIMD_MATH_H
#define FR_KERNEL_SIMD_MATH_H

#include "kernel/kernel.h"
#include "kernel/simd.h"

/* e^x, relative error 1e-7; 0 below -87.3, largest 2^127.5; NaN stays NaN.
 * x = n ln 2 + r, |r| <= ln 2 / 2;  adding 1.5 2^23 rounds to an integer and leaves it in the
 * low bits. */
FR_INLINE vf vf_exp(vf x)
{
    const vf magic = vf_all(0x1.8p23f);
    vf bounded = vf_min(vf_all(88.37f), vf_max(vf_all(-87.3f), x));
    vf shifted = vf_fma(bounded, vf_all(1.44269504f), magic);
    vf n = shifted - magic;
    vf r = vf_fnma(n, vf_all(0.693145752f), bounded);
    r = vf_fnma(n, vf_all(1.42860677e-6f), r);
    vf p = vf_all(1.395297120e-03f);
    p = vf_fma(p, r, vf_all(8.370321244e-03f));
    p = vf_fma(p, r, vf_all(4.166616872e-02f));
    p = vf_fma(p, r, vf_all(1.666650623e-01f));
    p = vf_fma(p, r, vf_all(0.5f));
    p = vf_fma(p * r, r, r) + 1.0f;
    vf y = (vf)((vu)p + ((vu)shifted << 23));
    return vf_if_less(x, vf_all(-87.3f), vf_all(0), y);
}

/* log x of a positive, normal x; relative error 2e-7.
 * x = m 2^e with m in [sqrt 1/2, sqrt 2): taking the bits of sqrt 1/2 off leaves e on top. */
FR_INLINE vf vf_log(vf x)
{
    vi bits = (vi)x - 0x3f3504f3;
    vi e = bits >> 23;
    vf m = (vf)((bits & 0x007fffff) + 0x3f3504f3), z = m - 1.0f;
    vf p = vf_all(-7.633581012e-02f);
    p = vf_fma(p, z, vf_all(1.280035377e-01f));
    p = vf_fma(p, z, vf_all(-1.317854822e-01f));
    p = vf_fma(p, z, vf_all(1.419779807e-01f));
    p = vf_fma(p, z, vf_all(-1.662119031e-01f));
    p = vf_fma(p, z, vf_all(2.000131905e-01f));
    p = vf_fma(p, z, vf_all(-2.500087917e-01f));
    p = vf_fma(p, z, vf_all(3.333333135e-01f));
    vf log_m = vf_fma(z * z, vf_fma(p, z, vf_all(-0.5f)), z);
    vf exponent = __builtin_convertvector(e, vf);
    return vf_fma(exponent, vf_all(0.693145752f), vf_fma(exponent, vf_all(1.42860677e-6f), log_m));
}

/* Relative error 3e-7. */
FR_INLINE vf vf_tanh(vf x)
{
    vf a = vf_abs(x), z = x * x;
    vf p = vf_all(-5.660788622e-03f);
    p = vf_fma(p, z, vf_all(2.060200647e-02f));
    p = vf_fma(p, z, vf_all(-5.372922868e-02f));
    p = vf_fma(p, z, vf_all(1.333132833e-01f));
    p = vf_fma(p, z, vf_all(-3.333327770e-01f));
    vf small = vf_fma(p * z, x, x);
    vf large = 1.0f - 2.0f / (vf_exp(a + a) + 1.0f);
    large = (vf)((vu)large | ((vu)x & vu_all(0x80000000u)));
    return vf_if_less(a, vf_all(0.63f), small, large);
}

/* 1 / (1 + e^-x), and its derivative without cancellation where it is near 1. */
FR_INLINE vf vf_sigmoid(vf x, vf *derivative)
{
    vf e = vf_exp(-vf_abs(x)), near_one = 1.0f / (1.0f + e);
    *derivative = e * near_one * near_one;
    return vf_if_less(x, vf_all(0), e * near_one, near_one);
}

/* Distribution and e^(-x^2 / 2) of the standard normal: Phi(-u) = t Q(t) e^(-u^2 / 2) with
 * t = 1 / (1 + 0.3 u / sqrt 2). Relative error 5e-7 where x is near 0, also in the tail. */
FR_INLINE vf vf_normal_cdf(vf x, vf *bell)
{
    vf u = vf_abs(x);
    vf t = 1.0f / vf_fma(u, vf_all(0.212132037f), vf_all(1.0f));
    vf q = vf_all(-6.472270191e-02f);
    q = vf_fma(q, t, vf_all(2.425779849e-01f));
    q = vf_fma(q, t, vf_all(-2.556803524e-01f));
    q = vf_fma(q, t, vf_all(2.732822001e-01f));
    q = vf_fma(q, t, vf_all(-4.688087106e-02f));
    q = vf_fma(q, t, vf_all(1.072495356e-01f));
    q = vf_fma(q, t, vf_all(7.423201948e-02f));
    q = vf_fma(q, t, vf_all(8.534746617e-02f));
    q = vf_fma(q, t, vf_all(8.459470421e-02f));
    *bell = vf_exp(-0.5f * x * x);
    vf tail = q * t * *bell;
    return vf_if_less(x, vf_all(0), tail, 1.0f - tail);
}

/* sqrt(2 / pi) (x + 0.044715 x^3), twice: gelu_tanh(x) = x sigmoid of it. */
FR_INLINE vf gelu_tanh_argument(vf x)
{
    return 1.595769122f * x * vf_fma(0.044715f * x, x, vf_all(1.0f));
}

FR_INLINE vf vf_activate(vf x, fr_activation act)
{
    vf unused;
    switch (act) {
    case FR_ACT_GELU: return x * vf_normal_cdf(x, &unused);
    case FR_ACT_GELU_TANH: return x * vf_sigmoid(gelu_tanh_argument(x), &unused);
    case FR_ACT_RELU: return vf_max(vf_all(0), x); /* NaN stays NaN */
    case FR_ACT_TANH: return vf_tanh(x);
    case FR_ACT_SILU: return x * vf_sigmoid(x, &unused);
    default: return x;
    }
}

FR_INLINE vf vf_activate_derivative(vf x, fr_activation act)
{
    vf t, slope, bell;
    switch (act) {
    case FR_ACT_GELU: t = vf_normal_cdf(x, &bell); return vf_fma(0.398942280f * x, bell, t);
    case FR_ACT_GELU_TANH:
        t = vf_sigmoid(gelu_tanh_argument(x), &slope);
        /* the argument's derivative: 2 sqrt(2 / pi) (1 + 3 * 0.044715 x^2) */
        slope *= 1.595769122f * vf_fma(0.134145f * x, x, vf_all(1.0f));
        return vf_fma(x, slope, t);
    case FR_ACT_RELU: return vf_if_less(vf_all(0), x, vf_all(1.0f), vf_all(0));
    case FR_ACT_TANH: t = vf_tanh(x); return vf_fnma(t, t, vf_all(1.0f));
    case FR_ACT_SILU: t = vf_sigmoid(x, &slope); return vf_fma(x, slope, t);
    default: return vf_all(1.0f);
    }
}

/* fr_dropout_bits on a vector; `spread` is column * 0x9e3779b9 (see dropout_columns). */
FR_INLINE vu vu_dropout_bits(vu row_key, vu spread)
{
    vu x = row_key ^ spread;
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return x;
}

FR_INLINE vu dropout_columns(size_t first)
{
    return (vu_iota() + (uint32_t)first) * 0x9e3779b9u;
}

#endif
