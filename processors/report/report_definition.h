/*
 * Definitions: a folder of SHARE/reports for each report, with report.json and
 * the SQL of its datasets.  Its form is SHARE/reports/report.schema.json; what
 * that cannot say (a dataset that a section names exists) is checked here.
 *
 * All are read once, before the fork, and then only read.
 */

#ifndef REPORT_DEFINITION_H
#define REPORT_DEFINITION_H

#include "pt_mustache.h"
#include "pt_schema.h"
#include "report_sql.h"


#define REPORT_ERROR_MAX  512


typedef struct {
    pt_str_t          name;
    pt_str_t          title;
    report_sql_t      sql;
    uint64_t          limit;       /* rows; more fail the job */
    bool              kept;        /* in memory: a section wants its rows */
    const pt_json_t  *columns;     /* titles and formats by name, or NULL */
} report_dataset_t;


typedef struct {
    pt_str_t          name;        /* of its folder */
    pt_str_t          title;
    const pt_json_t  *root;        /* report.json */
    const pt_json_t  *sections;
    pt_schema_t      *parameters;
    report_dataset_t *datasets;
    size_t            n_datasets;
    pt_str_t          source;      /* all texts, for the version */
} report_definition_t;


typedef struct {
    pt_room_t             room;
    report_definition_t  *items;
    size_t                n, cap;
} report_definitions_t;


/*
 * Reads every folder below dir, in the order of their names.
 *
 * ret_error  "creator-analytics/report.json#/sections/2/dataset: ...",
 *            terminated, at most REPORT_ERROR_MAX bytes
 * Errors     PT_E_IO, PT_E_INVALID, PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t report_definitions_read(const char *dir,
    report_definitions_t *ret_definitions, char *ret_error);

void report_definitions_free(report_definitions_t *definitions);

/* NULL: there is none of this name */
const report_definition_t *report_definition(
    const report_definitions_t *definitions, pt_str_t name);

/* the index of a dataset, or n_datasets */
size_t report_dataset(const report_definition_t *definition, pt_str_t name);

/* whether users of this type may run it; administrators may run all */
bool report_definition_is_for(const report_definition_t *definition,
    pt_str_t user_type);


#endif /* REPORT_DEFINITION_H */
