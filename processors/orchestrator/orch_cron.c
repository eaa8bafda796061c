/* Cron expressions. */

#include <strings.h>

#include "orch_cron.h"


#define ORCH_DAY          86400

/* 29 February on a given weekday comes within 40 years, also around 2100 */
#define ORCH_CRON_DAYS    (40 * 366)

#define BIT(n)            (UINT64_C(1) << (n))


typedef struct {
    const char        *name;
    int                min, max;
    const char *const *names;      /* of min, min + 1, ...; NULL: none */
} orch_cron_field_t;


static bool orch_cron_macro(pt_str_t text, pt_str_t *ret_fields);
static bool orch_cron_word(pt_str_t *text, pt_str_t *ret_word);
static bool orch_cron_field(pt_str_t word, const orch_cron_field_t *f,
    uint64_t *ret_bits);
static bool orch_cron_item(pt_str_t item, const orch_cron_field_t *f,
    uint64_t *bits);
static bool orch_cron_value(pt_str_t *s, const orch_cron_field_t *f,
    int *ret);
static bool orch_cron_number(pt_str_t *s, int max, int *ret);
static bool orch_cron_has_day(const orch_cron_t *cron, int64_t days);
static int64_t orch_cron_fixed(const orch_cron_t *cron,
    const orch_zone_t *zone, int64_t day, int64_t after);
static int64_t orch_cron_every(const orch_cron_t *cron,
    const orch_zone_t *zone, int64_t day, int64_t after);
static int64_t orch_floor(int64_t a, int64_t b);


static const char *const  orch_cron_months[] = {
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct",
    "nov", "dec", NULL
};

static const char *const  orch_cron_weekdays[] = {
    "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL
};

static const orch_cron_field_t  orch_cron_fields[] = {
    { "the minutes are not a list of 0 to 59",       0, 59, NULL },
    { "the hours are not a list of 0 to 23",         0, 23, NULL },
    { "the days of the month are not a list of 1 to 31", 1, 31, NULL },
    { "the months are not a list of 1 to 12 or jan to dec", 1, 12,
      orch_cron_months },
    { "the days of the week are not a list of 0 to 7 or sun to sat", 0, 7,
      orch_cron_weekdays }
};

#define ORCH_CRON_FIELDS  5


pt_err_t
orch_cron_parse(pt_str_t text, orch_cron_t *ret_cron, const char **ret_why)
{
    int       i;
    bool      star[ORCH_CRON_FIELDS];
    pt_str_t  word;
    uint64_t  bits[ORCH_CRON_FIELDS];

    if (text.len && text.data[0] == '@' && !orch_cron_macro(text, &text)) {
        *ret_why = "is none of @yearly, @monthly, @weekly, @daily and "
                   "@hourly";
        return PT_E_INVALID;
    }

    for (i = 0; i < ORCH_CRON_FIELDS; i++) {
        if (!orch_cron_word(&text, &word)) {
            *ret_why = "has five fields: minute, hour, day of the month, "
                       "month, day of the week";
            return PT_E_INVALID;
        }

        if (!orch_cron_field(word, &orch_cron_fields[i], &bits[i])) {
            *ret_why = orch_cron_fields[i].name;
            return PT_E_INVALID;
        }

        star[i] = word.data[0] == '*';
    }

    if (orch_cron_word(&text, &word)) {
        *ret_why = "has more than five fields";
        return PT_E_INVALID;
    }

    /* 7 is Sunday as well */
    bits[4] = (bits[4] | bits[4] >> 7) & 0x7f;

    *ret_cron = (orch_cron_t) {
        bits[0], bits[1], bits[2], bits[3], bits[4], star[1], star[2], star[4]
    };

    return PT_OK;
}


static bool
orch_cron_macro(pt_str_t text, pt_str_t *ret_fields)
{
    size_t  i;

    static const struct {
        const char  *name;
        const char  *fields;
    } macros[] = {
        { "@yearly",   "0 0 1 1 *" },
        { "@annually", "0 0 1 1 *" },
        { "@monthly",  "0 0 1 * *" },
        { "@weekly",   "0 0 * * 0" },
        { "@daily",    "0 0 * * *" },
        { "@midnight", "0 0 * * *" },
        { "@hourly",   "0 * * * *" }
    };

    for (i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
        if (pt_str_is(text, macros[i].name)) {
            *ret_fields = pt_str(macros[i].fields);
            return true;
        }
    }

    return false;
}


/* takes the next word off the text */
static bool
orch_cron_word(pt_str_t *text, pt_str_t *ret_word)
{
    const char  *p = text->data, *end = p + text->len, *start;

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    start = p;

    while (p < end && *p != ' ' && *p != '\t') {
        p++;
    }

    *ret_word = (pt_str_t) { start, (size_t) (p - start) };
    *text = (pt_str_t) { p, (size_t) (end - p) };

    return p > start;
}


static bool
orch_cron_field(pt_str_t word, const orch_cron_field_t *f, uint64_t *ret_bits)
{
    pt_str_t     item;
    const char  *comma, *end = word.data + word.len;

    *ret_bits = 0;

    for ( ;; ) {
        comma = memchr(word.data, ',', word.len);
        item = (pt_str_t) { word.data, (size_t) ((comma ? comma : end)
                                                 - word.data) };

        if (!orch_cron_item(item, f, ret_bits)) {
            return false;
        }

        if (comma == NULL) {
            return true;
        }

        word = (pt_str_t) { comma + 1, (size_t) (end - comma - 1) };
    }
}


/* "*", a or a-b, and "/n" */
static bool
orch_cron_item(pt_str_t s, const orch_cron_field_t *f, uint64_t *bits)
{
    int   v, first, last, step = 1;
    bool  range = true;

    if (s.len && s.data[0] == '*') {
        first = f->min;
        /* Sunday only once */
        last = f->max == 7 ? 6 : f->max;
        s.data++;
        s.len--;

    } else {
        if (!orch_cron_value(&s, f, &first)) {
            return false;
        }

        last = first;
        range = s.len && s.data[0] == '-';

        if (range) {
            s.data++;
            s.len--;

            if (!orch_cron_value(&s, f, &last) || last < first) {
                return false;
            }
        }
    }

    if (s.len && s.data[0] == '/') {
        s.data++;
        s.len--;

        if (!orch_cron_number(&s, f->max + 1, &step) || step == 0) {
            return false;
        }

        last = range ? last : f->max == 7 ? 6 : f->max;
    }

    for (v = first; v <= last; v += step) {
        *bits |= BIT(v);
    }

    return s.len == 0 && first <= last;
}


static bool
orch_cron_value(pt_str_t *s, const orch_cron_field_t *f, int *ret)
{
    int  i;

    for (i = 0; f->names && f->names[i]; i++) {
        if (s->len >= 3 && strncasecmp(s->data, f->names[i], 3) == 0) {
            s->data += 3;
            s->len -= 3;
            *ret = f->min + i;
            return true;
        }
    }

    return orch_cron_number(s, f->max, ret) && *ret >= f->min;
}


static bool
orch_cron_number(pt_str_t *s, int max, int *ret)
{
    int  v = 0, digits = 0;

    while (s->len && s->data[0] >= '0' && s->data[0] <= '9') {
        v = 10 * v + (s->data[0] - '0');
        s->data++;
        s->len--;

        if (v > max || ++digits > 3) {
            return false;
        }
    }

    *ret = v;
    return digits > 0;
}


int64_t
orch_cron_next(const orch_cron_t *cron, const orch_zone_t *zone,
    int64_t after)
{
    int64_t  day, last, next;

    /* what a change moves to another day is looked for from the day before */
    day = orch_floor(after + orch_zone_offset(zone, after), ORCH_DAY) - 1;

    for (last = day + ORCH_CRON_DAYS; day < last; day++) {

        if (!orch_cron_has_day(cron, day)) {
            continue;
        }

        next = cron->every_hour ? orch_cron_every(cron, zone, day, after)
                                : orch_cron_fixed(cron, zone, day, after);
        if (next) {
            return next;
        }
    }

    return 0;
}


static bool
orch_cron_has_day(const orch_cron_t *cron, int64_t days)
{
    int      month, day;
    bool     by_day, by_weekday;
    int64_t  year;

    orch_date_of(days, &year, &month, &day);

    by_day = cron->days & BIT(day);
    by_weekday = cron->weekdays & BIT(orch_weekday_of(days));

    if (!(cron->months & BIT(month))) {
        return false;
    }

    return cron->every_day || cron->every_weekday ? by_day && by_weekday
                                                  : by_day || by_weekday;
}


/* local times in their order: so are the moments that they come to */
static int64_t
orch_cron_fixed(const orch_cron_t *cron, const orch_zone_t *zone, int64_t day,
    int64_t after)
{
    int      hour, minute;
    int64_t  at;

    for (hour = 0; hour < 24; hour++) {
        if (!(cron->hours & BIT(hour))) {
            continue;
        }

        for (minute = 0; minute < 60; minute++) {
            if (!(cron->minutes & BIT(minute))) {
                continue;
            }

            at = orch_zone_from_local(zone, day * ORCH_DAY + hour * 3600
                                            + minute * 60);
            if (at > after) {
                return at;
            }
        }
    }

    return 0;
}


/* moments in their order, with what the clock shows then */
static int64_t
orch_cron_every(const orch_cron_t *cron, const orch_zone_t *zone, int64_t day,
    int64_t after)
{
    int64_t  at, end, local, second;

    at = orch_zone_from_local(zone, day * ORCH_DAY);
    end = orch_zone_from_local(zone, (day + 1) * ORCH_DAY);

    if (at <= after) {
        /* to the next full minute of the local clock */
        local = after + orch_zone_offset(zone, after);
        at = after + 60 - (local - orch_floor(local, 60) * 60);
    }

    for ( /* void */ ; at < end; at += 60) {
        local = at + orch_zone_offset(zone, at);
        second = local - orch_floor(local, ORCH_DAY) * ORCH_DAY;

        if (orch_floor(local, ORCH_DAY) == day
            && cron->hours & BIT(second / 3600)
            && cron->minutes & BIT(second / 60 % 60))
        {
            return at;
        }
    }

    return 0;
}


static int64_t
orch_floor(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}
