/*
 * The operator's commands: list, cat, files, replay, hold, release.
 *
 * The store and the key come from the environment, as for the service.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_cli.h"
#include "backup_files.h"
#include "backup_read.h"
#include "backup_session.h"
#include "backup_storage.h"


/* stands in the conditions of all tables where a user's id will */
#define REPLAY_USER   "00000000-pitchey-user-0000"

/* so many at once: a table is passed through once for each batch */
#define REPLAY_BATCH  1000


typedef struct {
    const char        *user;
    bool               platform;
    const char        *share;
    const char        *reason;
    const char        *to;             /* a storage */
    char             **args;
    int                nargs;
    backup_store_t     store;
    char               name[BACKUP_OWNER_LEN + 1];
} cli_t;


typedef struct {
    const char  *name;
    const char  *usage;
    pt_err_t   (*run)(cli_t *c);
    bool         mapped;         /* needs the data map */
} cli_command_t;


typedef struct {
    cli_t              *c;
    backup_manifest_t   files;
    pt_str_t            wanted;        /* of cat: a key; absent: all */
    bool                found;
    unsigned            n;
} cli_files_t;


static pt_err_t cli_list(cli_t *c);
static pt_err_t cli_cat(cli_t *c);
static pt_err_t cli_cat_table(backup_manifest_t *m, const char *name);
static pt_err_t cli_cat_file(void *ctx, const backup_indexed_t *file);
static pt_err_t cli_files(cli_t *c);
static pt_err_t cli_file(void *ctx, const backup_indexed_t *file);
static pt_err_t cli_piece(void *ctx, pt_str_t piece);
static pt_err_t cli_replay(cli_t *c);
static pt_err_t cli_replay_users(cli_t *c, PGconn *conn, const char *since);
static pt_err_t cli_replay_list(PGconn *conn, PGresult **ret_users);
static void cli_replay_id(pt_buf_t *ids, const char *id);
static pt_err_t cli_replay_batch(PGconn *conn, const backup_tables_t *tables,
    pt_buf_t *ids);
static bool cli_replay_entry(void *ctx, const backup_entry_t *entry);
static pt_err_t cli_hold(cli_t *c);
static pt_err_t cli_release(cli_t *c);
static pt_err_t cli_note(cli_t *c, const char *kind);
static pt_err_t cli_parse(cli_t *c, int argc, char **argv);


static const cli_command_t  cli_commands[] = {
    { "list",    "{--user ID|--platform}", cli_list, false },
    { "cat",     "{--user ID|--platform} GENERATION [SCHEMA.TABLE|dump|KEY]",
                 cli_cat, false },
    { "files",   "{--user ID|--platform} --to DIR GENERATION", cli_files,
                 false },
    { "replay",  "[--share DIR] SNAPSHOT-TIME", cli_replay, true },
    { "hold",    "--user ID --reason TEXT", cli_hold, false },
    { "release", "--user ID --reason TEXT", cli_release, false }
};

#define CLI_COMMANDS  (sizeof(cli_commands) / sizeof(cli_commands[0]))


bool
backup_cli_has(const char *command)
{
    size_t  i;

    for (i = 0; i < CLI_COMMANDS; i++) {
        if (strcmp(cli_commands[i].name, command) == 0) {
            return true;
        }
    }

    return strcmp(command, "help") == 0;
}


int
backup_cli_main(int argc, char **argv)
{
    cli_t     c = { .share = PT_SHARE_DEFAULT };
    size_t    i;
    pt_err_t  err = PT_E_PARAMETERS;

    for (i = 0; i < CLI_COMMANDS; i++) {
        if (strcmp(cli_commands[i].name, argv[1]) == 0
            && cli_parse(&c, argc - 1, argv + 1) == PT_OK)
        {
            err = backup_load(cli_commands[i].mapped ? c.share : NULL);

            if (err == PT_OK) {
                err = backup_store_configured(getenv("PITCHEY_BACKUP_STORE"),
                                              &c.store);
            }

            if (err == PT_OK) {
                backup_who(&c.store, c.platform ? PT_STR_NULL
                                                : pt_str(c.user ? c.user : ""),
                           c.name);
                err = cli_commands[i].run(&c);
            }

            break;
        }
    }

    if (err == PT_E_PARAMETERS) {
        for (i = 0; i < CLI_COMMANDS; i++) {
            (void) fprintf(stderr, "%s pitchey-backup %s %s\n",
                           i == 0 ? "usage:" : "      ",
                           cli_commands[i].name, cli_commands[i].usage);
        }

        return 2;
    }

    if (err == PT_OK && fflush(stdout) == EOF) {
        err = backup_say(PT_E_IO, "could not write: %s", strerror(errno));
    }

    if (err != PT_OK) {
        (void) fprintf(stderr, "pitchey-backup: %s\n", backup_said());
    }

    return err == PT_OK ? 0 : 1;
}


static pt_err_t
cli_parse(cli_t *c, int argc, char **argv)
{
    int  option;

    static const struct option  options[] = {
        { "user",     required_argument, NULL, 'u' },
        { "platform", no_argument,       NULL, 'p' },
        { "share",    required_argument, NULL, 's' },
        { "reason",   required_argument, NULL, 'r' },
        { "to",       required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 }
    };

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {

        switch (option) {

        case 'u':
            c->user = optarg;
            break;

        case 'p':
            c->platform = true;
            break;

        case 's':
            c->share = optarg;
            break;

        case 'r':
            c->reason = optarg;
            break;

        case 't':
            c->to = optarg;
            break;

        default:
            return PT_E_PARAMETERS;
        }
    }

    c->args = argv + optind;
    c->nargs = argc - optind;

    return PT_OK;
}


static pt_err_t
cli_list(cli_t *c)
{
    size_t                 i;
    pt_err_t               err;
    backup_owner_t         owner;
    backup_manifest_t      m;
    backup_generations_t   list;

    err = backup_owner_open(&c->store, c->name, BACKUP_OWNER_READ, &owner);
    if (err != PT_OK) {
        return err;
    }

    err = backup_generations(&owner, &list);

    for (i = 0; i < list.n && err == PT_OK; i++) {
        err = backup_manifest_open(&owner, pt_str(list.names[i]), &m);

        if (err == PT_OK) {
            (void) printf("%s snapshot_at=%.*s tables=%zu files=%lld "
                          "root=%.*s\n", list.names[i],
                          PT_STR_ARG(pt_json_string(m.json, "snapshot_at",
                                                    PT_STR(""))),
                          pt_json_member(m.json, "tables")->n,
                          (long long) pt_json_int(
                              pt_json_member(m.json, "files"), "count", 0),
                          PT_STR_ARG(pt_json_string(m.json, "root",
                                                    PT_STR(""))));
            backup_manifest_close(&m);
        }
    }

    free(list.names);
    backup_owner_close(&owner);

    return err;
}


/* ---- cat ---- */

static pt_err_t
cli_cat(cli_t *c)
{
    pt_buf_t            text;
    pt_err_t            err;
    cli_files_t         f = { .c = c };
    backup_sum_t        sum;
    backup_owner_t      owner;
    backup_manifest_t   m;

    if (c->nargs < 1 || c->nargs > 2) {
        return PT_E_PARAMETERS;
    }

    err = backup_owner_open(&c->store, c->name, BACKUP_OWNER_READ, &owner);
    if (err != PT_OK) {
        return err;
    }

    err = backup_manifest_open(&owner, pt_str(c->args[0]), &m);

    if (err == PT_OK) {
        if (c->nargs == 1) {
            pt_buf_init(&text, &pt_mem_heap, BACKUP_MANIFEST_MAX);
            pt_json_canonical(m.json, &text);
            (void) printf("%.*s\n", PT_STR_ARG(pt_buf_str(&text)));
            pt_buf_done(&text);

        } else if (strchr(c->args[1], '/') == NULL) {
            err = cli_cat_table(&m, c->args[1]);

        } else {
            f.wanted = pt_str(c->args[1]);
            f.files = m;
            err = backup_reader_new(&f.files.reader);

            if (err == PT_OK) {
                err = backup_index_read(&m, cli_cat_file, &f, &sum);
                backup_reader_free(f.files.reader);
            }

            if (err == PT_OK && !f.found) {
                err = backup_say(PT_E_NOT_FOUND, "the generation has no such "
                                 "file");
            }
        }

        backup_manifest_close(&m);
    }

    backup_owner_close(&owner);

    return err;
}


static pt_err_t
cli_cat_table(backup_manifest_t *m, const char *name)
{
    char              path[BACKUP_PATH_MAX], full[512];
    backup_sum_t      sum;
    const pt_json_t  *table, *dump = pt_json_member(m->json, "dump");

    if (strcmp(name, "dump") == 0 && dump != NULL) {
        backup_manifest_object(m, dump, path);
        return backup_object_read(m, BACKUP_DUMP, path, cli_piece, stdout,
                                  &sum);
    }

    table = pt_json_member(m->json, "tables")->first;

    for ( /* void */ ; table != NULL; table = table->next) {
        (void) snprintf(full, sizeof(full), "%.*s.%.*s",
                        PT_STR_ARG(pt_json_string(table, "schema",
                                                  PT_STR(""))),
                        PT_STR_ARG(pt_json_string(table, "table",
                                                  PT_STR(""))));

        if (strcmp(full, name) == 0) {
            backup_manifest_object(m, table, path);
            return backup_object_read(m, BACKUP_ROWS, path, cli_piece, stdout,
                                      &sum);
        }
    }

    return backup_say(PT_E_NOT_FOUND, "the generation has no such table");
}


static pt_err_t
cli_cat_file(void *ctx, const backup_indexed_t *file)
{
    char          object[BACKUP_PATH_MAX];
    backup_sum_t  sum;
    cli_files_t  *f = ctx;

    if (f->found || !pt_str_eq(file->key, f->wanted)
        || file->object.data == NULL)
    {
        return PT_OK;
    }

    f->found = true;
    (void) snprintf(object, sizeof(object), "%.*s", PT_STR_ARG(file->object));

    return backup_object_read(&f->files, BACKUP_FILE, object, cli_piece,
                              stdout, &sum);
}


static pt_err_t
cli_piece(void *ctx, pt_str_t piece)
{
    return fwrite(piece.data, 1, piece.len, ctx) == piece.len
           ? PT_OK : backup_say(PT_E_IO, "could not write: %s",
                                strerror(errno));
}


/* ---- files into a storage ---- */

static pt_err_t
cli_files(cli_t *c)
{
    pt_err_t            err;
    cli_files_t         f = { .c = c };
    backup_sum_t        sum;
    backup_owner_t      owner;
    backup_manifest_t   m;

    if (c->nargs != 1 || c->to == NULL) {
        return PT_E_PARAMETERS;
    }

    err = backup_owner_open(&c->store, c->name, BACKUP_OWNER_READ, &owner);
    if (err != PT_OK) {
        return err;
    }

    err = backup_manifest_open(&owner, pt_str(c->args[0]), &m);

    if (err == PT_OK) {
        (void) umask(BACKUP_STORAGE_UMASK);
        f.files = m;
        err = backup_reader_new(&f.files.reader);

        if (err == PT_OK) {
            err = backup_index_read(&m, cli_file, &f, &sum);
            backup_reader_free(f.files.reader);
        }

        backup_manifest_close(&m);
    }

    backup_owner_close(&owner);

    if (err == PT_OK) {
        (void) printf("%u files\n", f.n);
    }

    return err;
}


static pt_err_t
cli_file(void *ctx, const backup_indexed_t *file)
{
    char          path[BACKUP_PATH_MAX], tmp[BACKUP_PATH_MAX + 8];
    char          object[BACKUP_PATH_MAX], key[BACKUP_FILE_KEY_MAX];
    FILE         *out;
    pt_err_t      err;
    cli_files_t  *f = ctx;
    struct stat   st;
    backup_sum_t  sum;

    if (file->object.data == NULL) {
        return PT_OK;
    }

    (void) snprintf(key, sizeof(key), "%.*s", PT_STR_ARG(file->key));
    (void) snprintf(object, sizeof(object), "%.*s", PT_STR_ARG(file->object));
    (void) snprintf(path, sizeof(path), "%s/%s", f->c->to, key);

    if (stat(path, &st) == 0 && (uint64_t) st.st_size == file->size) {
        return PT_OK;
    }

    err = backup_storage_folders(f->c->to, key);
    if (err != PT_OK) {
        return err;
    }

    (void) snprintf(tmp, sizeof(tmp), "%s.part", path);
    out = fopen(tmp, "we");

    if (out == NULL) {
        return backup_say(PT_E_IO, "could not make \"%s\": %s", tmp,
                          strerror(errno));
    }

    err = backup_object_read(&f->files, BACKUP_FILE, object, cli_piece, out,
                             &sum);

    if (err == PT_OK && memcmp(sum.sha256, file->sha256, 32) != 0) {
        err = backup_say(PT_E_INPUT_BROKEN, "object \"%s\" is not what its "
                         "index says", object);
    }

    if (err == PT_OK && (fflush(out) == EOF || fsync(fileno(out)) == -1)) {
        err = backup_say(PT_E_IO, "could not write \"%s\": %s", path,
                         strerror(errno));
    }

    (void) fclose(out);

    if (err == PT_OK && rename(tmp, path) == -1) {
        err = backup_say(PT_E_IO, "could not make \"%s\": %s", path,
                         strerror(errno));
    }

    f->n += err == PT_OK;
    return err;
}


/* ---- the ledger ---- */

typedef struct {
    pt_buf_t     owners;           /* of those who were erased, one a line */
    const char  *since;
} cli_erased_t;


/*
 * After a restore of the platform: removes again who was erased after the
 * dump.  Their ids are not in the ledger: it is the other way round, every
 * user's name in the store is looked up in it.
 */
static pt_err_t
cli_replay(cli_t *c)
{
    PGconn      *conn;
    pt_err_t     err;
    const char  *conninfo = getenv("PITCHEY_PLATFORM_DATABASE");

    if (c->nargs != 1 || strlen(c->args[0]) != BACKUP_TIME_LEN) {
        return PT_E_PARAMETERS;
    }

    if (conninfo == NULL) {
        return backup_say(PT_E_INVALID, "PITCHEY_PLATFORM_DATABASE names no "
                          "database");
    }

    conn = PQconnectdb(conninfo);

    err = PQstatus(conn) == CONNECTION_OK
          ? cli_replay_users(c, conn, c->args[0])
          : backup_say(PT_E_DATABASE, "%s", PQerrorMessage(conn));

    PQfinish(conn);

    return err;
}


static pt_err_t
cli_replay_users(cli_t *c, PGconn *conn, const char *since)
{
    int               i;
    char              name[BACKUP_OWNER_LEN + 1];
    unsigned          n = 0;
    pt_buf_t          ids;
    pt_err_t          err;
    PGresult         *users = NULL;
    cli_erased_t      erased = { .since = since };
    backup_tables_t   tables = { NULL, 0 };

    pt_buf_init(&erased.owners, &pt_mem_heap, 1u << 30);
    err = backup_ledger_read(&c->store, true, cli_replay_entry, &erased);
    pt_buf_add_char(&erased.owners, '\0');

    if (err == PT_OK && erased.owners.err != PT_OK) {
        err = backup_say(PT_E_NOMEM, "no memory");
    }

    if (err == PT_OK) {
        err = backup_sql(conn, "BEGIN");
    }

    if (err == PT_OK) {
        err = backup_settings(conn);
    }

    if (err == PT_OK) {
        err = backup_map_resolve(backup_map(), conn, REPLAY_USER, &tables);
    }

    if (err == PT_OK) {
        err = cli_replay_list(conn, &users);
    }

    pt_buf_init(&ids, &pt_mem_heap, 64u << 20);

    for (i = 0; err == PT_OK && i < PQntuples(users); i++) {
        backup_who(&c->store, pt_str(PQgetvalue(users, i, 0)), name);

        if (strstr(erased.owners.data, name) != NULL) {
            cli_replay_id(&ids, PQgetvalue(users, i, 0));

            if (++n % REPLAY_BATCH == 0) {
                err = cli_replay_batch(conn, &tables, &ids);
            }
        }
    }

    if (err == PT_OK && ids.len != 0) {
        err = cli_replay_batch(conn, &tables, &ids);
    }

    if (err == PT_OK) {
        err = backup_sql(conn, "COMMIT");
    }

    pt_buf_done(&ids);

    PQclear(users);
    backup_tables_done(&tables);
    pt_buf_done(&erased.owners);

    if (err == PT_OK) {
        (void) printf("%u erased users removed again\n", n);
    }

    return err;
}


static pt_err_t
cli_replay_list(PGconn *conn, PGresult **ret_users)
{
    int               i;
    char              part[128];
    pt_buf_t          sql;
    pt_err_t          err;
    const pt_json_t  *user = pt_json_member(backup_map(), "user");

    static const char *const  members[] = { "key", "schema", "table" };
    static const char *const  before[] = { "SELECT ", "::text FROM ", "." };

    pt_buf_init(&sql, &pt_mem_heap, 65536);

    for (i = 0; i < 3; i++) {
        (void) snprintf(part, sizeof(part), "%.*s",
                        PT_STR_ARG(pt_json_string(user, members[i],
                                                  PT_STR("?"))));
        pt_buf_add_text(&sql, before[i]);
        backup_sql_name(conn, &sql, part);
    }

    pt_buf_add_char(&sql, '\0');

    err = sql.err != PT_OK ? backup_say(sql.err, "no memory")
                           : backup_query(conn, sql.data, NULL, 0, ret_users);
    pt_buf_done(&sql);

    return err;
}


/* {"a","b": an array's text, which has no type until a column gives it one */
static void
cli_replay_id(pt_buf_t *ids, const char *id)
{
    pt_buf_add_text(ids, ids->len == 0 ? "{\"" : ",\"");

    for ( /* void */ ; *id != '\0'; id++) {
        if (*id == '"' || *id == '\\') {
            pt_buf_add_char(ids, '\\');
        }

        pt_buf_add_char(ids, *id);
    }

    pt_buf_add_char(ids, '"');
}


/* all that the map knows of them, the last table first: children, parents */
static pt_err_t
cli_replay_batch(PGconn *conn, const backup_tables_t *tables, pt_buf_t *ids)
{
    size_t       i;
    pt_buf_t     sql;
    pt_err_t     err = PT_OK;
    const char  *from, *at;

    static const char  mark[] = "= '" REPLAY_USER "'";

    pt_buf_add_text(ids, "}");
    pt_buf_add_char(ids, '\0');

    if (ids->err != PT_OK) {
        return backup_say(ids->err, "no memory");
    }

    for (i = tables->n; i > 0 && err == PT_OK; i--) {
        if (tables->tables[i - 1].owned == NULL) {
            continue;
        }

        pt_buf_init(&sql, &pt_mem_heap, 64u << 20);
        pt_buf_printf(&sql, "DELETE FROM %s t WHERE ",
                      tables->tables[i - 1].quoted);

        from = tables->tables[i - 1].owned;

        while ((at = strstr(from, mark)) != NULL) {
            pt_buf_add(&sql, from, (size_t) (at - from));
            pt_buf_add_text(&sql, "= ANY (");
            backup_sql_text(conn, &sql, ids->data);
            pt_buf_add_char(&sql, ')');
            from = at + sizeof(mark) - 1;
        }

        pt_buf_add_text(&sql, from);
        pt_buf_add_char(&sql, '\0');

        err = sql.err != PT_OK ? backup_say(sql.err, "no memory")
                               : backup_sql(conn, sql.data);
        pt_buf_done(&sql);
    }

    pt_buf_reset(ids);

    return err;
}


static bool
cli_replay_entry(void *ctx, const backup_entry_t *entry)
{
    cli_erased_t  *erased = ctx;

    if (pt_str_is(entry->kind, "erase")
        && strncmp(entry->at.data, erased->since, BACKUP_TIME_LEN) >= 0)
    {
        pt_buf_add_str(&erased->owners, entry->owner);
        pt_buf_add_char(&erased->owners, '\n');
    }

    return true;
}


static pt_err_t
cli_hold(cli_t *c)
{
    return cli_note(c, "hold");
}


static pt_err_t
cli_release(cli_t *c)
{
    return cli_note(c, "release");
}


static pt_err_t
cli_note(cli_t *c, const char *kind)
{
    pt_buf_t    data;
    pt_err_t    err;
    pt_jsonw_t  w;

    if (c->user == NULL || c->reason == NULL || c->nargs != 0) {
        return PT_E_PARAMETERS;
    }

    pt_buf_init(&data, &pt_mem_heap, 4096);
    pt_jsonw_init(&w, &data);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "reason");
    pt_jsonw_text(&w, c->reason);
    pt_jsonw_end(&w);

    err = data.err != PT_OK
          ? backup_say(data.err, "the reason is too long")
          : backup_ledger_add(&c->store, kind, c->name, PT_STR("operator"),
                              pt_buf_str(&data), NULL);
    pt_buf_done(&data);

    return err;
}
