/*
 * Where a stored thing begins, and what becomes of it: shared by the files and
 * the trees of a storage, nobody else's business.
 */

#ifndef PT_STORAGE_PLACE_H
#define PT_STORAGE_PLACE_H

#include <dirent.h>
#include <limits.h>

#include "pt_storage.h"
#include "pt_storage_s3.h"
#include "pt_wire.h"


/* who may enter the root folder may read what is below it */
#define FILE_MODE    0444
#define FOLDER_MODE  0755


struct pt_storage_s {
    int              root;
    int              put;              /* where all begins; holds the lock */
    char             put_path[PATH_MAX];
    pt_s3_client_t  *s3;               /* NULL: all is local */
};


/* the place of a key: its folder, its name there, and where it begins */
typedef struct {
    int          folder;               /* -1: a bucket */
    const char  *name;
    int          put;
    char         temp[16];
} pt_place_t;


PT_MUST_CHECK pt_err_t pt_place_open(pt_storage_t *s, const char *key,
    pt_place_t *ret_place);

/* gives the source its temporary name in the storage */
PT_MUST_CHECK pt_err_t pt_source_move(int dir, const char *path,
    const pt_place_t *place);

/* named where all is well, and nothing is left where it is not */
PT_MUST_CHECK pt_err_t pt_place_leave(const pt_place_t *place, pt_err_t err);

/* what has the temporary name goes; keeps errno, which is the failure's */
void pt_place_discard(const pt_place_t *place);

/* checks a file that is beyond the child's reach now, and makes it durable */
PT_MUST_CHECK pt_err_t pt_file_settle(int fd, uint64_t *ret_size);

/* opens a path that does not leave dir and crosses no link of any kind */
int pt_beneath(int dir, const char *path, unsigned flags);

/* keeps errno */
void pt_close(int fd);

bool pt_name_is_good(const char *name, size_t len, bool upper);
DIR *pt_folder_list(int fd);
bool pt_is_dots(const char *name);


#endif /* PT_STORAGE_PLACE_H */
