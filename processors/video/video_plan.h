/*
 * What to make: from what was asked for and what the input is.  Pure: no
 * file, no thread, no FFmpeg state.
 */

#ifndef VIDEO_PLAN_H
#define VIDEO_PLAN_H

#include "video_probe.h"


#define VIDEO_RUNGS_MAX       3
#define VIDEO_THUMBNAILS_MAX  100

/* keyframes lie on this grid in every rendition, segments on every third */
#define VIDEO_KEY_US          (2 * AV_TIME_BASE)
#define VIDEO_SEGMENT_US      (6 * AV_TIME_BASE)

/* the first segment is shorter: a film can be watched that much earlier */
#define VIDEO_FIRST_US        VIDEO_KEY_US

#define VIDEO_AUDIO_RATE      48000
#define VIDEO_AUDIO_BIT_RATE  128000


typedef struct {
    const char      *name;          /* "fast" */
    const char      *x264;          /* x264's preset */
    const char      *crf;
    const char      *scenecut;      /* threshold, "0": on the grid alone */
    const char      *vp9_deadline;
    const char      *vp9_speed;     /* libvpx's cpu-used */
    const char      *vp9_crf;
} video_preset_t;


/* the still pictures of a film */
typedef struct {
    unsigned         count;         /* in equal parts, unless timestamps: */
    bool             listed;
    double           timestamps[VIDEO_THUMBNAILS_MAX];   /* seconds */
    int              width;         /* the box that they fit into */
    int              height;        /* 0: as it comes */
    const struct video_image_format_s  *format;
} video_thumbs_t;


/* a text over all pictures */
typedef struct {
    char             text[401];     /* 100 characters of UTF-8; "": none */
    int              across;        /* 0 left, 1 middle, 2 right */
    int              down;          /* 0 top, 1 middle, 2 bottom */
    double           opacity;       /* 0 to 1 */
    double           size;          /* of the letters, in picture heights */
} video_watermark_t;


/* a file with captions */
typedef struct {
    pt_str_t         file;          /* its id, borrowed from the parameters */
    char             language[16];
    char             label[256];    /* 64 characters of UTF-8; "": none */
    bool             is_default;
} video_caption_file_t;


/* what was asked for */
typedef struct {
    int              ladder[VIDEO_RUNGS_MAX];   /* 1080, 720, 480 */
    unsigned         nladder;                   /* 0: "auto" */
    video_thumbs_t   thumbs;
    bool             poster;
    bool             mp4;
    bool             storyboard;
    video_watermark_t  watermark;
    bool             trim;
    double           trim_start;                /* seconds */
    double           trim_end;
    double           loudness;                  /* LUFS; 0: as it is */
    video_languages_t  languages;               /* of the audio tracks */
    video_caption_file_t  captions[VIDEO_CAPTIONS_MAX];
    unsigned         ncaptions;
    bool             webm;
    bool             copy;                      /* what meets its rung */
    bool             quality;                   /* measure it */
    const video_preset_t  *preset;
} video_request_t;


typedef struct {
    char             name[16];      /* "720p", also its folder */
    int              width;
    int              height;
    int64_t          cap;           /* bits a second, over two seconds */
} video_rung_size_t;


/* how loud a track is, and what to change */
typedef struct {
    double           gain_db;
    double           measured_lufs; /* 0: not measured */
} video_gain_t;


typedef struct {
    video_rung_size_t      rungs[VIDEO_RUNGS_MAX];   /* largest first */
    unsigned               nrungs;
    bool                   copy;              /* the first is the source */
    unsigned               webm;              /* the rung of its size */
    video_gain_t           gains[VIDEO_SOUNDS_MAX];
} video_plan_t;


/* NULL: no such preset */
const video_preset_t *video_preset(const char *name);

/*
 * What a rendition may need at most, whatever its film: crf alone gives grain
 * and confetti any number of bits, and players stall.
 */
int64_t video_cap(int width, int height, double frame_rate);

/*
 * A rung N is a box of N lines at 16:9 (upright for portrait) that the
 * picture is fitted into.  It is used where the picture reaches the box, so
 * nothing is enlarged; an input below all of them keeps its own size.
 */
void video_plan(video_plan_t *plan, const video_request_t *request,
    const video_info_t *info, video_report_t *report);


#endif /* VIDEO_PLAN_H */
