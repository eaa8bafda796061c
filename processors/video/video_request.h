/*
 * Parameters of the actions, with their defaults.  The schemas in
 * conf/schemas/video-processing name the same ones.
 */

#ifndef VIDEO_REQUEST_H
#define VIDEO_REQUEST_H

#include "pt_json.h"
#include "video_plan.h"


/* of "process"; params are valid by the schema */
void video_request_of(video_request_t *request, const pt_json_t *params);

/* of "thumbnails", and the member of that name of "process" */
void video_thumbs_of(video_thumbs_t *thumbs, const pt_json_t *params);

/* of "analyze": pictures of scenes */
void video_scenes_of(video_thumbs_t *thumbs, const pt_json_t *params);


#endif /* VIDEO_REQUEST_H */
