/* Text of COPY, told again. */

#include <stdio.h>

#include "backup_export_row.h"


static char *row_field(char **at, char *end, size_t *ret_len);
static char row_unescape(char c);
static void json_value(export_out_t *out, export_value_t kind,
    const char *text, size_t len);
static void json_time(export_out_t *out, const char *text, size_t len);
static bool csv_is_plain(const char *text, size_t len);


/* exact, as PostgreSQL writes types; with a length only those of text */
static const struct {
    const char      *type;
    export_value_t   value;
} export_values[] = {
    { "boolean",                     EXPORT_BOOL },
    { "smallint",                    EXPORT_NUMBER },
    { "integer",                     EXPORT_NUMBER },
    { "bigint",                      EXPORT_NUMBER },
    { "real",                        EXPORT_NUMBER },
    { "double precision",            EXPORT_NUMBER },
    { "numeric",                     EXPORT_NUMBER },
    { "text",                        EXPORT_TEXT },
    { "character varying",           EXPORT_TEXT },
    { "uuid",                        EXPORT_TEXT },
    { "date",                        EXPORT_TEXT },
    { "bytea",                       EXPORT_TEXT },
    { "json",                        EXPORT_JSON },
    { "jsonb",                       EXPORT_JSON },
    { "timestamp with time zone",    EXPORT_TIME },
    { "timestamp without time zone", EXPORT_TIME }
};


export_value_t
backup_export_value(const char *type)
{
    size_t  i;

    for (i = 0; i < sizeof(export_values) / sizeof(export_values[0]); i++) {
        if (strcmp(type, export_values[i].type) == 0) {
            return export_values[i].value;
        }
    }

    return EXPORT_OTHER;
}


void
backup_export_put(export_out_t *out, const char *data, size_t len)
{
    if (out->len + len > EXPORT_CHUNK && out->err == PT_OK) {
        out->err = out->flush(out->ctx, out->data, out->len);
        out->len = 0;
    }

    if (out->err != PT_OK) {
        return;
    }

    if (len > EXPORT_CHUNK) {
        out->err = out->flush(out->ctx, data, len);
        return;
    }

    memcpy(out->data + out->len, data, len);
    out->len += len;
}


pt_err_t
backup_export_row(char *row, size_t len, const export_value_t *values,
    const pt_str_t *names, size_t n, export_out_t *csv, export_out_t *json)
{
    char    *at = row, *end = row + len, *text, *own;
    size_t   i, size, own_size;

    if (len != 0 && end[-1] == '\n') {
        end--;
    }

    for (i = 0; i < n; i++) {
        own = text = row_field(&at, end, &size);
        own_size = size;

        if (values[i] == EXPORT_OTHER) {
            own = row_field(&at, end, &own_size);
        }

        if (i != 0) {
            backup_export_put(csv, ",", 1);
        }

        if (text != NULL) {
            backup_export_csv_text(csv, text, size, n == 1);
        }

        backup_export_put(json, names[i].data, names[i].len);

        if (own != NULL) {
            json_value(json, values[i], own, own_size);
        } else {
            backup_export_put(json, "null", 4);
        }
    }

    /* the last field leaves it behind the end */
    if (at != end + 1 && n != 0) {
        return backup_say(PT_E_DATABASE, "a row has not the fields that it "
                          "should");
    }

    backup_export_put(csv, "\n", 1);
    backup_export_put(json, n == 0 ? "{}" : "}", n == 0 ? 2 : 1);

    return csv->err != PT_OK ? csv->err : json->err;
}


/*
 * The next field, unescaped where it stands.  Past the end it is NULL, and at
 * stays behind it.
 *
 * at  leaves it behind the tab, or at end + 1
 */
static char *
row_field(char **at, char *end, size_t *ret_len)
{
    char  *from = *at, *to, *start = *at;

    *ret_len = 0;

    if (from > end) {
        *at = end + 2;
        return NULL;
    }

    while (from < end && *from != '\t' && *from != '\\') {
        from++;
    }

    to = from;

    if (from < end && *from == '\\' && from == start && from + 1 < end
        && from[1] == 'N')
    {
        *at = from + 3;
        return NULL;
    }

    while (from < end && *from != '\t') {
        if (*from == '\\' && from + 1 < end) {
            from++;
            *to++ = row_unescape(*from++);
        } else {
            *to++ = *from++;
        }
    }

    *at = from + 1;
    *ret_len = (size_t) (to - start);

    return start;
}


static char
row_unescape(char c)
{
    switch (c) {
    case 'b':  return '\b';
    case 'f':  return '\f';
    case 'n':  return '\n';
    case 'r':  return '\r';
    case 't':  return '\t';
    case 'v':  return '\v';
    default:   return c;
    }
}


/* ---- JSON ---- */

static void
json_value(export_out_t *out, export_value_t kind, const char *text,
    size_t len)
{
    bool  number;

    switch (kind) {

    case EXPORT_BOOL:
        backup_export_put(out, len != 0 && text[0] == 't' ? "true" : "false",
                          len != 0 && text[0] == 't' ? 4 : 5);
        return;

    case EXPORT_NUMBER:
        number = len > 0 && (text[0] == '-' ? len > 1 && text[1] >= '0'
                                              && text[1] <= '9'
                                            : text[0] >= '0' && text[0] <= '9');
        if (number) {
            backup_export_put(out, text, len);
        } else {
            backup_export_json_text(out, text, len);
        }

        return;

    case EXPORT_TIME:
        json_time(out, text, len);
        return;

    case EXPORT_JSON:
    case EXPORT_OTHER:
        backup_export_put(out, text, len);
        return;

    case EXPORT_TEXT:
        backup_export_json_text(out, text, len);
        return;
    }
}


/* "2026-11-23 12:00:00+00", with " BC" perhaps; the session's zone is UTC */
static void
json_time(export_out_t *out, const char *text, size_t len)
{
    size_t       day, rest;
    const char  *blank, *zone;

    backup_export_put(out, "\"", 1);
    blank = memchr(text, ' ', len);

    if (blank == NULL) {               /* infinity */
        backup_export_put(out, text, len);
        backup_export_put(out, "\"", 1);
        return;
    }

    day = (size_t) (blank - text);
    rest = len - day - 1;
    backup_export_put(out, text, day);
    backup_export_put(out, "T", 1);
    zone = memmem(blank + 1, rest, "+00", 3);

    if (zone != NULL) {
        zone += 3;
        backup_export_put(out, blank + 1, (size_t) (zone - blank - 1));
        backup_export_put(out, ":00", 3);
        backup_export_put(out, zone, len - (size_t) (zone - text));

    } else {
        backup_export_put(out, blank + 1, rest);
    }

    backup_export_put(out, "\"", 1);
}


void
backup_export_json_text(export_out_t *out, const char *text, size_t len)
{
    char         escaped[8];
    const char  *at = text, *end = text + len, *run;

    /* what has a short form, in pairs */
    static const char  pairs[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    backup_export_put(out, "\"", 1);

    while (at < end) {
        run = at;

        while (at < end && (unsigned char) *at >= 0x20 && *at != '"'
               && *at != '\\')
        {
            at++;
        }

        backup_export_put(out, run, (size_t) (at - run));

        if (at < end) {
            size_t  i = 0;

            while (pairs[i] != '\0' && pairs[i] != *at) {
                i += 2;
            }

            if (pairs[i] != '\0') {
                escaped[0] = '\\';
                escaped[1] = pairs[i + 1];
                backup_export_put(out, escaped, 2);

            } else {
                (void) snprintf(escaped, sizeof(escaped), "\\u%04x",
                                (unsigned char) *at);
                backup_export_put(out, escaped, 6);
            }

            at++;
        }
    }

    backup_export_put(out, "\"", 1);
}


/* ---- CSV ---- */

void
backup_export_csv_text(export_out_t *out, const char *text, size_t len,
    bool alone)
{
    const char  *at = text, *end = text + len, *quote;

    /* nothing at all is NULL */
    if (len != 0 && csv_is_plain(text, len)
        && !(alone && len == 2 && memcmp(text, "\\.", 2) == 0))
    {
        backup_export_put(out, text, len);
        return;
    }

    backup_export_put(out, "\"", 1);

    while ((quote = memchr(at, '"', (size_t) (end - at))) != NULL) {
        backup_export_put(out, at, (size_t) (quote - at) + 1);
        backup_export_put(out, "\"", 1);
        at = quote + 1;
    }

    backup_export_put(out, at, (size_t) (end - at));
    backup_export_put(out, "\"", 1);
}


static bool
csv_is_plain(const char *text, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (text[i] == ',' || text[i] == '"' || text[i] == '\n'
            || text[i] == '\r')
        {
            return false;
        }
    }

    return true;
}
