/*
 * Time zones: the local clock of an IANA zone, read from the system's
 * zoneinfo files (RFC 8536).
 *
 * libc knows one zone for the whole process, set through its environment,
 * which libraries' threads read at the same time; so they are read here.
 */

#ifndef ORCH_ZONE_H
#define ORCH_ZONE_H

#include <stdint.h>
#include "pt_err.h"


#define ORCH_ZONE_FOLDER  "/usr/share/zoneinfo"

typedef struct orch_zone_s  orch_zone_t;


/*
 * Errors  PT_E_NOT_FOUND (no zone has this name), PT_E_IO, PT_E_NOMEM, and
 *         those of orch_zone_parse()
 */
PT_MUST_CHECK pt_err_t orch_zone_open(pt_str_t name, orch_zone_t **ret_zone);

/* of a file's bytes, which need not live on; PT_E_INVALID, PT_E_NOMEM */
PT_MUST_CHECK pt_err_t orch_zone_parse(pt_str_t file, orch_zone_t **ret_zone);

/* takes NULL */
void orch_zone_free(orch_zone_t *zone);

/* seconds that the local clock is ahead of UTC, at seconds since 1970 */
int32_t orch_zone_offset(const orch_zone_t *zone, int64_t utc);

/*
 * The first moment when the local clock shows local (seconds since 1970 as if
 * it were UTC), or, where it skips that, the moment when it does.
 */
int64_t orch_zone_from_local(const orch_zone_t *zone, int64_t local);


/* days since 1970 of a date of the Gregorian calendar, and back */
int64_t orch_days_of(int64_t year, int month, int day);
void orch_date_of(int64_t days, int64_t *ret_year, int *ret_month,
    int *ret_day);

/* 0 is Sunday */
int orch_weekday_of(int64_t days);


#endif /* ORCH_ZONE_H */
