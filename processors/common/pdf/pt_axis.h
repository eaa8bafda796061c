/*
 * Axes: nice ticks for numbers and for times, and their texts.
 *
 * Ticks are whole multiples of a step that people count in: 1, 2 or 5 times
 * a power of ten; hours, days, weeks, months, years.  Pure functions: no
 * clock, no locale; times are UTC, written as ISO 8601 does.
 */

#ifndef PT_AXIS_H
#define PT_AXIS_H

#include <stdint.h>

#include "pt_mem.h"


#define PT_TICKS_MAX   32

/* values beyond are refused: differences of doubles must stay finite */
#define PT_AXIS_LIMIT  1e300


/* how numbers of an axis, or of a table, are written */
typedef struct {
    const char       *prefix;      /* "$", or NULL */
    const char       *suffix;      /* " %", or NULL */
    const char       *decimal;     /* NULL: "." */
    const char       *group;       /* between thousands; NULL: "," */
    bool              compact;     /* 1.5M for 1,500,000 */
    bool              whole;       /* counts: an axis has no half of one */
} pt_units_t;


typedef struct {
    double            min, max;    /* of the axis: ticks at both ends, or not */
    double            at[PT_TICKS_MAX];
    unsigned          n;

    double            step;        /* of a number axis */
    int               decimals;    /* that tell neighbours apart */
    enum { PT_TICKS_NUMBER = 0, PT_TICKS_HOURS, PT_TICKS_DAYS,
           PT_TICKS_MONTHS, PT_TICKS_YEARS } unit;
} pt_ticks_t;


/*
 * The finest nice step that gives at most n ticks (3 to PT_TICKS_MAX) from at
 * or below min to at or above max, which become ticks.  min <= max, both
 * within PT_AXIS_LIMIT; equal ones are widened.
 */
void pt_ticks_numbers(double min, double max, unsigned n,
    pt_ticks_t *ret_ticks);

/*
 * Times in seconds since 1970; ticks lie between min and max, which stay the
 * ends of the axis.  Within the years 0 to 9999.
 */
void pt_ticks_times(double min, double max, unsigned n,
    pt_ticks_t *ret_ticks);

/* the text of tick i: "1.5M", "$200", "2026-03" */
void pt_tick_text(const pt_ticks_t *ticks, unsigned i,
    const pt_units_t *units, pt_buf_t *buf);

/* v, finite, with so many decimals, grouped: "1,234.50" */
void pt_units_text(const pt_units_t *units, double v, int decimals,
    pt_buf_t *buf);


#endif /* PT_AXIS_H */
