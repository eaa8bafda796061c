/*
 * Exact decimals: sums of money that agree to the last cent, however many
 * rows they have.  Nine places behind the point, 29 before it.
 */

#ifndef REPORT_DECIMAL_H
#define REPORT_DECIMAL_H

#include "pt_mem.h"


#define REPORT_DECIMAL_PLACES  9
#define REPORT_DECIMAL_ONE     1000000000LL

typedef __int128  report_decimal_t;


/*
 * Reads what PostgreSQL writes for a number: "-12.50", "1e+20".  What lies
 * beyond the ninth place is rounded half away from zero.
 *
 * Errors  PT_E_INVALID (not a finite number, or too large)
 */
PT_MUST_CHECK pt_err_t report_decimal_read(pt_str_t text,
    report_decimal_t *ret_value);

/* PT_E_TOO_LARGE: *sum is untouched */
PT_MUST_CHECK pt_err_t report_decimal_add(report_decimal_t *sum,
    report_decimal_t value);

/* rounded half away from zero to 0 .. 9 places; ungrouped: "-1234.50" */
void report_decimal_text(report_decimal_t value, unsigned places,
    pt_buf_t *buf);

double report_decimal_double(report_decimal_t value);

/* the nearest; PT_E_INVALID where v is not finite or too large */
PT_MUST_CHECK pt_err_t report_decimal_from(double v,
    report_decimal_t *ret_value);


#endif /* REPORT_DECIMAL_H */
