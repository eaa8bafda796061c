/* Numbers that are the same on every machine. */

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_math.h"


/* ln 2 in two parts: the first has 33 bits, so that k times it is exact */
#define LN2_HIGH  6.93147180369123816490e-01
#define LN2_LOW   1.90821492927058770002e-10
#define LN2_INV   1.44269504088896338700e+00
#define LN10      2.30258509299404568402e+00

#define TEN_MAX   22       /* powers of ten that a double holds exactly */


static double analysis_ten(int exponent);
static int analysis_compare(const void *a, const void *b);


static const double  analysis_tens[TEN_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};


double
analysis_exp(double x)
{
    int       i;
    double    r, sum;
    int64_t   k;
    uint64_t  bits;

    if (!(x >= -708.0)) {
        return 0;
    }

    if (x > 708.0) {
        return DBL_MAX;
    }

    k = analysis_round(x * LN2_INV);
    r = (x - (double) k * LN2_HIGH) - (double) k * LN2_LOW;

    /* |r| <= 0.347: the 14th term is below half a unit of the last place */
    for (sum = 1.0, i = 14; i > 0; i--) {
        sum = 1.0 + sum * r / i;
    }

    bits = (uint64_t) (k + 1023) << 52;
    memcpy(&r, &bits, sizeof(r));

    return sum * r;
}


double
analysis_log(double x)
{
    int     i, k;
    double  m, s, s2, sum;

    m = frexp(x, &k);        /* exact */

    if (m < 0.70710678118654752440) {
        m *= 2;
        k--;
    }

    s = (m - 1) / (m + 1);
    s2 = s * s;

    /* |s| <= 0.172: s^21 / 21 is below the last place */
    for (sum = 0, i = 21; i > 0; i -= 2) {
        sum = sum * s2 + 1.0 / i;
    }

    return (double) k * LN2_HIGH + (2 * s * sum + (double) k * LN2_LOW);
}


double
analysis_log10(double x)
{
    return analysis_log(x) / LN10;
}


double
analysis_pow10(double x)
{
    return analysis_exp(x * LN10);
}


double
analysis_logistic(double x)
{
    double  e;

    if (x >= 0) {
        return 1 / (1 + analysis_exp(-x));
    }

    e = analysis_exp(x);

    return e / (1 + e);
}


double
analysis_logit(double p)
{
    return analysis_log(p / (1 - p));
}


int64_t
analysis_round(double x)
{
    return (int64_t) (x < 0 ? x - 0.5 : x + 0.5);
}


/* 10^exponent; exact up to 10^22, and the same everywhere beyond */
static double
analysis_ten(int exponent)
{
    double  v = 1;

    for ( /* void */ ; exponent > TEN_MAX; exponent -= TEN_MAX) {
        v *= analysis_tens[TEN_MAX];
    }

    return v * analysis_tens[exponent];
}


void
analysis_six(double v, int64_t *ret_mantissa, int *ret_exponent)
{
    int      e = 0;
    double   a = v < 0 ? -v : v;
    int64_t  m;

    *ret_mantissa = 0;
    *ret_exponent = 0;

    /* too small to tell from nothing: no result of ours is there */
    if (!(a <= DBL_MAX) || a < 1e-200) {
        return;
    }

    /* a * 10^-e in [100000, 1000000) */
    while (a / analysis_ten(e) >= 1e6) {
        e++;
    }

    while (e <= 0 && a * analysis_ten(-e) < 1e5) {
        e--;
    }

    m = analysis_round(e >= 0 ? a / analysis_ten(e) : a * analysis_ten(-e));

    while (m != 0 && m % 10 == 0) {
        m /= 10;
        e++;
    }

    *ret_mantissa = v < 0 ? -m : m;
    *ret_exponent = e;
}


double
analysis_round6(double v)
{
    int      e;
    int64_t  m;

    analysis_six(v, &m, &e);

    return e >= 0 ? (double) m * analysis_ten(e)
                  : (double) m / analysis_ten(-e);
}


double
analysis_quantile(const double *sorted, size_t n, double p)
{
    double  at, part;
    size_t  i;

    if (n == 0) {
        return 0;
    }

    at = p * (double) (n - 1);
    i = (size_t) at;

    if (i >= n - 1) {
        return sorted[n - 1];
    }

    part = at - (double) i;

    return sorted[i] + part * (sorted[i + 1] - sorted[i]);
}


void
analysis_sort(double *v, size_t n)
{
    qsort(v, n, sizeof(double), analysis_compare);
}


static int
analysis_compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


void
analysis_rng_init(analysis_rng_t *rng, uint64_t seed)
{
    int       i;
    uint64_t  z;

    for (i = 0; i < 4; i++) {
        z = seed += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        rng->s[i] = z ^ (z >> 31);
    }
}


uint64_t
analysis_rng_next(analysis_rng_t *rng)
{
    uint64_t  *s = rng->s, result, t;

    result = s[1] * 5;
    result = ((result << 7) | (result >> 57)) * 9;

    t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);

    return result;
}


double
analysis_rng_unit(analysis_rng_t *rng)
{
    return (double) (analysis_rng_next(rng) >> 11) * 0x1p-53;
}
