/*
 * An input file, opened as what its bytes are: the demuxer is chosen among
 * the containers listed in the .c by content, never by name, reads from one
 * descriptor and cannot open anything else.
 */

#ifndef VIDEO_SOURCE_H
#define VIDEO_SOURCE_H

#include <libavformat/avformat.h>

#include "video_report.h"


/* 8192 x 4320 fits, with some room; a frame of 10 bits is then 108 MB */
#define VIDEO_PIXELS_MAX   (36 * 1000 * 1000)

/* one dimension; also what the decoders' tables can take */
#define VIDEO_SIDE_MAX     16384

/* a film; more than this is an archive or an accident */
#define VIDEO_SECONDS_MAX  (4 * 3600)

/* no time is farther from zero, microseconds: a count since 1970 fits */
#define VIDEO_TIME_MAX     INT64_C(10000000000000000)

#define VIDEO_STREAMS_MAX  64

/* tracks of a film that are taken */
#define VIDEO_SOUNDS_MAX    8
#define VIDEO_CAPTIONS_MAX  8

/* FFmpeg's single allocations: the largest plane and index that may be */
#define VIDEO_ALLOC_MAX    (192u << 20)


/* which audio tracks are wanted, the default one first; none: all */
typedef struct {
    char              list[VIDEO_SOUNDS_MAX][4];
    unsigned          n;
} video_languages_t;


typedef struct {
    int               fd;
    AVIOContext      *io;
    AVFormatContext  *format;
    const char       *container;     /* "mp4", static */

    AVStream         *video;
    AVStream         *audio;         /* NULL: none that can be decoded */

    /* after video_source_tracks(): all that are wanted, audio first */
    AVStream         *sounds[VIDEO_SOUNDS_MAX];
    unsigned          nsounds;
    AVStream         *captions[VIDEO_CAPTIONS_MAX];    /* of text */
    unsigned          ncaptions;
    bool              others;        /* reads audio that nobody chose, too */

    /* where the demuxer may jump (MPEG-TS): what is added to its times, what
     * was before the last jump, and where each stream is, microseconds */
    int64_t           jump_us;
    int64_t           before_us;
    int64_t           last_us[VIDEO_STREAMS_MAX];
} video_source_t;


/*
 * Opens, sniffs, reads the header and chooses the streams: the best moving
 * picture, and the audio track that belongs to it.
 *
 * Errors  PT_E_INPUT_BROKEN, PT_E_INPUT_UNSUPPORTED, PT_E_INPUT_LIMIT,
 *         PT_E_IO, PT_E_NOMEM; the reason is in the report
 */
PT_MUST_CHECK pt_err_t video_source_open(video_source_t *source,
    const char *path, video_report_t *report);
void video_source_close(video_source_t *source);

/* takes the other tracks, too: before the first packet is read */
void video_source_tracks(video_source_t *source,
    const video_languages_t *languages, video_report_t *report);

/* reads all audio, to see how long the file is: before the first packet */
void video_source_others(video_source_t *source);

/*
 * Whether a file's text is a code of ISO 639 that tells something: it goes
 * into playlists and results.
 */
bool video_language_valid(const char *text);

/* the language of a stream as ISO 639 has it, or "" */
const char *video_source_language(const AVStream *stream);

/*
 * The next packet of the chosen streams, with times that do not jump.  0, or
 * FFmpeg's code: AVERROR_EOF at the end, other values where the data stop
 * making sense, after which nothing more can be read.
 */
int video_source_read(video_source_t *source, AVPacket *packet);

/*
 * Drops the times of a packet that nobody can calculate with: they come from
 * the file as they are, up to the limits of their 64 bits.
 */
void video_packet_check(AVPacket *packet, AVRational time_base);

/* whether a code of FFmpeg's has a reason of its own, a disk or a limit, which
 * is then in the report; PT_OK: the file is damaged */
PT_MUST_CHECK pt_err_t video_source_fault(const video_source_t *source, int rc,
    video_report_t *report);


#endif /* VIDEO_SOURCE_H */
