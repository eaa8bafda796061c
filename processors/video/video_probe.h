/*
 * What is known of an input before the work starts.  The whole file is
 * demuxed once, without decoding: real times instead of declared ones, the
 * point where a damaged file ends, and exact positions for the thumbnails.
 */

#ifndef VIDEO_PROBE_H
#define VIDEO_PROBE_H

#include "video_source.h"


/*
 * How the stored picture becomes upright: first transposed (mirrored along
 * the main diagonal), then flipped.  Every one of the eight is a pair.
 */
typedef struct {
    bool         transpose;
    bool         hflip;
    bool         vflip;
} video_orient_t;


/* an audio track */
typedef struct {
    const char      *codec;
    char             language[16];    /* "" unknown */
    char             title[64];       /* as the file has it, "" none */
    int              channels;
    int64_t          end_us;          /* 0: it is empty */
} video_sound_info_t;


typedef struct {
    const char      *container;
    const char      *video_codec;
    const char      *audio_codec;     /* NULL: no audio */
    char             language[16];    /* of the audio, "" unknown */
    int              channels;

    int              width;           /* upright, square pixels */
    int              height;
    video_orient_t   orient;
    int              rotation;        /* degrees clockwise to be upright */
    bool             interlaced;
    bool             hdr;             /* PQ or HLG */

    AVRational       time_base;       /* of the video stream */
    AVRational       frame_rate;      /* average */
    uint64_t         frames;          /* packets of the video stream */

    /* real times in microseconds; zero is the start of what begins first */
    int64_t          zero_us;         /* on the file's own clock */
    int64_t          start_us;        /* of the video, from zero */
    int64_t          end_us;
    int64_t          audio_end_us;    /* 0: no audio */
    int64_t          other_end_us;    /* of captions and unchosen audio */
    int64_t          duration_us;     /* the longer of both */
    int64_t          declared_us;     /* by the header, 0: none */
    int64_t          limit_us;        /* where it was cut, 0: at its end */
    int64_t          trim_us;         /* how much was cut from its start */

    /* as video_source_tracks() chose them */
    video_sound_info_t  sounds[VIDEO_SOUNDS_MAX];
    unsigned         nsounds;
} video_info_t;


typedef void (*video_caption_fn)(void *ctx, const video_source_t *source,
    const AVPacket *packet);


PT_MUST_CHECK pt_err_t video_probe(video_info_t *info, const char *path,
    video_report_t *report);

/*
 * The same with all tracks that are wanted.
 *
 * captions  gets the packets of captions; NULL: nobody wants them
 */
PT_MUST_CHECK pt_err_t video_probe_tracks(video_info_t *info,
    const char *path, const video_languages_t *languages,
    video_caption_fn captions, void *ctx, video_report_t *report);

/*
 * Makes a film of a part of it: zero moves to its start, and what lies before
 * or after is not there.
 *
 * Errors  PT_E_PARAMETERS (there is no picture in that part)
 */
PT_MUST_CHECK pt_err_t video_trim(video_info_t *info, int64_t start_us,
    int64_t end_us, video_report_t *report);

/* text of a file's as it may stand in quotes; "" where it is no UTF-8 */
void video_title(char *title, size_t size, const char *text);

/* of a display matrix (ISO 14496-12), 9 numbers; NULL: as stored */
video_orient_t video_orient(const int32_t *matrix);
int video_orient_degrees(video_orient_t orient);

/* a measured rate as the broadcast rate that it means, if one is near */
AVRational video_rate_snap(double rate, double tolerance);

/* whether a rate is one of those */
bool video_rate_known(double rate);


#endif /* VIDEO_PROBE_H */
