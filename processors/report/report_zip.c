/*
 * The central directory of a ZIP file (APPNOTE.TXT 4.3.12 to 4.3.16): read
 * from the end of a file that was just written, whose end has no comment.
 */

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_zip.h"


#define REPORT_ZIP_END        22        /* bytes of the last record */
#define REPORT_ZIP_LOCATOR    20        /* before it, in large files */
#define REPORT_ZIP_LARGE      56        /* the record that it points to */
#define REPORT_ZIP_MEMBER     46
#define REPORT_ZIP_LATER      0xffffffff

#define REPORT_ZIP_NAME_MAX   255
#define REPORT_ZIP_EXTRA_MAX  1024


static bool report_zip_directory(FILE *f, uint64_t *ret_at, uint64_t *ret_n);
static bool report_zip_member(FILE *f, char *name, uint64_t *ret_size);
static uint64_t report_zip_size(const uint8_t *extra, size_t len);
static bool report_zip_read(FILE *f, void *data, size_t len);
static uint64_t report_zip_get(const uint8_t *data, size_t len);


bool
report_zip_holds(const char *path, const char *prefix, const uint64_t *sizes,
    size_t n)
{
    bool      good;
    char      name[REPORT_ZIP_NAME_MAX + 1], *end;
    FILE     *f = fopen(path, "re");
    size_t    found = 0;
    uint64_t  at, members, size;

    if (f == NULL) {
        return false;
    }

    good = report_zip_directory(f, &at, &members)
           && fseeko(f, (off_t) at, SEEK_SET) == 0;

    for ( /* void */ ; good && members > 0; members--) {
        good = report_zip_member(f, name, &size);

        if (good && strncmp(name, prefix, strlen(prefix)) == 0) {
            at = strtoul(name + strlen(prefix), &end, 10);
            good = strcmp(end, ".xml") == 0 && at > 0 && at <= n
                   && size > sizes[at - 1];
            found++;
        }
    }

    fclose(f);

    return good && found == n;
}


static bool
report_zip_directory(FILE *f, uint64_t *ret_at, uint64_t *ret_n)
{
    uint8_t  end[REPORT_ZIP_END], locator[REPORT_ZIP_LOCATOR];
    uint8_t  large[REPORT_ZIP_LARGE];

    if (fseeko(f, -REPORT_ZIP_END, SEEK_END) != 0
        || !report_zip_read(f, end, sizeof(end))
        || memcmp(end, "PK\5\6", 4) != 0)
    {
        return false;
    }

    *ret_n = report_zip_get(end + 10, 2);
    *ret_at = report_zip_get(end + 16, 4);

    if (*ret_at != REPORT_ZIP_LATER && *ret_n != 0xffff) {
        return true;
    }

    if (fseeko(f, -REPORT_ZIP_END - REPORT_ZIP_LOCATOR, SEEK_END) != 0
        || !report_zip_read(f, locator, sizeof(locator))
        || memcmp(locator, "PK\6\7", 4) != 0
        || fseeko(f, (off_t) report_zip_get(locator + 8, 8), SEEK_SET) != 0
        || !report_zip_read(f, large, sizeof(large))
        || memcmp(large, "PK\6\6", 4) != 0)
    {
        return false;
    }

    *ret_n = report_zip_get(large + 32, 8);
    *ret_at = report_zip_get(large + 48, 8);

    return true;
}


/* the next one; the file is then at the one behind it */
static bool
report_zip_member(FILE *f, char *name, uint64_t *ret_size)
{
    size_t   len, extra_len;
    uint8_t  member[REPORT_ZIP_MEMBER], extra[REPORT_ZIP_EXTRA_MAX];

    if (!report_zip_read(f, member, sizeof(member))
        || memcmp(member, "PK\1\2", 4) != 0)
    {
        return false;
    }

    len = report_zip_get(member + 28, 2);
    extra_len = report_zip_get(member + 30, 2);

    if (len > REPORT_ZIP_NAME_MAX || extra_len > sizeof(extra)
        || !report_zip_read(f, name, len)
        || !report_zip_read(f, extra, extra_len))
    {
        return false;
    }

    name[len] = '\0';
    *ret_size = report_zip_get(member + 24, 4);

    if (*ret_size == REPORT_ZIP_LATER) {
        *ret_size = report_zip_size(extra, extra_len);
    }

    return fseeko(f, (off_t) report_zip_get(member + 32, 2), SEEK_CUR) == 0;
}


/* of a large member: the first number of the field 1; 0: there is none */
static uint64_t
report_zip_size(const uint8_t *extra, size_t len)
{
    size_t  i, field;

    for (i = 0; len - i >= 4; i += 4 + field) {
        field = report_zip_get(extra + i + 2, 2);

        if (field > len - i - 4) {
            return 0;
        }

        if (report_zip_get(extra + i, 2) == 1 && field >= 8) {
            return report_zip_get(extra + i + 4, 8);
        }
    }

    return 0;
}


static bool
report_zip_read(FILE *f, void *data, size_t len)
{
    return fread(data, 1, len, f) == len;
}


/* little end first, at most eight bytes */
static uint64_t
report_zip_get(const uint8_t *data, size_t len)
{
    uint64_t  value = 0;

    memcpy(&value, data, len);

    return le64toh(value);
}
