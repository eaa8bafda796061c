/*
 * Named parameters in SQL: ":from" becomes "$1", and the same name the same
 * number.  Values never meet the text: they are bound.
 *
 * Strings, quoted identifiers, dollar quotes, comments and casts ("::") are
 * left as they are.
 */

#ifndef REPORT_SQL_H
#define REPORT_SQL_H

#include "pt_room.h"


#define REPORT_SQL_PARAMS_MAX  64


typedef struct {
    const char  *text;           /* terminated, without the last semicolon */
    pt_str_t     names[REPORT_SQL_PARAMS_MAX];    /* of $1, $2, ... */
    size_t       n;
} report_sql_t;


/*
 * ret_error  "line 3: ...", terminated, at most size bytes
 * Errors     PT_E_INVALID (an open quote or comment, a second statement, more
 *            names than the maximum), PT_E_NOMEM
 */
PT_MUST_CHECK pt_err_t report_sql_read(pt_str_t text, pt_room_t *room,
    report_sql_t *ret_sql, char *ret_error, size_t size);


#endif /* REPORT_SQL_H */
