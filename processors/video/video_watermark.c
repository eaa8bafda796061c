/*
 * A text over all pictures.
 */

#include "video_watermark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "video_track.h"


#define VIDEO_FONT_NAME     "watermark.ttf"
#define VIDEO_TEXT_NAME     "watermark.txt"

/* DejaVu Sans has 760 KB, a font of Chinese 20 MB */
#define VIDEO_FONT_BYTES    (2u << 20)

/* from the edges, and the least that can be read, in lines */
#define VIDEO_TEXT_MARGIN   0.03
#define VIDEO_TEXT_LINES    8

/* of its height, what a letter is wide on average, and some */
#define VIDEO_TEXT_WIDTH    0.65


/* the first comes with FFmpeg's libraries, by way of fontconfig */
static const char *const  video_fonts[] = {
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/open-sans/OpenSans-Regular.ttf",
    NULL
};

static uint8_t  *video_font;
static size_t    video_font_bytes;


pt_err_t
video_watermark_load(void)
{
    FILE               *f;
    const char *const  *path;

    for (path = video_fonts; *path && video_font_bytes == 0; path++) {
        f = fopen(*path, "rbe");
        if (f == NULL) {
            continue;
        }

        if (video_font == NULL) {
            video_font = malloc(VIDEO_FONT_BYTES);
        }

        if (video_font) {
            video_font_bytes = fread(video_font, 1, VIDEO_FONT_BYTES, f);
        }

        fclose(f);
    }

    return video_font_bytes > 0 ? PT_OK : PT_E_NOT_FOUND;
}


pt_err_t
video_watermark_prepare(const video_watermark_t *w, video_report_t *report)
{
    pt_err_t  err;

    if (video_font_bytes == 0) {
        return video_fail(report, PT_E_INTERNAL, "there is no font for a "
                          "watermark: install fonts-dejavu-core");
    }

    err = video_write_file(VIDEO_FONT_NAME, video_font, video_font_bytes,
                           report);

    /* in a file nothing of it can mean anything to the filter's parser */
    return err != PT_OK ? err : video_write_file(VIDEO_TEXT_NAME, w->text,
                                                 strlen(w->text), report);
}


void
video_watermark_filter(const video_watermark_t *w, int width, int height,
    char *text, size_t size)
{
    int          letter, margin, n;
    double       fits;
    const char  *p;

    /* letters, not the bytes that follow the first one of each */
    for (n = 0, p = w->text; *p; p++) {
        n += (*p & 0xc0) != 0x80;
    }

    letter = (int) (w->size * height);
    fits = width * (1 - 2 * VIDEO_TEXT_MARGIN) / (VIDEO_TEXT_WIDTH * n);
    letter = letter < fits ? letter : (int) fits;
    letter = letter < VIDEO_TEXT_LINES ? VIDEO_TEXT_LINES : letter;
    margin = (int) (VIDEO_TEXT_MARGIN * height);

    n = snprintf(text, size, "drawtext=fontfile=" VIDEO_FONT_NAME
                 ":textfile=" VIDEO_TEXT_NAME ":expansion=none:fontsize=%d"
                 ":fontcolor=white@%.3f:borderw=%d:bordercolor=black@%.3f",
                 letter, w->opacity, letter / 16, w->opacity / 2);

    switch (w->across) {
    case 0:
        n += snprintf(text + n, size - n, ":x=%d", margin);
        break;

    case 1:
        n += snprintf(text + n, size - n, ":x=(w-tw)/2");
        break;

    default:
        n += snprintf(text + n, size - n, ":x=w-tw-%d", margin);
        break;
    }

    switch (w->down) {
    case 0:
        snprintf(text + n, size - n, ":y=%d", margin);
        break;

    case 1:
        snprintf(text + n, size - n, ":y=(h-th)/2");
        break;

    default:
        snprintf(text + n, size - n, ":y=h-th-%d", margin);
        break;
    }
}
