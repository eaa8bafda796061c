/* The data map: any text is a map that can be used, or is refused. */

#include <stdlib.h>

#include "backup_map.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_json_t        *map;
    const pt_json_t  *table;

    if (backup_map_parse((pt_str_t) { (const char *) data, size }, "map", &map)
        != PT_OK)
    {
        return 0;
    }

    /* what the others rely on without asking */
    for (table = pt_json_member(map, "tables")->first; table != NULL;
         table = table->next)
    {
        if (pt_json_string(table, "schema", PT_STR_NULL).data == NULL
            || pt_json_string(table, "table", PT_STR_NULL).data == NULL)
        {
            abort();
        }
    }

    pt_json_free(map);

    return 0;
}
