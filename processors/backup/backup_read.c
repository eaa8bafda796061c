/* Generations, read. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup_files.h"
#include "backup_read.h"


#define INDEX_LINE_MAX  8192
#define TABLES_MAX      10000


typedef struct {
    pt_buf_t            line;       /* begun, not ended */
    backup_indexed_fn   visit;
    void               *ctx;
} index_reader_t;


static pt_err_t manifest_bad(const char *generation, const char *what);
static bool manifest_name_is_good(const pt_json_t *part, const char *member);
static bool manifest_hash_is_good(const pt_json_t *part, const char *member);
static bool manifest_table_is_good(const pt_json_t *table);
static pt_err_t manifest_piece(void *ctx, pt_str_t piece);
static pt_err_t index_piece(void *ctx, pt_str_t piece);
static pt_err_t index_line(index_reader_t *r, pt_str_t line);


pt_err_t
backup_manifest_open(const backup_owner_t *owner, pt_str_t wanted,
    backup_manifest_t *ret_manifest)
{
    char                   path[BACKUP_PATH_MAX];
    size_t                 i;
    pt_buf_t               text;
    pt_err_t               err;
    backup_sum_t           sum;
    backup_manifest_t      m = { .owner = owner };
    backup_generations_t   list;

    err = backup_generations(owner, &list);
    if (err != PT_OK) {
        return err;
    }

    for (i = list.n; i > 0; i--) {
        if (wanted.data == NULL || pt_str_is(wanted, list.names[i - 1])) {
            (void) strcpy(m.name, list.names[i - 1]);
            break;
        }
    }

    free(list.names);

    if (i == 0) {
        return backup_say(PT_E_NOT_FOUND, wanted.data == NULL
                          ? "there is no backup" : "there is no such "
                          "generation");
    }

    err = backup_reader_new(&m.reader);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&text, &pt_mem_heap, BACKUP_MANIFEST_MAX);
    (void) snprintf(path, sizeof(path), "generations/%s/manifest", m.name);

    err = backup_object_read(&m, BACKUP_MANIFEST, path, manifest_piece, &text,
                             &sum);

    if (err == PT_OK
        && pt_json_parse(pt_buf_str(&text), &pt_mem_heap, &m.json, NULL)
           != PT_OK)
    {
        err = manifest_bad(m.name, "is no JSON");
    }

    pt_buf_done(&text);

    if (err == PT_OK) {
        err = backup_manifest_check(m.json, owner->name, m.name);
    }

    if (err != PT_OK) {
        backup_manifest_close(&m);
        return err;
    }

    *ret_manifest = m;
    return PT_OK;
}


void
backup_manifest_close(backup_manifest_t *m)
{
    pt_json_free(m->json);
    backup_reader_free(m->reader);
    m->json = NULL;
    m->reader = NULL;
}


static pt_err_t
manifest_piece(void *ctx, pt_str_t piece)
{
    pt_buf_t  *text = ctx;

    pt_buf_add_str(text, piece);

    return text->err == PT_OK ? PT_OK
                              : backup_say(PT_E_INPUT_BROKEN,
                                           "a manifest is too large");
}


pt_err_t
backup_manifest_check(const pt_json_t *json, const char *owner,
    const char *generation)
{
    const pt_json_t  *tables, *table, *files, *dump;

    if (!pt_str_is(pt_json_string(json, "format", PT_STR("")), BACKUP_FORMAT)) {
        return manifest_bad(generation, "is of another format");
    }

    if (!pt_str_is(pt_json_string(json, "owner", PT_STR("")), owner)) {
        return manifest_bad(generation, "is of another owner");
    }

    if (!pt_str_is(pt_json_string(json, "generation", PT_STR("")),
                   generation))
    {
        return manifest_bad(generation, "is of another generation");
    }

    tables = pt_json_member(json, "tables");
    files = pt_json_member(json, "files");
    dump = pt_json_member(json, "dump");

    if (tables == NULL || tables->type != PT_JSON_ARRAY
        || tables->n > TABLES_MAX
        || pt_json_string(json, "snapshot_at", PT_STR("")).len
           != BACKUP_TIME_LEN
        || pt_json_string(json, "user", PT_STR_NULL).data == NULL
        || !manifest_hash_is_good(json, "root")
        || !manifest_name_is_good(files, "object")
        || (dump != NULL && !manifest_name_is_good(dump, "object")))
    {
        return manifest_bad(generation, "is not complete");
    }

    for (table = tables->first; table != NULL; table = table->next) {
        if (!manifest_table_is_good(table)) {
            return manifest_bad(generation, "has a bad table");
        }
    }

    return PT_OK;
}


static bool
manifest_table_is_good(const pt_json_t *table)
{
    const pt_json_t  *column, *columns, *key;

    columns = pt_json_member(table, "columns");
    key = pt_json_member(table, "key");

    if (pt_json_string(table, "schema", PT_STR("")).len == 0
        || pt_json_string(table, "table", PT_STR("")).len == 0
        || columns == NULL || columns->type != PT_JSON_ARRAY
        || key == NULL || key->type != PT_JSON_ARRAY
        || pt_json_int(table, "rows", -1) < 0
        || !manifest_hash_is_good(table, "sha256")
        || !manifest_name_is_good(table, "object"))
    {
        return false;
    }

    for (column = columns->first; column != NULL; column = column->next) {
        if (pt_json_string(column, "name", PT_STR("")).len == 0
            || pt_json_string(column, "type", PT_STR("")).len == 0)
        {
            return false;
        }
    }

    for (column = key->first; column != NULL; column = column->next) {
        if (column->type != PT_JSON_STRING) {
            return false;
        }
    }

    return true;
}


/* [a-z0-9]: a name in the generation's folder */
static bool
manifest_name_is_good(const pt_json_t *part, const char *member)
{
    size_t    i;
    pt_str_t  name = pt_json_string(part, member, PT_STR(""));

    for (i = 0; i < name.len; i++) {
        if (!((name.data[i] >= 'a' && name.data[i] <= 'z')
              || (name.data[i] >= '0' && name.data[i] <= '9')))
        {
            return false;
        }
    }

    return name.len > 0 && name.len < 32;
}


static bool
manifest_hash_is_good(const pt_json_t *part, const char *member)
{
    uint8_t  hash[32];

    return backup_unhex(pt_json_string(part, member, PT_STR_NULL), hash, 32);
}


static pt_err_t
manifest_bad(const char *generation, const char *what)
{
    return backup_say(PT_E_INPUT_BROKEN, "the manifest of generation %s %s",
                      generation, what);
}


void
backup_manifest_object(const backup_manifest_t *m, const pt_json_t *part,
    char ret_path[BACKUP_PATH_MAX])
{
    (void) snprintf(ret_path, BACKUP_PATH_MAX, "generations/%s/%.*s", m->name,
                    PT_STR_ARG(pt_json_string(part, "object", PT_STR("?"))));
}


pt_err_t
backup_object_read(const backup_manifest_t *m, backup_kind_t kind,
    const char *path, backup_piece_fn visit, void *ctx, backup_sum_t *ret_sum)
{
    int       fd;
    char      name[BACKUP_PATH_MAX];
    pt_err_t  err;
    pt_str_t  piece = { NULL, 1 };

    err = backup_owner_read(m->owner, path, &fd);
    if (err != PT_OK) {
        return err;
    }

    backup_object_path(m->owner, path, name);
    err = backup_reader_begin(m->reader, fd, &m->owner->keys, kind, name);

    while (err == PT_OK && piece.len != 0) {
        err = backup_reader_next(m->reader, &piece);

        if (err == PT_OK && piece.len != 0 && visit != NULL) {
            err = visit(ctx, piece);
        }
    }

    (void) close(fd);
    backup_reader_sum(m->reader, ret_sum);

    return err;
}


pt_err_t
backup_index_read(const backup_manifest_t *m, backup_indexed_fn visit,
    void *ctx, backup_sum_t *ret_sum)
{
    char             path[BACKUP_PATH_MAX];
    pt_err_t         err;
    index_reader_t   r = { .visit = visit, .ctx = ctx };

    pt_buf_init(&r.line, &pt_mem_heap, INDEX_LINE_MAX);
    backup_manifest_object(m, pt_json_member(m->json, "files"), path);

    err = backup_object_read(m, BACKUP_INDEX, path, index_piece, &r, ret_sum);

    if (err == PT_OK && r.line.len != 0) {
        err = backup_say(PT_E_INPUT_BROKEN, "an index of files ends within a "
                         "line");
    }

    pt_buf_done(&r.line);

    return err;
}


static pt_err_t
index_piece(void *ctx, pt_str_t piece)
{
    size_t           len;
    pt_err_t         err;
    const char      *end;
    index_reader_t  *r = ctx;

    while (piece.len != 0) {
        end = memchr(piece.data, '\n', piece.len);
        len = end != NULL ? (size_t) (end - piece.data) : piece.len;

        pt_buf_add(&r->line, piece.data, len);

        if (r->line.err != PT_OK) {
            return backup_say(PT_E_INPUT_BROKEN, "an index of files has a line "
                              "that is too long");
        }

        if (end == NULL) {
            return PT_OK;
        }

        err = index_line(r, pt_buf_str(&r->line));
        if (err != PT_OK) {
            return err;
        }

        pt_buf_reset(&r->line);
        piece.data += len + 1;
        piece.len -= len + 1;
    }

    return PT_OK;
}


static pt_err_t
index_line(index_reader_t *r, pt_str_t line)
{
    pt_err_t           err;
    pt_json_t         *json;
    backup_indexed_t   file;

    err = backup_index_line(line, &json, &file);

    if (err == PT_OK) {
        err = r->visit(r->ctx, &file);
        pt_json_free(json);
    }

    return err;
}


pt_err_t
backup_index_line(pt_str_t line, pt_json_t **ret_json,
    backup_indexed_t *ret_file)
{
    int64_t            size;
    pt_json_t         *json;
    backup_indexed_t   file;

    memset(&file, 0, sizeof(file));

    if (pt_json_parse(line, &pt_mem_heap, &json, NULL) != PT_OK) {
        return backup_say(PT_E_INPUT_BROKEN, "an index of files has a line "
                          "that is no JSON");
    }

    file.key = pt_json_string(json, "key", PT_STR(""));
    file.object = pt_json_string(json, "object", PT_STR_NULL);
    size = pt_json_int(json, "size", -1);
    file.size = (uint64_t) size;

    /* object: "objects/3f/3f...", and nothing that climbs out of the store */
    if (!backup_file_key_is_good(file.key) || size < 0
        || (file.object.data != NULL
            && (!backup_unhex(pt_json_string(json, "sha256", PT_STR_NULL),
                              file.sha256, 32)
                || file.object.len != sizeof("objects/3f/") - 1
                                      + BACKUP_HEX_LEN
                || memcmp(file.object.data, "objects/", 8) != 0
                || !backup_file_key_is_good(file.object))))
    {
        pt_json_free(json);
        return backup_say(PT_E_INPUT_BROKEN, "an index of files names what is "
                          "no file");
    }

    *ret_json = json;
    *ret_file = file;
    return PT_OK;
}
