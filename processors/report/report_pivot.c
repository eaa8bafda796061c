/* A table of x by series, of rows that have one of each. */

#include "report_pivot.h"


static size_t report_pivot_find(const report_table_t *table, size_t column,
    const uint64_t *firsts, size_t n, size_t at, uint64_t row);


pt_err_t
report_pivot(const report_table_t *table, size_t x, size_t split,
    pt_room_t *room, report_pivot_t *ret_pivot)
{
    size_t          k = 0, s = 0, *at;
    uint64_t        i;
    report_pivot_t  p = { 0 };

    p.points = pt_room_array(room, table->n_rows + 1, sizeof(uint64_t));
    at = pt_room_array(room, 2 * table->n_rows + 1, sizeof(size_t));

    if (p.points == NULL || at == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < table->n_rows; i++) {
        k = report_pivot_find(table, x, p.points, p.n_points, k, i);
        s = report_pivot_find(table, split, p.series, p.n_series, s, i);

        if (k == p.n_points) {
            p.points[p.n_points++] = i;
        }

        if (s == REPORT_PIVOT_MAX) {
            return PT_E_INPUT_LIMIT;
        }

        if (s == p.n_series) {
            p.series[p.n_series++] = i;
        }

        at[2 * i] = k;
        at[2 * i + 1] = s;
    }

    p.rows = pt_room_array(room, p.n_points * p.n_series + 1,
                           sizeof(uint64_t));
    if (p.rows == NULL) {
        return PT_E_NOMEM;
    }

    for (i = 0; i < p.n_points * p.n_series; i++) {
        p.rows[i] = 0;
    }

    for (i = 0; i < table->n_rows; i++) {
        p.rows[at[2 * i] * p.n_series + at[2 * i + 1]] = i + 1;
    }

    *ret_pivot = p;

    return PT_OK;
}


/*
 * Which of the first rows has the same value, or n.  Rows are ordered by x or
 * by series: it is where the row before was, or the next one.
 */
static size_t
report_pivot_find(const report_table_t *table, size_t column,
    const uint64_t *firsts, size_t n, size_t at, uint64_t row)
{
    size_t    i, k;
    pt_str_t  value = report_cell(table, row, column);

    for (i = 0; i < n; i++) {
        k = (at + i) % n;

        if (pt_str_eq(report_cell(table, firsts[k], column), value)) {
            return k;
        }
    }

    return n;
}
