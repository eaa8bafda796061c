/* What is kept, and what nothing needs any more. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "backup_read.h"
#include "backup_save.h"


/* a name's first bytes: 2^-64 that two of a store's objects share them */
#define MARK_LEN  16

/* of a store with more files than this, objects are left rather than memory
 * taken: 16 MiB of marks */
#define MARKS_MAX  (1u << 20)


typedef struct {
    uint8_t  (*marks)[MARK_LEN];
    size_t    n, cap;
} retain_marks_t;


static void retain_period(const backup_generations_t *list, bool *kept,
    unsigned count, unsigned prefix, bool weeks);
static long retain_week(const char *generation);
static unsigned retain_age_days(const char *generation);
static pt_err_t retain_remove(const backup_owner_t *owner,
    const char *generation);
static pt_err_t retain_collect(const backup_owner_t *owner);
static pt_err_t retain_mark(void *ctx, const backup_indexed_t *file);
static int retain_compare(const void *a, const void *b);
static pt_err_t retain_sweep(const backup_owner_t *owner,
    const retain_marks_t *marks);
static pt_err_t retain_sweep_folder(const retain_marks_t *marks,
    const char *path);


pt_err_t
backup_retain(const backup_owner_t *owner, const backup_keep_t *keep,
    unsigned *ret_removed)
{
    bool                  *kept, held;
    size_t                 i;
    pt_err_t               err;
    unsigned               removed = 0;
    backup_generations_t   list;

    *ret_removed = 0;

    err = backup_ledger_held(owner->store, owner->name, &held);
    if (err != PT_OK || held) {
        return err;
    }

    err = backup_generations(owner, &list);
    if (err != PT_OK) {
        return err;
    }

    kept = calloc(list.n + 1, sizeof(*kept));

    if (kept == NULL) {
        free(list.names);
        return backup_say(PT_E_NOMEM, "no memory");
    }

    /* one at least, whatever was asked for: it was just made */
    for (i = 0; i < list.n && (i < keep->last || i == 0); i++) {
        kept[list.n - 1 - i] = true;
    }

    retain_period(&list, kept, keep->daily, 8, false);
    retain_period(&list, kept, keep->weekly, 8, true);
    retain_period(&list, kept, keep->monthly, 6, false);

    for (i = 0; i + 1 < list.n && keep->days != 0; i++) {
        kept[i] = kept[i] && retain_age_days(list.names[i]) <= keep->days;
    }

    for (i = 0; i < list.n && err == PT_OK; i++) {
        if (!kept[i]) {
            err = retain_remove(owner, list.names[i]);
            removed++;
        }
    }

    free(kept);
    free(list.names);

    if (err == PT_OK && removed != 0) {
        err = retain_collect(owner);
    }

    *ret_removed = removed;
    return err;
}


/* the newest of each of the last so many days, weeks or months that have one */
static void
retain_period(const backup_generations_t *list, bool *kept, unsigned count,
    unsigned prefix, bool weeks)
{
    size_t  i;
    const char  *last = NULL;

    for (i = list->n; i > 0 && count > 0; i--) {

        if (last != NULL
            && (weeks ? retain_week(last) == retain_week(list->names[i - 1])
                      : strncmp(last, list->names[i - 1], prefix) == 0))
        {
            continue;
        }

        last = list->names[i - 1];
        kept[i - 1] = true;
        count--;
    }
}


/* since the epoch, which was a Thursday; weeks begin on Mondays */
static long
retain_week(const char *generation)
{
    struct tm  tm;

    memset(&tm, 0, sizeof(tm));

    if (strptime(generation, "%Y%m%d", &tm) == NULL) {
        return -1;
    }

    return (timegm(&tm) / 86400 + 3) / 7;
}


static unsigned
retain_age_days(const char *generation)
{
    time_t     now = time(NULL), then;
    struct tm  tm;

    memset(&tm, 0, sizeof(tm));

    if (strptime(generation, "%Y%m%d", &tm) == NULL) {
        return 0;
    }

    then = timegm(&tm);

    return then < now ? (unsigned) ((now - then) / 86400) : 0;
}


/* the manifest first: half a generation is none */
static pt_err_t
retain_remove(const backup_owner_t *owner, const char *generation)
{
    char  part[BACKUP_PATH_MAX], path[BACKUP_PATH_MAX];

    (void) snprintf(part, sizeof(part), "generations/%s/manifest", generation);
    backup_owner_path(owner, part, path);

    if (unlink(path) == -1) {
        return backup_say(PT_E_STORAGE, "could not remove \"%s\": %s", path,
                          strerror(errno));
    }

    (void) snprintf(part, sizeof(part), "generations/%s", generation);
    backup_owner_path(owner, part, path);

    return backup_remove(path);
}


/* ---- objects ---- */

static pt_err_t
retain_collect(const backup_owner_t *owner)
{
    size_t                 i;
    pt_err_t               err;
    backup_sum_t           sum;
    retain_marks_t         marks = { NULL, 0, 0 };
    backup_manifest_t      m;
    backup_generations_t   list;

    err = backup_generations(owner, &list);
    if (err != PT_OK) {
        return err;
    }

    for (i = 0; i < list.n && err == PT_OK; i++) {
        err = backup_manifest_open(owner, pt_str(list.names[i]), &m);

        if (err == PT_OK) {
            err = backup_index_read(&m, retain_mark, &marks, &sum);
            backup_manifest_close(&m);
        }
    }

    free(list.names);

    if (err == PT_OK) {
        if (marks.n != 0) {
            qsort(marks.marks, marks.n, MARK_LEN, retain_compare);
        }

        err = retain_sweep(owner, &marks);

    } else if (err == PT_E_TOO_LARGE || err == PT_E_INPUT_BROKEN) {
        /* what a damaged generation needs is not known: all stays */
        err = PT_OK;
    }

    free(marks.marks);

    return err;
}


static pt_err_t
retain_mark(void *ctx, const backup_indexed_t *file)
{
    void            *more;
    uint8_t          mark[MARK_LEN];
    retain_marks_t  *marks = ctx;

    if (file->object.data == NULL) {
        return PT_OK;
    }

    if (!backup_unhex((pt_str_t) { file->object.data
                                   + sizeof("objects/3f/") - 1,
                                   2 * MARK_LEN }, mark, MARK_LEN))
    {
        return backup_say(PT_E_INPUT_BROKEN, "an index names no object");
    }

    if (marks->n == marks->cap) {
        if (marks->cap >= MARKS_MAX) {
            return backup_say(PT_E_TOO_LARGE, "too many files");
        }

        marks->cap = marks->cap != 0 ? 2 * marks->cap : 1024;
        more = realloc(marks->marks, marks->cap * MARK_LEN);

        if (more == NULL) {
            return backup_say(PT_E_NOMEM, "no memory");
        }

        marks->marks = more;
    }

    memcpy(marks->marks[marks->n++], mark, MARK_LEN);

    return PT_OK;
}


static int
retain_compare(const void *a, const void *b)
{
    return memcmp(a, b, MARK_LEN);
}


static pt_err_t
retain_sweep(const backup_owner_t *owner, const retain_marks_t *marks)
{
    char      part[32], path[BACKUP_PATH_MAX];
    unsigned  i;
    pt_err_t  err = PT_OK;

    for (i = 0; i < 256 && err == PT_OK; i++) {
        (void) snprintf(part, sizeof(part), "objects/%02x", i);
        backup_owner_path(owner, part, path);
        err = retain_sweep_folder(marks, path);
    }

    return err;
}


static pt_err_t
retain_sweep_folder(const retain_marks_t *marks, const char *path)
{
    DIR            *d;
    uint8_t         mark[MARK_LEN];
    struct dirent  *e;

    d = opendir(path);
    if (d == NULL) {
        return PT_OK;
    }

    while ((e = readdir(d)) != NULL) {
        if (strlen(e->d_name) == BACKUP_HEX_LEN
            && backup_unhex((pt_str_t) { e->d_name, 2 * MARK_LEN }, mark,
                            MARK_LEN)
            && (marks->n == 0
                || bsearch(mark, marks->marks, marks->n, MARK_LEN,
                           retain_compare) == NULL))
        {
            (void) unlinkat(dirfd(d), e->d_name, 0);
        }
    }

    (void) closedir(d);

    return PT_OK;
}
