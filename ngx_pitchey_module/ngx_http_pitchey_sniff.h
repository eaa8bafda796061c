/*
 * Media types: of content by its first bytes, of a file below an output tree
 * by its name's ending, and what may be shown inside a browser's window.
 *
 * Plain C: knows nothing of requests.  What a client declares or calls a file
 * never decides; it can only contradict.
 */

#ifndef NGX_HTTP_PITCHEY_SNIFF_H
#define NGX_HTTP_PITCHEY_SNIFF_H

#include <stdint.h>
#include "pt_str.h"


/* bytes worth looking at: 43 packets of MPEG-TS, a long ID3-less MP3 frame,
 * the names of the first members of an office document */
#define NGX_HTTP_PITCHEY_SNIFF_LEN  8192


/*
 * The media type of content that begins with data; "application/octet-stream"
 * where nothing fits.  whole tells that data is all there is, so that a cut
 * character or document at its end counts.  The text is static.
 */
const char *ngx_http_pitchey_sniff(const uint8_t *data, size_t len,
    bool whole);

/*
 * Whether the declared media type (a Content-Type's value, parameters and
 * all; may be absent) promises something that the content is not: a film that
 * is text, an image that is a script.  Types that promise nothing to a
 * processor (application/octet-stream and most others) never contradict.
 */
bool ngx_http_pitchey_sniff_contradicts(pt_str_t declared, const char *type);

/* the media type of a file name; "application/octet-stream" if unknown */
const char *ngx_http_pitchey_media_type(pt_str_t name);

/* video, audio, raster images, PDF, and the playlists that lead to them */
bool ngx_http_pitchey_media_inline(pt_str_t type);


#endif /* NGX_HTTP_PITCHEY_SNIFF_H */
