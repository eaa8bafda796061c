/*
 * Parameters of the action "process".
 */

#include "video_request.h"

#include <string.h>


#define VIDEO_THUMBNAILS       10
#define VIDEO_THUMBNAIL_WIDTH  320


void
video_request_of(video_request_t *request, const pt_json_t *params)
{
    char              name[16];
    pt_str_t          preset;
    const pt_json_t  *ladder, *item, *thumbnails;

    memset(request, 0, sizeof(*request));

    ladder = pt_json_member(params, "ladder");

    if (ladder && ladder->type == PT_JSON_ARRAY) {
        for (item = ladder->first;
             item && request->nladder < VIDEO_RUNGS_MAX;
             item = item->next)
        {
            request->ladder[request->nladder++] = (int) item->i64;
        }
    }

    thumbnails = pt_json_member(params, "thumbnails");
    request->thumbnails = (unsigned) pt_json_int(thumbnails, "count",
                                                 VIDEO_THUMBNAILS);
    request->thumbnail_width = (int) pt_json_int(thumbnails, "width",
                                                 VIDEO_THUMBNAIL_WIDTH);

    if (request->thumbnails > VIDEO_THUMBNAILS_MAX) {
        request->thumbnails = VIDEO_THUMBNAILS_MAX;
    }

    request->poster = pt_json_bool(params, "poster", true);
    request->mp4 = pt_json_bool(params, "mp4", true);

    preset = pt_json_string(params, "preset", PT_STR("fast"));

    if (preset.len < sizeof(name)) {
        memcpy(name, preset.data, preset.len);
        name[preset.len] = '\0';
        request->preset = video_preset(name);
    }

    if (request->preset == NULL) {
        request->preset = video_preset("fast");
    }
}
