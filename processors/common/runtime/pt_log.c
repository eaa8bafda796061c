/* One event a line, on stderr. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pt_log.h"


/* a longer line is cut: what it quotes may come from outside */
#define PT_LOG_LINE_MAX  2048


static size_t pt_log_head(char *line, size_t size, pt_log_level_t level,
    const char *component);
static size_t pt_log_added(int n, size_t left);
static bool pt_log_is_json(void);
static size_t pt_log_quote(char *to, size_t size, const char *text, size_t n);


static const char *const  pt_log_names[] = { "error", "warn", "info", "debug" };

static pt_log_level_t     pt_log_level = PT_LOG_INFO;

/* -1: nobody has asked yet */
static int                pt_log_json = -1;


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


void
pt_log_set_json(bool json)
{
    pt_log_json = json;

    if (json) {
        (void) setenv("PITCHEY_LOG_FORMAT", "json", 1);

    } else {
        (void) unsetenv("PITCHEY_LOG_FORMAT");
    }
}


static bool
pt_log_is_json(void)
{
    const char  *format;

    if (pt_log_json < 0) {
        format = getenv("PITCHEY_LOG_FORMAT");
        pt_log_json = format && strcmp(format, "json") == 0;
    }

    return pt_log_json;
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
    char     line[PT_LOG_LINE_MAX], text[2 * PT_LOG_LINE_MAX];
    size_t   i, n, head;
    va_list  args;

    if (!pt_log_on(level)) {
        return;
    }

    head = n = pt_log_head(line, sizeof(line) - 1, level, component);

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

    if (pt_log_is_json()) {
        memcpy(text, line, head);
        n = head + pt_log_quote(text + head, sizeof(text) - head - 3,
                                line + head, n - head);
        memcpy(text + n, "\"}\n", 3);
        n += 3;

    } else {
        memcpy(text, line, n);
        text[n++] = '\n';
    }

    if (write(STDERR_FILENO, text, n) < 0) {
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

    n = strftime(line, size, pt_log_is_json()
                             ? "{\"time\":\"%Y-%m-%dT%H:%M:%S"
                             : "%Y-%m-%dT%H:%M:%S", &tm);
    n += pt_log_added(snprintf(line + n, size - n,
                               pt_log_is_json()
                               ? ".%03dZ\",\"level\":\"%s\","
                                 "\"component\":\"%s\",\"message\":\""
                               : ".%03dZ %s %s: ",
                               (int) (now.tv_nsec / 1000000),
                               pt_log_names[level], component),
                      size - n);

    return n;
}


/* quotes and backslashes are escaped; what is no UTF-8 becomes "?" */
static size_t
pt_log_quote(char *to, size_t size, const char *text, size_t n)
{
    size_t  i, good, len = 0;

    for (i = 0, good = pt_str_utf8_len((pt_str_t) { text, n });
         i < n && len + 2 <= size; i++)
    {
        if (i == good) {
            to[len++] = '?';
            good = i + 1 + pt_str_utf8_len((pt_str_t) { text + i + 1,
                                                        n - i - 1 });
            continue;
        }

        if (text[i] == '"' || text[i] == '\\') {
            to[len++] = '\\';
        }

        to[len++] = text[i];
    }

    return len;
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
