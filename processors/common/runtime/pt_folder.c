/* Copying files; emptying and removing folders that somebody else filled. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pt_folder.h"


static pt_err_t pt_folder_empty_fd(int dir);
static int pt_folder_sweep(int dir, unsigned *lifted);
static int pt_folder_lift(int top, const char *name, unsigned *lifted);
static bool pt_is_dots(const char *name);


pt_err_t
pt_folder_empty(const char *path)
{
    int       fd;
    pt_err_t  err;

    fd = open(path, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1) {
        return PT_E_IO;
    }

    err = pt_folder_empty_fd(fd);
    (void) close(fd);

    return err;
}


pt_err_t
pt_folder_remove(const char *path)
{
    pt_err_t  err;

    err = pt_folder_empty(path);

    if (err != PT_OK) {
        return errno == ENOENT ? PT_OK : err;
    }

    return rmdir(path) == 0 ? PT_OK : PT_E_IO;
}


int
pt_fd_copy(int from, int to)
{
    char     chunk[16384];
    ssize_t  n, m, done;

    /* shares the blocks where the file system can */
    do {
        n = copy_file_range(from, NULL, to, NULL, 1u << 30, 0);
    } while (n > 0);

    if (n == 0 || (errno != EXDEV && errno != EINVAL && errno != ENOSYS
                   && errno != EOPNOTSUPP))
    {
        return (int) n;
    }

    while ((n = read(from, chunk, sizeof(chunk))) > 0) {
        for (done = 0; done < n; done += m) {
            m = write(to, chunk + done, (size_t) (n - done));
            if (m == -1) {
                return -1;
            }
        }
    }

    return (int) n;
}


/*
 * A child may nest folders deeper than there are descriptors or stack.  So
 * folders are not descended into: those inside a subfolder are moved up
 * beside it, until none is left.
 */
static pt_err_t
pt_folder_empty_fd(int dir)
{
    int       left;
    unsigned  lifted = 0;

    do {
        left = pt_folder_sweep(dir, &lifted);
    } while (left > 0);

    return left == 0 ? PT_OK : PT_E_IO;
}


/* one pass; how many folders it met, or -1 */
static int
pt_folder_sweep(int dir, unsigned *lifted)
{
    int             fd, nfolders;
    DIR            *d;
    struct dirent  *e;

    fd = openat(dir, ".", O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    d = fdopendir(fd);
    if (d == NULL) {
        (void) close(fd);
        return -1;
    }

    nfolders = 0;

    while ((e = readdir(d)) != NULL) {

        if (pt_is_dots(e->d_name) || unlinkat(dir, e->d_name, 0) == 0
            || errno == ENOENT)
        {
            continue;
        }

        if (errno != EISDIR && errno != EPERM) {
            nfolders = -1;
            break;
        }

        nfolders++;

        if (unlinkat(dir, e->d_name, AT_REMOVEDIR) == 0) {
            continue;
        }

        if ((errno != ENOTEMPTY && errno != EEXIST)
            || pt_folder_lift(dir, e->d_name, lifted) == -1)
        {
            nfolders = -1;
            break;
        }
    }

    (void) closedir(d);

    return nfolders;
}


/* removes the files of a subfolder and moves its folders up beside it */
static int
pt_folder_lift(int top, const char *name, unsigned *lifted)
{
    int             fd, rc;
    DIR            *d;
    char            to[32];
    struct dirent  *e;

    /* a folder may be made without the right to look into it */
    if (fchmodat(top, name, 0700, 0) == -1) {
        return -1;
    }

    fd = openat(top, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    d = fdopendir(fd);
    if (d == NULL) {
        (void) close(fd);
        return -1;
    }

    rc = 0;

    while (rc == 0 && (e = readdir(d)) != NULL) {

        if (pt_is_dots(e->d_name) || unlinkat(fd, e->d_name, 0) == 0
            || unlinkat(fd, e->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        {
            continue;
        }

        /* a name of ours may be there already: the next number is not */
        do {
            (void) snprintf(to, sizeof(to), ".lifted.%u", (*lifted)++);
            rc = renameat2(fd, e->d_name, top, to, RENAME_NOREPLACE);
        } while (rc == -1 && errno == EEXIST);
    }

    (void) closedir(d);

    return rc;
}


static bool
pt_is_dots(const char *name)
{
    return name[0] == '.'
           && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}
