/* The folder of templates: what is in it, in the order of names. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "document_library.h"


typedef struct {
    document_library_t  *library;
    const char          *dir;
    pt_fonts_t          *fonts;
    char                *error;
    size_t               size;
} document_reading_t;


static pt_err_t document_library_folder(document_reading_t *r,
    const char *folder, pt_err_t (*add)(document_reading_t *r,
    const char *folder, pt_str_t name));
static int document_library_is(const struct dirent *entry);
static int document_library_order(const struct dirent **a,
    const struct dirent **b);
static pt_err_t document_library_add_template(document_reading_t *r,
    const char *folder, pt_str_t name);
static pt_err_t document_library_add_clause(document_reading_t *r,
    const char *folder, pt_str_t name);
static pt_err_t document_clause_load(document_reading_t *r,
    const char *folder, pt_str_t file, document_clause_t *clause);
static const document_clause_t *document_library_variant(
    const document_library_t *library, pt_str_t name, pt_str_t variant);
static pt_err_t document_library_check(document_reading_t *r);
static void document_hash_part(crypto_hash_sha256_state *sha256,
    pt_str_t part);


pt_err_t
document_library_load(const char *dir, pt_fonts_t *fonts,
    document_library_t **ret_library, char *ret_error, size_t size)
{
    pt_err_t            err;
    document_reading_t  r = { .dir = dir, .fonts = fonts,
                              .error = ret_error, .size = size };

    r.library = calloc(1, sizeof(document_library_t));
    if (r.library == NULL) {
        return PT_E_NOMEM;
    }

    if ((err = document_library_folder(&r, "local/clauses",
                                       document_library_add_clause)) != PT_OK
        || (err = document_library_folder(&r, "clauses",
                                          document_library_add_clause))
           != PT_OK
        || (err = document_library_folder(&r, "local",
                                          document_library_add_template))
           != PT_OK
        || (err = document_library_folder(&r, ".",
                                          document_library_add_template))
           != PT_OK
        || (err = document_library_check(&r)) != PT_OK)
    {
        document_library_free(r.library);
        return err;
    }

    *ret_library = r.library;

    return PT_OK;
}


void
document_library_free(document_library_t *library)
{
    size_t  i;

    if (library == NULL) {
        return;
    }

    for (i = 0; i < library->n_templates; i++) {
        document_template_free(library->templates[i]);
    }

    for (i = 0; i < library->n_clauses; i++) {
        pt_mustache_free(library->clauses[i]->content);
        free((char *) library->clauses[i]->name.data);
        free(library->clauses[i]->text);
        free(library->clauses[i]);
    }

    free(library);
}


/* a folder that is not there holds nothing */
static pt_err_t
document_library_folder(document_reading_t *r, const char *folder,
    pt_err_t (*add)(document_reading_t *r, const char *folder, pt_str_t name))
{
    int              i, n;
    char             path[4096], reason[DOCUMENT_ERROR_MAX];
    pt_err_t         err = PT_OK;
    pt_str_t         name;
    struct dirent  **entries;

    (void) snprintf(path, sizeof(path), "%s/%s", r->dir, folder);

    n = scandir(path, &entries, document_library_is, document_library_order);

    if (n == -1) {
        return errno == ENOENT ? PT_OK : PT_E_IO;
    }

    for (i = 0; i < n; i++) {
        name = pt_str(entries[i]->d_name);
        name.len -= 3;

        if (err == PT_OK) {
            r->error[0] = '\0';
            err = add(r, folder, name);

            if (err != PT_OK) {
                (void) snprintf(reason, sizeof(reason), "%s", r->error);
                (void) snprintf(r->error, r->size, "%s/%s: %s", folder,
                                entries[i]->d_name, reason[0] != '\0'
                                ? reason : pt_err_code(err));
            }
        }

        free(entries[i]);
    }

    free(entries);

    return err;
}


/* "a-b.md", and of clauses "a-b.US-CA.md" */
static int
document_library_is(const struct dirent *entry)
{
    size_t  len = strlen(entry->d_name), n;

    n = strspn(entry->d_name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len > 3 && n > 0 && entry->d_name[n] == '.'
           && strcmp(entry->d_name + len - 3, ".md") == 0;
}


/* not the locale's */
static int
document_library_order(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}


static pt_err_t
document_library_add_template(document_reading_t *r, const char *folder,
    pt_str_t name)
{
    char                 file[512];
    pt_err_t             err;
    document_library_t  *library = r->library;

    if (document_library_template(library, name) != NULL
        || memchr(name.data, '.', name.len) != NULL)
    {
        return PT_OK;
    }

    if (library->n_templates == DOCUMENT_LIBRARY_MAX) {
        return PT_E_TOO_LARGE;
    }

    (void) snprintf(file, sizeof(file), "%s/%.*s", folder, PT_STR_ARG(name));

    err = document_template_load(r->dir, file, r->fonts,
                                 &library->templates[library->n_templates],
                                 r->error, r->size);
    if (err != PT_OK) {
        return err;
    }

    library->templates[library->n_templates++]->library = library;

    return PT_OK;
}


static pt_err_t
document_library_add_clause(document_reading_t *r, const char *folder,
    pt_str_t name)
{
    pt_err_t             err;
    const char          *dot;
    document_clause_t   *clause;
    document_library_t  *library = r->library;

    dot = memchr(name.data, '.', name.len);

    if (dot == NULL) {
        (void) snprintf(r->error, r->size, "a clause is NAME.VARIANT.md");
        return PT_E_INVALID;
    }

    if (document_library_variant(library,
            (pt_str_t) { name.data, (size_t) (dot - name.data) },
            (pt_str_t) { dot + 1,
                         name.len - (size_t) (dot + 1 - name.data) }) != NULL)
    {
        return PT_OK;
    }

    if (library->n_clauses == DOCUMENT_LIBRARY_MAX) {
        return PT_E_TOO_LARGE;
    }

    clause = calloc(1, sizeof(document_clause_t));
    if (clause == NULL) {
        return PT_E_NOMEM;
    }

    library->clauses[library->n_clauses++] = clause;

    clause->name = pt_str(strndup(name.data, name.len));
    if (clause->name.data == NULL) {
        return PT_E_NOMEM;
    }

    clause->variant = (pt_str_t) {
        clause->name.data + (dot + 1 - name.data),
        name.len - (size_t) (dot + 1 - name.data)
    };
    clause->name.len = (size_t) (dot - name.data);

    err = document_clause_load(r, folder, name, clause);

    return err;
}


static pt_err_t
document_clause_load(document_reading_t *r, const char *folder,
    pt_str_t file, document_clause_t *clause)
{
    char      path[4096];
    pt_err_t  err;

    (void) snprintf(path, sizeof(path), "%s/%s/%.*s.md", r->dir, folder,
                    PT_STR_ARG(file));

    err = document_file_read(path, &clause->text, r->error, r->size);
    if (err != PT_OK) {
        return err;
    }

    document_hash(pt_str(clause->text), clause->hash);

    err = pt_mustache_new(pt_str(clause->text), &clause->content, r->error,
                          r->size);

    if (err == PT_OK && pt_mustache_has_raw(clause->content)) {
        (void) snprintf(r->error, r->size, "values must be escaped:"
                        " {{name}}, neither {{{name}}} nor {{&name}}");
        err = PT_E_INVALID;
    }

    return err;
}


/* a variant alone would fail the first request from elsewhere */
static pt_err_t
document_library_check(document_reading_t *r)
{
    size_t                    i;
    const document_clause_t  *clause;

    for (i = 0; i < r->library->n_clauses; i++) {
        clause = r->library->clauses[i];

        if (document_library_variant(r->library, clause->name,
                                     PT_STR("generic")) == NULL)
        {
            (void) snprintf(r->error, r->size,
                            "clause \"%.*s\" has no generic variant",
                            PT_STR_ARG(clause->name));
            return PT_E_INVALID;
        }
    }

    return PT_OK;
}


const document_template_t *
document_library_template(const document_library_t *library, pt_str_t name)
{
    size_t  i;

    for (i = 0; i < library->n_templates; i++) {
        if (pt_str_eq(library->templates[i]->name, name)) {
            return library->templates[i];
        }
    }

    return NULL;
}


const document_clause_t *
document_library_clause(const document_library_t *library, pt_str_t name,
    pt_str_t system)
{
    const document_clause_t  *clause;

    clause = document_library_variant(library, name, system);

    return clause != NULL ? clause
           : document_library_variant(library, name, PT_STR("generic"));
}


static const document_clause_t *
document_library_variant(const document_library_t *library, pt_str_t name,
    pt_str_t variant)
{
    size_t  i;

    for (i = 0; i < library->n_clauses; i++) {
        if (pt_str_eq(library->clauses[i]->name, name)
            && pt_str_eq(library->clauses[i]->variant, variant))
        {
            return library->clauses[i];
        }
    }

    return NULL;
}


/* one hash of all: an operator may have any number of files, of any length */
void
document_library_version(const document_library_t *library, pt_buf_t *buf)
{
    size_t                    i;
    const char               *text;
    uint8_t                   hash[crypto_hash_sha256_BYTES];
    char                      hex[2 * sizeof(hash) + 1];
    crypto_hash_sha256_state  sha256;

    (void) crypto_hash_sha256_init(&sha256);

    for (i = 0; i < library->n_templates; i++) {
        text = library->templates[i]->text;
        document_hash_part(&sha256, library->templates[i]->name);
        document_hash_part(&sha256, pt_str(text));
    }

    for (i = 0; i < library->n_clauses; i++) {
        document_hash_part(&sha256, library->clauses[i]->name);
        document_hash_part(&sha256, library->clauses[i]->variant);
        document_hash_part(&sha256, pt_str(library->clauses[i]->hash));
    }

    (void) crypto_hash_sha256_final(&sha256, hash);
    (void) sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    pt_buf_printf(buf, "templates %s\n", hex);
}


/* with its length before it: no two lists of parts are the same bytes */
static void
document_hash_part(crypto_hash_sha256_state *sha256, pt_str_t part)
{
    uint64_t  len = part.len;

    (void) crypto_hash_sha256_update(sha256, (uint8_t *) &len, sizeof(len));
    (void) crypto_hash_sha256_update(sha256, (const uint8_t *) part.data,
                                     part.len);
}


void
document_hash(pt_str_t data, char hex[DOCUMENT_HASH_HEX])
{
    uint8_t  hash[crypto_hash_sha256_BYTES];

    (void) crypto_hash_sha256(hash, (const uint8_t *) data.data, data.len);
    (void) sodium_bin2hex(hex, DOCUMENT_HASH_HEX, hash, sizeof(hash));
}
