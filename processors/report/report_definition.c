/* From folders to definitions. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "report_definition.h"


#define REPORT_SCHEMA_FILE   "report.schema.json"
#define REPORT_FILE_MAX      (256 * 1024)
#define REPORT_MEMORY_MAX    (32 * 1024 * 1024)
#define REPORT_PATH_MAX      4096

/* rows of a dataset that says nothing: what a section shows, what is exported */
#define REPORT_LIMIT_KEPT    5000
#define REPORT_LIMIT         1000000


/* while one report is read */
typedef struct {
    report_definitions_t  *all;
    report_definition_t   *definition;
    const char            *dir;        /* its folder */
    pt_buf_t               source;
    char                  *error;
    unsigned               violations;
} report_reader_t;


static pt_err_t report_read_one(report_definitions_t *all, const char *dir,
    const char *name, const pt_schema_t *schema, char *error);
static pt_err_t report_read_root(report_reader_t *reader,
    const pt_schema_t *schema);
static pt_err_t report_read_parameters(report_reader_t *reader);
static pt_err_t report_read_datasets(report_reader_t *reader);
static pt_err_t report_read_dataset(report_reader_t *reader,
    const pt_json_t *json, report_dataset_t *dataset);
static pt_err_t report_read_sections(report_reader_t *reader);
static pt_err_t report_check_dataset(report_reader_t *reader, pt_str_t name,
    const char *pointer);
static pt_err_t report_check_values(report_reader_t *reader,
    const pt_json_t *value, const char *pointer);
static pt_err_t report_check_text(report_reader_t *reader, pt_str_t text,
    const char *pointer);
static pt_err_t report_read_file(report_reader_t *reader, const char *file,
    pt_str_t *ret_text);
static pt_err_t report_read_schema(const char *dir, pt_schema_t **ret_schema,
    char *error);
static pt_err_t report_slurp(const char *path, pt_buf_t *buf, char *error);
static void report_violation(void *ctx, pt_str_t pointer, pt_str_t detail);
static int report_is_folder(const struct dirent *entry);


pt_err_t
report_definitions_read(const char *dir, report_definitions_t *ret_definitions,
    char *ret_error)
{
    int              i, n;
    pt_err_t         err;
    pt_schema_t     *schema = NULL;
    struct dirent  **entries;

    *ret_definitions = (report_definitions_t) { .items = NULL };
    pt_room_init(&ret_definitions->room, REPORT_MEMORY_MAX);

    err = report_read_schema(dir, &schema, ret_error);
    if (err != PT_OK) {
        return err;
    }

    n = scandir(dir, &entries, report_is_folder, alphasort);
    if (n < 0) {
        snprintf(ret_error, REPORT_ERROR_MAX, "%s: %s", dir, strerror(errno));
        pt_schema_free(schema);
        return PT_E_IO;
    }

    for (i = 0; i < n; i++) {
        if (err == PT_OK) {
            err = report_read_one(ret_definitions, dir, entries[i]->d_name,
                                  schema, ret_error);
        }

        free(entries[i]);
    }

    free(entries);
    pt_schema_free(schema);

    return err;
}


void
report_definitions_free(report_definitions_t *definitions)
{
    size_t  i;

    for (i = 0; i < definitions->n; i++) {
        pt_schema_free(definitions->items[i].parameters);
        pt_json_free((pt_json_t *) definitions->items[i].root);
    }

    pt_room_done(&definitions->room);
    *definitions = (report_definitions_t) { .items = NULL };
}


static int
report_is_folder(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strchr(entry->d_name, '.') == NULL;
}


static pt_err_t
report_read_schema(const char *dir, pt_schema_t **ret_schema, char *error)
{
    char      path[REPORT_PATH_MAX], reason[256];
    pt_buf_t  buf;
    pt_err_t  err;

    snprintf(path, sizeof(path), "%s/" REPORT_SCHEMA_FILE, dir);
    pt_buf_init(&buf, &pt_mem_heap, REPORT_FILE_MAX);

    err = report_slurp(path, &buf, error);
    if (err == PT_OK) {
        err = pt_schema_compile(pt_buf_str(&buf), &pt_mem_heap, ret_schema,
                                reason, sizeof(reason));
        if (err != PT_OK) {
            snprintf(error, REPORT_ERROR_MAX, REPORT_SCHEMA_FILE "%s", reason);
        }
    }

    pt_buf_done(&buf);

    return err;
}


static pt_err_t
report_read_one(report_definitions_t *all, const char *dir, const char *name,
    const pt_schema_t *schema, char *error)
{
    char              path[REPORT_PATH_MAX];
    void             *items;
    pt_err_t          err;
    report_reader_t   reader = { .all = all, .dir = path, .error = error };

    items = pt_room_grow(&all->room, all->items, all->n, &all->cap,
                         sizeof(report_definition_t));
    if (items == NULL) {
        return PT_E_NOMEM;
    }

    all->items = items;
    reader.definition = &all->items[all->n++];
    *reader.definition = (report_definition_t) { .name = pt_str(name) };

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    pt_buf_init(&reader.source, &pt_mem_heap, REPORT_MEMORY_MAX);

    if ((err = report_read_root(&reader, schema)) == PT_OK
        && (err = report_read_parameters(&reader)) == PT_OK
        && (err = report_read_datasets(&reader)) == PT_OK
        && (err = report_read_sections(&reader)) == PT_OK)
    {
        reader.definition->name = pt_room_copy(&all->room, pt_str(name));
        reader.definition->source = pt_room_copy(&all->room,
                                                 pt_buf_str(&reader.source));
        err = reader.definition->source.data != NULL ? PT_OK : PT_E_NOMEM;
    }

    pt_buf_done(&reader.source);

    return err;
}


static pt_err_t
report_read_root(report_reader_t *reader, const pt_schema_t *schema)
{
    pt_err_t              err;
    pt_str_t              text;
    pt_json_t            *root;
    pt_json_error_t       error;
    report_definition_t  *definition = reader->definition;

    const pt_schema_visitor_t  visitor = {
        .violation = report_violation, .ctx = reader
    };

    err = report_read_file(reader, "report.json", &text);
    if (err != PT_OK) {
        return err;
    }

    err = pt_json_parse(text, &pt_mem_heap, &root, &error);
    if (err != PT_OK) {
        snprintf(reader->error, REPORT_ERROR_MAX,
                 "%.*s/report.json: byte %zu: %s",
                 PT_STR_ARG(definition->name), error.offset, error.message);
        return err;
    }

    definition->root = root;

    err = pt_schema_validate(schema, root, 1, &visitor);
    if (err != PT_OK) {
        return err;
    }

    definition->title = pt_json_string(root, "title", PT_STR(""));
    definition->sections = pt_json_member(root, "sections");

    return PT_OK;
}


static void
report_violation(void *ctx, pt_str_t pointer, pt_str_t detail)
{
    report_reader_t  *reader = ctx;

    if (reader->violations++ == 0) {
        snprintf(reader->error, REPORT_ERROR_MAX,
                 "%.*s/report.json#%.*s: %.*s",
                 PT_STR_ARG(reader->definition->name), PT_STR_ARG(pointer),
                 PT_STR_ARG(detail));
    }
}


static pt_err_t
report_read_parameters(report_reader_t *reader)
{
    char                  reason[256];
    pt_buf_t              buf;
    pt_err_t              err;
    pt_jsonw_t            w;
    report_definition_t  *definition = reader->definition;

    pt_buf_init(&buf, &pt_mem_heap, REPORT_FILE_MAX);
    pt_jsonw_init(&w, &buf);
    pt_jsonw_value(&w, pt_json_member(definition->root, "parameters"));

    err = buf.err != PT_OK ? buf.err
          : pt_schema_compile(pt_buf_str(&buf), &pt_mem_heap,
                              &definition->parameters, reason,
                              sizeof(reason));
    pt_buf_done(&buf);

    if (err != PT_OK) {
        snprintf(reader->error, REPORT_ERROR_MAX,
                 "%.*s/report.json#/parameters: %s",
                 PT_STR_ARG(definition->name), reason);
    }

    return err;
}


static pt_err_t
report_read_datasets(report_reader_t *reader)
{
    size_t                i = 0;
    pt_err_t              err;
    const pt_json_t      *json;
    report_definition_t  *definition = reader->definition;

    json = pt_json_member(definition->root, "datasets");

    definition->datasets = pt_room_array(&reader->all->room, json->n + 1,
                                         sizeof(report_dataset_t));
    if (definition->datasets == NULL) {
        return PT_E_NOMEM;
    }

    definition->n_datasets = json->n;

    for (json = json->first; json != NULL; json = json->next, i++) {
        err = report_read_dataset(reader, json, &definition->datasets[i]);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static pt_err_t
report_read_dataset(report_reader_t *reader, const pt_json_t *json,
    report_dataset_t *dataset)
{
    char      file[128], reason[256];
    pt_err_t  err;
    pt_str_t  text;

    *dataset = (report_dataset_t) {
        .name = json->key,
        .title = pt_json_string(json, "title", json->key),
        .limit = (uint64_t) pt_json_int(json, "limit", 0),
        .columns = pt_json_member(json, "columns"),
    };

    snprintf(file, sizeof(file), "%.*s",
             PT_STR_ARG(pt_json_string(json, "sql", PT_STR(""))));

    err = report_read_file(reader, file, &text);
    if (err != PT_OK) {
        return err;
    }

    err = report_sql_read(text, &reader->all->room, &dataset->sql, reason,
                          sizeof(reason));
    if (err != PT_OK) {
        snprintf(reader->error, REPORT_ERROR_MAX, "%.*s/%s: %s",
                 PT_STR_ARG(reader->definition->name), file, reason);
    }

    return err;
}


/* sections name datasets that exist, and texts are templates */
static pt_err_t
report_read_sections(report_reader_t *reader)
{
    char                  pointer[64];
    size_t                i = 0;
    pt_str_t              name;
    pt_err_t              err = PT_OK;
    const pt_json_t      *section;
    report_dataset_t     *dataset;
    report_definition_t  *definition = reader->definition;

    for (section = definition->sections->first;
         section != NULL && err == PT_OK; section = section->next, i++)
    {
        snprintf(pointer, sizeof(pointer), "/sections/%zu", i);
        name = pt_json_string(section, "dataset", PT_STR_NULL);

        if (name.data != NULL) {
            err = report_check_dataset(reader, name, pointer);
        }

        if (err == PT_OK && pt_json_member(section, "text") != NULL) {
            err = report_check_text(reader, pt_json_string(section, "text",
                                                           PT_STR("")),
                                    pointer);
        }

        if (err == PT_OK) {
            err = report_check_values(reader, section, pointer);
        }
    }

    for (i = 0; i < definition->n_datasets; i++) {
        dataset = &definition->datasets[i];

        if (dataset->limit == 0) {
            dataset->limit = dataset->kept ? REPORT_LIMIT_KEPT : REPORT_LIMIT;
        }
    }

    return err;
}


static pt_err_t
report_check_dataset(report_reader_t *reader, pt_str_t name,
    const char *pointer)
{
    size_t                i;
    report_definition_t  *definition = reader->definition;

    i = report_dataset(definition, name);

    if (i == definition->n_datasets) {
        snprintf(reader->error, REPORT_ERROR_MAX,
                 "%.*s/report.json#%s: no dataset \"%.*s\"",
                 PT_STR_ARG(definition->name), pointer, PT_STR_ARG(name));
        return PT_E_INVALID;
    }

    definition->datasets[i].kept = true;

    return PT_OK;
}


/* "value", "previous", "left", "right", however deep they stand */
static pt_err_t
report_check_values(report_reader_t *reader, const pt_json_t *value,
    const char *pointer)
{
    pt_err_t          err;
    const pt_json_t  *child, *name;

    for (child = value->first; child != NULL; child = child->next) {
        name = pt_json_member(child, "dataset");

        if (name != NULL) {
            err = report_check_dataset(reader, name->text, pointer);
            if (err != PT_OK) {
                return err;
            }
        }

        err = report_check_values(reader, child, pointer);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static pt_err_t
report_check_text(report_reader_t *reader, pt_str_t text, const char *pointer)
{
    char            reason[256];
    pt_err_t        err;
    pt_mustache_t  *template;

    err = pt_mustache_new(text, &template, reason, sizeof(reason));

    if (err != PT_OK) {
        snprintf(reader->error, REPORT_ERROR_MAX,
                 "%.*s/report.json#%s/text: %s",
                 PT_STR_ARG(reader->definition->name), pointer, reason);
        return err;
    }

    pt_mustache_free(template);

    return PT_OK;
}


/* a file of the report's folder, which becomes part of its version */
static pt_err_t
report_read_file(report_reader_t *reader, const char *file, pt_str_t *ret_text)
{
    char      path[REPORT_PATH_MAX];
    size_t    begin = reader->source.len;
    pt_err_t  err;

    if (snprintf(path, sizeof(path), "%s/%s", reader->dir, file)
        >= (int) sizeof(path))
    {
        return PT_E_INVALID;
    }

    err = report_slurp(path, &reader->source, reader->error);
    if (err != PT_OK) {
        return err;
    }

    *ret_text = pt_room_copy(&reader->all->room,
                             (pt_str_t) { reader->source.data + begin,
                                          reader->source.len - begin });

    return ret_text->data != NULL ? PT_OK : PT_E_NOMEM;
}


static pt_err_t
report_slurp(const char *path, pt_buf_t *buf, char *error)
{
    char    chunk[8192];
    FILE   *f;
    size_t  n;
    bool    failed;

    f = fopen(path, "re");
    if (f == NULL) {
        snprintf(error, REPORT_ERROR_MAX, "%s: %s", path, strerror(errno));
        return PT_E_IO;
    }

    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        pt_buf_add(buf, chunk, n);
    }

    failed = ferror(f) != 0;
    fclose(f);

    if (failed || buf->err != PT_OK) {
        snprintf(error, REPORT_ERROR_MAX, "%s: %s", path,
                 failed ? strerror(errno) : pt_err_code(buf->err));
        return failed ? PT_E_IO : buf->err;
    }

    return PT_OK;
}


const report_definition_t *
report_definition(const report_definitions_t *definitions, pt_str_t name)
{
    size_t  i;

    for (i = 0; i < definitions->n; i++) {
        if (pt_str_eq(definitions->items[i].name, name)) {
            return &definitions->items[i];
        }
    }

    return NULL;
}


size_t
report_dataset(const report_definition_t *definition, pt_str_t name)
{
    size_t  i;

    for (i = 0; i < definition->n_datasets; i++) {
        if (pt_str_eq(definition->datasets[i].name, name)) {
            break;
        }
    }

    return i;
}


bool
report_definition_is_for(const report_definition_t *definition,
    pt_str_t user_type)
{
    const pt_json_t  *type;

    type = pt_json_member(definition->root, "for")->first;

    for ( /* void */ ; type != NULL; type = type->next) {
        if (pt_str_is(type->text, "*") || pt_str_eq(type->text, user_type)) {
            return true;
        }
    }

    return false;
}
