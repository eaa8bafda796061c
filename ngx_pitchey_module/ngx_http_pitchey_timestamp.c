/* PostgreSQL's and RFC 3339's timestamps, from text. */

#include "ngx_http_pitchey_timestamp.h"


static bool timestamp_number(pt_str_t *in, size_t min, size_t max,
    int64_t *ret_n);
static bool timestamp_char(pt_str_t *in, char c);
static bool timestamp_fraction(pt_str_t *in, int64_t *ret_ms);
static bool timestamp_offset(pt_str_t *in, int64_t *ret_s);
static int64_t timestamp_days(int64_t year, int64_t month, int64_t day);


bool
ngx_http_pitchey_timestamp_parse(pt_str_t text, int64_t *ret_ms)
{
    int64_t  year, month, day, hour, minute, second, ms, offset;

    if (pt_str_is(text, "infinity")) {
        *ret_ms = INT64_MAX;
        return true;
    }

    if (pt_str_is(text, "-infinity")) {
        *ret_ms = INT64_MIN;
        return true;
    }

    if (!timestamp_number(&text, 4, 6, &year)
        || !timestamp_char(&text, '-')
        || !timestamp_number(&text, 2, 2, &month)
        || !timestamp_char(&text, '-')
        || !timestamp_number(&text, 2, 2, &day)
        || !(timestamp_char(&text, ' ') || timestamp_char(&text, 'T')
             || timestamp_char(&text, 't'))
        || !timestamp_number(&text, 2, 2, &hour)
        || !timestamp_char(&text, ':')
        || !timestamp_number(&text, 2, 2, &minute)
        || !timestamp_char(&text, ':')
        || !timestamp_number(&text, 2, 2, &second)
        || !timestamp_fraction(&text, &ms)
        || !timestamp_offset(&text, &offset)
        || text.len != 0)
    {
        return false;
    }

    if (month < 1 || month > 12 || day < 1 || day > 31
        || hour > 24 || minute > 59 || second > 60)
    {
        return false;
    }

    *ret_ms = (timestamp_days(year, month, day) * 86400
               + hour * 3600 + minute * 60 + second - offset) * 1000 + ms;

    return true;
}


static bool
timestamp_number(pt_str_t *in, size_t min, size_t max, int64_t *ret_n)
{
    size_t   i;
    int64_t  n;

    n = 0;

    for (i = 0; i < in->len && i < max; i++) {
        if (in->data[i] < '0' || in->data[i] > '9') {
            break;
        }

        n = n * 10 + (in->data[i] - '0');
    }

    if (i < min) {
        return false;
    }

    in->data += i;
    in->len -= i;
    *ret_n = n;

    return true;
}


static bool
timestamp_char(pt_str_t *in, char c)
{
    if (in->len == 0 || in->data[0] != c) {
        return false;
    }

    in->data++;
    in->len--;

    return true;
}


/* ".1" to ".123456", or nothing */
static bool
timestamp_fraction(pt_str_t *in, int64_t *ret_ms)
{
    size_t    digits;
    int64_t   n;
    pt_str_t  before;

    *ret_ms = 0;

    if (!timestamp_char(in, '.')) {
        return true;
    }

    before = *in;

    if (!timestamp_number(in, 1, 9, &n)) {
        return false;
    }

    for (digits = before.len - in->len; digits < 3; digits++) {
        n *= 10;
    }

    for ( /* void */ ; digits > 3; digits--) {
        n /= 10;
    }

    *ret_ms = n;

    return true;
}


/* "+01", "-03:30", "+00:19:32" (local mean times), "Z", or nothing */
static bool
timestamp_offset(pt_str_t *in, int64_t *ret_s)
{
    bool     west;
    int64_t  hours, minutes, seconds;

    *ret_s = 0;

    if (in->len == 0 || timestamp_char(in, 'Z') || timestamp_char(in, 'z')) {
        return true;
    }

    west = timestamp_char(in, '-');

    if (!west && !timestamp_char(in, '+')) {
        return false;
    }

    minutes = 0;
    seconds = 0;

    if (!timestamp_number(in, 2, 2, &hours)) {
        return false;
    }

    if (timestamp_char(in, ':') && !timestamp_number(in, 2, 2, &minutes)) {
        return false;
    }

    if (timestamp_char(in, ':') && !timestamp_number(in, 2, 2, &seconds)) {
        return false;
    }

    *ret_s = hours * 3600 + minutes * 60 + seconds;

    if (west) {
        *ret_s = -*ret_s;
    }

    return true;
}


/* days since 1970-01-01: years begin in March, so that the leap day is last */
static int64_t
timestamp_days(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    month += month <= 2 ? 9 : -3;

    return year * 365 + year / 4 - year / 100 + year / 400
           + (month * 153 + 2) / 5 + day - 1 - 719468;
}
