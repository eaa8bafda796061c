/*
 * Sinks: each dataset as a file of CSV, all of them as one JSON document or
 * one workbook of XLSX.  Constant memory, whatever the number of rows.
 */

#ifndef REPORT_FILES_H
#define REPORT_FILES_H

#include "report_data.h"


typedef struct report_csv_s   report_csv_t;
typedef struct report_json_s  report_json_t;
typedef struct report_xlsx_s  report_xlsx_t;


/*
 * CSV (RFC 4180, UTF-8): DATASET.csv in dir, a row of titles first.
 *
 * formula_safe: a text that a spreadsheet would take for a formula gets a
 * leading apostrophe (it begins with = + - @, a tab or a carriage return)
 */
PT_MUST_CHECK pt_err_t report_csv_new(const char *dir, bool formula_safe,
    pt_room_t *room, report_sink_t *ret_sink);


/*
 * JSON: {"report","title","snapshot","parameters","datasets":{NAME:{"title",
 * "columns":[{"name","title","format"}],"rows":[[...]],"row_count"}}}.  Numbers
 * have PostgreSQL's digits; NULL is null.  report_json_end() closes the file.
 */
PT_MUST_CHECK pt_err_t report_json_new(const char *path, pt_room_t *room,
    report_sink_t *ret_sink);
PT_MUST_CHECK pt_err_t report_json_end(report_t *r, report_sink_t *sink);

/* the JSON Schema of that document */
void report_json_schema(const report_t *r, pt_buf_t *buf);


/*
 * XLSX: a sheet for each dataset (rows beyond Excel's last go to a second
 * one), heads frozen with a filter, totals as formulas with their values, the
 * definition's charts as native ones.  Text is never taken for a formula.
 *
 * folder  for temporary files
 */
PT_MUST_CHECK pt_err_t report_xlsx_new(const char *path, const char *folder,
    pt_room_t *room, report_sink_t *ret_sink);

/* charts, the summary, and the file's end */
PT_MUST_CHECK pt_err_t report_xlsx_end(report_t *r, report_sink_t *sink);


#endif /* REPORT_FILES_H */
