/*
 * Captions: tracks of text in the film and files of their own (SRT, WebVTT),
 * made into WebVTT that an HLS player shows.
 */

#ifndef VIDEO_CAPTIONS_H
#define VIDEO_CAPTIONS_H

#include "pt_mem.h"
#include "video_plan.h"


/* a film of four hours has some 4,000 cues and 300 KB */
#define VIDEO_CUES_MAX        20000
#define VIDEO_CAPTIONS_BYTES  (4u << 20)


typedef struct {
    int64_t        start_us;       /* on the film's own clock, until written */
    int64_t        end_us;
    size_t         text;           /* where it begins in the track's texts */
    size_t         len;
} video_cue_t;


typedef struct {
    char           name[24];       /* "captions-1", also its folder */
    char           language[16];   /* "" unknown */
    char           label[256];     /* what a viewer is shown */
    bool           is_default;
    bool           of_file;        /* its zero is the film's start */

    int            stream;         /* index, or -1 */
    AVRational     time_base;
    struct AVCodecContext  *decoder;
    struct AVCodecContext  *encoder;   /* to WebVTT */

    video_cue_t   *cues;
    unsigned       ncues;
    unsigned       cap;
    pt_buf_t       texts;
    unsigned       errors;
} video_caption_track_t;


typedef struct {
    video_report_t         *report;
    video_caption_track_t   tracks[VIDEO_CAPTIONS_MAX];
    unsigned                n;
} video_captions_t;


void video_captions_init(video_captions_t *c, video_report_t *report);
void video_captions_done(video_captions_t *c);

/* video_caption_fn: a packet of a track of text in the film */
void video_captions_packet(void *ctx, const video_source_t *source,
    const AVPacket *packet);

/*
 * A file of captions.
 *
 * Errors  PT_E_INPUT_UNSUPPORTED (neither SRT nor WebVTT), PT_E_INPUT_BROKEN
 *         (no UTF-8, no cue), PT_E_INPUT_LIMIT, PT_E_IO
 */
PT_MUST_CHECK pt_err_t video_captions_file(video_captions_t *c,
    const char *path, const video_caption_file_t *wanted);

/*
 * Tracks without a cue are dropped; the others become root/NAME/index.m3u8
 * with one segment of WebVTT, complete before the first picture is encoded.
 */
PT_MUST_CHECK pt_err_t video_captions_write(video_captions_t *c,
    const char *root, const video_info_t *info);


#endif /* VIDEO_CAPTIONS_H */
