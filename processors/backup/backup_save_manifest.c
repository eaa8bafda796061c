/* What a backup says of itself: its manifest, and the job's result. */

#include <stdio.h>
#include <time.h>

#include "backup_save_manifest.h"


static void save_root(save_t *s);
static void save_manifest_json(save_t *s, pt_buf_t *text);
static void save_table_json(save_t *s, pt_jsonw_t *w, size_t n);


/* all that it names is on the disk before it has its name */
pt_err_t
backup_save_manifest(save_t *s)
{
    char              path[BACKUP_PATH_MAX], name[BACKUP_PATH_MAX];
    pt_buf_t          text;
    pt_err_t          err;
    backup_put_t      put = { .fd = -1, .path = "" };
    backup_sum_t      sum;
    backup_writer_t  *writer = NULL;

    pt_job_progress(s->session.job, 980, "sync");

    save_root(s);

    (void) snprintf(path, sizeof(path), "generations/%s/manifest",
                    s->generation);
    backup_object_path(&s->owner, path, name);
    pt_buf_init(&text, &pt_mem_heap, BACKUP_MANIFEST_MAX);
    save_manifest_json(s, &text);

    err = text.err != PT_OK ? backup_say(text.err, "the manifest is too large")
                            : backup_writer_new(&writer);

    if (err == PT_OK) {
        err = backup_put_begin(&s->owner, &put);
    }

    if (err == PT_OK) {
        err = backup_writer_begin(writer, put.fd, &s->owner.keys,
                                  BACKUP_MANIFEST, name, 3);
    }

    if (err == PT_OK) {
        err = backup_writer_add(writer, text.data, text.len);
    }

    if (err == PT_OK) {
        err = backup_writer_end(writer, &sum);
    }

    if (err == PT_OK) {
        err = backup_sync(s->session.store.root);
    }

    if (err == PT_OK) {
        err = backup_put_commit(&s->owner, &put, path);
    }

    if (err == PT_OK) {
        err = backup_sync(s->session.store.root);
    }

    backup_put_abort(&put);
    backup_writer_free(writer);
    pt_buf_done(&text);

    return err;
}


static void
save_root(save_t *s)
{
    char             name[512];
    size_t           i;
    uint8_t          root[32];
    backup_merkle_t  merkle;

    backup_merkle_init(&merkle);

    for (i = 0; i < s->tables.n && !s->platform; i++) {
        if (backup_table_is_saved(&s->tables.tables[i])) {
            (void) snprintf(name, sizeof(name), "%s.%s",
                            s->tables.tables[i].schema,
                            s->tables.tables[i].name);
            backup_merkle_add(&merkle, name, s->saved[i].sum.sha256);
        }
    }

    if (s->platform) {
        backup_merkle_add(&merkle, "dump", s->dump.sha256);
    }

    backup_merkle_root(&merkle, root);
    backup_merkle_node(root, s->files.root, s->root);
}


static void
save_manifest_json(save_t *s, pt_buf_t *text)
{
    char        now[BACKUP_TIME_LEN + 1], hex[BACKUP_HEX_LEN + 1];
    size_t      i;
    pt_jsonw_t  w;

    backup_time(now);

    pt_jsonw_init(&w, text);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "format");
    pt_jsonw_text(&w, BACKUP_FORMAT);
    pt_jsonw_key(&w, "owner");
    pt_jsonw_text(&w, s->owner.name);
    pt_jsonw_key(&w, "user");
    pt_jsonw_text(&w, s->platform ? "" : s->user);
    pt_jsonw_key(&w, "generation");
    pt_jsonw_text(&w, s->generation);
    pt_jsonw_key(&w, "started_at");
    pt_jsonw_text(&w, s->started_at);
    pt_jsonw_key(&w, "snapshot_at");
    pt_jsonw_text(&w, s->snapshot_at);
    pt_jsonw_key(&w, "finished_at");
    pt_jsonw_text(&w, now);
    pt_jsonw_key(&w, "server");
    pt_jsonw_int(&w, PQserverVersion(pt_job_connection(s->session.job, 0)));
    pt_jsonw_key(&w, "complete");
    pt_jsonw_bool(&w, s->files.missing == 0);
    pt_jsonw_key(&w, "tables");
    pt_jsonw_array(&w);

    for (i = 0; i < s->tables.n && !s->platform; i++) {
        if (backup_table_is_saved(&s->tables.tables[i])) {
            save_table_json(s, &w, i);
        }
    }

    pt_jsonw_end(&w);

    if (s->platform) {
        pt_jsonw_key(&w, "dump");
        pt_jsonw_object(&w);
        pt_jsonw_key(&w, "object");
        pt_jsonw_text(&w, "dump");
        pt_jsonw_key(&w, "bytes");
        pt_jsonw_int(&w, (int64_t) s->dump.bytes);
        pt_jsonw_key(&w, "sha256");
        backup_hex(s->dump.sha256, 32, hex);
        pt_jsonw_text(&w, hex);
        pt_jsonw_end(&w);
    }

    pt_jsonw_key(&w, "files");
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "object");
    pt_jsonw_text(&w, "files");
    pt_jsonw_key(&w, "count");
    pt_jsonw_int(&w, (int64_t) s->files.count);
    pt_jsonw_key(&w, "bytes");
    pt_jsonw_int(&w, (int64_t) s->files.bytes);
    pt_jsonw_key(&w, "missing");
    pt_jsonw_int(&w, (int64_t) s->files.missing);
    pt_jsonw_end(&w);
    pt_jsonw_key(&w, "root");
    backup_hex(s->root, 32, hex);
    pt_jsonw_text(&w, hex);
    pt_jsonw_end(&w);
}


static void
save_table_json(save_t *s, pt_jsonw_t *w, size_t n)
{
    char                    text[BACKUP_HEX_LEN + 1];
    size_t                  i;
    unsigned                k;
    const backup_table_t   *table = &s->tables.tables[n];
    const backup_column_t  *c;

    pt_jsonw_object(w);
    pt_jsonw_key(w, "schema");
    pt_jsonw_text(w, table->schema);
    pt_jsonw_key(w, "table");
    pt_jsonw_text(w, table->name);
    pt_jsonw_key(w, "columns");
    pt_jsonw_array(w);

    for (i = 0; i < table->ncolumns; i++) {
        c = &table->columns[i];

        if (!c->generated) {
            pt_jsonw_object(w);
            pt_jsonw_key(w, "name");
            pt_jsonw_text(w, c->name);
            pt_jsonw_key(w, "type");
            pt_jsonw_text(w, c->type);
            pt_jsonw_end(w);
        }
    }

    pt_jsonw_end(w);
    pt_jsonw_key(w, "key");
    pt_jsonw_array(w);

    for (k = 1; k <= table->nkey; k++) {
        for (i = 0; i < table->ncolumns; i++) {
            if (table->columns[i].key == k) {
                pt_jsonw_text(w, table->columns[i].name);
            }
        }
    }

    pt_jsonw_end(w);
    pt_jsonw_key(w, "object");
    (void) snprintf(text, sizeof(text), "%zu", n);
    pt_jsonw_text(w, text);
    pt_jsonw_key(w, "rows");
    pt_jsonw_int(w, (int64_t) s->saved[n].rows);
    pt_jsonw_key(w, "bytes");
    pt_jsonw_int(w, (int64_t) s->saved[n].sum.bytes);
    pt_jsonw_key(w, "sha256");
    backup_hex(s->saved[n].sum.sha256, 32, text);
    pt_jsonw_text(w, text);
    pt_jsonw_end(w);
}


void
backup_save_result(save_t *s, unsigned removed, const backup_drill_t *drill,
    pt_buf_t *text)
{
    char        hex[BACKUP_HEX_LEN + 1];
    size_t      i;
    uint64_t    rows = 0, bytes, stored;
    pt_jsonw_t  w;

    bytes = s->files.bytes + s->dump.bytes;
    stored = s->files.stored + s->files.index_stored + s->dump.stored;

    for (i = 0; i < s->tables.n; i++) {
        rows += s->saved[i].rows;
        bytes += s->saved[i].sum.bytes;
        stored += s->saved[i].sum.stored;
    }

    pt_jsonw_init(&w, text);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "generation");
    pt_jsonw_text(&w, s->generation);
    pt_jsonw_key(&w, "snapshot_at");
    pt_jsonw_text(&w, s->snapshot_at);
    pt_jsonw_key(&w, "complete");
    pt_jsonw_bool(&w, s->files.missing == 0);
    pt_jsonw_key(&w, "rows");
    pt_jsonw_int(&w, (int64_t) rows);
    pt_jsonw_key(&w, "files");
    pt_jsonw_int(&w, (int64_t) s->files.count);
    pt_jsonw_key(&w, "files_new");
    pt_jsonw_int(&w, (int64_t) s->files.fresh);
    pt_jsonw_key(&w, "files_missing");
    pt_jsonw_int(&w, (int64_t) s->files.missing);
    pt_jsonw_key(&w, "bytes");
    pt_jsonw_int(&w, (int64_t) bytes);
    pt_jsonw_key(&w, "stored_bytes");
    pt_jsonw_int(&w, (int64_t) stored);
    pt_jsonw_key(&w, "generations_removed");
    pt_jsonw_int(&w, removed);
    pt_jsonw_key(&w, "root");
    backup_hex(s->root, 32, hex);
    pt_jsonw_text(&w, hex);
    pt_jsonw_key(&w, "seconds");
    pt_jsonw_double(&w, (double) (int64_t) ((backup_save_clock() - s->started) * 1000)
                        / 1000);

    if (drill->done) {
        pt_jsonw_key(&w, "drill");
        backup_drill_json(&w, drill);
    }

    pt_jsonw_end(&w);
}


double
backup_save_clock(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}
