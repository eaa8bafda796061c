/* What a ZIP file says of its members. */

#ifndef REPORT_ZIP_H
#define REPORT_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


/*
 * Whether the file has members PREFIX1.xml to PREFIXn.xml, and each is larger,
 * unpacked, than its size here.
 */
bool report_zip_holds(const char *path, const char *prefix,
    const uint64_t *sizes, size_t n);


#endif /* REPORT_ZIP_H */
