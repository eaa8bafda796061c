/*
 * Handing on what is good already.
 */

#include "video_copy.h"

#include <string.h>

#include <libavcodec/avcodec.h>


typedef struct {
    unsigned     nal_bytes;      /* of a length; 0: start codes */
    AVRational   time_base;
    int64_t      zero;           /* in time_base */
    int64_t      cell;           /* of the grid, of the last keyframe */
    int64_t      key;            /* its time; AV_NOPTS_VALUE: none yet */
    uint64_t     bytes;          /* in that cell */
    uint64_t     cell_max;
    uint64_t     total;
} video_copy_t;


static bool video_copy_header(const AVStream *st, const video_info_t *info,
    const video_rung_size_t *rung);
static bool video_copy_packets(video_source_t *s, video_copy_t *c);
static bool video_copy_packet(video_copy_t *c, const AVPacket *packet);
static unsigned video_copy_nal_bytes(const AVCodecParameters *par);
static bool video_copy_nals(const AVPacket *packet, unsigned nal_bytes);


bool
video_copy_fits(const char *path, const video_info_t *info,
    const video_rung_size_t *rung)
{
    bool            fits;
    video_copy_t    c;
    video_source_t  source;
    video_report_t  report;

    /* the probe has read it before: what fails now, the run will tell */
    video_report_init(&report);
    fits = false;

    if (video_source_open(&source, path, &report) == PT_OK) {
        memset(&c, 0, sizeof(c));
        c.time_base = source.video->time_base;
        c.zero = av_rescale_q(info->zero_us, AV_TIME_BASE_Q, c.time_base);
        c.key = AV_NOPTS_VALUE;
        c.nal_bytes = video_copy_nal_bytes(source.video->codecpar);
        c.cell = -1;

        /* over two seconds, and what the players' buffer takes besides */
        c.cell_max = (uint64_t) rung->cap * 4 / 8;

        fits = video_copy_header(source.video, info, rung)
               && video_copy_packets(&source, &c)
               && info->end_us > 0
               && c.total * 8 * AV_TIME_BASE / (uint64_t) info->end_us
                  <= (uint64_t) rung->cap;

        video_source_close(&source);
    }

    video_report_done(&report);

    return fits;
}


static bool
video_copy_header(const AVStream *st, const video_info_t *info,
    const video_rung_size_t *rung)
{
    AVRational                sar;
    const AVCodecParameters  *par;

    par = st->codecpar;
    sar = st->sample_aspect_ratio.num > 0 ? st->sample_aspect_ratio
                                          : par->sample_aspect_ratio;

    return par->codec_id == AV_CODEC_ID_H264
           && (par->profile == FF_PROFILE_H264_CONSTRAINED_BASELINE
               || par->profile == FF_PROFILE_H264_MAIN
               || par->profile == FF_PROFILE_H264_HIGH)
           && par->format == AV_PIX_FMT_YUV420P
           && par->color_range != AVCOL_RANGE_JPEG
           && par->level > 0 && par->level <= 52
           && par->extradata_size > 0
           && par->width == rung->width && par->height == rung->height
           && (sar.num <= 0 || sar.num == sar.den)
           && !info->orient.transpose && !info->orient.hflip
           && !info->orient.vflip
           && !info->interlaced && !info->hdr;
}


static bool
video_copy_packets(video_source_t *s, video_copy_t *c)
{
    int        rc;
    bool       fits;
    AVPacket  *packet;

    packet = av_packet_alloc();
    if (packet == NULL) {
        return false;
    }

    fits = true;
    rc = 0;

    while (fits && (rc = video_source_read(s, packet)) >= 0) {
        if (packet->stream_index == s->video->index) {
            fits = video_copy_packet(c, packet);
        }

        av_packet_unref(packet);
    }

    av_packet_free(&packet);

    return fits && rc == AVERROR_EOF && c->key != AV_NOPTS_VALUE;
}


static bool
video_copy_packet(video_copy_t *c, const AVPacket *packet)
{
    size_t   size;
    int64_t  cell;

    if (!video_copy_nals(packet, c->nal_bytes)
        || packet->pts == AV_NOPTS_VALUE || packet->pts < c->zero
        || packet->dts == AV_NOPTS_VALUE
        || (packet->flags & (AV_PKT_FLAG_DISCARD | AV_PKT_FLAG_CORRUPT))
        || av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &size))
    {
        return false;
    }

    cell = av_rescale_q(packet->pts - c->zero, c->time_base, AV_TIME_BASE_Q)
           / VIDEO_KEY_US;

    if (packet->flags & AV_PKT_FLAG_KEY) {
        if (cell > c->cell) {
            c->bytes = 0;
        }

        c->key = packet->pts;
        c->cell = cell;

    } else if (c->key == AV_NOPTS_VALUE || packet->pts < c->key
               || cell != c->cell)
    {
        return false;       /* it needs, or is, a picture across the grid */
    }

    c->bytes += (uint64_t) packet->size;
    c->total += (uint64_t) packet->size;

    return c->bytes <= c->cell_max;
}


/* ISO 14496-15: an MP4's header says how long the lengths are */
static unsigned
video_copy_nal_bytes(const AVCodecParameters *par)
{
    return par->extradata_size > 4 && par->extradata[0] == 1
           ? (par->extradata[4] & 3u) + 1 : 0;
}


/* whether the units of a packet fill it, and are what they can be */
static bool
video_copy_nals(const AVPacket *packet, unsigned nal_bytes)
{
    size_t    at, left, len;
    unsigned  i;

    if (nal_bytes == 0) {
        return packet->size > 4;     /* the decoder looks for start codes */
    }

    for (at = 0, left = (size_t) packet->size; left > 0; at += len, left -= len)
    {
        if (left <= nal_bytes) {
            return false;
        }

        for (i = 0, len = 0; i < nal_bytes; i++) {
            len = len << 8 | packet->data[at + i];
        }

        at += nal_bytes;
        left -= nal_bytes;

        if (len == 0 || len > left || (packet->data[at] & 0x80)
            || (packet->data[at] & 0x1f) == 0)
        {
            return false;
        }
    }

    return true;
}
