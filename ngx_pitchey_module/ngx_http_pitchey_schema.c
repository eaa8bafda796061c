/*
 * Reads the folder of request schemas while nginx reads its configuration.
 * Blocking file access is right here: no request is served by this process
 * yet, and a worker never opens these files.
 */

#include "ngx_http_pitchey_schema.h"
#include "ngx_http_pitchey_mem.h"
#include "pt_secret.h"


/* bytes of a schema file; the largest of ours has a tenth */
#define NGX_HTTP_PITCHEY_SCHEMA_MAX  (256 * 1024)

#define NGX_HTTP_PITCHEY_SCHEMA_EXT  ".json"


static ngx_int_t ngx_http_pitchey_schema_read_dir(ngx_conf_t *cf,
    ngx_http_pitchey_schemas_t *set);
static ngx_int_t ngx_http_pitchey_schema_read_service(ngx_conf_t *cf,
    ngx_http_pitchey_schemas_t *set, ngx_str_t *service);
static ngx_int_t ngx_http_pitchey_schema_read_file(ngx_conf_t *cf,
    ngx_http_pitchey_schemas_t *set, ngx_str_t *service, ngx_str_t *action);
static pt_schema_t *ngx_http_pitchey_schema_compile(ngx_conf_t *cf,
    ngx_str_t *path);
static ngx_int_t ngx_http_pitchey_schema_text(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text);
static ngx_int_t ngx_http_pitchey_schema_reserved(ngx_conf_t *cf,
    ngx_http_pitchey_schema_t *schema, ngx_str_t *path);
static ngx_int_t ngx_http_pitchey_schema_extension(ngx_conf_t *cf,
    ngx_http_pitchey_schema_t *schema, ngx_str_t *path);
static ngx_int_t ngx_http_pitchey_schema_names(ngx_conf_t *cf,
    const pt_json_t *list, ngx_array_t *names);
static ngx_int_t ngx_http_pitchey_schema_choices(ngx_conf_t *cf,
    ngx_http_pitchey_schema_t *schema, const pt_json_t *one_of,
    ngx_str_t *path);
static ngx_uint_t ngx_http_pitchey_schema_wild(const char *text, size_t len);
static ngx_int_t ngx_http_pitchey_schema_choice(ngx_conf_t *cf,
    ngx_http_pitchey_schema_t *schema, ngx_str_t *path, size_t star,
    size_t tail);
static const ngx_http_pitchey_choice_t *ngx_http_pitchey_schema_chosen(
    const ngx_http_pitchey_schema_t *schema, const pt_json_t *document);
static ngx_int_t ngx_http_pitchey_schema_each(ngx_conf_t *cf, ngx_str_t *dir,
    ngx_array_t *names);
static ngx_uint_t ngx_http_pitchey_schema_is_name(ngx_str_t *name);
static ngx_int_t ngx_libc_cdecl ngx_http_pitchey_schema_cmp(const void *one,
    const void *two);
static ngx_int_t ngx_http_pitchey_schema_order(const ngx_str_t *a,
    const ngx_str_t *b);
static ngx_uint_t ngx_http_pitchey_schema_listed(const ngx_array_t *names,
    const ngx_str_t *list);
static void ngx_http_pitchey_schema_cleanup(void *data);


/* members of every request, which _proposal takes away before validation */
static const char  *ngx_http_pitchey_reserved[] = {
    "priority", "metadata", "run_at", "expires_at", "webhook_url",
    "max_attempts", "timeout_s", "service", "action", PT_SECRET_MEMBER, NULL
};


ngx_http_pitchey_schemas_t *
ngx_http_pitchey_schema_load(ngx_conf_t *cf,
    ngx_http_pitchey_main_conf_t *pmcf, ngx_str_t *dir)
{
    ngx_uint_t                    i;
    ngx_http_pitchey_schemas_t   *set, **sets, **entry;

    if (pmcf->schema_sets == NULL) {
        pmcf->schema_sets = ngx_array_create(cf->pool, 1,
                                         sizeof(ngx_http_pitchey_schemas_t *));
        if (pmcf->schema_sets == NULL) {
            return NULL;
        }
    }

    sets = pmcf->schema_sets->elts;

    for (i = 0; i < pmcf->schema_sets->nelts; i++) {
        if (ngx_http_pitchey_schema_order(&sets[i]->dir, dir) == 0) {
            return sets[i];
        }
    }

    set = ngx_pcalloc(cf->pool, sizeof(ngx_http_pitchey_schemas_t));
    if (set == NULL) {
        return NULL;
    }

    set->dir = *dir;

    if (ngx_array_init(&set->schemas, cf->pool, 16,
                       sizeof(ngx_http_pitchey_schema_t))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_http_pitchey_schema_read_dir(cf, set) != NGX_OK) {
        return NULL;
    }

    ngx_sort(set->schemas.elts, set->schemas.nelts,
             sizeof(ngx_http_pitchey_schema_t), ngx_http_pitchey_schema_cmp);

    entry = ngx_array_push(pmcf->schema_sets);
    if (entry == NULL) {
        return NULL;
    }

    *entry = set;

    return set;
}


/* DIR/{service}/; what is no such name belongs to somebody else */
static ngx_int_t
ngx_http_pitchey_schema_read_dir(ngx_conf_t *cf,
    ngx_http_pitchey_schemas_t *set)
{
    ngx_str_t        *names;
    ngx_uint_t        i;
    ngx_array_t       services;

    if (ngx_array_init(&services, cf->temp_pool, 8, sizeof(ngx_str_t))
        != NGX_OK
        || ngx_http_pitchey_schema_each(cf, &set->dir, &services) != NGX_OK)
    {
        return NGX_ERROR;
    }

    names = services.elts;

    for (i = 0; i < services.nelts; i++) {
        if (ngx_http_pitchey_schema_is_name(&names[i])
            && ngx_http_pitchey_schema_read_service(cf, set, &names[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (set->schemas.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pitchey_schemas\" folder \"%V\" has no "
                           "{service}/{action}.json", &set->dir);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* DIR/{service}/{action}.json */
static ngx_int_t
ngx_http_pitchey_schema_read_service(ngx_conf_t *cf,
    ngx_http_pitchey_schemas_t *set, ngx_str_t *service)
{
    size_t           ext;
    u_char          *p;
    ngx_str_t        dir, action, *names;
    ngx_uint_t       i;
    ngx_array_t      files;
    ngx_file_info_t  fi;

    dir.len = set->dir.len + 1 + service->len;
    dir.data = ngx_pnalloc(cf->pool, dir.len + 1);
    if (dir.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(dir.data, "%V/%V", &set->dir, service);
    *p = '\0';

    if (ngx_file_info(dir.data, &fi) == NGX_FILE_ERROR || !ngx_is_dir(&fi)) {
        return NGX_OK;
    }

    if (ngx_array_init(&files, cf->temp_pool, 8, sizeof(ngx_str_t)) != NGX_OK
        || ngx_http_pitchey_schema_each(cf, &dir, &files) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ext = sizeof(NGX_HTTP_PITCHEY_SCHEMA_EXT) - 1;
    names = files.elts;

    for (i = 0; i < files.nelts; i++) {

        if (names[i].len <= ext
            || ngx_strncmp(names[i].data + names[i].len - ext,
                           NGX_HTTP_PITCHEY_SCHEMA_EXT, ext)
               != 0)
        {
            continue;
        }

        action.data = names[i].data;
        action.len = names[i].len - ext;

        if (!ngx_http_pitchey_schema_is_name(&action)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"pitchey_schemas\" file \"%V/%V\": a name "
                               "has lower-case letters, digits and \"-\" only",
                               &dir, &names[i]);
            return NGX_ERROR;
        }

        if (ngx_http_pitchey_schema_read_file(cf, set, service, &action)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_pitchey_schema_read_file(ngx_conf_t *cf,
    ngx_http_pitchey_schemas_t *set, ngx_str_t *service, ngx_str_t *action)
{
    u_char                     *p;
    ngx_str_t                   path;
    ngx_http_pitchey_schema_t  *schema;

    path.len = set->dir.len + service->len + action->len
               + sizeof("//" NGX_HTTP_PITCHEY_SCHEMA_EXT) - 1;
    path.data = ngx_pnalloc(cf->pool, path.len + 1);
    if (path.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(path.data, "%V/%V/%V" NGX_HTTP_PITCHEY_SCHEMA_EXT,
                    &set->dir, service, action);
    *p = '\0';

    schema = ngx_array_push(&set->schemas);
    if (schema == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(schema, sizeof(ngx_http_pitchey_schema_t));

    schema->service = *service;
    schema->action = *action;

    schema->schema = ngx_http_pitchey_schema_compile(cf, &path);

    if (schema->schema == NULL
        || ngx_http_pitchey_schema_reserved(cf, schema, &path) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_pitchey_schema_extension(cf, schema, &path);
}


/* lives as long as the configuration; NULL after it was logged */
static pt_schema_t *
ngx_http_pitchey_schema_compile(ngx_conf_t *cf, ngx_str_t *path)
{
    char                 error[512];
    pt_err_t             err;
    ngx_str_t            text;
    pt_schema_t         *schema;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL
        || ngx_http_pitchey_schema_text(cf, path, &text) != NGX_OK)
    {
        return NULL;
    }

    error[0] = '\0';

    err = pt_schema_compile(ngx_http_pitchey_pt_str(&text), &pt_mem_heap,
                            &schema, error, sizeof(error));

    if (err != PT_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pitchey_schemas\" file \"%V\": %s", path,
                           error[0] ? error : pt_err_code(err));
        return NULL;
    }

    cln->handler = ngx_http_pitchey_schema_cleanup;
    cln->data = schema;

    return schema;
}


static ngx_int_t
ngx_http_pitchey_schema_text(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *text)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_t       file;
    ngx_file_info_t  fi;

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not open \"pitchey_schemas\" file \"%V\"",
                           path);
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)
        || ngx_file_size(&fi) > NGX_HTTP_PITCHEY_SCHEMA_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pitchey_schemas\" file \"%V\" is no regular "
                           "file of at most %d bytes", path,
                           NGX_HTTP_PITCHEY_SCHEMA_MAX);
        goto done;
    }

    text->len = (size_t) ngx_file_size(&fi);
    text->data = ngx_pnalloc(cf->temp_pool, text->len + 1);
    if (text->data == NULL) {
        goto done;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.fd = fd;
    file.name = *path;
    file.log = cf->log;

    n = ngx_read_file(&file, text->data, text->len, 0);

    if (n != (ssize_t) text->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "could not read \"pitchey_schemas\" file \"%V\"",
                           path);
        goto done;
    }

    rc = NGX_OK;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", path);
    }

    return rc;
}


/* a property that could never be seen */
static ngx_int_t
ngx_http_pitchey_schema_reserved(ngx_conf_t *cf,
    ngx_http_pitchey_schema_t *schema, ngx_str_t *path)
{
    ngx_uint_t        i;
    const pt_json_t  *properties;

    properties = pt_json_member(pt_schema_document(schema->schema),
                                "properties");

    for (i = 0; ngx_http_pitchey_reserved[i]; i++) {

        if (pt_json_member(properties, ngx_http_pitchey_reserved[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"pitchey_schemas\" file \"%V\": "
                               "#/properties/%s: the name is reserved for "
                               "every action", path,
                               ngx_http_pitchey_reserved[i]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * "x-pitchey": {"role":[...], "user_type":[...], "max_body":N,
 *     "one_of":{"member":"template","schemas":"../../templates/STAR.json"}},
 * where STAR is a "*"
 */
static ngx_int_t
ngx_http_pitchey_schema_extension(ngx_conf_t *cf,
    ngx_http_pitchey_schema_t *schema, ngx_str_t *path)
{
    ngx_int_t         rc;
    const pt_json_t  *extension, *member;

    if (ngx_array_init(&schema->roles, cf->pool, 1, sizeof(ngx_str_t))
        != NGX_OK
        || ngx_array_init(&schema->user_types, cf->pool, 1, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    extension = pt_json_member(pt_schema_document(schema->schema),
                               "x-pitchey");
    if (extension == NULL) {
        return NGX_OK;
    }

    if (extension->type != PT_JSON_OBJECT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pitchey_schemas\" file \"%V\": #/x-pitchey: "
                           "not an object", path);
        return NGX_ERROR;
    }

    for (member = extension->first; member; member = member->next) {

        if (pt_str_is(member->key, "role")) {
            rc = ngx_http_pitchey_schema_names(cf, member, &schema->roles);

        } else if (pt_str_is(member->key, "user_type")) {
            rc = ngx_http_pitchey_schema_names(cf, member,
                                               &schema->user_types);

        } else if (pt_str_is(member->key, "max_body")) {

            if (member->type == PT_JSON_NUMBER && member->integer
                && member->i64 > 0)
            {
                schema->body_max = (size_t) member->i64;
                rc = NGX_OK;

            } else {
                rc = NGX_DECLINED;
            }

        } else if (pt_str_is(member->key, "one_of")) {
            rc = ngx_http_pitchey_schema_choices(cf, schema, member, path);

        } else {
            rc = NGX_DECLINED;
        }

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"pitchey_schemas\" file \"%V\": "
                               "#/x-pitchey/%*s: unknown, or of another type",
                               path, member->key.len, member->key.data);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* NGX_DECLINED: not a list of names */
static ngx_int_t
ngx_http_pitchey_schema_names(ngx_conf_t *cf, const pt_json_t *list,
    ngx_array_t *names)
{
    ngx_str_t        *name;
    const pt_json_t  *item;

    if (list->type != PT_JSON_ARRAY || list->n == 0) {
        return NGX_DECLINED;
    }

    for (item = list->first; item; item = item->next) {

        if (item->type != PT_JSON_STRING || item->text.len == 0) {
            return NGX_DECLINED;
        }

        name = ngx_array_push(names);
        if (name == NULL) {
            return NGX_ERROR;
        }

        /* the document lives as long as the configuration */
        name->data = (u_char *) item->text.data;
        name->len = item->text.len;
    }

    return NGX_OK;
}


/*
 * The schemas whose files an operator adds: "*" in the path, which begins at
 * the schema's own folder, is the member's value.  NGX_DECLINED: no such
 * object
 */
static ngx_int_t
ngx_http_pitchey_schema_choices(ngx_conf_t *cf,
    ngx_http_pitchey_schema_t *schema, const pt_json_t *one_of,
    ngx_str_t *path)
{
    u_char      *p;
    size_t       dir, star;
    pt_str_t     member, files;
    ngx_int_t    rc;
    ngx_str_t    file, pattern;
    ngx_glob_t   gl;

    member = pt_json_string(one_of, "member", PT_STR(""));
    files = pt_json_string(one_of, "schemas", PT_STR(""));

    for (star = 0; star < files.len && files.data[star] != '*'; star++) {
        /* void */
    }

    if (one_of->type != PT_JSON_OBJECT || one_of->n != 2 || member.len == 0
        || memchr(member.data, '/', member.len)
        || memchr(member.data, '~', member.len) || star == files.len
        || ngx_http_pitchey_schema_wild(files.data, star)
        || ngx_http_pitchey_schema_wild(files.data + star + 1,
                                        files.len - star - 1))
    {
        return NGX_DECLINED;
    }

    for (dir = path->len; path->data[dir - 1] != '/'; dir--) {
        /* void: the folder, with its slash */
    }

    schema->chooser.len = 1 + member.len;
    schema->chooser.data = ngx_pnalloc(cf->pool, schema->chooser.len);

    pattern.len = dir + files.len;
    pattern.data = ngx_pnalloc(cf->pool, pattern.len + 1);

    if (schema->chooser.data == NULL || pattern.data == NULL
        || ngx_array_init(&schema->choices, cf->pool, 8,
                          sizeof(ngx_http_pitchey_choice_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    schema->chooser.data[0] = '/';
    ngx_memcpy(schema->chooser.data + 1, member.data, member.len);

    p = ngx_cpymem(pattern.data, path->data, dir);
    p = ngx_cpymem(p, files.data, files.len);
    *p = '\0';

    ngx_memzero(&gl, sizeof(ngx_glob_t));

    gl.pattern = pattern.data;
    gl.log = cf->log;
    gl.test = 1;

    if (ngx_open_glob(&gl) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_glob_n " \"%V\" failed", &pattern);
        return NGX_ERROR;
    }

    rc = NGX_OK;

    while (rc == NGX_OK && ngx_read_glob(&gl, &file) == NGX_OK) {
        rc = ngx_http_pitchey_schema_choice(cf, schema, &file,
                                            dir + star,
                                            files.len - star - 1);
    }

    ngx_close_glob(&gl);

    if (rc == NGX_OK && schema->choices.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"pitchey_schemas\" file \"%V\": "
                           "#/x-pitchey/one_of: there is no \"%V\"", path,
                           &pattern);
    }

    return rc;
}


/* whether glob() would take more of it than its letters */
static ngx_uint_t
ngx_http_pitchey_schema_wild(const char *text, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (strchr("*?[\\", text[i]) != NULL) {
            return 1;
        }
    }

    return 0;
}


/* star and tail: bytes before and behind what the "*" stands for */
static ngx_int_t
ngx_http_pitchey_schema_choice(ngx_conf_t *cf,
    ngx_http_pitchey_schema_t *schema, ngx_str_t *path, size_t star,
    size_t tail)
{
    ngx_str_t                   file;
    ngx_http_pitchey_choice_t  *choice;

    choice = ngx_array_push(&schema->choices);

    /* the matches go with the glob */
    file.len = path->len;
    file.data = ngx_pnalloc(cf->pool, path->len + 1);

    if (choice == NULL || file.data == NULL) {
        return NGX_ERROR;
    }

    ngx_cpystrn(file.data, path->data, path->len + 1);

    choice->name.data = file.data + star;
    choice->name.len = file.len - star - tail;
    choice->schema = ngx_http_pitchey_schema_compile(cf, &file);

    return choice->schema ? NGX_OK : NGX_ERROR;
}


/* the names in a folder but the hidden ones */
static ngx_int_t
ngx_http_pitchey_schema_each(ngx_conf_t *cf, ngx_str_t *path,
    ngx_array_t *names)
{
    ngx_int_t   rc;
    ngx_dir_t   dir;
    ngx_str_t  *name;

    if (ngx_open_dir(path, &dir) == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not open \"pitchey_schemas\" folder \"%V\"",
                           path);
        return NGX_ERROR;
    }

    rc = NGX_OK;
    ngx_set_errno(0);

    while (ngx_read_dir(&dir) != NGX_ERROR) {

        if (ngx_de_name(&dir)[0] == '.') {
            continue;
        }

        name = ngx_array_push(names);
        if (name == NULL) {
            rc = NGX_ERROR;
            break;
        }

        name->len = ngx_de_namelen(&dir);
        name->data = ngx_pnalloc(cf->pool, name->len + 1);

        if (name->data == NULL) {
            rc = NGX_ERROR;
            break;
        }

        (void) ngx_cpystrn(name->data, ngx_de_name(&dir), name->len + 1);
    }

    if (ngx_close_dir(&dir) == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_dir_n " \"%V\" failed", path);
    }

    return rc;
}


static ngx_uint_t
ngx_http_pitchey_schema_is_name(ngx_str_t *name)
{
    u_char      ch;
    ngx_uint_t  i;

    if (name->len == 0 || name->len > NGX_HTTP_PITCHEY_NAME_MAX) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-'))
        {
            return 0;
        }
    }

    return 1;
}


const ngx_http_pitchey_schema_t *
ngx_http_pitchey_schema_find(const ngx_http_pitchey_schemas_t *set,
    const ngx_str_t *service, const ngx_str_t *action)
{
    ngx_int_t                   rc;
    ngx_uint_t                  low, high, middle;
    ngx_http_pitchey_schema_t  *schemas;

    if (set == NULL) {
        return NULL;
    }

    schemas = set->schemas.elts;
    low = 0;
    high = set->schemas.nelts;

    while (low < high) {
        middle = low + (high - low) / 2;

        rc = ngx_http_pitchey_schema_order(service, &schemas[middle].service);

        if (rc == 0) {
            rc = ngx_http_pitchey_schema_order(action,
                                               &schemas[middle].action);
        }

        if (rc == 0) {
            return &schemas[middle];
        }

        if (rc < 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return NULL;
}


pt_err_t
ngx_http_pitchey_schema_validate(const ngx_http_pitchey_schema_t *schema,
    const pt_json_t *document, size_t max, const pt_schema_visitor_t *visitor)
{
    pt_err_t                          err, chosen;
    const ngx_http_pitchey_choice_t  *choice;

    err = pt_schema_validate(schema->schema, document, max, visitor);

    if (schema->chooser.len == 0 || (err != PT_OK && err != PT_E_INVALID)) {
        return err;
    }

    choice = ngx_http_pitchey_schema_chosen(schema, document);

    if (choice == NULL) {

        /* the schema itself may have said what is wrong with it */

        if (err == PT_OK) {
            visitor->violation(visitor->ctx,
                               ngx_http_pitchey_pt_str(&schema->chooser),
                               PT_STR("names nothing that there is"));
        }

        return PT_E_INVALID;
    }

    chosen = pt_schema_validate(choice->schema, document, max, visitor);

    return chosen == PT_OK ? err : chosen;
}


/* NULL: none, or one that is not there */
static const ngx_http_pitchey_choice_t *
ngx_http_pitchey_schema_chosen(const ngx_http_pitchey_schema_t *schema,
    const pt_json_t *document)
{
    ngx_str_t                         name;
    ngx_uint_t                        i;
    const pt_json_t                  *member;
    const ngx_http_pitchey_choice_t  *choice;

    member = pt_json_member_str(document,
                      (pt_str_t) { (char *) schema->chooser.data + 1,
                                   schema->chooser.len - 1 });

    if (member == NULL || member->type != PT_JSON_STRING) {
        return NULL;
    }

    name = ngx_http_pitchey_ngx_str(member->text);
    choice = schema->choices.elts;

    for (i = 0; i < schema->choices.nelts; i++) {
        if (ngx_http_pitchey_schema_order(&name, &choice[i].name) == 0) {
            return &choice[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_pitchey_schema_allows(const ngx_http_pitchey_schema_t *schema,
    const ngx_http_pitchey_user_t *user)
{
    return ngx_http_pitchey_schema_listed(&schema->roles, &user->role)
           && ngx_http_pitchey_schema_listed(&schema->user_types,
                                             &user->user_type);
}


/* whether an element of a list such as "user,admin" is among the names */
static ngx_uint_t
ngx_http_pitchey_schema_listed(const ngx_array_t *names, const ngx_str_t *list)
{
    u_char      *p, *end, *last;
    ngx_str_t    one, *name;
    ngx_uint_t   i;

    if (names->nelts == 0) {
        return 1;
    }

    name = names->elts;
    last = list->data + list->len;

    for (p = list->data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        one.data = p;
        one.len = end - p;

        for (i = 0; i < names->nelts; i++) {
            if (ngx_http_pitchey_schema_order(&one, &name[i]) == 0) {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_int_t ngx_libc_cdecl
ngx_http_pitchey_schema_cmp(const void *one, const void *two)
{
    ngx_int_t                         rc;
    const ngx_http_pitchey_schema_t  *a = one, *b = two;

    rc = ngx_http_pitchey_schema_order(&a->service, &b->service);

    return rc ? rc : ngx_http_pitchey_schema_order(&a->action, &b->action);
}


static ngx_int_t
ngx_http_pitchey_schema_order(const ngx_str_t *a, const ngx_str_t *b)
{
    return ngx_memn2cmp(a->data, b->data, a->len, b->len);
}


static void
ngx_http_pitchey_schema_cleanup(void *data)
{
    pt_schema_free(data);
}
