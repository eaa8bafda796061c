/* Reads TZif files, version 2 and later. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "orch_zone.h"


#define ORCH_DAY             86400

/* the largest file of the database has 3.5 KiB, a "fat" one some more */
#define ORCH_ZONE_FILE_MAX   (64u << 10)
#define ORCH_ZONE_NAME_MAX   64

#define ORCH_TZIF_HEADER     44

/* a zone is at most a day away from UTC, a rule's time a week from midnight */
#define ORCH_OFFSET_MAX      (26 * 3600)
#define ORCH_RULE_HOURS_MAX  167


/* the day of a change in each year: Mm.w.d, Jn or n, and its local time */
typedef struct {
    char      kind;            /* 'M', 'J' or 'n' */
    int       month;
    int       week;            /* 1 to 5, 5 is the last */
    int       day;             /* of the week, or of the year */
    int32_t   time;            /* seconds from midnight */
} orch_zone_rule_t;

typedef struct {
    int64_t   at;              /* from then on */
    int32_t   offset;
} orch_zone_change_t;

struct orch_zone_s {
    int32_t             first;      /* before any change */
    size_t              n;
    orch_zone_change_t *changes;

    bool                rules;      /* after the last: a POSIX TZ string */
    bool                summer;     /* with changes in each year */
    int32_t             std_offset;
    int32_t             dst_offset;
    orch_zone_rule_t    start;
    orch_zone_rule_t    end;
};

typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
} orch_zone_reader_t;

/* the counts of a header, in their order */
typedef struct {
    uint32_t  isut, isstd, leap, time, type, chars;
} orch_tzif_t;


static bool orch_zone_name_is_good(pt_str_t name);
static pt_err_t orch_zone_header(orch_zone_reader_t *r, orch_tzif_t *h);
static pt_err_t orch_zone_changes(orch_zone_t *z, orch_zone_reader_t *r,
    const orch_tzif_t *h);
static bool orch_zone_footer(orch_zone_t *z, const char *s);
static const char *orch_zone_abbreviation(const char *s);
static const char *orch_zone_time(const char *s, int max_hours,
    int32_t *ret_s);
static const char *orch_zone_rule(const char *s, orch_zone_rule_t *rule);
static const char *orch_zone_number(const char *s, int min, int max,
    int *ret);
static int32_t orch_zone_by_rules(const orch_zone_t *z, int64_t utc);
static int64_t orch_zone_rule_at(const orch_zone_rule_t *rule, int64_t year);
static int64_t orch_zone_int(const uint8_t *p, size_t n);


pt_err_t
orch_zone_open(pt_str_t name, orch_zone_t **ret_zone)
{
    char      path[sizeof(ORCH_ZONE_FOLDER) + 1 + ORCH_ZONE_NAME_MAX + 1];
    char     *bytes;
    FILE     *f;
    size_t    n;
    pt_err_t  err = PT_E_IO;

    if (!orch_zone_name_is_good(name)) {
        return PT_E_NOT_FOUND;
    }

    snprintf(path, sizeof(path), "%s/%.*s", ORCH_ZONE_FOLDER,
             PT_STR_ARG(name));

    f = fopen(path, "re");
    if (f == NULL) {
        return errno == ENOENT || errno == ENOTDIR ? PT_E_NOT_FOUND : PT_E_IO;
    }

    bytes = malloc(ORCH_ZONE_FILE_MAX);

    if (bytes == NULL) {
        fclose(f);
        return PT_E_NOMEM;
    }

    n = fread(bytes, 1, ORCH_ZONE_FILE_MAX, f);

    if (!ferror(f)) {
        err = orch_zone_parse((pt_str_t) { bytes, n }, ret_zone);
    }

    free(bytes);
    fclose(f);

    /* a folder, "zone.tab": there, and no zone */
    return err == PT_E_INVALID || err == PT_E_IO ? PT_E_NOT_FOUND : err;
}


/* names become paths: letters, digits, "_+-", and "/" between them */
static bool
orch_zone_name_is_good(pt_str_t name)
{
    char    c, before = '/';
    size_t  i;

    for (i = 0; i < name.len; i++, before = c) {
        c = name.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')
            && !(c >= '0' && c <= '9') && c != '_' && c != '+' && c != '-'
            && !(c == '/' && before != '/'))
        {
            return false;
        }
    }

    return name.len > 0 && name.len <= ORCH_ZONE_NAME_MAX && before != '/';
}


pt_err_t
orch_zone_parse(pt_str_t file, orch_zone_t **ret_zone)
{
    char                 tz[128];
    size_t               n;
    pt_err_t             err;
    uint64_t             skip;
    orch_tzif_t          h;
    orch_zone_t         *z;
    orch_zone_reader_t   r = { (const uint8_t *) file.data,
                               (const uint8_t *) file.data + file.len };

    /* the first block has times of 32 bits: the second says the same */
    err = orch_zone_header(&r, &h);
    if (err != PT_OK) {
        return err;
    }

    skip = h.time * 5ULL + h.type * 6ULL + h.chars + h.leap * 8ULL + h.isstd
           + h.isut;

    if (skip > (uint64_t) (r.end - r.p)) {
        return PT_E_INVALID;
    }

    r.p += skip;

    err = orch_zone_header(&r, &h);
    if (err != PT_OK) {
        return err;
    }

    z = calloc(1, sizeof(*z));
    if (z == NULL) {
        return PT_E_NOMEM;
    }

    err = orch_zone_changes(z, &r, &h);

    if (err == PT_OK) {
        /* "\n" TZ-string "\n", which may be empty */
        n = (size_t) (r.end - r.p);

        if (n < 2 || n > sizeof(tz) || r.p[0] != '\n' || r.end[-1] != '\n') {
            err = PT_E_INVALID;

        } else {
            memcpy(tz, r.p + 1, n - 2);
            tz[n - 2] = '\0';
            err = orch_zone_footer(z, tz) ? PT_OK : PT_E_INVALID;
        }
    }

    if (err != PT_OK) {
        orch_zone_free(z);
        return err;
    }

    *ret_zone = z;
    return PT_OK;
}


static pt_err_t
orch_zone_header(orch_zone_reader_t *r, orch_tzif_t *h)
{
    const uint8_t  *p = r->p;

    if (r->end - p < ORCH_TZIF_HEADER || memcmp(p, "TZif", 4) != 0
        || p[4] < '2')
    {
        return PT_E_INVALID;
    }

    h->isut = (uint32_t) orch_zone_int(p + 20, 4);
    h->isstd = (uint32_t) orch_zone_int(p + 24, 4);
    h->leap = (uint32_t) orch_zone_int(p + 28, 4);
    h->time = (uint32_t) orch_zone_int(p + 32, 4);
    h->type = (uint32_t) orch_zone_int(p + 36, 4);
    h->chars = (uint32_t) orch_zone_int(p + 40, 4);

    r->p += ORCH_TZIF_HEADER;

    return PT_OK;
}


static pt_err_t
orch_zone_changes(orch_zone_t *z, orch_zone_reader_t *r, const orch_tzif_t *h)
{
    size_t          i, type;
    int64_t         offset;
    uint64_t        size;
    const uint8_t  *times = r->p, *types, *offsets;

    size = h->time * 9ULL + h->type * 6ULL + h->chars + h->leap * 12ULL
           + h->isstd + h->isut;

    if (size > (uint64_t) (r->end - r->p) || h->type == 0) {
        return PT_E_INVALID;
    }

    types = times + h->time * 8ULL;
    offsets = types + h->time;
    r->p += size;

    z->changes = calloc((size_t) h->time + 1, sizeof(*z->changes));
    if (z->changes == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i <= h->time; i++) {
        /* type 0 is what was before the first change */
        type = i ? types[i - 1] : 0;

        if (type >= h->type) {
            return PT_E_INVALID;
        }

        offset = (int32_t) orch_zone_int(offsets + 6 * type, 4);

        if (offset < -ORCH_OFFSET_MAX || offset > ORCH_OFFSET_MAX) {
            return PT_E_INVALID;
        }

        if (i == 0) {
            z->first = (int32_t) offset;
            continue;
        }

        z->changes[z->n].at = orch_zone_int(times + 8 * (i - 1), 8);
        z->changes[z->n].offset = (int32_t) offset;

        if (z->n && z->changes[z->n].at <= z->changes[z->n - 1].at) {
            return PT_E_INVALID;
        }

        z->n++;
    }

    return PT_OK;
}


/* POSIX: std offset [dst [offset] , start [/time] , end [/time]] */
static bool
orch_zone_footer(orch_zone_t *z, const char *s)
{
    int32_t  west;

    if (*s == '\0') {
        return true;
    }

    s = orch_zone_abbreviation(s);
    s = s ? orch_zone_time(s, 24, &west) : NULL;

    if (s == NULL) {
        return false;
    }

    z->rules = true;
    z->std_offset = -west;

    if (*s == '\0') {
        return true;
    }

    s = orch_zone_abbreviation(s);
    if (s == NULL) {
        return false;
    }

    z->summer = true;
    z->dst_offset = z->std_offset + 3600;

    if (*s != ',') {
        s = orch_zone_time(s, 24, &west);
        z->dst_offset = -west;
    }

    s = s && *s == ',' ? orch_zone_rule(s + 1, &z->start) : NULL;
    s = s && *s == ',' ? orch_zone_rule(s + 1, &z->end) : NULL;

    return s && *s == '\0';
}


/* letters, or anything between "<" and ">" */
static const char *
orch_zone_abbreviation(const char *s)
{
    const char  *start = s;

    if (*s == '<') {
        s = strchr(s, '>');
        return s ? s + 1 : NULL;
    }

    while ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')) {
        s++;
    }

    return s > start ? s : NULL;
}


/* [+-]hh[:mm[:ss]] */
static const char *
orch_zone_time(const char *s, int max_hours, int32_t *ret_s)
{
    int  i, v, sign = 1, seconds = 0;

    if (*s == '-' || *s == '+') {
        sign = *s++ == '-' ? -1 : 1;
    }

    for (i = 0; i < 3; i++) {
        if (i && *s++ != ':') {
            s--;
            break;
        }

        s = orch_zone_number(s, 0, i ? 59 : max_hours, &v);
        if (s == NULL) {
            return NULL;
        }

        seconds += v * (i == 0 ? 3600 : i == 1 ? 60 : 1);
    }

    *ret_s = sign * seconds;
    return s;
}


static const char *
orch_zone_rule(const char *s, orch_zone_rule_t *rule)
{
    if (*s == 'M') {
        rule->kind = 'M';
        s = orch_zone_number(s + 1, 1, 12, &rule->month);
        s = s && *s == '.' ? orch_zone_number(s + 1, 1, 5, &rule->week) : NULL;
        s = s && *s == '.' ? orch_zone_number(s + 1, 0, 6, &rule->day) : NULL;

    } else if (*s == 'J') {
        rule->kind = 'J';
        s = orch_zone_number(s + 1, 1, 365, &rule->day);

    } else {
        rule->kind = 'n';
        s = orch_zone_number(s, 0, 365, &rule->day);
    }

    rule->time = 2 * 3600;

    return s && *s == '/' ? orch_zone_time(s + 1, ORCH_RULE_HOURS_MAX,
                                           &rule->time)
                          : s;
}


static const char *
orch_zone_number(const char *s, int min, int max, int *ret)
{
    int  v = 0;

    if (*s < '0' || *s > '9') {
        return NULL;
    }

    while (*s >= '0' && *s <= '9') {
        v = 10 * v + (*s++ - '0');

        if (v > max) {
            return NULL;
        }
    }

    *ret = v;
    return v < min ? NULL : s;
}


void
orch_zone_free(orch_zone_t *zone)
{
    if (zone) {
        free(zone->changes);
        free(zone);
    }
}


int32_t
orch_zone_offset(const orch_zone_t *z, int64_t utc)
{
    size_t  low = 0, high = z->n, mid;

    if (z->rules && (z->n == 0 || utc >= z->changes[z->n - 1].at)) {
        return orch_zone_by_rules(z, utc);
    }

    while (low < high) {
        mid = low + (high - low) / 2;

        if (z->changes[mid].at <= utc) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    return low ? z->changes[low - 1].offset : z->first;
}


static int32_t
orch_zone_by_rules(const orch_zone_t *z, int64_t utc)
{
    int      month, day;
    bool     summer;
    int64_t  year, start, end, local = utc + z->std_offset;

    if (!z->summer) {
        return z->std_offset;
    }

    orch_date_of((local - (local % ORCH_DAY + ORCH_DAY) % ORCH_DAY) / ORCH_DAY,
                 &year, &month, &day);

    start = orch_zone_rule_at(&z->start, year) - z->std_offset;
    end = orch_zone_rule_at(&z->end, year) - z->dst_offset;

    /* in the south it lasts over the new year */
    summer = start < end ? utc >= start && utc < end
                         : utc >= start || utc < end;

    return summer ? z->dst_offset : z->std_offset;
}


/* its local time in that year */
static int64_t
orch_zone_rule_at(const orch_zone_rule_t *rule, int64_t year)
{
    bool     leap;
    int64_t  day, next;

    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    switch (rule->kind) {

    case 'M':
        day = orch_days_of(year, rule->month, 1);
        day += (rule->day - orch_weekday_of(day) + 7) % 7
               + 7 * (rule->week - 1);

        next = rule->month == 12 ? orch_days_of(year + 1, 1, 1)
                                 : orch_days_of(year, rule->month + 1, 1);
        day -= day >= next ? 7 : 0;
        break;

    case 'J':
        /* 29 February is not counted */
        day = orch_days_of(year, 1, 1) + rule->day - 1
              + (leap && rule->day > 59);
        break;

    default:
        day = orch_days_of(year, 1, 1) + rule->day;
        break;
    }

    return day * ORCH_DAY + rule->time;
}


int64_t
orch_zone_from_local(const orch_zone_t *z, int64_t local)
{
    int32_t  before, after;
    int64_t  low = local - ORCH_DAY, high = local + ORCH_DAY, mid;

    before = orch_zone_offset(z, low);
    after = orch_zone_offset(z, high);

    if (before == after) {
        return local - before;
    }

    /* when it changes: a zone does so once in two days at most */
    while (low + 1 < high) {
        mid = low + (high - low) / 2;

        if (orch_zone_offset(z, mid) == before) {
            low = mid;

        } else {
            high = mid;
        }
    }

    if (local - before < high) {
        return local - before;
    }

    return local - after < high ? high : local - after;
}


/* the civil calendar by eras of 400 years, counted from March */
int64_t
orch_days_of(int64_t year, int month, int day)
{
    int64_t  era, of_era, of_year;

    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    of_era = year - era * 400;
    of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year
           - 719468;
}


void
orch_date_of(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    int      month;
    int64_t  era, of_era, year, of_year;

    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    of_era = days - era * 146097;
    year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * year + year / 4 - year / 100);
    month = (int) ((5 * of_year + 2) / 153);

    *ret_day = (int) (of_year - (153 * month + 2) / 5 + 1);
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = year + era * 400 + (*ret_month <= 2);
}


int
orch_weekday_of(int64_t days)
{
    /* 1970 began on a Thursday */
    return (int) (((days + 4) % 7 + 7) % 7);
}


static int64_t
orch_zone_int(const uint8_t *p, size_t n)
{
    uint64_t  v = 0;

    while (n--) {
        v = v << 8 | *p++;
    }

    return (int64_t) v;
}
