/* One event a line, on stderr. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "pt_log.h"


/* a longer line is cut: what it quotes may come from outside */
#define PT_LOG_LINE_MAX  2048


static size_t pt_log_head(char *line, size_t size, pt_log_level_t level,
    const char *component);
static size_t pt_log_added(int n, size_t left);


static const char *const  pt_log_names[] = { "error", "warn", "info", "debug" };

static pt_log_level_t     pt_log_level = PT_LOG_INFO;


void
pt_log_set_level(pt_log_level_t level)
{
    pt_log_level = level;
}


pt_err_t
pt_log_level_parse(pt_str_t name, pt_log_level_t *ret_level)
{
    unsigned  i;

    for (i = 0; i < sizeof(pt_log_names) / sizeof(pt_log_names[0]); i++) {
        if (pt_str_is(name, pt_log_names[i])) {
            *ret_level = (pt_log_level_t) i;
            return PT_OK;
        }
    }

    return PT_E_INVALID;
}


bool
pt_log_on(pt_log_level_t level)
{
    return level <= pt_log_level;
}


void
pt_log(pt_log_level_t level, const char *component, const char *fmt, ...)
{
    int      error = errno;
    char     line[PT_LOG_LINE_MAX];
    size_t   i, n;
    va_list  args;

    if (!pt_log_on(level)) {
        return;
    }

    n = pt_log_head(line, sizeof(line) - 1, level, component);

    errno = error;               /* for "%m" */

    va_start(args, fmt);
    n += pt_log_added(vsnprintf(line + n, sizeof(line) - 1 - n, fmt, args),
                      sizeof(line) - 1 - n);
    va_end(args);

    /* what libraries say ends with a line feed, and may have more of them */
    while (n && line[n - 1] == '\n') {
        n--;
    }

    for (i = 0; i < n; i++) {
        if ((unsigned char) line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = ' ';
        }
    }

    line[n++] = '\n';

    if (write(STDERR_FILENO, line, n) < 0) {
        /* nobody reads it: there is no other place to say so */
    }

    errno = error;
}


const char *
pt_log_id(const pt_id_t *id)
{
    char  *text;

    static char      texts[8][PT_ID_TEXT_LEN + 1];
    static unsigned  next;

    text = texts[next++ % 8];
    pt_id_format(id, text);

    return text;
}


static size_t
pt_log_head(char *line, size_t size, pt_log_level_t level,
    const char *component)
{
    size_t           n;
    struct tm        tm;
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);

    n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
    n += pt_log_added(snprintf(line + n, size - n, ".%03dZ %s %s: ",
                               (int) (now.tv_nsec / 1000000),
                               pt_log_names[level], component),
                      size - n);

    return n;
}


/* what snprintf() left in the buffer when it said n */
static size_t
pt_log_added(int n, size_t left)
{
    if (n < 0 || left == 0) {
        return 0;
    }

    return (size_t) n < left ? (size_t) n : left - 1;
}
