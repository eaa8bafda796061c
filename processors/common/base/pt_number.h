/*
 * Doubles as text: the shortest decimal that reads back as the same double,
 * formatted as ECMAScript's Number::toString does (RFC 8785 section 3.2.2.3).
 *
 * LC_NUMERIC is expected to be "C", as it is in a program that never calls
 * setlocale().
 */

#ifndef PT_NUMBER_H
#define PT_NUMBER_H

#include "pt_err.h"


#define PT_NUMBER_DIGITS_MAX  17
#define PT_NUMBER_TEXT_MAX    32


/* value = 0.d1d2...dn * 10^point, negated if negative; zero has no digits */
typedef struct {
    char  digits[PT_NUMBER_DIGITS_MAX + 1];   /* no trailing zero */
    int   n;
    int   point;
    bool  negative;
} pt_decimal_t;


/* v is finite */
void pt_number_decimal(double v, pt_decimal_t *ret_decimal);

/* v is finite; the length written, not terminated */
size_t pt_number_format(double v, char ret_text[PT_NUMBER_TEXT_MAX]);

/*
 * Whether v / divisor is an integer, by the decimals that people wrote:
 * 19.99 is a multiple of 0.01.  Both finite, divisor > 0.
 */
bool pt_number_is_multiple(double v, double divisor);


#endif /* PT_NUMBER_H */
