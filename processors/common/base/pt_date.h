/* Days of the Gregorian calendar, also before it was introduced. */

#ifndef PT_DATE_H
#define PT_DATE_H

#include <stdint.h>


/* days since 1970-01-01; year from -400 on, month and day from 1 */
int64_t pt_date_days(int64_t year, unsigned month, unsigned day);

/* and back */
void pt_date_civil(int64_t days, int64_t *ret_year, unsigned *ret_month,
    unsigned *ret_day);


#endif /* PT_DATE_H */
