/* HLS playlists and the bit rates in them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "video_playlist.h"


#define SECOND  INT64_C(1000000)


static video_segments_t
segments(const video_segment_t *list, unsigned n)
{
    unsigned          i;
    video_segments_t  s;

    memset(&s, 0, sizeof(s));

    for (i = 0; i < n; i++) {
        assert_int_equal(video_segments_add(&s, list[i].duration_us,
                                            list[i].bytes), PT_OK);
    }

    return s;
}


static void
test_peak_is_over_runs_near_the_target_and_average_over_all(void **state)
{
    video_segments_t  s;
    static const video_segment_t  list[] = {
        { 6 * SECOND, 600000 }, { 6 * SECOND, 1200000 }, { 2 * SECOND, 900000 },
    };

    (void) state;

    s = segments(list, 3);

    /* 2 s alone are too short to count; 6 + 2 s are a run: 2.1 MB in 8 s */
    assert_int_equal(video_segments_peak(&s, 6 * SECOND), 2100000);
    assert_int_equal(video_segments_average(&s), 2700000 * 8 / 14 + 1);
    assert_int_equal(video_segments_bytes(&s), 2700000);

    video_segments_done(&s);
}


static void
test_a_short_film_has_its_average_as_peak(void **state)
{
    video_segments_t  s;
    static const video_segment_t  list[] = { { SECOND, 1000 } };

    (void) state;

    s = segments(list, 1);
    assert_int_equal(video_segments_peak(&s, 6 * SECOND), 8000);
    video_segments_done(&s);

    s = segments(list, 0);
    assert_int_equal(video_segments_peak(&s, 6 * SECOND), 0);
    video_segments_done(&s);
}


static void
test_media_playlist_reads_as_written(void **state)
{
    pt_buf_t          buf;
    video_segments_t  s;
    static const video_segment_t  list[] = {
        { 6 * SECOND, 1 }, { 6500000, 1 }, { 41667, 1 },
    };

    (void) state;

    s = segments(list, 3);
    pt_buf_init(&buf, &pt_mem_heap, 4096);
    video_playlist_media(&buf, &s, 6 * SECOND, true);

    /* 6.5 rounds to 7: no EXTINF may round above the target */
    assert_true(pt_str_is(pt_buf_str(&buf),
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:7\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-MAP:URI=\"init.mp4\"\n"
        "#EXTINF:6.000000,\n"
        "0001.m4s\n"
        "#EXTINF:6.500000,\n"
        "0002.m4s\n"
        "#EXTINF:0.041667,\n"
        "0003.m4s\n"
        "#EXT-X-ENDLIST\n"));

    pt_buf_done(&buf);
    video_segments_done(&s);
}


static void
test_master_playlist_counts_the_audio_into_the_bandwidth(void **state)
{
    pt_buf_t          buf;
    video_group_t     g;
    video_master_t    m;
    video_variant_t   v;
    video_segments_t  video, audio;
    static const video_segment_t  pictures[] = { { 6 * SECOND, 750000 } };
    static const video_segment_t  sound[] = { { 6 * SECOND, 75000 } };

    (void) state;

    video = segments(pictures, 1);
    audio = segments(sound, 1);

    v = (video_variant_t) { "720p", "avc1.64001f", 1280, 720, 24000 / 1001.0,
                            5000000, &video };
    g = (video_group_t) { "audio", "Audio", "eng", true, "mp4a.40.2", 160000,
                          &audio };
    m = (video_master_t) { .variants = &v, .nvariants = 1, .sounds = &g,
                           .nsounds = 1, .target_us = 6 * SECOND,
                           .ended = true };

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    video_playlist_master(&buf, &m);

    assert_true(pt_str_is(pt_buf_str(&buf),
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\","
        "LANGUAGE=\"eng\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\","
        "URI=\"audio/index.m3u8\"\n"
        "\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1100000,AVERAGE-BANDWIDTH=1100000,"
        "CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,"
        "FRAME-RATE=23.976,AUDIO=\"audio\"\n"
        "720p/index.m3u8\n"));

    pt_buf_reset(&buf);
    m.nsounds = 0;
    video_playlist_master(&buf, &m);

    assert_true(pt_str_is(pt_buf_str(&buf),
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1000000,AVERAGE-BANDWIDTH=1000000,"
        "CODECS=\"avc1.64001f\",RESOLUTION=1280x720,FRAME-RATE=23.976\n"
        "720p/index.m3u8\n"));

    pt_buf_done(&buf);
    video_segments_done(&audio);
    video_segments_done(&video);
}


static void
test_a_master_that_grows_begins_with_the_smallest(void **state)
{
    pt_buf_t          buf;
    video_master_t    m;
    video_variant_t   v[2];
    video_segments_t  none = { 0 };

    (void) state;

    v[0] = (video_variant_t) { "720p", "avc1.64001f", 1280, 720, 25,
                               5000000, &none };
    v[1] = (video_variant_t) { "480p", "avc1.64001e", 854, 480, 25,
                               3000000, &none };
    m = (video_master_t) { .variants = v, .nvariants = 2,
                           .target_us = 6 * SECOND };

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    video_playlist_master(&buf, &m);

    assert_true(pt_str_is(pt_buf_str(&buf),
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS=\"avc1.64001e\","
        "RESOLUTION=854x480,FRAME-RATE=25.000\n"
        "480p/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=5000000,CODECS=\"avc1.64001f\","
        "RESOLUTION=1280x720,FRAME-RATE=25.000\n"
        "720p/index.m3u8\n"));

    pt_buf_done(&buf);
}


static void
test_a_playlist_without_segments_names_no_file(void **state)
{
    pt_buf_t          buf;
    video_segments_t  none = { 0 };

    (void) state;

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    video_playlist_media(&buf, &none, 6 * SECOND, false);

    assert_true(pt_str_is(pt_buf_str(&buf),
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-PLAYLIST-TYPE:EVENT\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"));

    pt_buf_done(&buf);
}


static void
test_a_playlist_that_grows_is_an_event_of_one_target(void **state)
{
    pt_buf_t          buf;
    video_segments_t  s;
    static const video_segment_t  list[] = { { 2 * SECOND, 1 } };

    (void) state;

    s = segments(list, 1);
    pt_buf_init(&buf, &pt_mem_heap, 4096);
    video_playlist_media(&buf, &s, 6 * SECOND, false);

    assert_true(pt_str_is(pt_buf_str(&buf),
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-PLAYLIST-TYPE:EVENT\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-MAP:URI=\"init.mp4\"\n"
        "#EXTINF:2.000000,\n"
        "0001.m4s\n"));

    pt_buf_done(&buf);
    video_segments_done(&s);
}


static void
test_a_master_that_is_not_ended_has_bounds_and_names_all_groups(void **state)
{
    pt_buf_t          buf;
    video_master_t    m;
    video_segments_t  none;

    const video_variant_t  v = { "480p", "avc1.64001e", 854, 480, 25, 3000000,
                                 &none };
    const video_group_t    sounds[] = {
        { "audio", "fra", "fra", true, "mp4a.40.2", 160000, &none },
        { "audio-2", "eng", "", false, "mp4a.40.2", 160000, &none }
    };
    const video_group_t    captions[] = {
        { "captions-1", "English", "en", false, NULL, 0, NULL }
    };

    (void) state;

    none = segments(NULL, 0);
    m = (video_master_t) { &v, 1, sounds, 2, captions, 1, 6 * SECOND, false };

    pt_buf_init(&buf, &pt_mem_heap, 4096);
    video_playlist_master(&buf, &m);

    assert_true(pt_str_is(pt_buf_str(&buf),
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"fra\","
        "LANGUAGE=\"fra\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\","
        "URI=\"audio/index.m3u8\"\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"eng\","
        "DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\","
        "URI=\"audio-2/index.m3u8\"\n"
        "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"captions\",NAME=\"English\","
        "LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=YES,"
        "URI=\"captions-1/index.m3u8\"\n"
        "\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3160000,"
        "CODECS=\"avc1.64001e,mp4a.40.2\",RESOLUTION=854x480,"
        "FRAME-RATE=25.000,AUDIO=\"audio\",SUBTITLES=\"captions\"\n"
        "480p/index.m3u8\n"));

    pt_buf_done(&buf);
}


static void
test_segments_have_a_maximum(void **state)
{
    unsigned          i;
    pt_err_t          err;
    video_segments_t  s;

    (void) state;

    memset(&s, 0, sizeof(s));
    err = PT_OK;

    for (i = 0; i < 100000 && err == PT_OK; i++) {
        err = video_segments_add(&s, SECOND, 1);
    }

    assert_int_equal(err, PT_E_TOO_LARGE);
    assert_in_range(s.n, 2400, 99999);

    video_segments_done(&s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            test_peak_is_over_runs_near_the_target_and_average_over_all),
        cmocka_unit_test(test_a_short_film_has_its_average_as_peak),
        cmocka_unit_test(test_media_playlist_reads_as_written),
        cmocka_unit_test(
            test_master_playlist_counts_the_audio_into_the_bandwidth),
        cmocka_unit_test(test_a_master_that_grows_begins_with_the_smallest),
        cmocka_unit_test(test_a_playlist_without_segments_names_no_file),
        cmocka_unit_test(test_a_playlist_that_grows_is_an_event_of_one_target),
        cmocka_unit_test(
            test_a_master_that_is_not_ended_has_bounds_and_names_all_groups),
        cmocka_unit_test(test_segments_have_a_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
