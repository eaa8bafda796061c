/*
 * erase-user-backups: the ledger first, then the key, then a proof that
 * nothing can be read, then what is left of it; and a certificate of all that.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "backup_read.h"
#include "backup_save.h"
#include "backup_session.h"


#define CERTIFICATE_MAX  (32u << 20)


typedef struct {
    backup_session_t  *session;
    const pt_buf_t    *held;                       /* owners, one a line */
    pt_str_t           user;
    char               owner[BACKUP_OWNER_LEN + 1];
    size_t             generations;
    char               newest[BACKUP_PATH_MAX];    /* its manifest's path */
    bool               readable;                   /* before it */
    char               erased_at[BACKUP_TIME_LEN + 1];
    uint64_t           took_ms;                    /* until it was proved */
    pt_buf_t           line;                       /* of the ledger */
} erase_t;


static pt_err_t erase_all(backup_session_t *s, pt_jsonw_t *w,
    unsigned *ret_n);
static bool erase_is_held(void *ctx, const backup_entry_t *entry);
static pt_err_t erase_one(erase_t *e, pt_jsonw_t *w);
static pt_err_t erase_look(erase_t *e);
static pt_err_t erase_key(erase_t *e);
static pt_err_t erase_prove(erase_t *e);
static pt_err_t erase_try(erase_t *e, const char *what,
    const uint8_t key[BACKUP_KEY_LEN]);
static pt_err_t erase_rest(erase_t *e);
static void erase_certificate(erase_t *e, pt_jsonw_t *w);
static uint64_t erase_clock_ms(void);
static pt_err_t erase_publish(backup_session_t *s, const pt_buf_t *list);


pt_err_t
backup_erase(pt_job_t *job)
{
    char               text[64];
    unsigned           n = 0;
    pt_buf_t           list;
    pt_err_t           err;
    pt_jsonw_t         w;
    backup_session_t   s = { .job = job };

    pt_buf_init(&list, &pt_mem_heap, CERTIFICATE_MAX);
    pt_jsonw_init(&w, &list);

    err = backup_session_open(job, false, &s);

    if (err == PT_OK && !pt_job_is_admin(job)
        && pt_json_member(pt_job_params(job), "user_ids") != NULL)
    {
        err = backup_say(PT_E_FORBIDDEN, "others' backups are an admin's "
                         "business");
    }

    if (err == PT_OK) {
        pt_jsonw_array(&w);
        err = erase_all(&s, &w, &n);
        pt_jsonw_end(&w);
    }

    if (err == PT_OK) {
        err = erase_publish(&s, &list);
    }

    (void) snprintf(text, sizeof(text), "{\"erased\":%u}", n);

    err = err == PT_OK ? pt_job_result(job, pt_str(text))
                       : backup_fail(job, err);

    pt_buf_done(&list);
    backup_session_close(&s);

    return err;
}


static pt_err_t
erase_all(backup_session_t *s, pt_jsonw_t *w, unsigned *ret_n)
{
    erase_t           e;
    pt_buf_t          held;
    pt_err_t          err;
    const pt_json_t  *users, *user;

    /* once for all: the ledger may be long, and the list of users, too */
    pt_buf_init(&held, &pt_mem_heap, CERTIFICATE_MAX);
    err = backup_ledger_read(&s->store, false, erase_is_held, &held);

    if (err == PT_OK && held.err != PT_OK) {
        err = backup_say(held.err, "no memory");
    }

    users = pt_json_member(pt_job_params(s->job), "user_ids");

    if (users == NULL && err == PT_OK) {
        e = (erase_t) { .session = s, .held = &held,
                        .user = pt_str(s->user) };
        *ret_n = 1;
        err = erase_one(&e, w);
    }

    for (user = users ? users->first : NULL; user != NULL && err == PT_OK;
         user = user->next)
    {
        e = (erase_t) { .session = s, .held = &held, .user = user->text };
        err = erase_one(&e, w);
        ++*ret_n;
        pt_job_progress(s->job, (unsigned) (*ret_n * 990 / users->n), "erase");
    }

    pt_buf_done(&held);

    return err;
}


/* adds who is held, and takes out who is released */
static bool
erase_is_held(void *ctx, const backup_entry_t *entry)
{
    char      *at;
    pt_buf_t  *held = ctx;

    if (pt_str_is(entry->kind, "hold")) {
        pt_buf_add_str(held, entry->owner);
        pt_buf_add_char(held, '\n');

    } else if (pt_str_is(entry->kind, "release") && held->len != 0) {
        while ((at = memmem(held->data, held->len, entry->owner.data,
                            entry->owner.len)) != NULL)
        {
            memset(at, '-', entry->owner.len);
        }
    }

    return true;
}


static pt_err_t
erase_one(erase_t *e, pt_jsonw_t *w)
{
    char      data[160];
    pt_err_t  err = PT_OK;
    uint64_t  began = erase_clock_ms();

    pt_buf_init(&e->line, &pt_mem_heap, 65536);
    backup_who(&e->session->store, e->user, e->owner);

    if (e->held->len != 0
        && memmem(e->held->data, e->held->len, e->owner, BACKUP_OWNER_LEN)
           != NULL)
    {
        err = backup_say(PT_E_CONFLICT, "a legal hold lies on these backups: "
                         "nothing is erased until it is released");
    }

    if (err == PT_OK) {
        err = erase_look(e);
    }

    /* from here on they are erased, whatever becomes of us */
    if (err == PT_OK) {
        backup_time(e->erased_at);
        (void) snprintf(data, sizeof(data), "{\"generations\":%zu}",
                        e->generations);
        err = backup_ledger_add(&e->session->store, "erase", e->owner,
                                pt_job_id(e->session->job), pt_str(data),
                                NULL);
    }

    if (err == PT_OK) {
        err = erase_key(e);
    }

    if (err == PT_OK) {
        err = erase_prove(e);
        e->took_ms = erase_clock_ms() - began;
    }

    if (err == PT_OK) {
        (void) snprintf(data, sizeof(data), "{\"generations\":%zu,"
                        "\"readable_before\":%s,\"readable\":0}",
                        e->generations, e->readable ? "true" : "false");
        err = backup_ledger_add(&e->session->store, "erased", e->owner,
                                pt_job_id(e->session->job), pt_str(data),
                                &e->line);
    }

    if (err == PT_OK) {
        err = erase_rest(e);
    }

    if (err == PT_OK) {
        erase_certificate(e, w);
    }

    pt_buf_done(&e->line);

    return err;
}


/* what is there, and that it can be read: else its end would prove nothing */
static pt_err_t
erase_look(erase_t *e)
{
    pt_err_t               err;
    backup_owner_t         owner;
    backup_manifest_t      m;
    backup_generations_t   list;

    err = backup_owner_open(&e->session->store, e->owner, BACKUP_OWNER_READ,
                            &owner);

    /* never backed up, erased already, or the key is damaged: go on */
    if (err == PT_E_NOT_FOUND || err == PT_E_INPUT_BROKEN) {
        return PT_OK;
    }

    if (err != PT_OK) {
        return err;
    }

    err = backup_generations(&owner, &list);

    if (err == PT_OK && list.n != 0) {
        e->generations = list.n;
        (void) snprintf(e->newest, sizeof(e->newest),
                        "generations/%s/manifest", list.names[list.n - 1]);
        free(list.names);

        err = backup_manifest_open(&owner, PT_STR_NULL, &m);
        e->readable = err == PT_OK;

        if (err == PT_OK) {
            backup_manifest_close(&m);

        } else if (err == PT_E_INPUT_BROKEN) {
            err = PT_OK;
        }
    }

    backup_owner_close(&owner);

    return err;
}


/* overwritten, for what it is worth on this disk, and no key any more */
static pt_err_t
erase_key(erase_t *e)
{
    pt_err_t        err;
    backup_owner_t  owner;

    err = backup_owner_open(&e->session->store, e->owner, BACKUP_OWNER_ERASE,
                            &owner);
    if (err != PT_OK) {
        return err == PT_E_NOT_FOUND ? PT_OK : err;
    }

    err = backup_owner_forget(&owner);
    backup_owner_close(&owner);

    return err;
}


/* with every key that the operator still has, the newest manifest is noise */
static pt_err_t
erase_prove(erase_t *e)
{
    char              name[BACKUP_OWNER_LEN + 1];
    pt_err_t          err;
    backup_owner_t    owner;
    backup_store_t   *store = &e->session->store;

    err = backup_owner_open(store, e->owner, BACKUP_OWNER_READ, &owner);

    if (err == PT_OK) {
        backup_owner_close(&owner);
        return backup_say(PT_E_INTERNAL, "the key is still there");
    }

    if (err != PT_E_NOT_FOUND) {
        return err;
    }

    if (e->newest[0] == '\0') {
        return PT_OK;
    }

    err = erase_try(e, "the operator's key", store->keys.wrap);

    if (err == PT_OK) {
        err = erase_try(e, "the key of names", store->keys.name);
    }

    backup_who(store, PT_STR_NULL, name);

    if (err == PT_OK
        && backup_owner_open(store, name, BACKUP_OWNER_READ, &owner) == PT_OK)
    {
        err = erase_try(e, "the platform's key", owner.keys.data);
        backup_owner_close(&owner);
    }

    return err;
}


static pt_err_t
erase_try(erase_t *e, const char *what, const uint8_t key[BACKUP_KEY_LEN])
{
    int                   fd;
    char                  name[BACKUP_PATH_MAX];
    pt_err_t              err;
    pt_str_t              piece;
    backup_owner_t        owner = { .store = &e->session->store, .lock = -1 };
    backup_reader_t      *reader;

    (void) memcpy(owner.name, e->owner, sizeof(owner.name));
    memcpy(owner.keys.data, key, BACKUP_KEY_LEN);

    err = backup_reader_new(&reader);
    if (err != PT_OK) {
        return err;
    }

    err = backup_owner_read(&owner, e->newest, &fd);

    if (err == PT_OK) {
        backup_object_path(&owner, e->newest, name);
        err = backup_reader_begin(reader, fd, &owner.keys, BACKUP_MANIFEST,
                                  name);

        if (err == PT_OK) {
            err = backup_reader_next(reader, &piece);
        }

        (void) close(fd);

        if (err == PT_OK) {
            err = backup_say(PT_E_INTERNAL, "a manifest can still be read with "
                             "%s", what);

        } else if (err == PT_E_INPUT_BROKEN) {
            err = PT_OK;
        }
    }

    sodium_memzero(&owner.keys, sizeof(owner.keys));
    backup_reader_free(reader);

    return err;
}


/* noise, which only takes room; and the folder */
static pt_err_t
erase_rest(erase_t *e)
{
    char            path[BACKUP_PATH_MAX];
    pt_err_t        err;
    backup_owner_t  owner;

    err = backup_owner_open(&e->session->store, e->owner, BACKUP_OWNER_ERASE,
                            &owner);
    if (err != PT_OK) {
        return err == PT_E_NOT_FOUND ? PT_OK : err;
    }

    err = backup_owner_empty(&owner);

    if (err == PT_OK) {
        backup_owner_path(&owner, "", path);
        err = backup_remove(path);
    }

    backup_owner_close(&owner);

    return err;
}


static void
erase_certificate(erase_t *e, pt_jsonw_t *w)
{
    char        hex[2 * crypto_sign_BYTES + 1];
    pt_buf_t    text, canonical;
    pt_json_t  *json = NULL;
    pt_jsonw_t  c;

    pt_buf_init(&text, &pt_mem_heap, 65536);
    pt_buf_init(&canonical, &pt_mem_heap, 65536);

    pt_jsonw_init(&c, &text);
    pt_jsonw_object(&c);
    pt_jsonw_key(&c, "format");
    pt_jsonw_text(&c, "pitchey-erasure-1");
    pt_jsonw_key(&c, "user_id");
    pt_jsonw_str(&c, e->user);
    pt_jsonw_key(&c, "owner");
    pt_jsonw_text(&c, e->owner);
    pt_jsonw_key(&c, "erased_at");
    pt_jsonw_text(&c, e->erased_at);
    pt_jsonw_key(&c, "generations_erased");
    pt_jsonw_int(&c, (int64_t) e->generations);
    pt_jsonw_key(&c, "readable_before");
    pt_jsonw_bool(&c, e->readable);
    pt_jsonw_key(&c, "readable_after");
    pt_jsonw_bool(&c, false);
    pt_jsonw_key(&c, "unreadable_after_ms");
    pt_jsonw_int(&c, (int64_t) e->took_ms);
    pt_jsonw_key(&c, "statement");
    pt_jsonw_text(&c, "The key of this user's own backups was destroyed, and "
                  "with it the possibility to read any of them; a test with "
                  "every key that is left confirmed it. Backups of the whole "
                  "platform cannot forget one user: they are encrypted and "
                  "kept for the days named here at most, and restoring one "
                  "begins with the ledger, which removes this user again.");
    pt_jsonw_key(&c, "platform_backups_kept_days");
    pt_jsonw_int(&c, (int64_t) backup_max_days());
    pt_jsonw_key(&c, "ledger");
    pt_jsonw_raw(&c, pt_buf_str(&e->line));
    pt_jsonw_end(&c);

    if (text.err == PT_OK
        && pt_json_parse(pt_buf_str(&text), &pt_mem_heap, &json, NULL) == PT_OK)
    {
        pt_json_canonical(json, &canonical);
    }

    backup_sign(&e->session->store.keys, pt_buf_str(&canonical).data,
                canonical.len, hex);

    pt_jsonw_object(w);
    pt_jsonw_key(w, "certificate");
    pt_jsonw_value(w, json);
    pt_jsonw_key(w, "signature");
    pt_jsonw_text(w, hex);
    pt_jsonw_key(w, "public_key");
    backup_hex(e->session->store.keys.public_key,
               sizeof(e->session->store.keys.public_key), hex);
    pt_jsonw_text(w, hex);
    pt_jsonw_end(w);

    if (json == NULL || canonical.err != PT_OK) {
        w->buf->err = PT_E_NOMEM;
    }

    pt_json_free(json);
    pt_buf_done(&canonical);
    pt_buf_done(&text);
}


static uint64_t
erase_clock_ms(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}


static pt_err_t
erase_publish(backup_session_t *s, const pt_buf_t *list)
{
    FILE      *f;
    pt_err_t   err = PT_OK;

    if (list->err != PT_OK) {
        return backup_say(list->err, "the certificates are too long");
    }

    f = fopen("certificates.json", "we");

    if (f == NULL || fwrite(list->data, 1, list->len, f) != list->len) {
        err = backup_say(PT_E_IO, "could not write the certificates: %s",
                         strerror(errno));
    }

    if (f != NULL && fclose(f) == EOF && err == PT_OK) {
        err = backup_say(PT_E_IO, "could not write the certificates: %s",
                         strerror(errno));
    }

    return err != PT_OK ? err
           : pt_job_output(s->job, "certificates.json", "application/json",
                           "certificates.json");
}
