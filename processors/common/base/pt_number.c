/* Shortest decimals, and divisibility among them. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "pt_number.h"


static bool pt_number_next_up(double v, int digits, char *text);
static uint64_t pt_decimal_integer(const pt_decimal_t *d);
static uint64_t pt_power_mod(int exponent, uint64_t modulus);
static size_t pt_put(char *to, size_t at, const char *from, int n);
static size_t pt_put_zeros(char *to, size_t at, int n);


void
pt_number_decimal(double v, pt_decimal_t *ret_decimal)
{
    int           n;
    char          text[PT_NUMBER_TEXT_MAX], *e;
    pt_decimal_t  d = { .negative = signbit(v) && v != 0 };

    v = fabs(v);

    if (v == 0) {
        *ret_decimal = d;
        return;
    }

    /*
     * Fifteen digits hold every shorter decimal of a normal double; a
     * subnormal one has less precision, so its shortest must be looked for
     */
    for (n = v < DBL_MIN ? 1 : DBL_DIG; ; n++) {
        (void) snprintf(text, sizeof(text), "%.*e", n - 1, v);

        if (n == PT_NUMBER_DIGITS_MAX || strtod(text, NULL) == v
            || pt_number_next_up(v, n, text))
        {
            break;
        }
    }

    e = strchr(text, 'e');
    d.point = atoi(e + 1) + 1;

    d.digits[0] = text[0];
    d.n = 1;

    if (n > 1) {
        memcpy(d.digits + 1, text + 2, (size_t) n - 1);
        d.n = n;
    }

    while (d.n > 1 && d.digits[d.n - 1] == '0') {
        d.n--;
    }

    d.digits[d.n] = '\0';
    *ret_decimal = d;
}


/*
 * Below a power of two doubles lie twice as dense as above it, so the nearest
 * decimal of n digits may read back as the neighbour while the one above is
 * still ours.  Then text becomes that one.
 */
static bool
pt_number_next_up(double v, int digits, char *text)
{
    int   i, exponent;
    char  up[PT_NUMBER_TEXT_MAX];

    if (frexp(v, &exponent) != 0.5 || strtod(text, NULL) > v) {
        return false;
    }

    (void) memcpy(up, text, sizeof(up));

    for (i = digits == 1 ? 0 : digits; i >= 0; i--) {
        if (up[i] == '.') {
            continue;
        }

        if (up[i] != '9') {
            up[i]++;
            break;
        }

        up[i] = '0';
    }

    /* i < 0: all nines, and 1 with zeros has fewer digits: tried before */
    if (i < 0 || strtod(up, NULL) != v) {
        return false;
    }

    (void) memcpy(text, up, sizeof(up));

    return true;
}


size_t
pt_number_format(double v, char ret_text[PT_NUMBER_TEXT_MAX])
{
    size_t        at = 0;
    pt_decimal_t  d;

    pt_number_decimal(v, &d);

    if (d.negative) {
        ret_text[at++] = '-';
    }

    if (d.n == 0) {
        ret_text[at++] = '0';

    } else if (d.point > 21 || d.point < -5) {
        at = pt_put(ret_text, at, d.digits, 1);

        if (d.n > 1) {
            ret_text[at++] = '.';
            at = pt_put(ret_text, at, d.digits + 1, d.n - 1);
        }

        at += (size_t) snprintf(ret_text + at, PT_NUMBER_TEXT_MAX - at,
                                "e%+d", d.point - 1);

    } else if (d.point <= 0) {
        at = pt_put(ret_text, at, "0.", 2);
        at = pt_put_zeros(ret_text, at, -d.point);
        at = pt_put(ret_text, at, d.digits, d.n);

    } else if (d.point >= d.n) {
        at = pt_put(ret_text, at, d.digits, d.n);
        at = pt_put_zeros(ret_text, at, d.point - d.n);

    } else {
        at = pt_put(ret_text, at, d.digits, d.point);
        ret_text[at++] = '.';
        at = pt_put(ret_text, at, d.digits + d.point, d.n - d.point);
    }

    return at;
}


bool
pt_number_is_multiple(double v, double divisor)
{
    int                shift;
    uint64_t           a, b;
    pt_decimal_t       dv, dd;
    unsigned __int128  product;

    pt_number_decimal(v, &dv);
    pt_number_decimal(divisor, &dd);

    if (dv.n == 0) {
        return true;
    }

    /* v = a * 10^x, divisor = b * 10^y, and v / divisor = a * 10^shift / b */
    a = pt_decimal_integer(&dv);
    b = pt_decimal_integer(&dd);
    shift = (dv.point - dv.n) - (dd.point - dd.n);

    if (shift >= 0) {
        product = (unsigned __int128) (a % b) * pt_power_mod(shift, b);
        return product % b == 0;
    }

    /* a has no trailing zero, so no factor of 10 may be left to divide by */
    product = b;

    while (shift < 0 && product <= a) {
        product *= 10;
        shift++;
    }

    return shift == 0 && a % product == 0;
}


static uint64_t
pt_decimal_integer(const pt_decimal_t *d)
{
    int       i;
    uint64_t  v = 0;

    for (i = 0; i < d->n; i++) {
        v = v * 10 + (uint64_t) (d->digits[i] - '0');
    }

    return v;
}


/* 10^exponent % modulus */
static uint64_t
pt_power_mod(int exponent, uint64_t modulus)
{
    unsigned __int128  base = 10 % modulus, v = 1 % modulus;

    for (/* void */; exponent > 0; exponent >>= 1) {
        if (exponent & 1) {
            v = v * base % modulus;
        }

        base = base * base % modulus;
    }

    return (uint64_t) v;
}


static size_t
pt_put(char *to, size_t at, const char *from, int n)
{
    memcpy(to + at, from, (size_t) n);
    return at + (size_t) n;
}


static size_t
pt_put_zeros(char *to, size_t at, int n)
{
    memset(to + at, '0', (size_t) n);
    return at + (size_t) n;
}
