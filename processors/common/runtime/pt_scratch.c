/* Scratch directories: made, emptied, removed, and cleaned after the dead. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pt_folder.h"
#include "pt_scratch.h"


#define ROOT_MAX  800     /* bytes; a child's folder must fit its message */


struct pt_scratch_s {
    int    fd;            /* of the own folder; holds the lock */
    char  *path;
};


static pt_err_t pt_scratch_lock_own(const char *root, const char *service,
    pt_scratch_t *s);
static void pt_scratch_remove_dead(const char *root, const char *service);


pt_err_t
pt_scratch_open(const char *root, const char *service,
    pt_scratch_t **ret_scratch)
{
    char          *path;
    pt_err_t       err;
    pt_scratch_t  *s;

    path = realpath(root, NULL);
    if (path == NULL) {
        return PT_E_IO;
    }

    pt_scratch_remove_dead(path, service);

    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        free(path);
        return PT_E_NOMEM;
    }

    err = pt_scratch_lock_own(path, service, s);
    free(path);

    if (err != PT_OK) {
        free(s);
        return err;
    }

    *ret_scratch = s;
    return PT_OK;
}


void
pt_scratch_close(pt_scratch_t *s)
{
    if (s == NULL) {
        return;
    }

    /* what cannot be removed now is removed at the next start */
    (void) pt_folder_remove(s->path);
    (void) close(s->fd);

    free(s->path);
    free(s);
}


pt_err_t
pt_scratch_make(pt_scratch_t *s, unsigned n, char **ret_path)
{
    int    fd;
    char  *path;

    if (asprintf(&path, "%s/%u", s->path, n) == -1) {
        return PT_E_NOMEM;
    }

    if (mkdir(path, 0700) == -1) {
        free(path);
        return PT_E_IO;
    }

    fd = open(path, O_DIRECTORY | O_CLOEXEC);

    if (fd == -1 || mkdirat(fd, "in", 0700) == -1
        || mkdirat(fd, "out", 0700) == -1)
    {
        if (fd != -1) {
            (void) close(fd);
        }

        free(path);
        return PT_E_IO;
    }

    (void) close(fd);

    *ret_path = path;
    return PT_OK;
}


pt_err_t
pt_scratch_empty(const char *path)
{
    char      sub[PATH_MAX];
    size_t    i;
    pt_err_t  err;

    static const char *const  parts[] = { "in", "out" };

    for (i = 0; i < 2; i++) {
        (void) snprintf(sub, sizeof(sub), "%s/%s", path, parts[i]);

        err = pt_folder_empty(sub);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static pt_err_t
pt_scratch_lock_own(const char *root, const char *service, pt_scratch_t *s)
{
    struct stat  by_fd, by_path;

    if (strlen(root) > ROOT_MAX) {
        errno = ENAMETOOLONG;
        return PT_E_IO;
    }

    if (asprintf(&s->path, "%s/%s.%ld", root, service, (long) getpid()) == -1) {
        return PT_E_NOMEM;
    }

    for ( ;; ) {
        s->fd = -1;

        if (mkdir(s->path, 0700) == -1 && errno != EEXIST) {
            break;
        }

        s->fd = open(s->path, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (s->fd == -1 || flock(s->fd, LOCK_EX | LOCK_NB) == -1
            || fstat(s->fd, &by_fd) == -1)
        {
            break;
        }

        /* somebody may have taken it for a dead one's before it was locked */
        if (stat(s->path, &by_path) == 0 && by_path.st_ino == by_fd.st_ino) {
            return PT_OK;
        }

        (void) close(s->fd);
    }

    if (s->fd != -1) {
        (void) close(s->fd);
    }

    free(s->path);
    return PT_E_IO;
}


static void
pt_scratch_remove_dead(const char *root, const char *service)
{
    int             fd;
    DIR            *dir;
    char            path[PATH_MAX];
    size_t          len = strlen(service);
    struct dirent  *e;

    dir = opendir(root);
    if (dir == NULL) {
        return;
    }

    while ((e = readdir(dir)) != NULL) {

        if (strncmp(e->d_name, service, len) != 0 || e->d_name[len] != '.') {
            continue;
        }

        (void) snprintf(path, sizeof(path), "%s/%s", root, e->d_name);

        fd = open(path, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd == -1) {
            continue;
        }

        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            (void) pt_folder_remove(path);
        }

        (void) close(fd);
    }

    (void) closedir(dir);
}
