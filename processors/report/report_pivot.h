/* Rows with a column that splits them become a series for each value of it. */

#ifndef REPORT_PIVOT_H
#define REPORT_PIVOT_H

#include "report_data.h"


#define REPORT_PIVOT_MAX  16


typedef struct {
    size_t     n_points, n_series;
    uint64_t  *points;                      /* the first row of each x */
    uint64_t   series[REPORT_PIVOT_MAX];    /* and of each series */
    uint64_t  *rows;                        /* point after point; 0: there is
                                             * none, else the row plus one */
} report_pivot_t;


/*
 * In the order in which values of x and of split come.  Of rows with the same
 * of both, the last counts.
 *
 * Errors  PT_E_INPUT_LIMIT (more than REPORT_PIVOT_MAX series), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t report_pivot(const report_table_t *table, size_t x,
    size_t split, pt_room_t *room, report_pivot_t *ret_pivot);


#endif /* REPORT_PIVOT_H */
