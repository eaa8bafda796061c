/* The ledger. */

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_ledger.h"


#define LINE_MAX_BYTES  16384


/* what the next line begins from */
typedef struct {
    int64_t  seq;
    char     hash[BACKUP_HEX_LEN + 1];
} ledger_tail_t;


typedef struct {
    const char  *owner;
    char        *at;
    bool         held;
} ledger_search_t;


static pt_err_t ledger_tail(int fd, ledger_tail_t *ret_tail);
static void ledger_compose(backup_store_t *store, const ledger_tail_t *tail,
    const char *kind, const char *owner, pt_str_t by, pt_str_t data,
    pt_buf_t *line);
static pt_err_t ledger_parse(backup_store_t *store, pt_str_t line,
    bool check, ledger_tail_t *tail, backup_entry_fn visit, void *ctx,
    bool *ret_more);
static bool ledger_line_is_good(backup_store_t *store, pt_str_t line,
    const pt_json_t *json, const ledger_tail_t *tail);
static bool ledger_is_erased(void *ctx, const backup_entry_t *entry);
static bool ledger_is_held(void *ctx, const backup_entry_t *entry);
static FILE *ledger_open(backup_store_t *store);
static pt_err_t ledger_said(void);


pt_err_t
backup_ledger_add(backup_store_t *store, const char *kind, const char *owner,
    pt_str_t by, pt_str_t data, pt_buf_t *ret_line)
{
    int            fd;
    char           path[BACKUP_PATH_MAX];
    pt_buf_t       line;
    pt_err_t       err;
    ledger_tail_t  tail;

    (void) snprintf(path, sizeof(path), "%s/ledger", store->root);

    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1 || flock(fd, LOCK_EX) == -1) {
        err = ledger_said();

        if (fd != -1) {
            (void) close(fd);
        }

        return err;
    }

    pt_buf_init(&line, &pt_mem_heap, LINE_MAX_BYTES);
    err = ledger_tail(fd, &tail);

    if (err == PT_OK) {
        ledger_compose(store, &tail, kind, owner, by, data, &line);
        err = line.err != PT_OK
              ? backup_say(line.err, "a line of the ledger is too long")
              : PT_OK;
    }

    if (err == PT_OK
        && (write(fd, line.data, line.len) != (ssize_t) line.len
            || fdatasync(fd) == -1))
    {
        err = ledger_said();
    }

    if (err == PT_OK && ret_line != NULL) {
        pt_buf_add(ret_line, line.data, line.len - 1);
        err = ret_line->err;
    }

    pt_buf_done(&line);
    (void) close(fd);

    return err;
}


/* leaves the position behind the last whole line: the rest never happened */
static pt_err_t
ledger_tail(int fd, ledger_tail_t *ret_tail)
{
    char         text[2 * LINE_MAX_BYTES];
    off_t        size, from;
    size_t       len;
    ssize_t      n;
    pt_err_t     err;
    pt_json_t   *json;
    const char  *end, *start;

    ret_tail->seq = 0;
    memset(ret_tail->hash, '0', BACKUP_HEX_LEN);
    ret_tail->hash[BACKUP_HEX_LEN] = '\0';

    size = lseek(fd, 0, SEEK_END);
    from = size > (off_t) sizeof(text) ? size - (off_t) sizeof(text) : 0;

    n = size == -1 ? -1 : pread(fd, text, sizeof(text), from);
    if (n == -1) {
        return ledger_said();
    }

    end = memrchr(text, '\n', (size_t) n);

    if (end == NULL && from != 0) {
        return backup_say(PT_E_INPUT_BROKEN, "the ledger's end is damaged");
    }

    len = end != NULL ? (size_t) (end - text) + 1 : 0;

    if (lseek(fd, from + (off_t) len, SEEK_SET) == -1
        || (from + (off_t) len < size
            && ftruncate(fd, from + (off_t) len) == -1))
    {
        return ledger_said();
    }

    if (len == 0) {
        return PT_OK;
    }

    start = memrchr(text, '\n', len - 1);
    start = start != NULL ? start + 1 : text;

    err = pt_json_parse((pt_str_t) { start, (size_t) (end - start) },
                        &pt_mem_heap, &json, NULL);

    if (err == PT_OK) {
        pt_str_t  hash = pt_json_string(json, "hash", PT_STR(""));

        ret_tail->seq = pt_json_int(json, "seq", 0);

        if (hash.len == BACKUP_HEX_LEN && ret_tail->seq > 0) {
            memcpy(ret_tail->hash, hash.data, hash.len);

        } else {
            err = PT_E_INVALID;
        }

        pt_json_free(json);
    }

    return err == PT_OK ? PT_OK : backup_say(PT_E_INPUT_BROKEN,
                                             "the ledger's last line is "
                                             "damaged");
}


static void
ledger_compose(backup_store_t *store, const ledger_tail_t *tail,
    const char *kind, const char *owner, pt_str_t by, pt_str_t data,
    pt_buf_t *line)
{
    char        at[BACKUP_TIME_LEN + 1], hex[2 * crypto_sign_BYTES + 1];
    uint8_t     hash[32];
    pt_jsonw_t  w;

    backup_time(at);

    pt_jsonw_init(&w, line);
    pt_jsonw_object(&w);
    pt_jsonw_key(&w, "seq");
    pt_jsonw_int(&w, tail->seq + 1);
    pt_jsonw_key(&w, "at");
    pt_jsonw_text(&w, at);
    pt_jsonw_key(&w, "kind");
    pt_jsonw_text(&w, kind);
    pt_jsonw_key(&w, "owner");
    pt_jsonw_text(&w, owner);
    pt_jsonw_key(&w, "by");
    pt_jsonw_str(&w, by);
    pt_jsonw_key(&w, "data");
    pt_jsonw_raw(&w, data);
    pt_jsonw_key(&w, "prev");
    pt_jsonw_text(&w, tail->hash);

    if (line->err != PT_OK) {
        return;
    }

    (void) EVP_Digest(line->data, line->len, hash, NULL, EVP_sha256(), NULL);

    backup_hex(hash, sizeof(hash), hex);
    pt_jsonw_key(&w, "hash");
    pt_jsonw_text(&w, hex);
    backup_sign(&store->keys, hash, sizeof(hash), hex);
    pt_jsonw_key(&w, "signature");
    pt_jsonw_text(&w, hex);
    pt_jsonw_end(&w);
    pt_buf_add_char(line, '\n');
}


/* ---- reading ---- */

pt_err_t
backup_ledger_read(backup_store_t *store, bool check, backup_entry_fn visit,
    void *ctx)
{
    FILE           *f;
    bool            more = true;
    char           *line = NULL;
    size_t          size = 0;
    ssize_t         n;
    pt_err_t        err = PT_OK;
    ledger_tail_t   tail = { 0, "" };

    f = ledger_open(store);
    if (f == NULL) {
        return errno == ENOENT ? PT_OK : ledger_said();
    }

    memset(tail.hash, '0', BACKUP_HEX_LEN);

    while (more && err == PT_OK && (n = getline(&line, &size, f)) != -1) {

        /* being written, or cut off by a crash: it never happened */
        if (line[n - 1] != '\n') {
            break;
        }

        err = ledger_parse(store, (pt_str_t) { line, (size_t) n - 1 }, check,
                           &tail, visit, ctx, &more);
    }

    free(line);
    (void) fclose(f);

    return err;
}


static pt_err_t
ledger_parse(backup_store_t *store, pt_str_t line, bool check,
    ledger_tail_t *tail, backup_entry_fn visit, void *ctx, bool *ret_more)
{
    pt_err_t        err;
    pt_json_t      *json;
    backup_entry_t  entry;

    err = pt_json_parse(line, &pt_mem_heap, &json, NULL);

    if (err != PT_OK) {
        return backup_say(PT_E_INPUT_BROKEN, "line %lld of the ledger is "
                          "damaged", (long long) tail->seq + 1);
    }

    entry = (backup_entry_t) {
        .seq = pt_json_int(json, "seq", 0),
        .at = pt_json_string(json, "at", PT_STR("")),
        .kind = pt_json_string(json, "kind", PT_STR("")),
        .owner = pt_json_string(json, "owner", PT_STR("")),
        .hash = pt_json_string(json, "hash", PT_STR("")),
        .line = line
    };

    if (entry.hash.len != BACKUP_HEX_LEN || entry.seq != tail->seq + 1
        || entry.at.len != BACKUP_TIME_LEN
        || (check && !ledger_line_is_good(store, line, json, tail)))
    {
        err = backup_say(PT_E_INPUT_BROKEN, "line %lld of the ledger is "
                         "damaged or not of this store",
                         (long long) tail->seq + 1);

    } else {
        *ret_more = visit == NULL || visit(ctx, &entry);
        tail->seq = entry.seq;
        memcpy(tail->hash, entry.hash.data, BACKUP_HEX_LEN);
    }

    pt_json_free(json);

    return err;
}


static bool
ledger_line_is_good(backup_store_t *store, pt_str_t line,
    const pt_json_t *json, const ledger_tail_t *tail)
{
    char         hex[BACKUP_HEX_LEN + 1];
    uint8_t      hash[32], signature[crypto_sign_BYTES];
    pt_str_t     said = pt_json_string(json, "hash", PT_STR(""));
    const char  *at;

    /* what stands behind the hash has a fixed length */
    static const size_t  rest = sizeof(",\"hash\":\"\",\"signature\":\"\"}") - 1
                                + BACKUP_HEX_LEN + 2 * crypto_sign_BYTES;

    if (line.len <= rest) {
        return false;
    }

    at = line.data + line.len - rest;

    (void) EVP_Digest(line.data, line.len - rest, hash, NULL, EVP_sha256(),
                      NULL);
    backup_hex(hash, sizeof(hash), hex);

    return strncmp(at, ",\"hash\":\"", 9) == 0 && pt_str_is(said, hex)
           && strncmp(at + 9, hex, BACKUP_HEX_LEN) == 0
           && strncmp(at + 9 + BACKUP_HEX_LEN, "\",\"signature\":\"", 15) == 0
           && strcmp(line.data + line.len - 2, "\"}\n") == 0
           && pt_str_is(pt_json_string(json, "prev", PT_STR("")), tail->hash)
           && backup_unhex(pt_json_string(json, "signature", PT_STR("")),
                           signature, sizeof(signature))
           && crypto_sign_verify_detached(signature, hash, sizeof(hash),
                                          store->keys.public_key) == 0;
}


pt_err_t
backup_ledger_erased(backup_store_t *store, const char *owner,
    char ret_at[BACKUP_TIME_LEN + 1])
{
    ledger_search_t  search = { owner, ret_at, false };

    ret_at[0] = '\0';

    return backup_ledger_read(store, true, ledger_is_erased, &search);
}


static bool
ledger_is_erased(void *ctx, const backup_entry_t *entry)
{
    ledger_search_t  *search = ctx;

    if (pt_str_is(entry->kind, "erase")
        && pt_str_is(entry->owner, search->owner))
    {
        memcpy(search->at, entry->at.data, BACKUP_TIME_LEN);
        search->at[BACKUP_TIME_LEN] = '\0';
    }

    return true;
}


pt_err_t
backup_ledger_held(backup_store_t *store, const char *owner, bool *ret_held)
{
    pt_err_t         err;
    ledger_search_t  search = { owner, NULL, false };

    err = backup_ledger_read(store, false, ledger_is_held, &search);

    if (err == PT_OK) {
        *ret_held = search.held;
    }

    return err;
}


static bool
ledger_is_held(void *ctx, const backup_entry_t *entry)
{
    ledger_search_t  *search = ctx;

    if (pt_str_is(entry->owner, search->owner)) {
        if (pt_str_is(entry->kind, "hold")) {
            search->held = true;

        } else if (pt_str_is(entry->kind, "release")) {
            search->held = false;
        }
    }

    return true;
}


static FILE *
ledger_open(backup_store_t *store)
{
    char  path[BACKUP_PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/ledger", store->root);

    return fopen(path, "re");
}


static pt_err_t
ledger_said(void)
{
    return backup_say(PT_E_STORAGE, "could not write the ledger: %s",
                      strerror(errno));
}
