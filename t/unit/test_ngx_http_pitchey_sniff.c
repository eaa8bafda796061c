/* Media types by content, by ending, and when a declared one is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ngx_http_pitchey_sniff.h"


#define OCTET_STREAM  "application/octet-stream"


typedef struct {
    const char  *bytes;
    size_t       len;
    const char  *type;
} sample_t;

#define sample(bytes, type)  { bytes, sizeof(bytes) - 1, type }


static const sample_t  samples[] = {
    sample("\0\0\0\x20" "ftypisom\0\0\2\0isomiso2", "video/mp4"),
    sample("\0\0\0\x14" "ftypqt  \0\0\2\0qt  ", "video/quicktime"),
    sample("\0\0\0\x1c" "ftyp3gp4\0\0\2\0", "video/3gpp"),
    sample("\0\0\0\x1c" "ftyp3g2a\0\0\2\0", "video/3gpp2"),
    sample("\0\0\0\x1c" "ftypM4A \0\0\2\0", "audio/mp4"),
    sample("\0\0\0\x1c" "ftypavif\0\0\0\0", "image/avif"),
    sample("\0\0\0\x08" "wide\0\0\1\0mdat", "video/quicktime"),
    sample("The moov of all", "text/plain"),
    sample("\x1a\x45\xdf\xa3\x87\x42\x82\x84webm", "video/webm"),
    sample("\x1a\x45\xdf\xa3\x8f\x42\x86\x81\x01\x42\x82\x88matroska",
           "video/x-matroska"),
    sample("\x1a\x45\xdf\xa3\x8f\x42\x82\x88matr", OCTET_STREAM),
    sample("\x1a\x45\xdf\xa3", OCTET_STREAM),
    sample("RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
    sample("RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
    sample("RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    sample("RIFF\0\0\0\0????", OCTET_STREAM),
    sample("\0\0\1\xba\x44\0\4\0", "video/mpeg"),
    sample("FLV\1\5\0\0\0\x9", "video/x-flv"),
    sample("\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d", "application/mxf"),
    sample("fLaC\0\0\0\x22", "audio/flac"),
    sample("ID3\4\0\0\0\0\0", "audio/mpeg"),
    sample("OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x2a"
           "\x80theora\3", "video/ogg"),
    sample("OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13"
           "OpusHead\1", "audio/ogg"),
    sample("OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\x13",
           "application/ogg"),
    sample("\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
    sample("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
    sample("GIF89a\1\0\1\0", "image/gif"),
    sample("%PDF-1.7\n%", "application/pdf"),
    sample("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0a.txt",
           "application/zip"),
    sample("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b\0\0\0"
           "_rels/.rels" "PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
           "\x11\0\0\0word/document.xml",
           "application/vnd.openxmlformats-officedocument.wordprocessingml"
           ".document"),
    sample("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0f\0\0\0"
           "xl/workbook.xml",
           "application/vnd.openxmlformats-officedocument.spreadsheetml"
           ".sheet"),
    sample("PK\3\4", "application/zip"),
    sample("<!DOCTYPE html><p>", "text/html"),
    sample(" \n\xef\xbb\xbf<html>", "text/plain"),
    sample("\xef\xbb\xbf \n<SCRIPT>", "text/html"),
    sample("<alpha>\n%PDF-1.7", "text/plain"),
    sample("<!-- %PDF-1.7 -->", "text/html"),
    sample("<svg xmlns=\"http://www.w3.org/2000/svg\">", "image/svg+xml"),
    sample("<?xml version=\"1.0\"?>", "text/xml"),
    sample("WEBVTT\n\n", "text/vtt"),
    sample("#EXTM3U\n#EXT-X-VERSION:3\n", "text/plain"),
    sample("ffconcat version 1.0\nfile /etc/hostname\n", "text/plain"),
    sample("v=0\no=- 0 0 IN IP4 127.0.0.1\n", "text/plain"),
    sample("{\"a\": [1, 2]}", "application/json"),
    sample("[1, 2", "text/plain"),
    sample("[INT. HOUSE - NIGHT]", "text/plain"),
    sample("\xff\xfeh\0i\0", "text/plain"),
    sample("na\xc3\xafve", "text/plain"),
    sample("na\xc3", OCTET_STREAM),
    sample("\xe9t\xe9", OCTET_STREAM),
    sample("a\0b", OCTET_STREAM),
    sample("\0", OCTET_STREAM),
    sample("", OCTET_STREAM)
};


static void
test_content_is_recognised(void **state)
{
    size_t       i;
    const char  *type;

    (void) state;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        type = ngx_http_pitchey_sniff((const uint8_t *) samples[i].bytes,
                                      samples[i].len, true);
        if (strcmp(type, samples[i].type) != 0) {
            fail_msg("sample %zu: %s, expected %s", i, type, samples[i].type);
        }
    }
}


/* a copy of exactly that size: a sanitizer sees any byte read beyond it */
static void
test_no_cut_of_any_sample_is_read_beyond_its_end(void **state)
{
    size_t    i, len;
    uint8_t  *copy;

    (void) state;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        for (len = 1; len <= samples[i].len; len++) {
            copy = malloc(len);
            assert_non_null(copy);
            memcpy(copy, samples[i].bytes, len);

            assert_non_null(ngx_http_pitchey_sniff(copy, len, false));
            free(copy);
        }
    }
}


static void
test_a_cut_document_is_still_recognised(void **state)
{
    (void) state;

    assert_string_equal(
        ngx_http_pitchey_sniff((const uint8_t *) "[{\"a\": 1}, {", 12, false),
        "application/json");

    /* within a character */
    assert_string_equal(
        ngx_http_pitchey_sniff((const uint8_t *) "na\xc3", 3, false),
        "text/plain");
    assert_string_equal(
        ngx_http_pitchey_sniff((const uint8_t *) "na\xf0\x9f\x8e", 5, false),
        "text/plain");
}


static void
test_streams_are_recognised_by_repetition(void **state)
{
    uint8_t  p[1200];

    (void) state;

    /* MPEG-TS: each packet begins with 0x47 */
    memset(p, 0xff, sizeof(p));
    p[0] = p[188] = p[376] = p[564] = p[752] = p[940] = p[1128] = 0x47;
    assert_string_equal(ngx_http_pitchey_sniff(p, sizeof(p), false),
                        "video/mp2t");

    p[564] = 0x48;
    assert_string_equal(ngx_http_pitchey_sniff(p, sizeof(p), false),
                        OCTET_STREAM);

    /* MP3: MPEG-1 layer III, 128 kbit/s, 44.1 kHz is 417 bytes */
    memset(p, 0, sizeof(p));
    memcpy(p, "\xff\xfb\x90\0", 4);
    memcpy(p + 417, "\xff\xfb\x90\0", 4);
    assert_string_equal(ngx_http_pitchey_sniff(p, sizeof(p), false),
                        "audio/mpeg");

    p[418] = 0;
    assert_string_equal(ngx_http_pitchey_sniff(p, sizeof(p), false),
                        OCTET_STREAM);

    /* ADTS: the frame's length, 371, is in its header */
    memset(p, 0, sizeof(p));
    memcpy(p, "\xff\xf1\x50\x80\x2e\x7f\xfc", 7);
    memcpy(p + 371, "\xff\xf1\x50\x80\x2e\x7f\xfc", 7);
    assert_string_equal(ngx_http_pitchey_sniff(p, sizeof(p), false),
                        "audio/aac");
}


static void
test_a_declared_type_contradicts_other_content(void **state)
{
    size_t  i;

    static const struct {
        const char  *declared;
        const char  *type;
        bool         contradicts;
    } cases[] = {
        { NULL,                         "text/html",                false },
        { "",                           "text/html",                false },
        { "application/octet-stream",   "text/html",                false },
        { "application/x-www-form-urlencoded", "video/mp4",         false },
        { "video/mp4",                  "video/mp4",                false },
        { "VIDEO/mp4; codecs=\"avc1\"", "video/x-matroska",         false },
        { "video/mp4 ;x",               "text/plain",               true },
        { "video/mp4",                  OCTET_STREAM,               true },
        { "video/mp4",                  "audio/mpeg",               true },
        { "video/x",                    "application/mxf",          false },
        { "audio/mp4",                  "video/mp4",                false },
        { "audio/mpeg",                 "image/png",                true },
        { "image/png",                  "image/jpeg",               false },
        { "image/png",                  "image/svg+xml",            true },
        { "image/svg+xml",              "text/xml",                 false },
        { "image/svg+xml",              "image/png",                true },
        { "application/pdf",            "text/html",                true },
        { "application/pdf",            "application/pdf",          false },
        { "text/plain",                 "video/mp4",                true },
        { "text/plain",                 OCTET_STREAM,               false },
        { "text/csv; charset=utf-8",    "text/plain",               false }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (ngx_http_pitchey_sniff_contradicts(pt_str(cases[i].declared),
                                               cases[i].type)
            != cases[i].contradicts)
        {
            fail_msg("%s, %s", cases[i].declared, cases[i].type);
        }
    }
}


static void
test_endings_give_media_types(void **state)
{
    size_t  i;

    static const char *const  cases[][2] = {
        { "master.m3u8",        "application/vnd.apple.mpegurl" },
        { "hls/720p/seg_1.m4s", "video/iso.segment" },
        { "a.b.jpg",            "image/jpeg" },
        { "mp4",                OCTET_STREAM },
        { "a.mp4/init",         OCTET_STREAM },
        { "a.exe",              OCTET_STREAM },
        { "a.",                 OCTET_STREAM },
        { "",                   OCTET_STREAM }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(ngx_http_pitchey_media_type(pt_str(cases[i][0])),
                            cases[i][1]);
    }
}


static void
test_nothing_with_scripts_is_inline(void **state)
{
    (void) state;

    assert_true(ngx_http_pitchey_media_inline(PT_STR("video/mp4")));
    assert_true(ngx_http_pitchey_media_inline(PT_STR("audio/mpeg")));
    assert_true(ngx_http_pitchey_media_inline(PT_STR("image/jpeg")));
    assert_true(ngx_http_pitchey_media_inline(PT_STR("application/pdf")));

    assert_false(ngx_http_pitchey_media_inline(PT_STR("image/svg+xml")));
    assert_false(ngx_http_pitchey_media_inline(PT_STR("text/html")));
    assert_false(ngx_http_pitchey_media_inline(PT_STR("text/xml")));
    assert_false(ngx_http_pitchey_media_inline(PT_STR(OCTET_STREAM)));
    assert_false(ngx_http_pitchey_media_inline(PT_STR_NULL));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_content_is_recognised),
        cmocka_unit_test(test_no_cut_of_any_sample_is_read_beyond_its_end),
        cmocka_unit_test(test_a_cut_document_is_still_recognised),
        cmocka_unit_test(test_streams_are_recognised_by_repetition),
        cmocka_unit_test(test_a_declared_type_contradicts_other_content),
        cmocka_unit_test(test_endings_give_media_types),
        cmocka_unit_test(test_nothing_with_scripts_is_inline)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
