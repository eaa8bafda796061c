/* "pitchey-report check": definitions against a database, before users do. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"


static bool report_check_one(PGconn *conn,
    const report_definition_t *definition);
static bool report_check_named(report_t *r, const pt_json_t *value,
    const report_table_t *table);
static bool report_check_name(report_t *r, const report_table_t *table,
    pt_str_t name);


static const char  report_check_help[] =
    "usage: pitchey-report check [--share DIR] [--database CONNINFO]\n\n"
    "Reads all definitions of DIR/reports and has the database plan their\n"
    "datasets.  Ends with status 1 if one is wrong.\n\n"
    "  --share DIR          default " PT_SHARE_DEFAULT "\n"
    "  --database CONNINFO  default: the variable PITCHEY_PLATFORM_DATABASE\n";


int
report_check(int argc, char **argv)
{
    int                     c;
    bool                    good = true;
    char                    dir[4096], error[REPORT_ERROR_MAX] = "";
    size_t                  i;
    PGconn                 *conn;
    const char             *share = PT_SHARE_DEFAULT;
    const char             *database = getenv("PITCHEY_PLATFORM_DATABASE");
    report_definitions_t    definitions;

    static const struct option  options[] = {
        { "share", required_argument, NULL, 's' },
        { "database", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {

        case 's':
            share = optarg;
            break;

        case 'd':
            database = optarg;
            break;

        default:
            fputs(report_check_help, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }

    snprintf(dir, sizeof(dir), "%s/reports", share);

    if (report_definitions_read(dir, &definitions, error) != PT_OK) {
        fprintf(stderr, "pitchey-report: %s\n", error);
        return 1;
    }

    conn = PQconnectdb(database != NULL ? database : "");

    if (PQstatus(conn) != CONNECTION_OK) {
        fprintf(stderr, "pitchey-report: %s", PQerrorMessage(conn));
        good = false;
    }

    for (i = 0; PQstatus(conn) == CONNECTION_OK && i < definitions.n; i++) {
        good = report_check_one(conn, &definitions.items[i]) && good;
    }

    PQfinish(conn);
    report_definitions_free(&definitions);

    return good ? 0 : 1;
}


static bool
report_check_one(PGconn *conn, const report_definition_t *definition)
{
    bool                    good;
    pt_room_t               room;
    static const pt_json_t  none = { .type = PT_JSON_OBJECT };
    report_t                r = {
        .definition = definition, .parameters = &none,
        .user = PT_STR(""), .user_type = PT_STR(""), .role = PT_STR(""),
        .timezone = PT_STR("UTC"), .fiscal_month = 1, .conn = conn,
        .room = &room
    };

    pt_room_init(&room, 16 * 1024 * 1024);

    good = report_plan(&r) == PT_OK && report_check_columns(&r) == PT_OK;

    printf("%-32.*s %s%s\n", PT_STR_ARG(definition->name),
           good ? "ok" : "wrong: ", good ? "" : r.error);

    pt_room_done(&room);

    return good;
}


pt_err_t
report_check_columns(report_t *r)
{
    char              reason[REPORT_ERROR_MAX];
    const pt_json_t  *section = r->definition->sections->first;

    for ( /* void */ ; section != NULL; section = section->next) {
        if (!report_check_named(r, section, NULL)) {
            memcpy(reason, r->error, sizeof(reason));

            return report_fail(r, PT_E_PARAMETERS, "section \"%.*s\": %s",
                               PT_STR_ARG(pt_json_string(section, "title",
                                                         PT_STR(""))),
                               reason);
        }
    }

    return PT_OK;
}


/*
 * Every column that is named where a dataset is, or in what stands there:
 * "highlight" is about the table's own.
 */
static bool
report_check_named(report_t *r, const pt_json_t *value,
    const report_table_t *table)
{
    size_t            i;
    const pt_json_t  *dataset, *child, *name;

    static const char *const  members[] = {
        "x", "y", "split", "columns", "group", "column", "date"
    };

    dataset = pt_json_member(value, "dataset");
    table = dataset != NULL ? report_table(r, dataset->text) : table;

    for (i = 0; table != NULL && i < sizeof(members) / sizeof(members[0]);
         i++)
    {
        child = pt_json_member(value, members[i]);

        if (child != NULL && child->type == PT_JSON_STRING
            && !report_check_name(r, table, child->text))
        {
            return false;
        }

        for (name = child != NULL ? child->first : NULL; name != NULL;
             name = name->next)
        {
            if (!report_check_name(r, table, name->text)) {
                return false;
            }
        }
    }

    for (child = value->first; child != NULL; child = child->next) {
        if ((child->type == PT_JSON_OBJECT || child->type == PT_JSON_ARRAY)
            && !report_check_named(r, child, table))
        {
            return false;
        }
    }

    return true;
}


static bool
report_check_name(report_t *r, const report_table_t *table, pt_str_t name)
{
    if (report_column(table, name) < table->n_columns) {
        return true;
    }

    (void) report_fail(r, PT_E_PARAMETERS, "dataset \"%.*s\" has no column"
                       " \"%.*s\"", PT_STR_ARG(table->dataset->name),
                       PT_STR_ARG(name));

    return false;
}
