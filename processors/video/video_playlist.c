/*
 * HLS playlists.
 */

#include "video_playlist.h"

#include <inttypes.h>
#include <stdlib.h>


#define VIDEO_US  INT64_C(1000000)

/* 4 hours of segments of 6 s are 2,400; a keyframe may cut more often */
#define VIDEO_SEGMENTS_MAX  20000


static uint64_t video_bit_rate(uint64_t bytes, int64_t us);
static void video_playlist_group(pt_buf_t *buf, const video_group_t *g,
    const char *type, const char *id);


pt_err_t
video_segments_add(video_segments_t *s, int64_t duration_us, uint64_t bytes)
{
    unsigned          cap;
    video_segment_t  *list;

    if (s->n == VIDEO_SEGMENTS_MAX) {
        return PT_E_TOO_LARGE;
    }

    if (s->n == s->cap) {
        cap = s->cap ? s->cap * 2 : 64;

        list = realloc(s->list, cap * sizeof(*list));
        if (list == NULL) {
            return PT_E_NOMEM;
        }

        s->list = list;
        s->cap = cap;
    }

    s->list[s->n].duration_us = duration_us;
    s->list[s->n].bytes = bytes;
    s->n++;

    return PT_OK;
}


void
video_segments_done(video_segments_t *s)
{
    free(s->list);
    s->list = NULL;
    s->n = 0;
    s->cap = 0;
}


uint64_t
video_segments_bytes(const video_segments_t *s)
{
    unsigned  i;
    uint64_t  bytes;

    bytes = 0;

    for (i = 0; i < s->n; i++) {
        bytes += s->list[i].bytes;
    }

    return bytes;
}


uint64_t
video_segments_average(const video_segments_t *s)
{
    int64_t   us;
    unsigned  i;

    us = 0;

    for (i = 0; i < s->n; i++) {
        us += s->list[i].duration_us;
    }

    return video_bit_rate(video_segments_bytes(s), us);
}


uint64_t
video_segments_peak(const video_segments_t *s, int64_t target_us)
{
    int64_t   us;
    unsigned  i, k;
    uint64_t  bytes, rate, peak;

    peak = 0;

    for (i = 0; i < s->n; i++) {
        us = 0;
        bytes = 0;

        for (k = i; k < s->n && us <= target_us + target_us / 2; k++) {
            us += s->list[k].duration_us;
            bytes += s->list[k].bytes;

            if (us < target_us / 2 || us > target_us + target_us / 2) {
                continue;
            }

            rate = video_bit_rate(bytes, us);
            peak = rate > peak ? rate : peak;
        }
    }

    return peak ? peak : video_segments_average(s);
}


static uint64_t
video_bit_rate(uint64_t bytes, int64_t us)
{
    /* rounded up: an upper bound must not be below what it bounds */
    return us > 0 ? (bytes * 8 * VIDEO_US + us - 1) / us : 0;
}


void
video_playlist_media(pt_buf_t *buf, const video_segments_t *s,
    int64_t target_us, bool ended)
{
    int64_t   longest;
    unsigned  i;

    /* it must not change while the list grows */
    longest = ended ? VIDEO_US : target_us;

    for (i = 0; i < s->n; i++) {
        if (s->list[i].duration_us > longest) {
            longest = s->list[i].duration_us;
        }
    }

    if (ended && s->n > 1 && longest < target_us) {
        longest = target_us;
    }

    /* no EXTINF, rounded to whole seconds, may be above it */
    pt_buf_printf(buf, "#EXTM3U\n"
                  "#EXT-X-VERSION:7\n"
                  "#EXT-X-TARGETDURATION:%" PRId64 "\n"
                  "#EXT-X-PLAYLIST-TYPE:%s\n"
                  "#EXT-X-INDEPENDENT-SEGMENTS\n",
                  (longest + VIDEO_US / 2) / VIDEO_US,
                  ended ? "VOD" : "EVENT");

    /* it comes with the first segment */
    if (s->n > 0) {
        pt_buf_add_text(buf, "#EXT-X-MAP:URI=\"init.mp4\"\n");
    }

    for (i = 0; i < s->n; i++) {
        pt_buf_printf(buf, "#EXTINF:%" PRId64 ".%06" PRId64 ",\n%04u.m4s\n",
                      s->list[i].duration_us / VIDEO_US,
                      s->list[i].duration_us % VIDEO_US, i + 1);
    }

    if (ended) {
        pt_buf_add_text(buf, "#EXT-X-ENDLIST\n");
    }
}


void
video_playlist_master(pt_buf_t *buf, const video_master_t *m)
{
    unsigned                i;
    uint64_t                peak, average, sound_peak, sound_average;
    const video_variant_t  *v;

    pt_buf_add_text(buf, "#EXTM3U\n#EXT-X-VERSION:7\n"
                    "#EXT-X-INDEPENDENT-SEGMENTS\n\n");

    for (i = 0; i < m->nsounds; i++) {
        video_playlist_group(buf, &m->sounds[i], "AUDIO", "audio");
    }

    for (i = 0; i < m->ncaptions; i++) {
        video_playlist_group(buf, &m->captions[i], "SUBTITLES", "captions");
    }

    if (m->nsounds + m->ncaptions > 0) {
        pt_buf_add_text(buf, "\n");
    }

    sound_peak = 0;
    sound_average = 0;

    for (i = 0; i < m->nsounds; i++) {
        peak = m->ended ? video_segments_peak(m->sounds[i].segments,
                                              m->target_us)
                        : m->sounds[i].bound;
        average = m->ended ? video_segments_average(m->sounds[i].segments) : 0;

        sound_peak = peak > sound_peak ? peak : sound_peak;
        sound_average = average > sound_average ? average : sound_average;
    }

    for (i = 0; i < m->nvariants; i++) {
        /* players begin with the first: let it be the one that is there */
        v = &m->variants[m->ended ? i : m->nvariants - 1 - i];

        if (m->ended) {
            peak = video_segments_peak(v->segments, m->target_us);
            average = video_segments_average(v->segments);

            pt_buf_printf(buf, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64
                          ",AVERAGE-BANDWIDTH=%" PRIu64, peak + sound_peak,
                          average + sound_average);

        } else {
            pt_buf_printf(buf, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64,
                          v->bound + sound_peak);
        }

        pt_buf_printf(buf, ",CODECS=\"%s%s%s\",RESOLUTION=%dx%d"
                      ",FRAME-RATE=%.3f%s%s\n%s/index.m3u8\n",
                      v->codecs, m->nsounds ? "," : "",
                      m->nsounds ? m->sounds[0].codecs : "", v->width,
                      v->height, v->frame_rate,
                      m->nsounds ? ",AUDIO=\"audio\"" : "",
                      m->ncaptions ? ",SUBTITLES=\"captions\"" : "",
                      v->name);
    }
}


static void
video_playlist_group(pt_buf_t *buf, const video_group_t *g, const char *type,
    const char *id)
{
    pt_buf_printf(buf, "#EXT-X-MEDIA:TYPE=%s,GROUP-ID=\"%s\",NAME=\"%s\",",
                  type, id, g->label);

    if (g->language[0] != '\0') {
        pt_buf_printf(buf, "LANGUAGE=\"%s\",", g->language);
    }

    pt_buf_printf(buf, "DEFAULT=%s,AUTOSELECT=YES,%sURI=\"%s/index.m3u8\"\n",
                  g->is_default ? "YES" : "NO",
                  g->segments ? "CHANNELS=\"2\"," : "", g->name);
}
