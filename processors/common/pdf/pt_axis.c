/* Nice steps, ticks, and their texts. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pt_axis.h"
#include "pt_date.h"


#define PT_HOUR   3600.0
#define PT_DAY   86400.0

/* 9999-12-31 in days since 1970, and 0000-01-01 */
#define PT_DAYS_MAX   2932896
#define PT_DAYS_MIN   (-719528)

/* from here on nobody reads digits */
#define PT_PLAIN_MAX  1e15


typedef struct {
    double       least;       /* of the largest value */
    const char  *suffix;
    int          power;       /* of ten */
} pt_scale_t;


static double pt_power10(int exponent);
static void pt_ticks_fixed(double step, pt_ticks_t *ticks);
static void pt_ticks_calendar(unsigned months, pt_ticks_t *ticks);
static unsigned pt_ticks_count(double min, double max, double step);
static double pt_ticks_origin(double step);
static const pt_scale_t *pt_scale(const pt_units_t *units, double largest);
static void pt_group(const pt_units_t *units, const char *digits,
    pt_buf_t *buf);


static const pt_scale_t  pt_scales[] = {
    { 1e12, "T", 12 },
    { 1e9,  "B", 9  },
    { 1e6,  "M", 6  },
    { 1e4,  "k", 3  },
};


void
pt_ticks_numbers(double min, double max, unsigned n, pt_ticks_t *ret_ticks)
{
    int       exponent;
    double    step, base, from, to;
    size_t    i = 0;
    unsigned  k;

    static const double  nice[] = { 1, 2, 5 };

    /* a range around zero has three at the least */
    n = n < 3 ? 3 : n;

    /* equal but for the last bits: no step would tell them apart */
    if (max - min <= fmax(fabs(min), fabs(max)) * 1e-9) {
        step = min == 0 ? 1 : fabs(min) / 2;
        min -= step;
        max += step;
    }

    /* two powers below is too fine for any n */
    exponent = (int) floor(log10(max - min)) - 2;

    for ( ;; ) {
        base = pt_power10(exponent);
        step = nice[i] * base;
        from = floor(min / step);
        to = ceil(max / step);

        if (to - from + 1 <= n) {
            break;
        }

        if (++i == sizeof(nice) / sizeof(nice[0])) {
            i = 0;
            exponent++;
        }
    }

    *ret_ticks = (pt_ticks_t) {
        .min = from * step, .max = to * step, .step = step,
        .n = (unsigned) (to - from) + 1,
        .decimals = exponent < 0 ? -exponent : 0
    };

    for (k = 0; k < ret_ticks->n; k++) {

        /* by division where the step is a fraction: 3 * 0.1 is not 0.3 */
        ret_ticks->at[k] = exponent < 0 && exponent > -300
                           ? (from + k) * nice[i] / pt_power10(-exponent)
                           : (from + k) * step;
    }
}


/* the double nearest to it */
static double
pt_power10(int exponent)
{
    char  text[16];

    snprintf(text, sizeof(text), "1e%d", exponent);

    return strtod(text, NULL);
}


void
pt_ticks_times(double min, double max, unsigned n, pt_ticks_t *ret_ticks)
{
    size_t  i;

    static const double  fixed[] = {
        PT_HOUR, 3 * PT_HOUR, 6 * PT_HOUR, 12 * PT_HOUR, PT_DAY, 2 * PT_DAY,
        7 * PT_DAY, 14 * PT_DAY
    };

    static const unsigned  months[] = { 1, 2, 3, 6 };

    static const unsigned  years[] = {
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000
    };

    min = fmin(fmax(min, PT_DAYS_MIN * PT_DAY), PT_DAYS_MAX * PT_DAY);
    max = fmin(fmax(max, min), PT_DAYS_MAX * PT_DAY);

    *ret_ticks = (pt_ticks_t) { .min = min, .max = max };

    for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (pt_ticks_count(min, max, fixed[i]) <= n) {
            ret_ticks->unit = fixed[i] < PT_DAY ? PT_TICKS_HOURS
                              : PT_TICKS_DAYS;
            pt_ticks_fixed(fixed[i], ret_ticks);
            return;
        }
    }

    ret_ticks->unit = PT_TICKS_MONTHS;

    for (i = 0; i < sizeof(months) / sizeof(months[0]); i++) {
        if ((max - min) / (months[i] * 28 * PT_DAY) + 1 <= n) {
            pt_ticks_calendar(months[i], ret_ticks);
            return;
        }
    }

    ret_ticks->unit = PT_TICKS_YEARS;

    /* the last one holds all the years that there are */
    for (i = 0; i + 1 < sizeof(years) / sizeof(years[0]); i++) {
        if ((max - min) / (years[i] * 365 * PT_DAY) + 1 <= n) {
            break;
        }
    }

    pt_ticks_calendar(12 * years[i], ret_ticks);
}


static unsigned
pt_ticks_count(double min, double max, double step)
{
    double  count, origin = pt_ticks_origin(step);

    count = floor((max - origin) / step) - ceil((min - origin) / step) + 1;

    return count > PT_TICKS_MAX ? PT_TICKS_MAX + 1 : (unsigned) count;
}


/* weeks begin on Monday: 1970-01-05 */
static double
pt_ticks_origin(double step)
{
    return step >= 7 * PT_DAY ? 4 * PT_DAY : 0;
}


static void
pt_ticks_fixed(double step, pt_ticks_t *ticks)
{
    double  t, origin = pt_ticks_origin(step);

    t = ceil((ticks->min - origin) / step) * step + origin;

    for ( /* void */ ; t <= ticks->max && ticks->n < PT_TICKS_MAX; t += step) {
        ticks->at[ticks->n++] = t;
    }
}


/* every so many months, counted from January of year 0 */
static void
pt_ticks_calendar(unsigned months, pt_ticks_t *ticks)
{
    double    t;
    int64_t   year, index;
    unsigned  month, day;

    pt_date_civil((int64_t) floor(ticks->min / PT_DAY), &year, &month, &day);

    index = year * 12 + month - 1;
    index -= index % months;

    for ( /* void */ ; ticks->n < PT_TICKS_MAX; index += months) {
        t = (double) pt_date_days(index / 12, (unsigned) (index % 12) + 1, 1)
            * PT_DAY;

        if (t > ticks->max) {
            break;
        }

        if (t >= ticks->min) {
            ticks->at[ticks->n++] = t;
        }
    }
}


void
pt_tick_text(const pt_ticks_t *ticks, unsigned i, const pt_units_t *units,
    pt_buf_t *buf)
{
    double             largest;
    int64_t            year, days;
    unsigned           month, day, hour;
    pt_units_t         scaled;
    const pt_scale_t  *scale;

    if (ticks->unit == PT_TICKS_NUMBER) {
        largest = fmax(fabs(ticks->min), fabs(ticks->max));
        scale = pt_scale(units, largest);

        if (scale == NULL) {
            pt_units_text(units, ticks->at[i], ticks->decimals, buf);
            return;
        }

        scaled = *units;
        scaled.suffix = NULL;

        pt_units_text(&scaled, ticks->at[i] / pt_power10(scale->power),
                      ticks->step >= pt_power10(scale->power) ? 0
                      : ticks->step >= pt_power10(scale->power - 1) ? 1 : 2,
                      buf);
        pt_buf_add_text(buf, ticks->at[i] == 0 ? "" : scale->suffix);
        pt_buf_add_text(buf, units->suffix != NULL ? units->suffix : "");
        return;
    }

    days = (int64_t) floor(ticks->at[i] / PT_DAY);
    pt_date_civil(days, &year, &month, &day);

    switch (ticks->unit) {

    case PT_TICKS_HOURS:
        hour = (unsigned) ((ticks->at[i] - (double) days * PT_DAY) / PT_HOUR);

        /* the day where it begins, and where the axis does */
        if (hour != 0 && i != 0) {
            pt_buf_printf(buf, "%02u:00", hour);
            return;
        }

        pt_buf_printf(buf, "%04d-%02u-%02u", (int) year, month, day);

        if (hour != 0) {
            pt_buf_printf(buf, " %02u:00", hour);
        }

        return;

    case PT_TICKS_DAYS:
        pt_buf_printf(buf, "%04d-%02u-%02u", (int) year, month, day);
        return;

    case PT_TICKS_MONTHS:
        pt_buf_printf(buf, "%04d-%02u", (int) year, month);
        return;

    default:
        pt_buf_printf(buf, "%04d", (int) year);
    }
}


static const pt_scale_t *
pt_scale(const pt_units_t *units, double largest)
{
    size_t  i;

    for (i = 0; units->compact && i < sizeof(pt_scales) / sizeof(pt_scales[0]);
         i++)
    {
        if (largest >= pt_scales[i].least && largest < PT_PLAIN_MAX) {
            return &pt_scales[i];
        }
    }

    return NULL;
}


void
pt_units_text(const pt_units_t *units, double v, int decimals, pt_buf_t *buf)
{
    char  text[64];

    decimals = decimals < 0 ? 0 : decimals > 15 ? 15 : decimals;

    if (fabs(v) >= PT_PLAIN_MAX || (v != 0 && fabs(v) < 1e-12)) {
        snprintf(text, sizeof(text), "%.3g", fabs(v));

    } else {
        snprintf(text, sizeof(text), "%.*f", decimals, fabs(v));
    }

    /* what is rounded to zero has no sign */
    if (v < 0 && strpbrk(text, "123456789") != NULL) {
        pt_buf_add_char(buf, '-');
    }

    pt_buf_add_text(buf, units->prefix != NULL ? units->prefix : "");
    pt_group(units, text, buf);
    pt_buf_add_text(buf, units->suffix != NULL ? units->suffix : "");
}


static void
pt_group(const pt_units_t *units, const char *digits, pt_buf_t *buf)
{
    size_t       i, n = strspn(digits, "0123456789");
    const char  *group = units->group != NULL ? units->group : ",";

    for (i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            pt_buf_add_text(buf, group);
        }

        pt_buf_add_char(buf, digits[i]);
    }

    if (digits[n] == '.') {
        pt_buf_add_text(buf, units->decimal != NULL ? units->decimal : ".");
        n++;
    }

    pt_buf_add_text(buf, digits + n);
}
