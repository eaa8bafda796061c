/* Links in webhooks. */

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "orch.h"


#define ORCH_LINK_SECRET_MIN  32         /* the edge warns of shorter ones */


static void orch_link_outputs(pt_jsonw_t *w, const char *base,
    const pt_json_t *outputs);
static void orch_link_path(pt_buf_t *url, pt_str_t path);


pt_err_t
orch_secret_read(const char *name, const char *value,
    char ret_secret[ORCH_SECRET_MAX + 1])
{
    size_t  n;
    FILE   *f;

    ret_secret[0] = '\0';

    if (strncmp(value, "file:", 5) != 0) {
        if (strlen(value) > ORCH_SECRET_MAX) {
            pt_log(PT_LOG_ERROR, "config", "%s is too long", name);
            return PT_E_INVALID;
        }

        strcpy(ret_secret, value);
        return PT_OK;
    }

    f = fopen(value + 5, "re");

    if (f == NULL) {
        pt_log(PT_LOG_ERROR, "config", "%s: could not open \"%s\": %m", name,
               value + 5);
        return PT_E_INVALID;
    }

    n = fread(ret_secret, 1, ORCH_SECRET_MAX, f);
    fclose(f);

    if (n == ORCH_SECRET_MAX) {
        pt_log(PT_LOG_ERROR, "config", "%s: \"%s\" is too long for a secret",
               name, value + 5);
        return PT_E_INVALID;
    }

    while (n > 0 && strchr(" \t\r\n", ret_secret[n - 1]) != NULL) {
        n--;
    }

    ret_secret[n] = '\0';

    return PT_OK;
}


pt_err_t
orch_links_open(orch_t *o)
{
    size_t       n;
    const char  *base = o->config->link_base;

    if (o->config->link_secret[0] == '\0' || base[0] == '\0') {
        return PT_OK;
    }

    n = strlen(base);
    n -= base[n - 1] == '/';

    if ((strncmp(base, "https://", 8) != 0 && strncmp(base, "http://", 7) != 0)
        || n >= sizeof(o->links.base))
    {
        pt_log(PT_LOG_ERROR, "config", "link_base is not the address of the "
               "API, as https://films.example/api/containers: \"%s\"", base);
        return PT_E_INVALID;
    }

    if (orch_secret_read("link_secret", o->config->link_secret,
                         o->links.secret) != PT_OK)
    {
        return PT_E_INVALID;
    }

    if (strlen(o->links.secret) < ORCH_LINK_SECRET_MIN) {
        pt_log(PT_LOG_ERROR, "config", "link_secret has fewer than %d bytes",
               ORCH_LINK_SECRET_MIN);
        return PT_E_INVALID;
    }

    snprintf(o->links.base, sizeof(o->links.base), "%.*s", (int) n, base);

    return PT_OK;
}


void
orch_links_write(const orch_links_t *links, pt_jsonw_t *w, const pt_id_t *id,
    const pt_json_t *job, int64_t now_ms)
{
    char              base[sizeof(links->base) + PT_LINK_LEN + 16];
    char              token[PT_LINK_LEN];
    int64_t           expires = now_ms / 1000 + ORCH_LINK_LIFE;
    const pt_json_t  *outputs = pt_json_member(job, "outputs");

    if (links->secret[0] == '\0' || outputs == NULL || outputs->first == NULL
        || !pt_link_make(pt_str(links->secret), id, (uint32_t) expires, token))
    {
        return;
    }

    snprintf(base, sizeof(base), "%s/links/%.*s/", links->base, PT_LINK_LEN,
             token);

    pt_jsonw_key(w, "links");
    pt_jsonw_object(w);
    pt_jsonw_key(w, "url");
    pt_jsonw_text(w, base);
    orch_json_time(w, "expires_at", expires * 1000);
    pt_jsonw_key(w, "outputs");
    pt_jsonw_array(w);
    orch_link_outputs(w, base, outputs);
    pt_jsonw_end(w);
    pt_jsonw_end(w);
}


static void
orch_link_outputs(pt_jsonw_t *w, const char *base, const pt_json_t *outputs)
{
    pt_str_t          name, entry;
    pt_buf_t          url;
    const pt_json_t  *output;

    for (output = outputs->first; output != NULL; output = output->next) {
        name = pt_json_string(output, "name", PT_STR(""));
        entry = pt_json_string(output, "entry", PT_STR(""));

        pt_buf_init(&url, &pt_mem_heap, PT_REPLY_MAX);
        pt_buf_add_str(&url, pt_str(base));
        orch_link_path(&url, name);

        if (entry.len > 0) {
            pt_buf_add_str(&url, PT_STR("/"));
            orch_link_path(&url, entry);
        }

        if (url.err == PT_OK) {
            pt_jsonw_object(w);
            pt_jsonw_key(w, "name");
            pt_jsonw_str(w, name);
            pt_jsonw_key(w, "url");
            pt_jsonw_str(w, pt_buf_str(&url));
            pt_jsonw_end(w);
        }

        pt_buf_done(&url);
    }
}


/* RFC 3986: what is not unreserved is escaped, but the slash */
static void
orch_link_path(pt_buf_t *url, pt_str_t path)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < path.len; i++) {
        c = (unsigned char) path.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || (c != 0 && strchr("-._~/", c)))
        {
            pt_buf_add(url, &path.data[i], 1);

        } else {
            pt_buf_printf(url, "%%%02X", c);
        }
    }
}
