/*
 * Cron expressions, and when they come next (no clock, no files: unit-tested).
 *
 *     minute hour day-of-month month day-of-week
 *     0-59   0-23 1-31         1-12  0-7, 0 and 7 are Sunday
 *
 * A field is a list of values, ranges "a-b", and "*", each with an optional
 * step "/n"; "a/n" is "a-last/n".  Months and weekdays have English names of
 * three letters.  Where day-of-month and day-of-week both begin with
 * something else than "*", one of them is enough.  @yearly (@annually),
 * @monthly, @weekly, @daily (@midnight) and @hourly stand for what they say.
 *
 * When clocks change, as in Debian's cron:
 *
 *   an hour field that begins with "*"   runs whenever the clock shows such a
 *                                        minute: not in a skipped hour, in a
 *                                        doubled one twice
 *   any other                            a time that is skipped comes at the
 *                                        moment of the change; one that is
 *                                        shown twice counts the first time
 */

#ifndef ORCH_CRON_H
#define ORCH_CRON_H

#include "orch_zone.h"


typedef struct {
    uint64_t  minutes;         /* a bit for each value */
    uint64_t  hours;
    uint64_t  days;            /* of the month */
    uint64_t  months;
    uint64_t  weekdays;
    bool      every_hour;      /* the field begins with "*" */
    bool      every_day;
    bool      every_weekday;
} orch_cron_t;


/* PT_E_INVALID: ret_why, for people, says what is wrong */
PT_MUST_CHECK pt_err_t orch_cron_parse(pt_str_t text, orch_cron_t *ret_cron,
    const char **ret_why);

/* the first time after a time, in seconds since 1970; 0: it never comes */
int64_t orch_cron_next(const orch_cron_t *cron, const orch_zone_t *zone,
    int64_t after);


#endif /* ORCH_CRON_H */
