/* The reason of a failure, hexadecimal digits, the time. */

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "backup.h"


static _Thread_local char  backup_reason[512];


pt_err_t
backup_say(pt_err_t err, const char *fmt, ...)
{
    size_t   len;
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(backup_reason, sizeof(backup_reason), fmt, args);
    va_end(args);

    /* libpq's messages end with a line feed, and may have several lines */
    len = strlen(backup_reason);

    while (len > 0 && backup_reason[len - 1] == '\n') {
        backup_reason[--len] = '\0';
    }

    while (len > 0) {
        if (backup_reason[--len] == '\n') {
            backup_reason[len] = ' ';
        }
    }

    return err;
}


const char *
backup_said(void)
{
    return backup_reason;
}


pt_err_t
backup_fail(pt_job_t *job, pt_err_t err)
{
    return pt_job_fail(job, err, "%s", backup_reason);
}


void
backup_hex(const uint8_t *bytes, size_t n, char *ret_hex)
{
    size_t  i;

    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }

    ret_hex[2 * n] = '\0';
}


bool
backup_unhex(pt_str_t hex, uint8_t *ret_bytes, size_t n)
{
    size_t       i;
    const char  *at;

    static const char  digits[] = "0123456789abcdef";

    if (hex.data == NULL || hex.len != 2 * n) {
        return false;
    }

    memset(ret_bytes, 0, n);

    for (i = 0; i < hex.len; i++) {
        at = memchr(digits, hex.data[i], 16);
        if (at == NULL) {
            return false;
        }

        ret_bytes[i / 2] = (uint8_t) (ret_bytes[i / 2] << 4 | (at - digits));
    }

    return true;
}


void
backup_time(char ret_text[BACKUP_TIME_LEN + 1])
{
    struct tm        tm;
    struct timespec  now;

    (void) clock_gettime(CLOCK_REALTIME, &now);
    (void) gmtime_r(&now.tv_sec, &tm);

    (void) strftime(ret_text, BACKUP_TIME_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
    (void) snprintf(ret_text + 19, 6, ".%03uZ",
                    (unsigned) (now.tv_nsec / 1000000) % 1000);
}
