/*
 * A daemon's log: one event a line, on stderr, for people and for grep.
 *
 *     2026-11-23T12:00:00.123Z info queue: assigned job=0198... attempt=1
 *
 * Lower case, no full stop, names quoted, always a reason, then key=value.
 */

#ifndef PT_LOG_H
#define PT_LOG_H

#include "pt_id.h"


typedef enum {
    PT_LOG_ERROR = 0,        /* something is lost or stands still: act */
    PT_LOG_WARN,             /* it goes on, but look at it */
    PT_LOG_INFO,             /* starts, stops, configuration */
    PT_LOG_DEBUG             /* each job's steps */
} pt_log_level_t;


/* lines above this level are not written; PT_LOG_INFO at the start */
void pt_log_set_level(pt_log_level_t level);

/*
 * Lines as JSON: {"time","level","component","message"}.  Also where
 * PITCHEY_LOG_FORMAT is "json" in the environment, which this sets: processors
 * inherit it.
 */
void pt_log_set_json(bool json);

/* the level of "error", "warn", "info", "debug"; else PT_E_INVALID */
PT_MUST_CHECK pt_err_t pt_log_level_parse(pt_str_t name,
    pt_log_level_t *ret_level);

bool pt_log_on(pt_log_level_t level);

/*
 * One line, written by one call: lines of several processes on one stderr do
 * not mix.  Control characters in it become blanks.  errno is kept.
 */
void pt_log(pt_log_level_t level, const char *component, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A job's id as text for "%s", terminated.  Good until the eighth call after
 * it; for the one thread that logs.
 */
const char *pt_log_id(const pt_id_t *id);


#endif /* PT_LOG_H */
