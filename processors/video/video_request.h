/*
 * Parameters of the action "process", with their defaults.  The schema in
 * conf/schemas/video-processing names the same ones.
 */

#ifndef VIDEO_REQUEST_H
#define VIDEO_REQUEST_H

#include "pt_json.h"
#include "video_plan.h"


/* params are valid by the schema */
void video_request_of(video_request_t *request, const pt_json_t *params);


#endif /* VIDEO_REQUEST_H */
