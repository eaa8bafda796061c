/*
 * Media types by magic bytes, by ending, and what may be shown inline.
 *
 * The order matters: formats with a strong magic first, then those that are
 * recognised by structure (MPEG audio, MPEG-TS), then text.  Polyglots are
 * decided by their first byte, as browsers and demuxers do: a PDF signature
 * behind a line of HTML is HTML.
 *
 * Nothing but nginx's neighbours link this, and it is plain C: its statics
 * are called sniff_*, which keeps its tables readable.
 */

#include "ngx_http_pitchey_sniff.h"

#include <strings.h>
#include <yajl/yajl_parse.h>


#define OCTET_STREAM  "application/octet-stream"


typedef struct {
    uint8_t      offset;
    uint8_t      len;
    const char  *bytes;
    const char  *type;
} sniff_magic_t;


typedef struct {
    const char  *text;
    const char  *type;
} sniff_text_t;


static const char *sniff_magic(const uint8_t *p, size_t n);
static const char *sniff_iso_media(const uint8_t *p, size_t n);
static const char *sniff_ebml(const uint8_t *p, size_t n);
static size_t sniff_ebml_number(const uint8_t *p, size_t n, bool id,
    uint64_t *ret_value);
static const char *sniff_riff(const uint8_t *p, size_t n);
static const char *sniff_ogg(const uint8_t *p, size_t n);
static const char *sniff_zip(const uint8_t *p, size_t n);
static const char *sniff_mpeg_ts(const uint8_t *p, size_t n);
static bool sniff_packets(const uint8_t *p, size_t n, size_t offset,
    size_t size);
static const char *sniff_mpeg_audio(const uint8_t *p, size_t n);
static size_t sniff_mp3_frame(const uint8_t *p, size_t n);
static size_t sniff_adts_frame(const uint8_t *p, size_t n);
static const char *sniff_text(const uint8_t *p, size_t n, bool whole);
static bool sniff_is_text(const uint8_t *p, size_t n, bool whole);
static bool sniff_is_json(const uint8_t *p, size_t n, bool whole);
static bool sniff_begins(const uint8_t *p, size_t n, const char *text);
static bool sniff_type_in(pt_str_t type, const char *top);


#define magic(offset, bytes, type)                                            \
    { offset, sizeof(bytes) - 1, bytes, type }

static const sniff_magic_t  sniff_magics[] = {
    magic(0, "\x00\x00\x01\xba", "video/mpeg"),
    magic(0, "\x00\x00\x01\xb3", "video/mpeg"),
    magic(0, "FLV\x01", "video/x-flv"),
    magic(0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    magic(0, "\x06\x0e\x2b\x34\x02\x05\x01\x01", "application/mxf"),
    magic(0, "fLaC", "audio/flac"),
    magic(0, "ID3", "audio/mpeg"),
    magic(0, "#!AMR", "audio/amr"),
    magic(0, "\xff\xd8\xff", "image/jpeg"),
    magic(0, "\x89PNG\r\n\x1a\n", "image/png"),
    magic(0, "GIF87a", "image/gif"),
    magic(0, "GIF89a", "image/gif"),
    magic(0, "II*\x00", "image/tiff"),
    magic(0, "MM\x00*", "image/tiff"),
    magic(0, "%PDF-", "application/pdf"),
    magic(0, "%!PS", "application/postscript"),
    magic(0, "{\\rtf", "application/rtf"),
    magic(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    magic(0, "\x1f\x8b\x08", "application/gzip"),
    magic(0, "\x28\xb5\x2f\xfd", "application/zstd"),
    magic(0, "\xfd" "7zXZ\x00", "application/x-xz"),
    magic(0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    magic(0, "Rar!\x1a\x07", "application/vnd.rar"),
    { 0, 0, NULL, NULL }
};

#undef magic


/* the first ftyp brand, by its beginning; other brands are MP4 */
static const sniff_text_t  sniff_brands[] = {
    { "qt  ", "video/quicktime" },
    { "3g2",  "video/3gpp2" },
    { "3g",   "video/3gpp" },
    { "M4A ", "audio/mp4" },
    { "M4B ", "audio/mp4" },
    { "M4P ", "audio/mp4" },
    { "avif", "image/avif" },
    { "avis", "image/avif" },
    { "hei",  "image/heic" },
    { "hev",  "image/heic" },
    { "mif1", "image/heif" },
    { "msf1", "image/heif" },
    { NULL, NULL }
};


/* atoms that a QuickTime film from before ftyp begins with */
static const char *const  sniff_atoms[] = {
    "moov", "mdat", "wide", "free", "skip", "pnot", NULL
};


/* the names of a ZIP's first members, or a stored member "mimetype" */
static const sniff_text_t  sniff_members[] = {
    { "word/",
      "application/vnd.openxmlformats-officedocument.wordprocessingml"
      ".document" },
    { "xl/",
      "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
    { "ppt/",
      "application/vnd.openxmlformats-officedocument.presentationml"
      ".presentation" },
    { "mimetypeapplication/vnd.oasis.opendocument.text",
      "application/vnd.oasis.opendocument.text" },
    { "mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
      "application/vnd.oasis.opendocument.spreadsheet" },
    { "mimetypeapplication/vnd.oasis.opendocument.presentation",
      "application/vnd.oasis.opendocument.presentation" },
    { "mimetypeapplication/epub+zip", "application/epub+zip" },
    { NULL, NULL }
};


/* how text begins, case ignored.  Playlists, ffconcat scripts and SDP are
 * plain text here: nothing downstream may take them for a film. */
static const sniff_text_t  sniff_beginnings[] = {
    { "<!doctype html", "text/html" },
    { "<html",          "text/html" },
    { "<head",          "text/html" },
    { "<body",          "text/html" },
    { "<title",         "text/html" },
    { "<script",        "text/html" },
    { "<style",         "text/html" },
    { "<iframe",        "text/html" },
    { "<div",           "text/html" },
    { "<table",         "text/html" },
    { "<a ",            "text/html" },
    { "<p>",            "text/html" },
    { "<!--",           "text/html" },
    { "<svg",           "image/svg+xml" },
    { "<?xml",          "text/xml" },
    { "WEBVTT",         "text/vtt" },
    { NULL, NULL }
};


static const sniff_text_t  sniff_endings[] = {
    { "m3u8", "application/vnd.apple.mpegurl" },
    { "m4s",  "video/iso.segment" },
    { "mp4",  "video/mp4" },
    { "m4v",  "video/mp4" },
    { "m4a",  "audio/mp4" },
    { "ts",   "video/mp2t" },
    { "webm", "video/webm" },
    { "mp3",  "audio/mpeg" },
    { "aac",  "audio/aac" },
    { "wav",  "audio/wav" },
    { "jpg",  "image/jpeg" },
    { "jpeg", "image/jpeg" },
    { "png",  "image/png" },
    { "webp", "image/webp" },
    { "avif", "image/avif" },
    { "gif",  "image/gif" },
    { "vtt",  "text/vtt" },
    { "mpd",  "application/dash+xml" },
    { "pdf",  "application/pdf" },
    { "json", "application/json" },
    { "csv",  "text/csv" },
    { "txt",  "text/plain" },
    { "md",   "text/markdown" },
    { "html", "text/html" },
    { "xlsx",
      "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
    { "zip",  "application/zip" },
    { "gz",   "application/gzip" },
    { "zst",  "application/zstd" },
    { NULL, NULL }
};


/* a script in any of these cannot run, or is the viewer's own matter */
static const char *const  sniff_inline[] = {
    "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif",
    "application/pdf", "application/vnd.apple.mpegurl",
    "application/dash+xml", "text/vtt", NULL
};


const char *
ngx_http_pitchey_sniff(const uint8_t *data, size_t len, bool whole)
{
    const char  *type;

    if (len > NGX_HTTP_PITCHEY_SNIFF_LEN) {
        len = NGX_HTTP_PITCHEY_SNIFF_LEN;
        whole = false;
    }

    if ((type = sniff_magic(data, len)) != NULL
        || (type = sniff_iso_media(data, len)) != NULL
        || (type = sniff_ebml(data, len)) != NULL
        || (type = sniff_riff(data, len)) != NULL
        || (type = sniff_ogg(data, len)) != NULL
        || (type = sniff_zip(data, len)) != NULL
        || (type = sniff_mpeg_ts(data, len)) != NULL
        || (type = sniff_mpeg_audio(data, len)) != NULL
        || (type = sniff_text(data, len, whole)) != NULL)
    {
        return type;
    }

    return OCTET_STREAM;
}


static const char *
sniff_magic(const uint8_t *p, size_t n)
{
    const sniff_magic_t  *m;

    for (m = sniff_magics; m->type; m++) {
        if (n >= (size_t) m->offset + m->len
            && memcmp(p + m->offset, m->bytes, m->len) == 0)
        {
            return m->type;
        }
    }

    return NULL;
}


static const char *
sniff_iso_media(const uint8_t *p, size_t n)
{
    size_t               i;
    const sniff_text_t  *brand;

    if (n < 12) {
        return NULL;
    }

    if (memcmp(p + 4, "ftyp", 4) == 0) {
        for (brand = sniff_brands; brand->text; brand++) {
            if (memcmp(p + 8, brand->text, strlen(brand->text)) == 0) {
                return brand->type;
            }
        }

        return "video/mp4";
    }

    for (i = 0; sniff_atoms[i]; i++) {
        if (memcmp(p + 4, sniff_atoms[i], 4) == 0) {

            /* text may have these letters there as well */
            return sniff_is_text(p, n, false) ? NULL : "video/quicktime";
        }
    }

    return NULL;
}


/* EBML (RFC 8794): the header's DocType tells WebM from Matroska */
static const char *
sniff_ebml(const uint8_t *p, size_t n)
{
    size_t    len;
    uint64_t  id, size;

    if (n < 5 || memcmp(p, "\x1a\x45\xdf\xa3", 4) != 0) {
        return NULL;
    }

    p += 4;
    n -= 4;

    len = sniff_ebml_number(p, n, false, &size);
    if (len == 0) {
        return NULL;
    }

    p += len;
    n -= len;

    if (n > size) {
        n = size;
    }

    for ( ;; ) {
        len = sniff_ebml_number(p, n, true, &id);
        if (len == 0) {
            return NULL;
        }

        p += len;
        n -= len;

        len = sniff_ebml_number(p, n, false, &size);
        if (len == 0 || size > n - len) {
            return NULL;
        }

        p += len;
        n -= len;

        if (id == 0x4282) {
            if (size >= 8 && memcmp(p, "matroska", 8) == 0) {
                return "video/x-matroska";
            }

            return (size >= 4 && memcmp(p, "webm", 4) == 0) ? "video/webm"
                                                            : NULL;
        }

        p += size;
        n -= size;
    }
}


/*
 * A variable-length number; an id keeps its length marker.  Returns the bytes
 * it takes, 0 where there is none.
 */
static size_t
sniff_ebml_number(const uint8_t *p, size_t n, bool id, uint64_t *ret_value)
{
    size_t    i, len;
    uint64_t  value;

    if (n == 0 || p[0] == 0) {
        return 0;
    }

    for (len = 1; (p[0] & (0x80 >> (len - 1))) == 0; len++) { /* void */ }

    if (len > n) {
        return 0;
    }

    value = id ? p[0] : p[0] & (0x7f >> (len - 1));

    for (i = 1; i < len; i++) {
        value = value << 8 | p[i];
    }

    *ret_value = value;

    return len;
}


static const char *
sniff_riff(const uint8_t *p, size_t n)
{
    if (n < 12
        || (memcmp(p, "RIFF", 4) != 0 && memcmp(p, "RF64", 4) != 0))
    {
        return NULL;
    }

    if (memcmp(p + 8, "AVI ", 4) == 0) {
        return "video/x-msvideo";
    }

    if (memcmp(p + 8, "WAVE", 4) == 0) {
        return "audio/wav";
    }

    return memcmp(p + 8, "WEBP", 4) == 0 ? "image/webp" : NULL;
}


/* the first packet begins after a header of 27 bytes and its segment table */
static const char *
sniff_ogg(const uint8_t *p, size_t n)
{
    size_t  first;

    if (n < 28 || memcmp(p, "OggS", 4) != 0) {
        return NULL;
    }

    first = 27 + p[26];

    if (n < first + 7) {
        return "application/ogg";
    }

    p += first;

    /* a skeleton comes before video in practice */
    if (memcmp(p, "\x80theora", 7) == 0 || memcmp(p, "fishead", 7) == 0) {
        return "video/ogg";
    }

    if (memcmp(p, "\x01vorbis", 7) == 0 || memcmp(p, "OpusHea", 7) == 0
        || memcmp(p, "\x7f" "FLAC", 5) == 0 || memcmp(p, "Speex  ", 7) == 0)
    {
        return "audio/ogg";
    }

    return "application/ogg";
}


/* local file headers: 30 bytes, the name's length at 26, then the name; a
 * stored member's bytes follow its name where the extra field is empty */
static const char *
sniff_zip(const uint8_t *p, size_t n)
{
    size_t               i;
    const sniff_text_t  *m;

    if (n < 4 || memcmp(p, "PK\x03\x04", 4) != 0) {
        return NULL;
    }

    for (i = 0; i + 30 < n; i++) {
        if (memcmp(p + i, "PK\x03\x04", 4) != 0) {
            continue;
        }

        for (m = sniff_members; m->text; m++) {
            if (n - i - 30 >= strlen(m->text)
                && memcmp(p + i + 30, m->text, strlen(m->text)) == 0)
            {
                return m->type;
            }
        }
    }

    return "application/zip";
}


static const char *
sniff_mpeg_ts(const uint8_t *p, size_t n)
{
    /* as it is sent, and as a camcorder stores it: behind a time stamp */
    if (sniff_packets(p, n, 0, 188) || sniff_packets(p, n, 4, 192)) {
        return "video/mp2t";
    }

    return NULL;
}


/* a sync byte at the start of every packet there is, and of three at least */
static bool
sniff_packets(const uint8_t *p, size_t n, size_t offset, size_t size)
{
    size_t  i;

    if (n < 3 * size) {
        return false;
    }

    for (i = offset; i < n; i += size) {
        if (p[i] != 0x47) {
            return false;
        }
    }

    return true;
}


/* a frame, and another where the first one says that it ends */
static const char *
sniff_mpeg_audio(const uint8_t *p, size_t n)
{
    size_t  len;

    len = sniff_mp3_frame(p, n);

    if (len && len < n && sniff_mp3_frame(p + len, n - len)) {
        return "audio/mpeg";
    }

    len = sniff_adts_frame(p, n);

    if (len && len < n && sniff_adts_frame(p + len, n - len)) {
        return "audio/aac";
    }

    return NULL;
}


/* bytes of an MPEG audio frame of layer II or III (ISO 11172-3), else 0 */
static size_t
sniff_mp3_frame(const uint8_t *p, size_t n)
{
    unsigned  version, layer, bitrate, rate, padding;

    /* kbit/s: layer II and III of MPEG-1, both of MPEG-2 */
    static const uint16_t  bitrates[3][16] = {
        { 0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384 },
        { 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320 },
        { 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160 }
    };

    static const uint32_t  rates[3] = { 44100, 48000, 32000 };

    if (n < 4 || p[0] != 0xff || (p[1] & 0xe0) != 0xe0) {
        return 0;
    }

    version = p[1] >> 3 & 3;             /* 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5 */
    layer = p[1] >> 1 & 3;               /* 2: layer II, 1: layer III */
    rate = p[2] >> 2 & 3;
    padding = p[2] >> 1 & 1;

    if (version == 1 || (layer != 1 && layer != 2) || rate == 3) {
        return 0;
    }

    bitrate = bitrates[version == 3 ? (layer == 2 ? 0 : 1) : 2][p[2] >> 4];
    if (bitrate == 0) {
        return 0;
    }

    return (version != 3 && layer == 1 ? 72 : 144) * bitrate * 1000
           / (rates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2))
           + padding;
}


/* bytes of an AAC frame with ADTS header, else 0 */
static size_t
sniff_adts_frame(const uint8_t *p, size_t n)
{
    size_t  len;

    if (n < 7 || p[0] != 0xff || (p[1] & 0xf6) != 0xf0
        || (p[2] >> 2 & 0xf) > 12)
    {
        return 0;
    }

    len = (size_t) (p[3] & 3) << 11 | (size_t) p[4] << 3 | p[5] >> 5;

    return len >= 7 ? len : 0;
}


static const char *
sniff_text(const uint8_t *p, size_t n, bool whole)
{
    const sniff_text_t  *t;

    if (n >= 2 && ((p[0] == 0xff && p[1] == 0xfe)
                   || (p[0] == 0xfe && p[1] == 0xff)))
    {
        return "text/plain";             /* UTF-16 with its mark */
    }

    if (!sniff_is_text(p, n, whole)) {
        return NULL;
    }

    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
        n -= 3;
    }

    while (n && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'
                 || *p == '\f'))
    {
        p++;
        n--;
    }

    for (t = sniff_beginnings; t->text; t++) {
        if (sniff_begins(p, n, t->text)) {
            return t->type;
        }
    }

    return sniff_is_json(p, n, whole) ? "application/json" : "text/plain";
}


/* UTF-8 without the controls that no text has; it may be cut at its end */
static bool
sniff_is_text(const uint8_t *p, size_t n, bool whole)
{
    size_t  i, cut;

    for (i = 0; i < n; i++) {
        if (p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\f'
            && p[i] != '\r' && p[i] != 0x1b)
        {
            return false;
        }
    }

    for (cut = 0; !whole && cut < 3 && cut < n; cut++) {
        if ((p[n - 1 - cut] & 0xc0) == 0xc0) {
            n -= cut + 1;
            break;
        }

        if ((p[n - 1 - cut] & 0x80) == 0) {
            break;
        }
    }

    return n && pt_str_is_utf8((pt_str_t) { (const char *) p, n });
}


static bool
sniff_is_json(const uint8_t *p, size_t n, bool whole)
{
    bool         json;
    yajl_handle  parser;

    if (n == 0 || (*p != '{' && *p != '[')) {
        return false;
    }

    parser = yajl_alloc(NULL, NULL, NULL);
    if (parser == NULL) {
        return false;
    }

    json = yajl_parse(parser, p, n) == yajl_status_ok
           && (!whole || yajl_complete_parse(parser) == yajl_status_ok);

    yajl_free(parser);

    return json;
}


static bool
sniff_begins(const uint8_t *p, size_t n, const char *text)
{
    size_t  len;

    len = strlen(text);

    return n >= len && strncasecmp((const char *) p, text, len) == 0;
}


bool
ngx_http_pitchey_sniff_contradicts(pt_str_t declared, const char *type)
{
    bool         film;
    pt_str_t     is;
    const char  *end;

    if (declared.len == 0) {
        return false;
    }

    end = memchr(declared.data, ';', declared.len);
    if (end) {
        declared.len = end - declared.data;
    }

    while (declared.len && (declared.data[declared.len - 1] == ' '
                            || declared.data[declared.len - 1] == '\t'))
    {
        declared.len--;
    }

    is = pt_str(type);
    film = sniff_type_in(is, "video/") || pt_str_is(is, "application/ogg")
           || pt_str_is(is, "application/mxf");

    if (sniff_type_in(declared, "video/")) {
        return !film;
    }

    /* a container of film may hold sound alone */
    if (sniff_type_in(declared, "audio/")) {
        return !film && !sniff_type_in(is, "audio/");
    }

    if (sniff_type_in(declared, "image/svg")) {
        return !sniff_type_in(is, "image/svg") && !sniff_type_in(is, "text/");
    }

    if (sniff_type_in(declared, "image/")) {
        return !sniff_type_in(is, "image/") || sniff_type_in(is, "image/svg");
    }

    if (sniff_type_in(declared, "application/pdf")) {
        return !sniff_type_in(is, "application/pdf");
    }

    if (sniff_type_in(declared, "text/")) {
        return sniff_type_in(is, "video/") || sniff_type_in(is, "audio/")
               || (sniff_type_in(is, "image/")
                   && !sniff_type_in(is, "image/svg"));
    }

    return false;
}


const char *
ngx_http_pitchey_media_type(pt_str_t name)
{
    size_t               dot;
    pt_str_t             ending;
    const sniff_text_t  *e;

    for (dot = name.len; dot && name.data[dot - 1] != '.'; dot--) {
        if (name.data[dot - 1] == '/') {
            return OCTET_STREAM;
        }
    }

    if (dot == 0) {
        return OCTET_STREAM;
    }

    ending = (pt_str_t) { name.data + dot, name.len - dot };

    for (e = sniff_endings; e->text; e++) {
        if (pt_str_is(ending, e->text)) {
            return e->type;
        }
    }

    return OCTET_STREAM;
}


bool
ngx_http_pitchey_media_inline(pt_str_t type)
{
    size_t  i;

    if (sniff_type_in(type, "video/") || sniff_type_in(type, "audio/")) {
        return true;
    }

    for (i = 0; sniff_inline[i]; i++) {
        if (pt_str_is(type, sniff_inline[i])) {
            return true;
        }
    }

    return false;
}


/* begins with, case ignored: media types are */
static bool
sniff_type_in(pt_str_t type, const char *top)
{
    return sniff_begins((const uint8_t *) type.data, type.len, top);
}
