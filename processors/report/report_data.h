/*
 * Data: the datasets of a report, all read in one transaction, hence from one
 * snapshot.
 *
 * Rows come by a server-side cursor and go to every sink; only those that a
 * section shows stay in memory.  A dataset over its limit fails the report:
 * rows are never cut off in silence.
 */

#ifndef REPORT_DATA_H
#define REPORT_DATA_H

#include <libpq-fe.h>

#include "report_decimal.h"
#include "report_definition.h"


typedef enum {
    REPORT_TEXT = 0,
    REPORT_INTEGER,
    REPORT_DECIMAL,              /* two places */
    REPORT_MONEY,
    REPORT_PERCENT,              /* 0.125 is 12.5 % */
    REPORT_MULTIPLE,             /* 1.5x */
    REPORT_DURATION,             /* seconds */
    REPORT_DATE,
    REPORT_MONTH,                /* of a date */
    REPORT_QUARTER,
    REPORT_DATETIME
} report_format_t;

/* as definitions and files have them */
extern const char *const  report_format_names[REPORT_DATETIME + 1];


typedef struct {
    pt_str_t                 name;
    pt_str_t                 title;
    report_format_t          format;
    bool                     numeric;    /* its values are numbers */
    bool                     total;
    report_decimal_t         sum;        /* of a numeric column, so far */
} report_column_t;


typedef struct {
    const report_dataset_t  *dataset;
    report_column_t         *columns;
    size_t                   n_columns;

    pt_str_t                *cells;      /* row after row, data NULL: NULL; only
                                          * of a dataset that is kept */
    size_t                   n_cells, cells_cap;
    uint64_t                 n_rows;
} report_table_t;


/* where rows go; each call may fail, and tells why by report_fail() */
typedef struct report_s       report_t;
typedef struct report_sink_s  report_sink_t;

struct report_sink_s {
    pt_err_t  (*open)(void *ctx, report_t *r, const report_table_t *table);
    pt_err_t  (*row)(void *ctx, report_t *r, const report_table_t *table,
                  const pt_str_t *cells);
    pt_err_t  (*close)(void *ctx, report_t *r, const report_table_t *table);
    void      (*done)(void *ctx);        /* frees; at any time, once */
    void       *ctx;
};

#define REPORT_SINKS_MAX  4


/* of an earlier job of the same request; result NULL: there is none */
typedef struct {
    pt_json_t                  *result;        /* freed by the caller */
    pt_str_t                    job;
    pt_str_t                    at;            /* "2026-11-23T12:00:00Z" */
    pt_str_t                    day;           /* of r->timezone */
} report_last_t;


struct report_s {
    const report_definition_t  *definition;
    const pt_json_t            *parameters;    /* by the definition's schema */
    pt_str_t                    user, user_type, role;
    bool                        admin;
    pt_str_t                    timezone;      /* IANA */
    int64_t                     fiscal_month;  /* with which a year begins */
    unsigned                    timeout_ms;    /* of a statement; 0: none */

    /* run once the snapshot is taken; may be NULL */
    pt_err_t                  (*begun)(void *ctx);

    PGconn                     *conn;
    pt_room_t                  *room;
    report_sink_t               sinks[REPORT_SINKS_MAX];
    size_t                      n_sinks;

    /* told after each dataset; may be NULL */
    void                      (*progress)(void *ctx, size_t done, size_t all);
    void                       *ctx;

    report_table_t             *tables;        /* as definition->datasets */
    report_last_t               last;
    pt_str_t                    snapshot;      /* "2026-11-23T12:00:00Z" */
    char                        error[REPORT_ERROR_MAX];
};


/*
 * Runs all datasets.
 *
 * Errors  PT_E_DATABASE (the connection), PT_E_PARAMETERS (the statement
 *         failed, as r->error tells), PT_E_TIMEOUT, PT_E_INPUT_LIMIT (more rows
 *         than the dataset's limit), PT_E_NOMEM, and those of the sinks
 */
PT_MUST_CHECK pt_err_t report_read(report_t *r);

/*
 * Has the database plan every dataset, with all parameters NULL: mistakes in
 * the SQL show, and columns are known afterwards.  Errors as report_read().
 */
PT_MUST_CHECK pt_err_t report_plan(report_t *r);

/* sets the reason of a failure; returns err */
pt_err_t report_fail(report_t *r, pt_err_t err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* of a section's dataset; the definition was checked */
const report_table_t *report_table(const report_t *r, pt_str_t dataset);

/* the index of a column, or n_columns */
size_t report_column(const report_table_t *table, pt_str_t name);

static inline pt_str_t
report_cell(const report_table_t *table, uint64_t row, size_t column)
{
    return table->cells[row * table->n_columns + column];
}


#endif /* REPORT_DATA_H */
