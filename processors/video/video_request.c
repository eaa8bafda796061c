/*
 * Parameters of the actions.
 */

#include "video_request.h"

#include <string.h>

#include "video_image.h"


#define VIDEO_THUMBNAILS       10
#define VIDEO_THUMBNAIL_WIDTH  320
#define VIDEO_SCENES           20
#define VIDEO_MARK_OPACITY     0.5
#define VIDEO_MARK_SIZE        0.05


typedef struct {
    const char  *name;
    int          across;
    int          down;
} video_position_t;


static void video_languages_of(video_languages_t *languages,
    const pt_json_t *list);
static void video_captions_of(video_request_t *request, const pt_json_t *list);
static void video_text_of(char *text, size_t size, pt_str_t from);
static void video_watermark_of(video_watermark_t *w, const pt_json_t *params);


static const video_position_t  video_positions[] = {
    { "bottom-right", 2, 2 },        /* the default */
    { "bottom", 1, 2 },
    { "bottom-left", 0, 2 },
    { "right", 2, 1 },
    { "center", 1, 1 },
    { "left", 0, 1 },
    { "top-right", 2, 0 },
    { "top", 1, 0 },
    { "top-left", 0, 0 },
    { NULL, 0, 0 }
};


void
video_request_of(video_request_t *request, const pt_json_t *params)
{
    char              name[16];
    pt_str_t          preset;
    const pt_json_t  *ladder, *item, *trim;

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

    video_thumbs_of(&request->thumbs, pt_json_member(params, "thumbnails"));

    request->poster = pt_json_bool(params, "poster", true);
    request->mp4 = pt_json_bool(params, "mp4", true);

    request->storyboard = pt_json_bool(params, "storyboard", false);
    request->loudness = pt_json_double(params, "loudness", 0);
    request->webm = pt_json_bool(params, "webm", false);
    request->copy = pt_json_bool(params, "copy", true);
    request->quality = pt_json_bool(params, "quality", false);

    video_languages_of(&request->languages,
                       pt_json_member(params, "audio_languages"));
    video_captions_of(request, pt_json_member(params, "captions"));

    video_watermark_of(&request->watermark,
                       pt_json_member(params, "watermark"));

    trim = pt_json_member(params, "trim");
    request->trim = trim != NULL;
    request->trim_start = pt_json_double(trim, "start_s", 0);
    request->trim_end = pt_json_double(trim, "end_s", VIDEO_SECONDS_MAX);

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


static void
video_languages_of(video_languages_t *languages, const pt_json_t *list)
{
    const pt_json_t  *item;

    for (item = list ? list->first : NULL;
         item && languages->n < VIDEO_SOUNDS_MAX;
         item = item->next)
    {
        video_text_of(languages->list[languages->n++],
                      sizeof(languages->list[0]), item->text);
    }
}


static void
video_captions_of(video_request_t *request, const pt_json_t *list)
{
    const pt_json_t       *item;
    video_caption_file_t  *c;

    for (item = list ? list->first : NULL;
         item && request->ncaptions < VIDEO_CAPTIONS_MAX;
         item = item->next)
    {
        c = &request->captions[request->ncaptions++];
        c->file = pt_json_string(item, "file", PT_STR_NULL);
        c->is_default = pt_json_bool(item, "default", false);
        video_text_of(c->language, sizeof(c->language),
                      pt_json_string(item, "language", PT_STR("")));
        video_text_of(c->label, sizeof(c->label),
                      pt_json_string(item, "label", PT_STR("")));
    }
}


/* what does not fit, the schema has refused */
static void
video_text_of(char *text, size_t size, pt_str_t from)
{
    if (from.len < size) {
        memcpy(text, from.data, from.len);
        text[from.len] = '\0';
    }
}


static void
video_watermark_of(video_watermark_t *w, const pt_json_t *params)
{
    pt_str_t                 text, position;
    const video_position_t  *p;

    text = pt_json_string(params, "text", PT_STR(""));
    position = pt_json_string(params, "position",
                              PT_STR("bottom-right"));

    video_text_of(w->text, sizeof(w->text), text);

    w->across = video_positions[0].across;
    w->down = video_positions[0].down;

    for (p = video_positions; p->name; p++) {
        if (pt_str_is(position, p->name)) {
            w->across = p->across;
            w->down = p->down;
        }
    }

    w->opacity = pt_json_double(params, "opacity", VIDEO_MARK_OPACITY);
    w->size = pt_json_double(params, "size", VIDEO_MARK_SIZE);
}


void
video_thumbs_of(video_thumbs_t *thumbs, const pt_json_t *params)
{
    const pt_json_t  *times, *item;

    memset(thumbs, 0, sizeof(*thumbs));

    thumbs->count = (unsigned) pt_json_int(params, "count", VIDEO_THUMBNAILS);
    thumbs->width = (int) pt_json_int(params, "width", VIDEO_THUMBNAIL_WIDTH);
    thumbs->height = (int) pt_json_int(params, "height", 0);
    thumbs->format = video_image_format(pt_json_string(params, "format",
                                                       PT_STR("jpeg")));

    if (thumbs->format == NULL) {
        thumbs->format = video_image_format(PT_STR("jpeg"));
    }

    times = pt_json_member(params, "timestamps");

    if (times && times->type == PT_JSON_ARRAY) {
        thumbs->listed = true;
        thumbs->count = 0;

        for (item = times->first;
             item && thumbs->count < VIDEO_THUMBNAILS_MAX;
             item = item->next)
        {
            thumbs->timestamps[thumbs->count++] = item->number;
        }
    }

    if (thumbs->count > VIDEO_THUMBNAILS_MAX) {
        thumbs->count = VIDEO_THUMBNAILS_MAX;
    }
}


void
video_scenes_of(video_thumbs_t *thumbs, const pt_json_t *params)
{
    const pt_json_t  *scenes;

    scenes = pt_json_member(params, "thumbnails");
    video_thumbs_of(thumbs, scenes);

    thumbs->count = (unsigned) pt_json_int(scenes, "count", VIDEO_SCENES);
    thumbs->listed = false;
}
