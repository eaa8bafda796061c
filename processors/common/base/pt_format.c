/* One function for each format, and their table. */

#include "pt_format.h"
#include "pt_id.h"


#define PT_EMAIL_MAX        254     /* RFC 5321 errata 1690 */
#define PT_EMAIL_LOCAL_MAX  64
#define PT_HOST_MAX         253
#define PT_LABEL_MAX        63


static bool pt_format_uuid(pt_str_t s);
static bool pt_format_date(pt_str_t s);
static bool pt_format_date_time(pt_str_t s);
static bool pt_format_email(pt_str_t s);
static bool pt_format_uri(pt_str_t s);
static bool pt_host_is_valid(pt_str_t s);
static bool pt_local_is_valid(pt_str_t s);
static bool pt_authority_is_valid(pt_str_t s);
static size_t pt_uri_run(pt_str_t s, const char *more);
static int pt_two_digits(const char *p, int max);
static bool pt_is_digit(char c);
static bool pt_is_alpha(char c);
static bool pt_is_hex(char c);
static bool pt_is_one_of(char c, const char *set);


static const struct {
    const char  *name;
    bool       (*check)(pt_str_t s);
    const char  *detail;
} pt_formats[PT_FORMAT_COUNT_] = {
    [PT_FORMAT_NONE]      = { NULL, NULL, NULL },
    [PT_FORMAT_UUID]      = { "uuid", pt_format_uuid, "must be a UUID" },
    [PT_FORMAT_DATE]      = { "date", pt_format_date,
                              "must be a date such as 2026-11-23" },
    [PT_FORMAT_DATE_TIME] = { "date-time", pt_format_date_time,
                              "must be a date and time with its zone, such as "
                              "2026-11-23T12:00:00Z" },
    [PT_FORMAT_EMAIL]     = { "email", pt_format_email,
                              "must be an e-mail address" },
    [PT_FORMAT_URI]       = { "uri", pt_format_uri,
                              "must be a URI with its scheme, such as "
                              "https://example.com/" },
    [PT_FORMAT_FILE_ID]   = { "file-id", pt_format_uuid,
                              "must be the id of an uploaded file" }
};


pt_format_t
pt_format_from_name(pt_str_t name)
{
    unsigned  i;

    for (i = PT_FORMAT_NONE + 1; i < PT_FORMAT_COUNT_; i++) {
        if (pt_str_is(name, pt_formats[i].name)) {
            return (pt_format_t) i;
        }
    }

    return PT_FORMAT_NONE;
}


bool
pt_format_check(pt_format_t format, pt_str_t s)
{
    return pt_formats[format].check(s);
}


const char *
pt_format_detail(pt_format_t format)
{
    return pt_formats[format].detail;
}


static bool
pt_format_uuid(pt_str_t s)
{
    pt_id_t  id;

    return pt_id_parse(s, &id) == PT_OK;
}


static bool
pt_format_date(pt_str_t s)
{
    int  century, year, month, day, last;

    static const int  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (s.len != 10 || s.data[4] != '-' || s.data[7] != '-') {
        return false;
    }

    century = pt_two_digits(s.data, 99);
    year = pt_two_digits(s.data + 2, 99);
    month = pt_two_digits(s.data + 5, 12);
    day = pt_two_digits(s.data + 8, 31);

    if (century < 0 || year < 0 || month < 1 || day < 1) {
        return false;
    }

    year += century * 100;
    last = days[month - 1];

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) {
        last = 29;
    }

    return day <= last;
}


static bool
pt_format_date_time(pt_str_t s)
{
    int     hour, minute, second, offset = 0, zh, zm;
    size_t  i;

    /* "2026-11-23T12:00:00Z" is the shortest */
    if (s.len < 20 || !pt_format_date((pt_str_t) { s.data, 10 })
        || (s.data[10] | 0x20) != 't' || s.data[13] != ':'
        || s.data[16] != ':')
    {
        return false;
    }

    hour = pt_two_digits(s.data + 11, 23);
    minute = pt_two_digits(s.data + 14, 59);
    second = pt_two_digits(s.data + 17, 60);

    if (hour < 0 || minute < 0 || second < 0) {
        return false;
    }

    i = 19;

    if (s.data[i] == '.') {
        do {
            i++;
        } while (i < s.len && pt_is_digit(s.data[i]));

        if (i == 20 || i == s.len) {
            return false;
        }
    }

    if ((s.data[i] | 0x20) == 'z') {
        if (s.len != i + 1) {
            return false;
        }

    } else {
        if (s.len != i + 6 || !pt_is_one_of(s.data[i], "+-")
            || s.data[i + 3] != ':')
        {
            return false;
        }

        zh = pt_two_digits(s.data + i + 1, 23);
        zm = pt_two_digits(s.data + i + 4, 59);

        if (zh < 0 || zm < 0) {
            return false;
        }

        offset = zh * 60 + zm;

        if (s.data[i] == '-') {
            offset = -offset;
        }
    }

    /* a leap second ends a day of UTC */
    return second < 60
           || (hour * 60 + minute - offset + 2 * 1440) % 1440 == 1439;
}


static bool
pt_format_email(pt_str_t s)
{
    const char  *at;
    pt_str_t     local, host;

    if (s.len == 0 || s.len > PT_EMAIL_MAX) {
        return false;
    }

    at = memrchr(s.data, '@', s.len);
    if (at == NULL) {
        return false;
    }

    local = (pt_str_t) { s.data, (size_t) (at - s.data) };
    host = (pt_str_t) { at + 1, s.len - local.len - 1 };

    return pt_local_is_valid(local) && pt_host_is_valid(host);
}


/* atoms between single dots */
static bool
pt_local_is_valid(pt_str_t s)
{
    char    c;
    bool    dot = true;
    size_t  i;

    if (s.len > PT_EMAIL_LOCAL_MAX) {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c == '.') {
            if (dot) {
                return false;
            }

            dot = true;
            continue;
        }

        if (!pt_is_alpha(c) && !pt_is_digit(c)
            && !pt_is_one_of(c, "!#$%&'*+-/=?^_`{|}~"))
        {
            return false;
        }

        dot = false;
    }

    return !dot;
}


static bool
pt_host_is_valid(pt_str_t s)
{
    char    c;
    size_t  i, label = 0;

    if (s.len == 0 || s.len > PT_HOST_MAX) {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c == '.') {
            if (label == 0 || s.data[i - 1] == '-') {
                return false;
            }

            label = 0;
            continue;
        }

        if (!pt_is_alpha(c) && !pt_is_digit(c) && (c != '-' || label == 0)) {
            return false;
        }

        if (++label > PT_LABEL_MAX) {
            return false;
        }
    }

    return label > 0 && s.data[s.len - 1] != '-';
}


static bool
pt_format_uri(pt_str_t s)
{
    char      c;
    size_t    i, from;
    pt_str_t  authority;

    if (s.len == 0 || !pt_is_alpha(s.data[0])) {
        return false;
    }

    for (i = 1; i < s.len && s.data[i] != ':'; i++) {
        c = s.data[i];

        if (!pt_is_alpha(c) && !pt_is_digit(c) && !pt_is_one_of(c, "+-.")) {
            return false;
        }
    }

    if (i == s.len) {
        return false;
    }

    i++;

    if (s.len - i >= 2 && s.data[i] == '/' && s.data[i + 1] == '/') {
        from = i + 2;

        for (i = from; i < s.len && !pt_is_one_of(s.data[i], "/?#"); i++) {
            /* void */
        }

        authority = (pt_str_t) { s.data + from, i - from };

        if (!pt_authority_is_valid(authority)) {
            return false;
        }
    }

    s.data += i;
    s.len -= i;

    i = pt_uri_run(s, ":@/?");

    if (i < s.len && s.data[i] == '#') {
        i++;
        i += pt_uri_run((pt_str_t) { s.data + i, s.len - i }, ":@/?");
    }

    return i == s.len;
}


/* [ userinfo "@" ] host [ ":" port ], where host may be "[" IPv6 "]" */
static bool
pt_authority_is_valid(pt_str_t s)
{
    size_t       i;
    const char  *at;

    at = s.len > 0 ? memrchr(s.data, '@', s.len) : NULL;

    if (at != NULL) {
        i = (size_t) (at - s.data);

        if (pt_uri_run((pt_str_t) { s.data, i }, ":") != i) {
            return false;
        }

        s.data += i + 1;
        s.len -= i + 1;
    }

    if (s.len > 0 && s.data[0] == '[') {
        for (i = 1; i < s.len && s.data[i] != ']'; i++) {
            if (!pt_is_hex(s.data[i]) && !pt_is_one_of(s.data[i], ":.")) {
                return false;
            }
        }

        /* "[::]" is the shortest */
        if (i == s.len || i < 3) {
            return false;
        }

        i++;

    } else {
        i = pt_uri_run(s, "");
    }

    if (i == s.len) {
        return true;
    }

    if (s.data[i] != ':') {
        return false;
    }

    do {
        i++;
    } while (i < s.len && pt_is_digit(s.data[i]));

    return i == s.len;
}


/* bytes from the start that any part of a URI may have, or that are in more */
static size_t
pt_uri_run(pt_str_t s, const char *more)
{
    char    c;
    size_t  i;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c == '%') {
            if (s.len - i < 3 || !pt_is_hex(s.data[i + 1])
                || !pt_is_hex(s.data[i + 2]))
            {
                break;
            }

            i += 2;
            continue;
        }

        if (!pt_is_alpha(c) && !pt_is_digit(c)
            && !pt_is_one_of(c, "-._~!$&'()*+,;=") && !pt_is_one_of(c, more))
        {
            break;
        }
    }

    return i;
}


/* -1: no two digits, or above max */
static int
pt_two_digits(const char *p, int max)
{
    int  v;

    if (!pt_is_digit(p[0]) || !pt_is_digit(p[1])) {
        return -1;
    }

    v = (p[0] - '0') * 10 + (p[1] - '0');

    return v <= max ? v : -1;
}


/* ASCII's alone, whatever the locale: so not <ctype.h> */
static bool
pt_is_digit(char c)
{
    return c >= '0' && c <= '9';
}


static bool
pt_is_alpha(char c)
{
    c |= 0x20;

    return c >= 'a' && c <= 'z';
}


static bool
pt_is_hex(char c)
{
    return pt_is_digit(c) || (pt_is_alpha(c) && (c | 0x20) <= 'f');
}


static bool
pt_is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}
