/*
 * Any text is a cron expression or none, any bytes a time zone or none, and
 * together they have a next time that comes later.  Input: the expression,
 * a newline, a zoneinfo file.
 */

#include <stdlib.h>

#include "orch_cron.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t         at, next;
    pt_str_t        text = { (const char *) data, size };
    const char     *end = memchr(data, '\n', size), *why;
    orch_cron_t     cron;
    orch_zone_t    *zone;

    static const int64_t  times[] = { 0, 1711846800, 1730000000, 4102444800 };

    if (end == NULL) {
        return 0;
    }

    text.len = (size_t) (end - text.data);

    if (orch_cron_parse(text, &cron, &why) != PT_OK) {
        return 0;
    }

    if (orch_zone_parse((pt_str_t) { end + 1, size - text.len - 1 }, &zone)
        != PT_OK)
    {
        return 0;
    }

    for (at = 0; at < 4; at++) {
        next = orch_cron_next(&cron, zone, times[at]);

        if (next && next <= times[at]) {
            abort();
        }
    }

    orch_zone_free(zone);

    return 0;
}
