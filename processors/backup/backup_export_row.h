/*
 * A row of COPY's text format as CSV and as JSON, byte for byte what COPY's CSV
 * and row_to_json() write: the server makes each row once, and its text is
 * half the work of either.
 */

#ifndef BACKUP_EXPORT_ROW_H
#define BACKUP_EXPORT_ROW_H

#include "backup.h"


/* how a column's text becomes JSON */
typedef enum {
    EXPORT_TEXT = 0,
    EXPORT_NUMBER,             /* NaN and the infinities as text */
    EXPORT_BOOL,
    EXPORT_JSON,               /* is some */
    EXPORT_TIME,               /* "T" between date and time, minutes of UTC */
    EXPORT_OTHER               /* by the server: the next field is its JSON */
} export_value_t;


/* where text goes; the first error is kept, and what comes then is dropped */
typedef struct {
    pt_err_t  (*flush)(void *ctx, const void *data, size_t len);
    void       *ctx;
    char       *data;          /* of EXPORT_CHUNK bytes */
    size_t      len;
    pt_err_t    err;
} export_out_t;


#define EXPORT_CHUNK  (256u << 10)


export_value_t backup_export_value(const char *type);

void backup_export_put(export_out_t *out, const char *data, size_t len);
void backup_export_json_text(export_out_t *out, const char *text, size_t len);

/* alone: of a row of one column, where "\." would end a COPY */
void backup_export_csv_text(export_out_t *out, const char *text, size_t len,
    bool alone);

/*
 * row    with its line's end; it is changed
 * names  of each column, as JSON with what is before and behind: {"a":
 * Errors PT_E_DATABASE (it has not as many fields)
 */
PT_MUST_CHECK pt_err_t backup_export_row(char *row, size_t len,
    const export_value_t *values, const pt_str_t *names, size_t n,
    export_out_t *csv, export_out_t *json);


#endif /* BACKUP_EXPORT_ROW_H */
