/* The last run. */

#include "report_last.h"


#define REPORT_REQUEST_MAX  (256 * 1024)


static pt_err_t report_last_take(report_t *r, const PGresult *res);
static pt_err_t report_last_failed(report_t *r, const PGresult *res);


/* params are stored as they were sent: jsonb compares what they mean */
static const char  report_last_sql[] =
    "SELECT id::text, to_char(finished_at AT TIME ZONE 'UTC',"
    "       'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
    "       to_char(finished_at, 'YYYY-MM-DD'), result::text"
    "  FROM pitchey.job"
    " WHERE owner = $1 AND service = 'report-generation'"
    "   AND action = 'generate-analytics' AND status = 'succeeded'"
    "   AND params::jsonb = $2::jsonb"
    " ORDER BY id DESC LIMIT 1";


pt_err_t
report_last_read(report_t *r, const pt_json_t *request)
{
    pt_buf_t     owner, text;
    pt_err_t     err;
    PGresult    *res;
    const char  *values[2];

    pt_buf_init(&owner, &pt_mem_heap, 1024);
    pt_buf_init(&text, &pt_mem_heap, REPORT_REQUEST_MAX);

    pt_buf_add_str(&owner, r->user);
    pt_buf_add_char(&owner, '\0');
    pt_json_canonical(request, &text);
    pt_buf_add_char(&text, '\0');

    err = owner.err != PT_OK ? owner.err : text.err;

    if (err == PT_OK) {
        values[0] = owner.data;
        values[1] = text.data;

        res = PQexecParams(r->conn, report_last_sql, 2, NULL, values, NULL,
                           NULL, 0);
        err = PQresultStatus(res) == PGRES_TUPLES_OK
              ? report_last_take(r, res) : report_last_failed(r, res);
        PQclear(res);
    }

    pt_buf_done(&owner);
    pt_buf_done(&text);

    return err;
}


static pt_err_t
report_last_take(report_t *r, const PGresult *res)
{
    pt_err_t     err;
    pt_json_t   *result;

    if (PQntuples(res) == 0) {
        return PT_OK;
    }

    err = pt_json_parse(pt_str(PQgetvalue(res, 0, 3)), &pt_mem_heap, &result,
                        NULL);

    if (err != PT_OK) {
        /* not one of ours: as if there were none */
        return err == PT_E_NOMEM ? err : PT_OK;
    }

    r->last = (report_last_t) {
        .job = pt_room_copy(r->room, pt_str(PQgetvalue(res, 0, 0))),
        .at = pt_room_copy(r->room, pt_str(PQgetvalue(res, 0, 1))),
        .day = pt_room_copy(r->room, pt_str(PQgetvalue(res, 0, 2))),
        .result = result,
    };

    return r->last.job.data == NULL || r->last.at.data == NULL
           || r->last.day.data == NULL ? PT_E_NOMEM : PT_OK;
}


static pt_err_t
report_last_failed(report_t *r, const PGresult *res)
{
    const char  *why = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    if (PQstatus(r->conn) != CONNECTION_OK) {
        return report_fail(r, PT_E_DATABASE, "the connection was lost");
    }

    return report_fail(r, PT_E_PARAMETERS, "compare_last_run: this database"
                       " does not tell of earlier runs: %s",
                       why != NULL ? why : "no answer");
}


report_figure_t
report_last_figure(const report_t *r, pt_str_t title)
{
    report_figure_t   figure = { .known = false };
    const pt_json_t  *item, *value;

    item = pt_json_member(r->last.result, "figures");

    for (item = item != NULL ? item->first : NULL; item != NULL; item = item->next) {
        if (pt_str_eq(pt_json_string(item, "title", PT_STR("")), title)) {
            value = pt_json_member(item, "value");
            figure.known = value != NULL && value->type == PT_JSON_NUMBER
                           && report_decimal_from(value->number, &figure.value)
                              == PT_OK;
            break;
        }
    }

    return figure;
}


report_figure_t
report_last_change(const report_figure_t *now, const report_figure_t *last)
{
    report_figure_t  change = { .known = now->known && last->known };

    if (change.known) {
        change.value = -last->value;
        change.known = report_decimal_add(&change.value, now->value) == PT_OK;
    }

    return change;
}
