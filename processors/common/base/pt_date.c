/* A year that begins in March has its leap day last. */

#include "pt_date.h"


#define PT_DATE_CYCLE  146097          /* days of 400 years */


int64_t
pt_date_days(int64_t year, unsigned month, unsigned day)
{
    int64_t  y = month <= 2 ? year - 1 : year;
    int64_t  m = month <= 2 ? month + 9 : month - 3;

    /* 400 years more, so that divisions are of positive numbers */
    y += 400;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5
           + (int64_t) day - 1 - 719468 - PT_DATE_CYCLE;
}


void
pt_date_civil(int64_t days, int64_t *ret_year, unsigned *ret_month,
    unsigned *ret_day)
{
    int64_t   year;
    unsigned  month = 12;

    /* a guess that is a year off at most */
    year = 1970 + days * 400 / PT_DATE_CYCLE;

    while (pt_date_days(year, 1, 1) > days) {
        year--;
    }

    while (pt_date_days(year + 1, 1, 1) <= days) {
        year++;
    }

    while (pt_date_days(year, month, 1) > days) {
        month--;
    }

    *ret_year = year;
    *ret_month = month;
    *ret_day = (unsigned) (days - pt_date_days(year, month, 1)) + 1;
}
