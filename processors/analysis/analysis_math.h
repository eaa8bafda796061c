/*
 * Numbers that are the same on every machine.
 *
 * libm chooses its exp() and log() by the CPU's abilities, and their last bit
 * with it.  These use additions, multiplications and divisions only, which
 * IEEE 754 rounds in one way; the folder is compiled with -ffp-contract=off.
 */

#ifndef ANALYSIS_MATH_H
#define ANALYSIS_MATH_H

#include <stddef.h>
#include <stdint.h>


/* 0 for x below -708, the largest double for x above 708 */
double analysis_exp(double x);

/* of a positive, finite number */
double analysis_log(double x);
double analysis_log10(double x);
double analysis_pow10(double x);

/* 1 / (1 + exp(-x)), and back for 0 < p < 1 */
double analysis_logistic(double x);
double analysis_logit(double p);

/* nearest integer, halves away from zero; |x| < 2^62 */
int64_t analysis_round(double x);

/*
 * Six significant digits: v = mantissa * 10^exponent, |mantissa| < 10^6, or
 * 0 with exponent 0 where v is 0 or not finite.
 */
void analysis_six(double v, int64_t *ret_mantissa, int *ret_exponent);

/* the double next to those six digits */
double analysis_round6(double v);

/* of n ascending numbers, between neighbours by distance; 0 <= p <= 1 */
double analysis_quantile(const double *sorted, size_t n, double p);

void analysis_sort(double *v, size_t n);


/* xoshiro256**, seeded by splitmix64 */
typedef struct {
    uint64_t  s[4];
} analysis_rng_t;

void analysis_rng_init(analysis_rng_t *rng, uint64_t seed);
uint64_t analysis_rng_next(analysis_rng_t *rng);

/* 0 <= u < 1 */
double analysis_rng_unit(analysis_rng_t *rng);


#endif /* ANALYSIS_MATH_H */
