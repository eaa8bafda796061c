/*
 * pitchey-video: the service video-processing.
 */

#include <malloc.h>

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>

#include "video_action.h"
#include "video_watermark.h"


/*
 * Address space, not memory in use: a run of 4K HDR in three renditions takes
 * 1.5 GiB of it on 2 cores (750 MiB in use), and each thread more, up to 12 in
 * an encoder, adds its stack and a picture.
 */
#define VIDEO_MEMORY_BYTES  (UINT64_C(6) << 30)

/* the longest MP4 of VIDEO_SECONDS_MAX at 8 Mbit/s, and then some */
#define VIDEO_FILE_BYTES    (UINT64_C(24) << 30)

/* a film of two hours at half the speed of its play, on four cores */
#define VIDEO_CPU_S         (16 * 3600)

/* the same film, and as long again for what else the machine has to do */
#define VIDEO_TIMEOUT_S     (4 * 3600)


static pt_err_t video_load(const char *share);
static void video_version(pt_buf_t *buf);


static const pt_action_t  video_actions[] = {
    { "process", video_process, PT_ACTION_CACHEABLE },
    { "analyze", video_analyze, PT_ACTION_CACHEABLE },
    { "thumbnails", video_thumbnails, PT_ACTION_CACHEABLE },
    { NULL, NULL, 0 }
};


static const pt_processor_t  video_processor = {
    .service        = "video-processing",
    .actions        = video_actions,
    .slots          = 1,             /* one job takes all cores */
    .jobs_per_child = 1,             /* an input gets a process of its own */
    .memory_bytes   = VIDEO_MEMORY_BYTES,
    .file_bytes     = VIDEO_FILE_BYTES,
    .cpu_s          = VIDEO_CPU_S,
    .timeout_s      = VIDEO_TIMEOUT_S,
    .load           = video_load,
    .version        = video_version,
};


int
main(int argc, char **argv)
{
    return pt_processor_main(&video_processor, argc, argv);
}


/* in the zygote: pages that every child would else relocate and fault in */
static pt_err_t
video_load(const char *share)
{
    (void) share;

    /* an arena for each of 30 threads wastes address space and memory */
    mallopt(M_ARENA_MAX, 4);

    (void) avcodec_find_encoder_by_name("libx264");
    (void) avcodec_find_encoder(AV_CODEC_ID_AAC);
    (void) avcodec_find_decoder(AV_CODEC_ID_H264);
    (void) avfilter_get_by_name("scale");

    /* a job that wants a text then says that there is no font */
    return video_watermark_load() == PT_E_NOMEM ? PT_E_NOMEM : PT_OK;
}


/* outputs are the encoder's as much as ours */
static void
video_version(pt_buf_t *buf)
{
    pt_buf_printf(buf, "libavcodec %u libavformat %u libavfilter %u",
                  avcodec_version(), avformat_version(), avfilter_version());
}
