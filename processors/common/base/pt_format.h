/*
 * The values of JSON Schema's "format" that a request schema may use, all of
 * them asserted.
 */

#ifndef PT_FORMAT_H
#define PT_FORMAT_H

#include "pt_err.h"


typedef enum {
    PT_FORMAT_NONE = 0,
    PT_FORMAT_UUID,           /* RFC 9562, the canonical 36 characters */
    PT_FORMAT_DATE,           /* RFC 3339 full-date, a day that exists */
    PT_FORMAT_DATE_TIME,      /* RFC 3339, with its zone */
    PT_FORMAT_EMAIL,          /* RFC 5321's dot-string and a host name */
    PT_FORMAT_URI,            /* RFC 3986 with its scheme */
    PT_FORMAT_FILE_ID,        /* the UUID of an uploaded file */

    PT_FORMAT_COUNT_
} pt_format_t;


/* PT_FORMAT_NONE for a name that is none of these */
pt_format_t pt_format_from_name(pt_str_t name);

bool pt_format_check(pt_format_t format, pt_str_t s);

/* what to tell who got it wrong: "must be a date such as 2026-11-23" */
const char *pt_format_detail(pt_format_t format);


#endif /* PT_FORMAT_H */
