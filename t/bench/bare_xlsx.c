/* What XLSX costs without us: rows of a query to one sheet, nothing checked. */

#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>
#include <xlsxwriter.h>


int
main(int argc, char **argv)
{
    int                    i, k, n;
    char                   sql[1024];
    PGconn                *conn;
    PGresult              *res;
    lxw_row_t              row = 0;
    lxw_workbook          *book;
    lxw_worksheet         *sheet;
    lxw_workbook_options   options = { .constant_memory = LXW_TRUE };

    if (argc != 4) {
        fprintf(stderr, "usage: bare_xlsx CONNINFO SELECT FILE\n");
        return 2;
    }

    conn = PQconnectdb(argv[1]);
    snprintf(sql, sizeof(sql), "DECLARE c CURSOR FOR %s", argv[2]);
    PQclear(PQexec(conn, "BEGIN"));
    PQclear(PQexec(conn, sql));

    book = workbook_new_opt(argv[3], &options);
    sheet = workbook_add_worksheet(book, NULL);

    do {
        res = PQexec(conn, "FETCH 2000 FROM c");
        n = PQntuples(res);

        for (i = 0; i < n; i++, row++) {
            for (k = 0; k < PQnfields(res); k++) {

                /* numbers, then dates and texts */
                if (PQftype(res, k) == 23 || PQftype(res, k) == 1700) {
                    worksheet_write_number(sheet, row, (lxw_col_t) k,
                                           atof(PQgetvalue(res, i, k)), NULL);

                } else {
                    worksheet_write_string(sheet, row, (lxw_col_t) k,
                                           PQgetvalue(res, i, k), NULL);
                }
            }
        }

        PQclear(res);
    } while (n > 0);

    PQfinish(conn);

    return workbook_close(book) == LXW_NO_ERROR && row > 0 ? 0 : 1;
}
