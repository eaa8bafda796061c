/*
 * What can be measured of a film without making anything: FFmpeg's detectors
 * over one decode of picture and sound.
 *
 *     decoder -> raw (idet, cropdetect)       the stored picture
 *             -> upright, small -> scdet, blackdetect, freezedetect
 *     decoder -> ebur128, silencedetect       in the source's own channels
 */

#ifndef VIDEO_MEASURE_H
#define VIDEO_MEASURE_H

#include "video_pipeline.h"


/* more tell nobody more; the rest is counted into the last one */
#define VIDEO_RANGES_MAX  500
#define VIDEO_SCENES_MAX  500


/* microseconds on the run's clock */
typedef struct {
    int64_t           start_us;
    int64_t           end_us;
} video_range_t;


typedef struct {
    video_range_t     list[VIDEO_RANGES_MAX];
    unsigned          n;
    int64_t           open_us;        /* AV_NOPTS_VALUE: none is open */
} video_ranges_t;


typedef struct {
    video_range_t     range;
    double            score;          /* of the cut, 0 to 100 */
    video_still_t     still;          /* name "": none */
} video_scene_t;


/* as the file declares it; texts are FFmpeg's own or checked */
typedef struct {
    const char       *type;           /* "video", "audio", "subtitle", ... */
    const char       *codec;
    const char       *profile;        /* NULL: none */
    char              language[4];    /* "" unknown */
    bool              used;           /* what is measured */
    bool              is_default;
    int64_t           bit_rate;       /* 0: unknown; of used ones: measured */
    int               width;          /* as stored */
    int               height;
    const char       *pixels;         /* "yuv420p", or NULL */
    int               sample_rate;
    int               channels;
} video_stream_t;


typedef struct {
    video_stream_t    streams[VIDEO_STREAMS_MAX];
    unsigned          nstreams;
    uint64_t          bytes;          /* of the file */

    video_scene_t     scenes[VIDEO_SCENES_MAX];
    unsigned          nscenes;

    video_ranges_t    black;
    video_ranges_t    frozen;
    video_ranges_t    silent;

    uint64_t          progressive;    /* pictures, by their combing */
    uint64_t          top_first;
    uint64_t          bottom_first;

    /* what is not a black border: of the upright picture, stored pixels */
    int               crop_x;
    int               crop_y;
    int               crop_width;     /* 0: all black */
    int               crop_height;

    bool              loudness;       /* there is sound: */
    double            integrated_lufs;
    double            range_lu;
    double            true_peak_dbtp;

    uint64_t          pictures;
} video_measures_t;


/*
 * Writes scenes/0001.jpg and so on into the current folder.
 *
 * thumbs  of scenes: count, size and format
 * Errors  as in the report, where the reason stands
 */
PT_MUST_CHECK pt_err_t video_measure(video_measures_t *measures,
    const char *path, const video_thumbs_t *thumbs, const video_info_t *info,
    const video_watcher_t *watcher, video_report_t *report);


#endif /* VIDEO_MEASURE_H */
