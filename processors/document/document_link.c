/* Places with names, the links that lead to them, and those that lead out. */

#include <string.h>
#include <strings.h>

#include "document_reader.h"


/* what browsers and mail programs still take */
#define DOCUMENT_ADDRESS_MAX  2000


static int document_link_out(document_markdown_t *m, const MD_ATTRIBUTE *href);
static void document_address_add(pt_buf_t *address, pt_str_t text);
static bool document_address_leads(pt_str_t address);
static int document_reference(document_markdown_t *m);


/* the place of a name, from 1; 0: no room */
unsigned
document_id(document_markdown_t *m, pt_str_t name)
{
    unsigned  i;

    for (i = 0; i < m->n_ids; i++) {
        if (pt_str_eq(m->ids[i].name, name)) {
            return i + 1;
        }
    }

    if (m->n_ids == DOCUMENT_IDS_MAX) {
        (void) document_stop(m, PT_E_TOO_LARGE, "too many references",
                             PT_STR(""));
        return 0;
    }

    m->ids[m->n_ids].name = pt_room_copy(m->room, name);

    if (m->ids[m->n_ids].name.data == NULL) {
        (void) document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
        return 0;
    }

    return ++m->n_ids;
}


int
document_link(document_markdown_t *m, const MD_ATTRIBUTE *href)
{
    /* md4c lets an autolink stand in the words of another link */
    if (m->target != 0 || m->uri != NULL) {
        return document_stop(m, PT_E_INVALID, "a link within a link, to",
                             (pt_str_t) { href->text, href->size });
    }

    m->link_run = m->block != NULL ? m->block->n : 0;

    if (href->size < 2 || href->text[0] != '#') {
        return document_link_out(m, href);
    }

    m->target = document_id(m, (pt_str_t) { href->text + 1, href->size - 1 });

    return m->target == 0 ? -1 : 0;
}


/* the address, as ASCII that needs no other escape in any format */
static int
document_link_out(document_markdown_t *m, const MD_ATTRIBUTE *href)
{
    char        entity[5];
    size_t      i, from, to;
    pt_err_t    err;
    pt_buf_t    address;
    pt_str_t    part, *uri = NULL;

    pt_buf_init(&address, &pt_mem_heap, DOCUMENT_ADDRESS_MAX);

    for (i = 0; href->size > 0 && href->substr_offsets[i] < href->size; i++) {
        from = href->substr_offsets[i];
        to = href->substr_offsets[i + 1];
        part = (pt_str_t) { href->text + from, to - from };

        if (href->substr_types[i] == MD_TEXT_ENTITY
            && document_entity(part, entity))
        {
            part = pt_str(entity);
        }

        document_address_add(&address, part);
    }

    err = address.err;

    if (err == PT_OK) {
        err = document_address_leads(pt_buf_str(&address)) ? PT_OK
              : PT_E_INVALID;
    }

    if (err == PT_OK) {
        uri = pt_room_alloc(m->room, sizeof(pt_str_t));
        err = PT_E_NOMEM;
    }

    if (uri != NULL) {
        *uri = pt_room_copy(m->room, pt_buf_str(&address));
        err = uri->data != NULL ? PT_OK : PT_E_NOMEM;
    }

    m->uri = uri;
    pt_buf_done(&address);

    return err == PT_OK ? 0
           : err == PT_E_NOMEM ? document_stop(m, err, NULL, PT_STR_NULL)
           : document_stop(m, PT_E_INVALID, "no link leads to",
                           (pt_str_t) { href->text, href->size });
}


/* what RFC 3986 does not know is sent as bytes in hexadecimal digits */
static void
document_address_add(pt_buf_t *address, pt_str_t text)
{
    char    c;
    size_t  i;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c >= '!' && c <= '~' && strchr("\"<>\\^`{|}", c) == NULL) {
            pt_buf_add_char(address, c);

        } else if ((c >= '\0' && c < ' ') || c == 0x7f) {
            address->err = PT_E_INVALID;

        } else {
            pt_buf_printf(address, "%%%02X", (unsigned char) c);
        }
    }
}


/*
 * To the web or to a mailbox, and nowhere else: "javascript:" would run in the
 * HTML file, "file:" opens what is on the reader's machine.  Who stands before
 * an "@" looks like the host: "https://bank.example@evil.example/".
 */
static bool
document_address_leads(pt_str_t address)
{
    size_t    i, n;
    pt_str_t  rest;

    static const char *const  schemes[] = {
        "https://", "http://", "mailto:"
    };

    for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        n = strlen(schemes[i]);

        if (address.len <= n || strncasecmp(address.data, schemes[i], n) != 0) {
            continue;
        }

        rest = (pt_str_t) { address.data + n, address.len - n };

        if (schemes[i][n - 1] == ':') {
            return memchr(rest.data, '@', rest.len) != NULL;
        }

        for (n = 0; n < rest.len && strchr("/?#", rest.data[n]) == NULL; n++) {
            /* host and port */
        }

        return n > 0 && memchr(rest.data, '@', n) == NULL;
    }

    return false;
}


int
document_link_end(document_markdown_t *m)
{
    int              rc;
    const pt_str_t  *uri = m->uri;

    if (uri == NULL) {
        return document_reference(m);
    }

    /* a link without words shows where it leads */
    rc = m->block != NULL && m->block->n > m->link_run ? 0
         : document_run(m, *uri);
    m->uri = NULL;

    return rc;
}


/* the number follows the link's text: "clause" and a space that holds */
static int
document_reference(document_markdown_t *m)
{
    document_ref_t  *ref;

    if (m->block != NULL && m->block->n > m->link_run
        && document_run(m, PT_STR("\xc2\xa0")) != 0)
    {
        return -1;
    }

    ref = pt_room_alloc(m->room, sizeof(document_ref_t));
    if (ref == NULL) {
        return document_stop(m, PT_E_NOMEM, NULL, PT_STR_NULL);
    }

    if (document_run(m, PT_STR("?")) != 0) {
        return -1;
    }

    ref->block = m->block;
    ref->run = m->block->n - 1;
    ref->id = m->target;
    ref->next = m->refs;
    m->refs = ref;
    m->target = 0;

    return 0;
}


pt_err_t
document_resolve(document_markdown_t *m)
{
    document_ref_t  *ref;
    document_id_t   *id;

    for (ref = m->refs; ref != NULL; ref = ref->next) {
        id = &m->ids[ref->id - 1];

        if (id->number.len == 0) {
            (void) document_stop(m, PT_E_INVALID,
                                 "reference to a clause that has no number",
                                 id->name);
            return m->err;
        }

        ref->block->runs[ref->run].text = id->number;
    }

    return PT_OK;
}
