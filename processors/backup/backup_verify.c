/* verify-backup: structure, hashes, decryption, and the restore drill. */

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backup_verify.h"


#define DAMAGES_MAX   100           /* named; the rest is counted */
#define SQL_MAX       (1u << 20)
#define RESULT_MAX    65536


typedef struct {
    backup_session_t   session;
    backup_owner_t     owner;
    uint64_t           objects;
    uint64_t           bytes;          /* of objects, as stored */
    uint64_t           damages;
    char               newest[BACKUP_TIME_LEN + 1];
    unsigned           generations;
    double             started;
    backup_drill_t     drill;
} verify_t;


/* the index names objects; they are read with another reader */
typedef struct {
    verify_t                 *v;
    const backup_manifest_t  *m;       /* of the index */
    backup_manifest_t         files;   /* with a reader of its own */
    backup_merkle_t           merkle;
    uint64_t                  count;
} verify_files_t;


static pt_err_t verify_all(verify_t *v);
static pt_err_t verify_generation(verify_t *v, const char *generation);
static pt_err_t verify_tables(verify_t *v, const backup_manifest_t *m,
    uint8_t ret_root[32]);
static pt_err_t verify_files(verify_t *v, const backup_manifest_t *m,
    uint8_t ret_root[32]);
static pt_err_t verify_file(void *ctx, const backup_indexed_t *file);
static pt_err_t verify_part(verify_t *v, const backup_manifest_t *m,
    backup_kind_t kind, const pt_json_t *part, uint8_t ret_sha256[32]);
static pt_err_t verify_damage(verify_t *v, pt_err_t err);
static void verify_result(verify_t *v, pt_buf_t *text);
static double verify_clock(void);
static double verify_age(const char *at);
static pt_err_t drill_table(PGconn *conn, const backup_manifest_t *m,
    const pt_json_t *table, size_t n, backup_drill_t *drill);
static pt_err_t drill_compare(PGconn *conn, const pt_json_t *table,
    const char *into);
static pt_err_t rows_put(void *ctx, pt_str_t piece);


pt_err_t
backup_verify(pt_job_t *job)
{
    bool      platform;
    verify_t  v;
    pt_buf_t  result;
    pt_err_t  err;

    memset(&v, 0, sizeof(v));
    v.owner.lock = -1;
    v.started = verify_clock();
    pt_buf_init(&result, &pt_mem_heap, RESULT_MAX);

    platform = pt_json_bool(pt_job_params(job), "platform", false);
    err = backup_session_open(job, platform, &v.session);

    if (err == PT_OK) {
        err = backup_owner_open(&v.session.store, v.session.name,
                                BACKUP_OWNER_READ, &v.owner);
    }

    if (err == PT_OK) {
        err = verify_all(&v);
    }

    if (err == PT_OK) {
        err = verify_damage(&v, backup_ledger_read(&v.session.store, true,
                                                   NULL, NULL));
    }

    if (err == PT_OK && v.damages != 0) {
        err = backup_say(PT_E_INPUT_BROKEN, "%llu objects are damaged",
                         (unsigned long long) v.damages);
    }

    if (err == PT_OK) {
        verify_result(&v, &result);
        err = backup_session_note(&v.session, "verify", pt_buf_str(&result));
    }

    err = err == PT_OK ? pt_job_result(job, pt_buf_str(&result))
                       : backup_fail(job, err);

    pt_buf_done(&result);
    backup_owner_close(&v.owner);
    backup_session_close(&v.session);

    return err;
}


static pt_err_t
verify_all(verify_t *v)
{
    size_t                 i;
    pt_err_t               err;
    pt_str_t               wanted;
    const pt_json_t       *params = pt_job_params(v->session.job);
    backup_generations_t   list;

    wanted = pt_json_string(params, "generation", PT_STR_NULL);

    err = backup_generations(&v->owner, &list);

    if (err == PT_OK && list.n == 0) {
        err = backup_say(PT_E_NOT_FOUND, "there is no backup");
    }

    for (i = list.n; i > 0 && err == PT_OK; i--) {

        if (wanted.data != NULL ? !pt_str_is(wanted, list.names[i - 1])
                                : i != list.n
                                  && !pt_json_bool(params, "all", false))
        {
            continue;
        }

        v->generations++;
        err = verify_generation(v, list.names[i - 1]);
        pt_job_progress(v->session.job,
                        (unsigned) (900 * (list.n - i + 1) / list.n),
                        "verify");

        /* of the newest one that was asked for, if it is whole */
        if (err == PT_OK && v->damages == 0 && !v->drill.done
            && pt_json_bool(params, "drill", true)
            && pt_job_connection(v->session.job, 0) != NULL
            && !pt_json_bool(params, "platform", false))
        {
            pt_job_progress(v->session.job, 0, "drill");
            err = backup_drill(v->session.job, &v->owner, list.names[i - 1],
                               &v->drill);
        }
    }

    if (err == PT_OK && v->generations == 0) {
        err = backup_say(PT_E_NOT_FOUND, "there is no such generation");
    }

    free(list.names);

    return err;
}


static pt_err_t
verify_generation(verify_t *v, const char *generation)
{
    uint8_t            root[32], files[32], said[32];
    uint64_t           before = v->damages;
    pt_err_t           err;
    backup_manifest_t  m;

    v->objects++;
    err = backup_manifest_open(&v->owner, pt_str(generation), &m);
    if (err != PT_OK) {
        return verify_damage(v, err);
    }

    if (v->newest[0] == '\0') {
        (void) snprintf(v->newest, sizeof(v->newest), "%.*s",
                        PT_STR_ARG(pt_json_string(m.json, "snapshot_at",
                                                  PT_STR(""))));
    }

    err = verify_tables(v, &m, root);

    if (err == PT_OK) {
        err = verify_files(v, &m, files);
    }

    if (err == PT_OK && v->damages == before) {
        backup_merkle_node(root, files, root);

        if (!backup_unhex(pt_json_string(m.json, "root", PT_STR_NULL), said,
                          32)
            || memcmp(root, said, 32) != 0)
        {
            err = verify_damage(v, backup_say(PT_E_INPUT_BROKEN,
                "the parts of generation %s are not the sum that its manifest"
                " names", generation));
        }
    }

    backup_manifest_close(&m);

    return err;
}


static pt_err_t
verify_tables(verify_t *v, const backup_manifest_t *m, uint8_t ret_root[32])
{
    char              name[512];
    uint8_t           sha256[32];
    pt_err_t          err = PT_OK;
    backup_merkle_t   merkle;
    const pt_json_t  *table = pt_json_member(m->json, "tables")->first;
    const pt_json_t  *dump = pt_json_member(m->json, "dump");

    backup_merkle_init(&merkle);

    for ( /* void */ ; table != NULL && err == PT_OK; table = table->next) {
        (void) snprintf(name, sizeof(name), "%.*s.%.*s",
                        PT_STR_ARG(pt_json_string(table, "schema",
                                                  PT_STR(""))),
                        PT_STR_ARG(pt_json_string(table, "table",
                                                  PT_STR(""))));
        err = verify_part(v, m, BACKUP_ROWS, table, sha256);
        backup_merkle_add(&merkle, name, sha256);
    }

    if (err == PT_OK && dump != NULL) {
        err = verify_part(v, m, BACKUP_DUMP, dump, sha256);
        backup_merkle_add(&merkle, "dump", sha256);
    }

    backup_merkle_root(&merkle, ret_root);

    return err;
}


static pt_err_t
verify_part(verify_t *v, const backup_manifest_t *m, backup_kind_t kind,
    const pt_json_t *part, uint8_t ret_sha256[32])
{
    char          path[BACKUP_PATH_MAX];
    uint8_t       said[32];
    pt_err_t      err;
    backup_sum_t  sum;

    memset(ret_sha256, 0, 32);
    backup_manifest_object(m, part, path);

    v->objects++;
    err = backup_object_read(m, kind, path, NULL, NULL, &sum);

    if (err != PT_OK) {
        return verify_damage(v, err);
    }

    v->bytes += sum.stored;
    memcpy(ret_sha256, sum.sha256, 32);

    if (!backup_unhex(pt_json_string(part, "sha256", PT_STR_NULL), said, 32)
        || memcmp(said, sum.sha256, 32) != 0)
    {
        return verify_damage(v, backup_say(PT_E_INPUT_BROKEN, "object \"%s/%s\""
                             " is not what its manifest says", v->owner.name,
                             path));
    }

    return PT_OK;
}


static pt_err_t
verify_files(verify_t *v, const backup_manifest_t *m, uint8_t ret_root[32])
{
    pt_err_t        err;
    backup_sum_t    sum;
    verify_files_t  f = { .v = v, .m = m, .files = *m };

    f.files.reader = NULL;
    backup_merkle_init(&f.merkle);

    err = backup_reader_new(&f.files.reader);
    if (err != PT_OK) {
        return err;
    }

    v->objects++;
    err = backup_index_read(m, verify_file, &f, &sum);
    backup_reader_free(f.files.reader);

    if (err == PT_OK) {
        v->bytes += sum.stored;

        if (f.count != (uint64_t) pt_json_int(pt_json_member(m->json, "files"),
                                              "count", 0))
        {
            err = backup_say(PT_E_INPUT_BROKEN, "the index of generation %s "
                             "has another number of files than its manifest",
                             m->name);
        }
    }

    backup_merkle_root(&f.merkle, ret_root);

    return err == PT_OK ? PT_OK : verify_damage(v, err);
}


static pt_err_t
verify_file(void *ctx, const backup_indexed_t *file)
{
    char             path[BACKUP_PATH_MAX], key[BACKUP_PATH_MAX];
    pt_err_t         err;
    backup_sum_t     sum;
    verify_files_t  *f = ctx;

    if (file->object.data == NULL) {
        return PT_OK;
    }

    (void) snprintf(path, sizeof(path), "%.*s", PT_STR_ARG(file->object));
    (void) snprintf(key, sizeof(key), "%.*s", PT_STR_ARG(file->key));

    f->count++;
    f->v->objects++;
    backup_merkle_add(&f->merkle, key, file->sha256);

    err = backup_object_read(&f->files, BACKUP_FILE, path, NULL, NULL, &sum);

    if (err == PT_OK) {
        f->v->bytes += sum.stored;

        if (memcmp(sum.sha256, file->sha256, 32) != 0) {
            err = backup_say(PT_E_INPUT_BROKEN, "object \"%s/%s\" is not what "
                             "its index says", f->v->owner.name, path);
        }
    }

    return verify_damage(f->v, err);
}


/* damage is noted, and the next part looked at; another error ends it */
static pt_err_t
verify_damage(verify_t *v, pt_err_t err)
{
    if (err != PT_E_INPUT_BROKEN && err != PT_E_NOT_FOUND) {
        return err;
    }

    if (v->damages++ < DAMAGES_MAX) {
        pt_job_fail_at(v->session.job, PT_STR(""), pt_str(backup_said()));
    }

    return PT_OK;
}


static void
verify_result(verify_t *v, pt_buf_t *text)
{
    double      seconds = verify_clock() - v->started;
    pt_jsonw_t  w;

    pt_jsonw_init(&w, text);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "valid");
    pt_jsonw_bool(&w, true);
    pt_jsonw_key(&w, "generations");
    pt_jsonw_int(&w, v->generations);
    pt_jsonw_key(&w, "objects");
    pt_jsonw_int(&w, (int64_t) v->objects);
    pt_jsonw_key(&w, "stored_bytes");
    pt_jsonw_int(&w, (int64_t) v->bytes);
    pt_jsonw_key(&w, "newest");
    pt_jsonw_text(&w, v->newest);
    pt_jsonw_key(&w, "seconds");
    pt_jsonw_double(&w, (double) (int64_t) (seconds * 1000) / 1000);

    /* what would be lost now, and how long it was until all was there again:
     * everything decrypted, and the rows in their tables */
    pt_jsonw_key(&w, "rpo_seconds");
    pt_jsonw_double(&w, verify_age(v->newest));
    pt_jsonw_key(&w, "rto_seconds");
    pt_jsonw_double(&w, (double) (int64_t) (seconds * 1000) / 1000);

    if (v->drill.done) {
        pt_jsonw_key(&w, "drill");
        backup_drill_json(&w, &v->drill);
    }

    pt_jsonw_end(&w);
}


static double
verify_age(const char *at)
{
    struct tm  tm;

    memset(&tm, 0, sizeof(tm));

    if (strptime(at, "%Y-%m-%dT%H:%M:%S", &tm) == NULL) {
        return 0;
    }

    return difftime(time(NULL), timegm(&tm));
}


static double
verify_clock(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


/* ---- the drill ---- */

pt_err_t
backup_drill(pt_job_t *job, const backup_owner_t *owner,
    const char *generation, backup_drill_t *ret_drill)
{
    size_t              n = 0;
    double              started = verify_clock();
    PGconn             *conn = pt_job_connection(job, 0);
    pt_err_t            err;
    backup_drill_t      drill = { .done = true };
    const pt_json_t    *table;
    backup_manifest_t   m;

    if (conn == NULL) {
        return backup_say(PT_E_DATABASE, "no platform database is configured");
    }

    err = backup_manifest_open(owner, pt_str(generation), &m);
    if (err != PT_OK) {
        return err;
    }

    /* the snapshot's transaction could not write, not even for itself */
    if (PQtransactionStatus(conn) != PQTRANS_IDLE) {
        err = backup_sql(conn, "COMMIT");
    }

    if (err == PT_OK) {
        err = backup_sql(conn, "BEGIN");
    }

    if (err == PT_OK) {
        err = backup_settings(conn);
    }

    table = pt_json_member(m.json, "tables")->first;

    for ( /* void */ ; table != NULL && err == PT_OK; table = table->next) {
        err = drill_table(conn, &m, table, n++, &drill);
    }

    if (PQtransactionStatus(conn) != PQTRANS_IDLE
        && PQtransactionStatus(conn) != PQTRANS_ACTIVE
        && PQstatus(conn) == CONNECTION_OK)
    {
        PQclear(PQexec(conn, "ROLLBACK"));
    }

    backup_manifest_close(&m);

    if (err == PT_OK) {
        drill.seconds = verify_clock() - started;
        *ret_drill = drill;
    }

    return err;
}


static pt_err_t
drill_table(PGconn *conn, const backup_manifest_t *m, const pt_json_t *table,
    size_t n, backup_drill_t *drill)
{
    char      into[64];
    pt_err_t  err;

    (void) snprintf(into, sizeof(into), "pg_temp.drill_%zu", n);

    err = backup_scratch_table(conn, table, into);

    if (err == PT_OK) {
        err = backup_rows_into(conn, m, table, into);
    }

    if (err == PT_OK) {
        err = drill_compare(conn, table, into);
    }

    if (err == PT_OK) {
        drill->tables++;
        drill->rows += (uint64_t) pt_json_int(table, "rows", 0);
        drill->bytes += (uint64_t) pt_json_int(table, "bytes", 0);
    }

    return err;
}


pt_err_t
backup_scratch_table(PGconn *conn, const pt_json_t *table, const char *name)
{
    char              text[256];
    pt_buf_t          sql;
    pt_err_t          err;
    const pt_json_t  *c = pt_json_member(table, "columns")->first;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&sql, "CREATE TEMPORARY TABLE %s (",
                  strchr(name, '.') ? strchr(name, '.') + 1 : name);

    for ( /* void */ ; c != NULL; c = c->next) {
        pt_str_t  column = pt_json_string(c, "name", PT_STR("?"));

        (void) snprintf(text, sizeof(text), "%.*s", PT_STR_ARG(column));
        backup_sql_name(conn, &sql, text);

        /* a type's text is format_type()'s, which quotes as SQL wants it */
        pt_buf_printf(&sql, " %.*s%s",
                      PT_STR_ARG(pt_json_string(c, "type", PT_STR("?"))),
                      c->next != NULL ? ", " : "");
    }

    pt_buf_add_text(&sql, ") ON COMMIT DROP");
    pt_buf_add_char(&sql, '\0');

    err = sql.err == PT_OK ? backup_sql(conn, sql.data)
                           : backup_say(sql.err, "a table is too wide");
    pt_buf_done(&sql);

    return err;
}


void
backup_column_list(PGconn *conn, const pt_json_t *table, const char *alias,
    pt_buf_t *sql)
{
    char              name[256];
    const pt_json_t  *c = pt_json_member(table, "columns")->first;

    for ( /* void */ ; c != NULL; c = c->next) {
        (void) snprintf(name, sizeof(name), "%.*s",
                        PT_STR_ARG(pt_json_string(c, "name", PT_STR("?"))));
        pt_buf_add_text(sql, alias);
        backup_sql_name(conn, sql, name);
        pt_buf_add_text(sql, c->next != NULL ? ", " : "");
    }
}


pt_err_t
backup_rows_into(PGconn *conn, const backup_manifest_t *m,
    const pt_json_t *table, const char *into)
{
    char          path[BACKUP_PATH_MAX];
    uint8_t       said[32];
    pt_buf_t      sql;
    pt_err_t      err;
    PGresult     *result;
    backup_sum_t  sum;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_printf(&sql, "COPY %s (", into);
    backup_column_list(conn, table, "", &sql);
    pt_buf_add_text(&sql, ") FROM STDIN");
    pt_buf_add_char(&sql, '\0');

    if (sql.err != PT_OK) {
        pt_buf_done(&sql);
        return backup_say(PT_E_NOMEM, "no memory");
    }

    result = PQexec(conn, sql.data);
    pt_buf_done(&sql);

    if (PQresultStatus(result) != PGRES_COPY_IN) {
        PQclear(result);
        return backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
    }

    PQclear(result);

    backup_manifest_object(m, table, path);
    err = backup_object_read(m, BACKUP_ROWS, path, rows_put, conn, &sum);

    if (err == PT_OK
        && (!backup_unhex(pt_json_string(table, "sha256", PT_STR_NULL), said,
                          32)
            || memcmp(said, sum.sha256, 32) != 0))
    {
        err = backup_say(PT_E_INPUT_BROKEN, "object \"%s/%s\" is not what its "
                         "manifest says", m->owner->name, path);
    }

    /* rows of a broken object are not to be seen by the transaction either */
    if (PQputCopyEnd(conn, err == PT_OK ? NULL : "the backup is damaged")
        != 1 && err == PT_OK)
    {
        err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
    }

    while ((result = PQgetResult(conn)) != NULL) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK && err == PT_OK) {
            err = backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));

        } else if (err == PT_OK
                   && strtoll(PQcmdTuples(result), NULL, 10)
                      != pt_json_int(table, "rows", -1))
        {
            err = backup_say(PT_E_INPUT_BROKEN, "object \"%s/%s\" has another "
                             "number of rows than its manifest says",
                             m->owner->name, path);
        }

        PQclear(result);
    }

    return err;
}


static pt_err_t
rows_put(void *ctx, pt_str_t piece)
{
    return PQputCopyData(ctx, piece.data, (int) piece.len) == 1
           ? PT_OK : backup_say(PT_E_DATABASE, "%s", PQerrorMessage(ctx));
}


/* what a COPY of the restored rows says is what was saved */
static pt_err_t
drill_compare(PGconn *conn, const pt_json_t *table, const char *into)
{
    int               n;
    char             *row, name[256], hex[BACKUP_HEX_LEN + 1];
    uint8_t           hash[32];
    pt_buf_t          sql;
    PGresult         *result;
    EVP_MD_CTX       *ctx;
    const pt_json_t  *key = pt_json_member(table, "key")->first;

    pt_buf_init(&sql, &pt_mem_heap, SQL_MAX);
    pt_buf_add_text(&sql, "COPY (SELECT ");
    backup_column_list(conn, table, "t.", &sql);
    pt_buf_printf(&sql, " FROM %s t ORDER BY ", into);

    if (key == NULL) {
        pt_buf_add_text(&sql, "(t.*)::text COLLATE \"C\"");
    }

    for ( /* void */ ; key != NULL; key = key->next) {
        (void) snprintf(name, sizeof(name), "%.*s", PT_STR_ARG(key->text));
        pt_buf_add_text(&sql, "t.");
        backup_sql_name(conn, &sql, name);
        pt_buf_add_text(&sql, key->next != NULL ? ", " : "");
    }

    pt_buf_add_text(&sql, ") TO STDOUT");
    pt_buf_add_char(&sql, '\0');

    ctx = EVP_MD_CTX_new();

    if (sql.err != PT_OK || ctx == NULL
        || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
    {
        pt_buf_done(&sql);
        EVP_MD_CTX_free(ctx);
        return backup_say(PT_E_NOMEM, "no memory");
    }

    result = PQexec(conn, sql.data);
    pt_buf_done(&sql);

    n = PQresultStatus(result) == PGRES_COPY_OUT ? 0 : -2;
    PQclear(result);

    while (n >= 0 && (n = PQgetCopyData(conn, &row, 0)) > 0) {
        (void) EVP_DigestUpdate(ctx, row, (size_t) n);
        PQfreemem(row);
    }

    (void) EVP_DigestFinal_ex(ctx, hash, NULL);
    EVP_MD_CTX_free(ctx);

    if (n == -2) {
        return backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));
    }

    while ((result = PQgetResult(conn)) != NULL) {
        PQclear(result);
    }

    backup_hex(hash, 32, hex);

    return pt_str_is(pt_json_string(table, "sha256", PT_STR("")), hex)
           ? PT_OK
           : backup_say(PT_E_INPUT_BROKEN, "table \"%.*s\" reads otherwise "
                        "after its restore",
                        PT_STR_ARG(pt_json_string(table, "table",
                                                  PT_STR("?"))));
}


void
backup_drill_json(pt_jsonw_t *w, const backup_drill_t *drill)
{
    pt_jsonw_object(w);
    pt_jsonw_key(w, "tables");
    pt_jsonw_int(w, (int64_t) drill->tables);
    pt_jsonw_key(w, "rows");
    pt_jsonw_int(w, (int64_t) drill->rows);
    pt_jsonw_key(w, "bytes");
    pt_jsonw_int(w, (int64_t) drill->bytes);
    pt_jsonw_key(w, "seconds");
    pt_jsonw_double(w, (double) (int64_t) (drill->seconds * 1000) / 1000);
    pt_jsonw_end(w);
}
