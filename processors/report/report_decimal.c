/* Reading, adding and writing decimals. */

#include <math.h>
#include <stdio.h>

#include "report_decimal.h"


/* so large that ten times it, and any sum of two, stays in 127 bits */
#define REPORT_DECIMAL_MAX \
    ((report_decimal_t) REPORT_DECIMAL_ONE * REPORT_DECIMAL_ONE \
     * REPORT_DECIMAL_ONE * REPORT_DECIMAL_ONE * 10)

/* exponents beyond are zero, or too large, whatever the digits */
#define REPORT_EXPONENT_MAX  1000


static pt_err_t report_decimal_exponent(const char *p, const char *end,
    int *ret_exponent);


pt_err_t
report_decimal_read(pt_str_t text, report_decimal_t *ret_value)
{
    int               places = 0, exponent = 0, digits = 0, round = -1;
    bool              negative, point = false;
    pt_err_t          err;
    const char       *p = text.data, *end = text.data + text.len;
    report_decimal_t  value = 0;

    negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');

    for ( /* void */ ; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.' && !point) {
            point = true;
            continue;
        }

        if (*p < '0' || *p > '9') {
            return PT_E_INVALID;
        }

        digits++;

        /* places that no decimal keeps: the first of them decides */
        if (value > REPORT_DECIMAL_MAX / 10 - 1) {
            if (!point) {
                return PT_E_INVALID;
            }

            round = round < 0 ? *p - '0' : round;
            continue;
        }

        value = value * 10 + (*p - '0');
        places += point;
    }

    err = report_decimal_exponent(p, end, &exponent);
    if (err != PT_OK || digits == 0) {
        return PT_E_INVALID;
    }

    places -= exponent;

    for ( /* void */ ; places < REPORT_DECIMAL_PLACES && value != 0; places++) {
        if (value > REPORT_DECIMAL_MAX / 10) {
            return PT_E_INVALID;
        }

        value *= 10;
        round = -1;
    }

    for ( /* void */ ; places > REPORT_DECIMAL_PLACES && value != 0; places--) {
        round = (int) (value % 10);
        value /= 10;
    }

    /* what was 0.9999999995 is a one now; zero has no more digits to look at */
    value += places == REPORT_DECIMAL_PLACES && round >= 5;
    *ret_value = negative ? -value : value;

    return PT_OK;
}


static pt_err_t
report_decimal_exponent(const char *p, const char *end, int *ret_exponent)
{
    int   exponent = 0;
    bool  negative;

    if (p == end) {
        return PT_OK;
    }

    p++;
    negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');

    if (p == end) {
        return PT_E_INVALID;
    }

    for ( /* void */ ; p < end; p++) {
        if (*p < '0' || *p > '9' || exponent > REPORT_EXPONENT_MAX) {
            return PT_E_INVALID;
        }

        exponent = exponent * 10 + (*p - '0');
    }

    *ret_exponent = negative ? -exponent : exponent;

    return PT_OK;
}


pt_err_t
report_decimal_add(report_decimal_t *sum, report_decimal_t value)
{
    report_decimal_t  both = *sum + value;

    if (both > REPORT_DECIMAL_MAX || both < -REPORT_DECIMAL_MAX) {
        return PT_E_TOO_LARGE;
    }

    *sum = both;

    return PT_OK;
}


void
report_decimal_text(report_decimal_t value, unsigned places, pt_buf_t *buf)
{
    char               text[64], *p = text + sizeof(text);
    unsigned           i;
    bool               negative = value < 0;
    unsigned __int128  v = negative ? -(unsigned __int128) value
                           : (unsigned __int128) value;

    for (i = REPORT_DECIMAL_PLACES; i > places; i--) {
        v = i == places + 1 ? (v + 5) / 10 : v / 10;
    }

    negative = negative && v != 0;

    for (i = 0; v != 0 || i <= places; i++) {
        if (i == places && places > 0) {
            *--p = '.';
        }

        *--p = (char) ('0' + (int) (v % 10));
        v /= 10;
    }

    if (negative) {
        *--p = '-';
    }

    pt_buf_add(buf, p, (size_t) (text + sizeof(text) - p));
}


double
report_decimal_double(report_decimal_t value)
{
    return (double) value / REPORT_DECIMAL_ONE;
}


pt_err_t
report_decimal_from(double v, report_decimal_t *ret_value)
{
    if (!(fabs(v) < 1e28)) {
        return PT_E_INVALID;
    }

    *ret_value = (report_decimal_t) (v * REPORT_DECIMAL_ONE
                                     + (v < 0 ? -0.5 : 0.5));

    return PT_OK;
}
