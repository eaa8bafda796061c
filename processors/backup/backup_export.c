/*
 * export-user-data: what a person may ask for by Art. 15 and 20 GDPR, as a
 * ZIP: tables as JSON and CSV, files, and a page to read first.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_export.h"
#include "backup_files.h"


#define SQL_MAX       (1u << 20)
#define PAGE_MAX      (8u << 20)
#define PAGE_ROWS     100          /* of a table on the page */
#define PAGE_TEXT     300          /* bytes of a value on it */
#define CHUNK         (256u << 10)

/*
 * A table beyond this is stored as it is: deflating it would take several
 * times as long as sending what it saves.
 */
#define DEFLATE_MAX   (32u << 20)


typedef struct {
    backup_session_t   session;
    backup_tables_t    tables;
    char               snapshot[64];
    char               snapshot_at[BACKUP_TIME_LEN + 1];
    char              *user;
    PGconn            *conn;
    backup_zip_t       zip;
    pt_buf_t           page;
    pt_buf_t           about;
    pt_jsonw_t         w;              /* of about */
    uint64_t           rows;
    uint64_t           files;
    uint64_t           missing;
    char              *chunk;
} export_t;


/* how a row's column is called in SQL and in JSON Schema */
static const struct {
    const char  *type;
    const char  *schema;
} export_types[] = {
    { "boolean",                  "\"boolean\"" },
    { "smallint",                 "\"integer\"" },
    { "integer",                  "\"integer\"" },
    { "bigint",                   "\"integer\"" },
    { "text",                     "\"string\"" },
    { "uuid",                     "\"string\"" },
    { "date",                     "\"string\"" },
    { "bytea",                    "\"string\"" },
    { "timestamp with time zone", "\"string\"" },
    { "timestamp without time zone", "\"string\"" }
};


static pt_err_t export_open(export_t *e);
static pt_err_t export_all(export_t *e);
static pt_err_t export_table(export_t *e, const backup_table_t *table,
    bool about);
static void export_title(const backup_table_t *table, bool about,
    char *ret_title, size_t size);
static void export_select(export_t *e, const backup_table_t *table,
    bool about, pt_buf_t *sql);
static pt_err_t export_is_large(export_t *e, const backup_table_t *table,
    bool about, bool *ret_large);
static pt_err_t export_csv(export_t *e, const char *select, const char *name,
    bool plain);
static pt_err_t export_json(export_t *e, const char *select,
    const char *name, bool plain, uint64_t *ret_rows);
static pt_err_t export_schema(export_t *e, const backup_table_t *table,
    bool about, const char *name);
static void export_page_table(export_t *e, const backup_table_t *table,
    const char *title, const char *select, uint64_t rows);
static void export_page_text(pt_buf_t *page, const char *text, size_t max);
static pt_err_t export_files(export_t *e, const backup_table_t *table);
static pt_err_t export_file_rows(export_t *e, PGresult *rows);
static pt_err_t export_tree(export_t *e, const char *key, unsigned depth);
static pt_err_t export_file(export_t *e, const char *key, const char *name);
static void export_file_name(export_t *e, const char *name, char *ret_name,
    size_t size);
static void export_about_begin(export_t *e);
static void export_about_table(export_t *e, const backup_table_t *table,
    const char *name, uint64_t rows);
static void export_page_begin(export_t *e);


pt_err_t
backup_export(pt_job_t *job)
{
    char       text[256];
    export_t   e;
    pt_err_t   err;

    memset(&e, 0, sizeof(e));
    pt_buf_init(&e.page, &pt_mem_heap, PAGE_MAX);
    pt_buf_init(&e.about, &pt_mem_heap, PAGE_MAX);

    err = backup_session_open(job, false, &e.session);

    if (err == PT_OK) {
        err = export_open(&e);
    }

    if (err == PT_OK) {
        err = backup_zip_open("export.zip",
                              pt_json_string(pt_job_params(job), "passphrase",
                                             PT_STR_NULL), &e.zip);
    }

    if (err == PT_OK) {
        pt_err_t  end;

        err = export_all(&e);
        end = backup_zip_close(&e.zip, &e.session.store.keys, err != PT_OK);
        err = err != PT_OK ? err : end;
    }

    if (err == PT_OK) {
        (void) snprintf(text, sizeof(text), "{\"snapshot_at\":\"%s\","
                        "\"rows\":%llu,\"files\":%llu,\"files_missing\":%llu,"
                        "\"bytes\":%llu}", e.snapshot_at,
                        (unsigned long long) e.rows,
                        (unsigned long long) e.files,
                        (unsigned long long) e.missing,
                        (unsigned long long) e.zip.total);
        err = backup_session_note(&e.session, "export", pt_str(text));
    }

    if (err == PT_OK) {
        err = pt_job_output(job, "export.zip", "application/zip",
                            "export.zip");
    }

    err = err == PT_OK ? pt_job_result(job, pt_str(text))
                       : backup_fail(job, err);

    pt_buf_done(&e.page);
    pt_buf_done(&e.about);
    backup_tables_done(&e.tables);
    backup_session_close(&e.session);
    free(e.user);
    free(e.chunk);

    return err;
}


static pt_err_t
export_open(export_t *e)
{
    pt_err_t   err;
    pt_job_t  *job = e->session.job;

    if (pt_job_storage(job) == NULL) {
        return backup_say(PT_E_UNAVAILABLE, "the storage is not known");
    }

    err = backup_snapshot(job, 1, e->snapshot, e->snapshot_at);
    e->conn = pt_job_connection(job, 0);

    if (err == PT_OK) {
        err = backup_map_user(e->session.map, e->conn,
                              pt_str(e->session.user), &e->user);
    }

    if (err == PT_OK) {
        err = backup_map_resolve(e->session.map, e->conn, e->user, &e->tables);
    }

    e->chunk = malloc(CHUNK);

    return err == PT_OK && e->chunk == NULL
           ? backup_say(PT_E_NOMEM, "no memory") : err;
}


static pt_err_t
export_all(export_t *e)
{
    size_t    i;
    pt_err_t  err = PT_OK;

    export_about_begin(e);
    export_page_begin(e);

    for (i = 0; i < e->tables.n && err == PT_OK; i++) {
        pt_job_progress(e->session.job,
                        (unsigned) (500 * i / e->tables.n), "rows");

        if (e->tables.tables[i].own != NULL) {
            err = export_table(e, &e->tables.tables[i], false);
        }

        if (err == PT_OK && e->tables.tables[i].about != NULL) {
            err = export_table(e, &e->tables.tables[i], true);
        }
    }

    pt_buf_add_text(&e->page, "<h2 id=\"files\">Files</h2>\n<ul>\n");

    for (i = 0; i < e->tables.n && err == PT_OK; i++) {
        pt_job_progress(e->session.job,
                        (unsigned) (500 + 450 * i / e->tables.n), "files");
        err = export_files(e, &e->tables.tables[i]);
    }

    pt_buf_add_text(&e->page, "</ul>\n</body>\n</html>\n");
    pt_jsonw_end(&e->w);
    pt_jsonw_end(&e->w);

    if (err == PT_OK && (e->page.err != PT_OK || e->about.err != PT_OK)) {
        err = backup_say(PT_E_TOO_LARGE, "the export's index is too large");
    }

    if (err == PT_OK) {
        err = backup_zip_text(&e->zip, "about.json", pt_buf_str(&e->about));
    }

    return err == PT_OK ? backup_zip_text(&e->zip, "index.html",
                                          pt_buf_str(&e->page)) : err;
}


/* ---- tables ---- */

static pt_err_t
export_table(export_t *e, const backup_table_t *table, bool about)
{
    bool      plain = false;
    char      title[300], name[BACKUP_PATH_MAX];
    pt_buf_t  select;
    pt_err_t  err;
    uint64_t  rows = 0;

    export_title(table, about, title, sizeof(title));

    pt_buf_init(&select, &pt_mem_heap, SQL_MAX);
    export_select(e, table, about, &select);
    pt_buf_add_char(&select, '\0');

    err = select.err != PT_OK ? backup_say(select.err, "no memory") : PT_OK;

    if (err == PT_OK) {
        err = export_is_large(e, table, about, &plain);
    }

    if (err == PT_OK) {
        (void) snprintf(name, sizeof(name), "data/%s.json", title);
        err = export_json(e, select.data, name, plain, &rows);
    }

    if (err == PT_OK) {
        (void) snprintf(name, sizeof(name), "data/%s.csv", title);
        err = export_csv(e, select.data, name, plain);
    }

    if (err == PT_OK) {
        (void) snprintf(name, sizeof(name), "schemas/%s.schema.json", title);
        err = export_schema(e, table, about, name);
    }

    if (err == PT_OK) {
        e->rows += rows;
        export_about_table(e, table, title, rows);
        export_page_table(e, table, title, select.data, rows);
    }

    pt_buf_done(&select);

    return err;
}


/* an entry's name and a link: what is more than that in it becomes "_" */
static void
export_title(const backup_table_t *table, bool about, char *ret_title,
    size_t size)
{
    bool   changed = false;
    char  *c;

    (void) snprintf(ret_title, size, "%.100s.%.100s%s", table->schema,
                    table->name, about ? ".about-you" : "");

    for (c = ret_title; *c != '\0'; c++) {
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')
              || (*c >= '0' && *c <= '9') || *c == '_' || *c == '-'
              || (*c == '.' && c != ret_title)))
        {
            *c = '_';
            changed = true;
        }
    }

    /* two names that became one */
    if (changed) {
        uint8_t  hash[16];

        (void) crypto_generichash(hash, sizeof(hash),
                                  (const uint8_t *) table->quoted,
                                  strlen(table->quoted), NULL, 0);
        (void) snprintf(c, size - (size_t) (c - ret_title), "-");
        backup_hex(hash, 4, c + 1);
    }
}


/* secrets are not told; others' personal data neither */
static void
export_select(export_t *e, const backup_table_t *table, bool about,
    pt_buf_t *sql)
{
    size_t                  i, n = 0;
    const backup_column_t  *c;

    pt_buf_add_text(sql, "SELECT ");

    for (i = 0; i < table->ncolumns; i++) {
        c = &table->columns[i];

        if (c->secret) {
            continue;
        }

        pt_buf_add_text(sql, n++ == 0 ? "" : ", ");

        if (about && c->redact) {
            pt_buf_add_text(sql, "'[another person]'::text AS ");
        } else {
            pt_buf_add_text(sql, "t.");
        }

        backup_sql_name(e->conn, sql, c->name);
    }

    pt_buf_printf(sql, " FROM %s t WHERE ", table->quoted);

    if (about && table->own != NULL) {
        pt_buf_printf(sql, "(%s) AND (%s) IS NOT TRUE", table->about,
                      table->own);
    } else {
        pt_buf_add_text(sql, about ? table->about : table->own);
    }
}


static pt_err_t
export_is_large(export_t *e, const backup_table_t *table, bool about,
    bool *ret_large)
{
    pt_buf_t   sql;
    pt_err_t   err;
    PGresult  *result;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&sql, "SELECT coalesce(sum(pg_column_size(t.*)), 0) > %u"
                  " FROM %s t WHERE %s", DEFLATE_MAX, table->quoted,
                  about ? table->about : table->own);
    pt_buf_add_char(&sql, '\0');

    err = sql.err != PT_OK ? backup_say(sql.err, "no memory")
                           : backup_query(e->conn, sql.data, NULL, 0, &result);
    pt_buf_done(&sql);

    if (err == PT_OK) {
        *ret_large = PQgetvalue(result, 0, 0)[0] == 't';
        PQclear(result);
    }

    return err;
}


static pt_err_t
export_csv(export_t *e, const char *select, const char *name, bool plain)
{
    int        n;
    char      *row;
    size_t     len = 0;
    pt_buf_t   sql;
    pt_err_t   err;
    PGresult  *result;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&sql, "COPY (%s) TO STDOUT (FORMAT csv, HEADER)", select);
    pt_buf_add_char(&sql, '\0');

    result = sql.err == PT_OK ? PQexec(e->conn, sql.data) : NULL;
    pt_buf_done(&sql);

    if (PQresultStatus(result) != PGRES_COPY_OUT) {
        PQclear(result);
        return backup_say(PT_E_DATABASE, "%s", PQerrorMessage(e->conn));
    }

    PQclear(result);
    err = backup_zip_begin(&e->zip, name, -1, plain);

    while ((n = PQgetCopyData(e->conn, &row, 0)) > 0) {
        if (err == PT_OK && len + (size_t) n > CHUNK) {
            err = backup_zip_add(&e->zip, e->chunk, len);
            len = 0;
        }

        if (err == PT_OK && (size_t) n > CHUNK) {
            err = backup_zip_add(&e->zip, row, (size_t) n);

        } else if (err == PT_OK) {
            memcpy(e->chunk + len, row, (size_t) n);
            len += (size_t) n;
        }

        PQfreemem(row);
    }

    if (err == PT_OK) {
        err = backup_zip_add(&e->zip, e->chunk, len);
    }

    while ((result = PQgetResult(e->conn)) != NULL) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK && err == PT_OK) {
            err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(e->conn));
        }

        PQclear(result);
    }

    return err == PT_OK ? backup_zip_end(&e->zip) : err;
}


static pt_err_t
export_json(export_t *e, const char *select, const char *name, bool plain,
    uint64_t *ret_rows)
{
    pt_buf_t   out;
    pt_err_t   err;
    PGresult  *row;

    pt_buf_init(&out, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&out, "SELECT row_to_json(x.*)::text FROM (%s) x", select);
    pt_buf_add_char(&out, '\0');

    err = out.err != PT_OK || PQsendQuery(e->conn, out.data) != 1
          || PQsetSingleRowMode(e->conn) != 1
          ? backup_say(PT_E_DATABASE, "%s", PQerrorMessage(e->conn)) : PT_OK;
    pt_buf_done(&out);

    if (err != PT_OK) {
        return err;
    }

    /* a batch, and one row of any size */
    pt_buf_init(&out, &pt_mem_heap, 1u << 30);
    err = backup_zip_begin(&e->zip, name, -1, plain);

    while ((row = PQgetResult(e->conn)) != NULL) {

        if (PQresultStatus(row) == PGRES_SINGLE_TUPLE && err == PT_OK) {
            pt_buf_add_text(&out, ++*ret_rows == 1 ? "[\n" : ",\n");
            pt_buf_add(&out, PQgetvalue(row, 0, 0),
                       (size_t) PQgetlength(row, 0, 0));

            if (out.len >= CHUNK) {
                err = out.err != PT_OK ? backup_say(out.err, "no memory")
                      : backup_zip_add(&e->zip, out.data, out.len);
                pt_buf_reset(&out);
            }

        } else if (PQresultStatus(row) != PGRES_SINGLE_TUPLE
                   && PQresultStatus(row) != PGRES_TUPLES_OK && err == PT_OK)
        {
            err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(e->conn));
        }

        PQclear(row);
    }

    pt_buf_add_text(&out, *ret_rows == 0 ? "[]\n" : "\n]\n");

    if (err == PT_OK) {
        err = out.err != PT_OK ? backup_say(out.err, "no memory")
              : backup_zip_add(&e->zip, out.data, out.len);
    }

    pt_buf_done(&out);

    return err == PT_OK ? backup_zip_end(&e->zip) : err;
}


static pt_err_t
export_schema(export_t *e, const backup_table_t *table, bool about,
    const char *name)
{
    size_t                  i, k;
    pt_buf_t                text;
    pt_err_t                err;
    pt_jsonw_t              w;
    const char             *schema;
    const backup_column_t  *c;

    pt_buf_init(&text, &pt_mem_heap, SQL_MAX);
    pt_jsonw_init(&w, &text);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "$schema");
    pt_jsonw_text(&w, "https://json-schema.org/draft/2020-12/schema");
    pt_jsonw_key(&w, "title");
    pt_jsonw_text(&w, table->name);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, "array");
    pt_jsonw_key(&w, "items");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "type");
    pt_jsonw_text(&w, "object");
    pt_jsonw_key(&w, "properties");
    pt_jsonw_object(&w);

    for (i = 0; i < table->ncolumns; i++) {
        c = &table->columns[i];

        if (c->secret) {
            continue;
        }

        schema = about && c->redact ? "\"string\"" : NULL;

        for (k = 0; k < sizeof(export_types) / sizeof(export_types[0])
                    && schema == NULL; k++)
        {
            if (strcmp(c->type, export_types[k].type) == 0) {
                schema = export_types[k].schema;
            }
        }

        pt_jsonw_key(&w, c->name);
        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "description");
        pt_jsonw_text(&w, c->type);

        if (schema != NULL) {
            pt_jsonw_key(&w, "type");
            pt_jsonw_array(&w);
            pt_jsonw_raw(&w, pt_str(schema));
            pt_jsonw_text(&w, "null");
            pt_jsonw_end(&w);
        }

        pt_jsonw_end(&w);
    }

    pt_jsonw_end(&w);
    pt_jsonw_end(&w);
    pt_jsonw_end(&w);

    err = text.err != PT_OK ? backup_say(text.err, "a table is too wide")
                            : backup_zip_text(&e->zip, name,
                                              pt_buf_str(&text));
    pt_buf_done(&text);

    return err;
}


/* ---- files ---- */

static pt_err_t
export_files(export_t *e, const backup_table_t *table)
{
    pt_buf_t          sql, files;
    pt_err_t          err;
    PGresult         *rows;
    const pt_json_t  *file = pt_json_member(table->json, "file");

    pt_buf_init(&files, &pt_mem_heap, SQL_MAX);
    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);

    if (!backup_table_files(table, e->conn, &files)) {
        pt_buf_done(&files);
        return PT_OK;
    }

    /* the name that the user gave is shown, never used as a path */
    pt_buf_add_text(&sql, "DECLARE files NO SCROLL CURSOR FOR SELECT f.key,"
                    " f.tree, n.name FROM (");
    pt_buf_add_str(&sql, pt_buf_str(&files));
    pt_buf_add_text(&sql, ") f (key, sha256, size, tree) LEFT JOIN LATERAL"
                    " (SELECT t.");

    {
        char  name[128], key[128];

        (void) snprintf(key, sizeof(key), "%.*s",
                        PT_STR_ARG(pt_json_string(file, "key", PT_STR("?"))));
        (void) snprintf(name, sizeof(name), "%.*s",
                        PT_STR_ARG(pt_json_string(file, "name",
                                                  pt_str(key))));
        backup_sql_name(e->conn, &sql, name);
        pt_buf_printf(&sql, "::text AS name FROM %s t WHERE t.",
                      table->quoted);
        backup_sql_name(e->conn, &sql, key);
        pt_buf_add_text(&sql, " = f.key LIMIT 1) n ON true");
    }

    pt_buf_add_char(&sql, '\0');

    err = sql.err != PT_OK ? backup_say(sql.err, "no memory")
                           : backup_sql(e->conn, sql.data);

    while (err == PT_OK) {
        err = backup_query(e->conn, "FETCH 500 FROM files", NULL, 0, &rows);

        if (err == PT_OK) {
            if (PQntuples(rows) == 0) {
                PQclear(rows);
                break;
            }

            err = export_file_rows(e, rows);
            PQclear(rows);
        }
    }

    if (err == PT_OK) {
        err = backup_sql(e->conn, "CLOSE files");
    }

    pt_buf_done(&sql);
    pt_buf_done(&files);

    return err;
}


static pt_err_t
export_file_rows(export_t *e, PGresult *rows)
{
    int          i;
    pt_err_t     err = PT_OK;
    const char  *key;

    for (i = 0; i < PQntuples(rows) && err == PT_OK; i++) {
        key = PQgetvalue(rows, i, 0);

        if (!backup_file_key_is_good(pt_str(key))) {
            e->missing++;
            continue;
        }

        err = PQgetvalue(rows, i, 1)[0] == 't'
              ? export_tree(e, key, 0)
              : export_file(e, key, PQgetvalue(rows, i, 2));
    }

    return err;
}


static pt_err_t
export_tree(export_t *e, const char *key, unsigned depth)
{
    DIR            *d;
    char            path[BACKUP_PATH_MAX], part[BACKUP_FILE_KEY_MAX];
    pt_err_t        err = PT_OK;
    struct stat     st;
    struct dirent  *entry;

    (void) snprintf(path, sizeof(path), "%s/%s",
                    pt_job_storage(e->session.job), key);

    d = depth < 8 ? opendir(path) : NULL;

    if (d == NULL) {
        e->missing++;
        return PT_OK;
    }

    while (err == PT_OK && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.'
            || snprintf(part, sizeof(part), "%s/%s", key, entry->d_name)
               >= (int) sizeof(part)
            || fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW)
               == -1)
        {
            continue;
        }

        err = S_ISDIR(st.st_mode) ? export_tree(e, part, depth + 1)
                                  : export_file(e, part, entry->d_name);
    }

    (void) closedir(d);

    return err;
}


static pt_err_t
export_file(export_t *e, const char *key, const char *name)
{
    int          fd;
    char         path[BACKUP_PATH_MAX], as[BACKUP_PATH_MAX];
    ssize_t      n = 0;
    pt_err_t     err;
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%s/%s",
                    pt_job_storage(e->session.job), key);

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        if (fd != -1) {
            (void) close(fd);
        }

        e->missing++;
        return PT_OK;
    }

    export_file_name(e, name, as, sizeof(as));
    err = backup_zip_begin(&e->zip, as, st.st_size, true);

    while (err == PT_OK && (n = read(fd, e->chunk, CHUNK)) > 0) {
        err = backup_zip_add(&e->zip, e->chunk, (size_t) n);
    }

    if (err == PT_OK && (n == -1 || e->zip.bytes != (uint64_t) st.st_size)) {
        err = backup_say(PT_E_IO, "could not read \"%s\" in storage", key);
    }

    (void) close(fd);

    if (err == PT_OK) {
        err = backup_zip_end(&e->zip);
    }

    if (err == PT_OK) {
        e->files++;
        pt_buf_add_text(&e->page, "<li><a href=\"");
        export_page_text(&e->page, as, sizeof(as));
        pt_buf_add_text(&e->page, "\">");
        export_page_text(&e->page, as + sizeof("files/") - 1, sizeof(as));
        pt_buf_printf(&e->page, "</a> (%lld bytes)</li>\n",
                      (long long) st.st_size);
    }

    return err;
}


/*
 * "files/000001-a name.pdf": a number, then what is harmless of the name: no
 * folders, nothing that a system takes for more than a character.
 */
static void
export_file_name(export_t *e, const char *name, char *ret_name, size_t size)
{
    char    *to, *end = ret_name + (size < 200 ? size : 200) - 1;
    size_t   len, i;

    to = ret_name + snprintf(ret_name, size, "files/%06llu-",
                             (unsigned long long) e->files + 1);
    len = pt_str_utf8_len(pt_str(name));

    for (i = 0; i < len && to < end; i++) {
        *to++ = (unsigned char) name[i] < 0x20 || name[i] == 0x7f
                || strchr("/\\:*?\"<>|%#", name[i]) != NULL ? '_' : name[i];
    }

    /* not cut within a character, no trailing dot or space */
    *to = '\0';
    ret_name[pt_str_utf8_len((pt_str_t) { ret_name,
                                          (size_t) (to - ret_name) })] = '\0';
    len = strlen(ret_name);

    while (ret_name[len - 1] == '.' || ret_name[len - 1] == ' ') {
        ret_name[--len] = '\0';
    }
}


/* ---- what a person reads ---- */

static void
export_about_begin(export_t *e)
{
    const pt_json_t  *controller = pt_json_member(e->session.map,
                                                  "controller");

    pt_jsonw_init(&e->w, &e->about);
    pt_jsonw_object(&e->w);
    pt_jsonw_key(&e->w, "format");
    pt_jsonw_text(&e->w, "pitchey-export-1");
    pt_jsonw_key(&e->w, "user_id");
    pt_jsonw_text(&e->w, e->user);
    pt_jsonw_key(&e->w, "data_as_of");
    pt_jsonw_text(&e->w, e->snapshot_at);
    pt_jsonw_key(&e->w, "controller");

    if (controller != NULL) {
        pt_jsonw_value(&e->w, controller);
    } else {
        pt_jsonw_null(&e->w);
    }

    pt_jsonw_key(&e->w, "your_rights");
    pt_jsonw_text(&e->w, "You may ask for rectification (Art. 16 GDPR), "
                  "erasure (Art. 17), restriction of processing (Art. 18), "
                  "portability (Art. 20, this archive serves it) and object "
                  "to processing (Art. 21). You may complain to a supervisory "
                  "authority (Art. 77).");
    pt_jsonw_key(&e->w, "automated_decisions");
    pt_jsonw_text(&e->w, pt_json_string(e->session.map,
                      "automated_decisions", PT_STR_NULL).data != NULL
                  ? "see the controller's statement" : "none");
    pt_jsonw_key(&e->w, "tables");
    pt_jsonw_array(&e->w);
}


static void
export_about_table(export_t *e, const backup_table_t *table,
    const char *name, uint64_t rows)
{
    size_t  i;

    static const char *const  members[] = {
        "purpose", "basis", "retention", "source", "recipients"
    };

    pt_jsonw_object(&e->w);
    pt_jsonw_key(&e->w, "table");
    pt_jsonw_text(&e->w, name);
    pt_jsonw_key(&e->w, "rows");
    pt_jsonw_int(&e->w, (int64_t) rows);

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        pt_str_t  text = pt_json_string(table->json, members[i], PT_STR_NULL);

        if (text.data != NULL) {
            pt_jsonw_key(&e->w, members[i]);
            pt_jsonw_str(&e->w, text);
        }
    }

    pt_jsonw_key(&e->w, "withheld_columns");
    pt_jsonw_array(&e->w);

    for (i = 0; i < table->ncolumns; i++) {
        if (table->columns[i].secret) {
            pt_jsonw_text(&e->w, table->columns[i].name);
        }
    }

    pt_jsonw_end(&e->w);
    pt_jsonw_end(&e->w);
}


static void
export_page_begin(export_t *e)
{
    pt_buf_add_text(&e->page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
        "'none'; style-src 'unsafe-inline'\">\n<title>Your data</title>\n"
        "<style>body{font:16px/1.5 sans-serif;max-width:70em;margin:2em auto;"
        "padding:0 1em}table{border-collapse:collapse;display:block;"
        "overflow-x:auto}td,th{border:1px solid #ccc;padding:.2em .5em;"
        "text-align:left;vertical-align:top}p.of{color:#555}</style>\n"
        "</head>\n<body>\n<h1>Your data</h1>\n<p>All that is stored about user "
        "<b>");
    export_page_text(&e->page, e->user, PAGE_TEXT);
    pt_buf_printf(&e->page, "</b>, as it was at %s. Each table is here as JSON "
                  "and CSV, with a description of its columns; what it is for "
                  "and how long it is kept is in <a href=\"about.json\">"
                  "about.json</a>. <a href=\"manifest.json\">manifest.json</a> "
                  "has the SHA-256 of every entry and is signed.</p>\n",
                  e->snapshot_at);
}


static void
export_page_table(export_t *e, const backup_table_t *table, const char *title,
    const char *select, uint64_t rows)
{
    int        i, k;
    char       purpose[1024];
    pt_buf_t   sql;
    PGresult  *result;
    pt_buf_t  *page = &e->page;

    pt_buf_add_text(page, "<h2>");
    export_page_text(page, title, PAGE_TEXT);
    pt_buf_add_text(page, "</h2>\n<p class=\"of\">");
    (void) snprintf(purpose, sizeof(purpose), "%.*s",
                    PT_STR_ARG(pt_json_string(table->json, "purpose",
                                              PT_STR(""))));
    export_page_text(page, purpose, sizeof(purpose));
    pt_buf_printf(page, " %llu rows: <a href=\"data/%s.csv\">CSV</a>, "
                  "<a href=\"data/%s.json\">JSON</a></p>\n",
                  (unsigned long long) rows, title, title);

    if (rows == 0) {
        return;
    }

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&sql, "%s LIMIT %d", select, PAGE_ROWS);
    pt_buf_add_char(&sql, '\0');
    result = sql.err == PT_OK ? PQexec(e->conn, sql.data) : NULL;
    pt_buf_done(&sql);

    pt_buf_add_text(page, "<table>\n<tr>");

    for (k = 0; k < PQnfields(result); k++) {
        pt_buf_add_text(page, "<th>");
        export_page_text(page, PQfname(result, k), PAGE_TEXT);
        pt_buf_add_text(page, "</th>");
    }

    for (i = 0; i < PQntuples(result); i++) {
        pt_buf_add_text(page, "</tr>\n<tr>");

        for (k = 0; k < PQnfields(result); k++) {
            pt_buf_add_text(page, "<td>");
            export_page_text(page, PQgetvalue(result, i, k), PAGE_TEXT);
            pt_buf_add_text(page, "</td>");
        }
    }

    pt_buf_add_text(page, "</tr>\n</table>\n");

    if (rows > PAGE_ROWS) {
        pt_buf_printf(page, "<p class=\"of\">The first %d; all of them are in "
                      "the files.</p>\n", PAGE_ROWS);
    }

    PQclear(result);
}


static void
export_page_text(pt_buf_t *page, const char *text, size_t max)
{
    size_t  i, len = strlen(text);

    if (len > max) {
        len = pt_str_utf8_len((pt_str_t) { text, max });
    }

    for (i = 0; i < len; i++) {
        switch (text[i]) {

        case '&':
            pt_buf_add_text(page, "&amp;");
            break;

        case '<':
            pt_buf_add_text(page, "&lt;");
            break;

        case '"':
            pt_buf_add_text(page, "&quot;");
            break;

        default:
            pt_buf_add_char(page, text[i]);
        }
    }

    if (text[len] != '\0') {
        pt_buf_add_text(page, " ...");
    }
}
