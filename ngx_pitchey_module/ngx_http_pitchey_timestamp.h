/* PostgreSQL's timestamps as text (DateStyle ISO), and RFC 3339's, which are
 * almost the same.  Plain C, for tests. */

#ifndef NGX_HTTP_PITCHEY_TIMESTAMP_H
#define NGX_HTTP_PITCHEY_TIMESTAMP_H

#include <stdint.h>
#include "pt_str.h"


/*
 * "2026-11-23 12:00:00.123456+01:30" in milliseconds since 1970; the fraction
 * below them is cut.  Without an offset it is UTC: that is what ORMs write to
 * "timestamp" columns.  "infinity" and "-infinity" are INT64_MAX and INT64_MIN.
 */
bool ngx_http_pitchey_timestamp_parse(pt_str_t text, int64_t *ret_ms);


#endif /* NGX_HTTP_PITCHEY_TIMESTAMP_H */
