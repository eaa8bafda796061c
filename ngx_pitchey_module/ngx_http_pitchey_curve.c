/*
 * CURVE at the edge's side: its own pair of keys, as `pitchey-orchestrator
 * keygen` writes them, and the orchestrator's public key.
 */

#include <zmq.h>

#include "ngx_http_pitchey_curve.h"


/* bytes of Z85, and of the two lines of a file with what an editor adds */
#define NGX_HTTP_PITCHEY_CURVE_KEY   40
#define NGX_HTTP_PITCHEY_CURVE_FILE  1024


static char *ngx_http_pitchey_curve_read(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_pitchey_orchestrator_t *o);
static ngx_int_t ngx_http_pitchey_curve_line(ngx_conf_t *cf, u_char *text,
    const char *name, ngx_str_t *key);
static ngx_uint_t ngx_http_pitchey_curve_is_key(ngx_str_t *key);


char *
ngx_http_pitchey_curve_arguments(ngx_conf_t *cf, ngx_str_t *args,
    ngx_uint_t n, ngx_http_pitchey_orchestrator_t *o)
{
    ngx_str_t   path;
    ngx_uint_t  i;

    ngx_str_null(&path);

    for (i = 0; i < n; i++) {

        if (ngx_strncmp(args[i].data, "server_key=", 11) == 0) {
            o->server_key.data = args[i].data + 11;
            o->server_key.len = args[i].len - 11;

        } else if (ngx_strncmp(args[i].data, "key_file=", 9) == 0) {
            path.data = args[i].data + 9;
            path.len = args[i].len - 9;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &args[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_strncmp(o->endpoint.data, "tcp://", 6) != 0) {

        if (n) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keys are for an orchestrator over tcp://, not "
                               "\"%V\"", &o->endpoint);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (path.len == 0 || !ngx_http_pitchey_curve_is_key(&o->server_key)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" takes server_key=KEY, the orchestrator's "
                           "public key, and key_file=FILE, our own",
                           &o->endpoint);
        return NGX_CONF_ERROR;
    }

    return ngx_http_pitchey_curve_read(cf, &path, o);
}


static char *
ngx_http_pitchey_curve_read(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_pitchey_orchestrator_t *o)
{
    u_char           text[NGX_HTTP_PITCHEY_CURVE_FILE];
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_info_t  fi;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_CONF_ERROR;
    }

    rc = ngx_fd_info(fd, &fi);
    n = ngx_read_fd(fd, text, sizeof(text) - 1);
    ngx_close_file(fd);

    if (rc != 0 || n < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "could not read \"%V\"", path);
        return NGX_CONF_ERROR;
    }

    text[n] = '\0';

    if (fi.st_mode & 077) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "cannot use \"%V\": others may read it", path);
        rc = NGX_ERROR;

    } else if (ngx_http_pitchey_curve_line(cf, text, "public ",
                                           &o->public_key)
               != NGX_OK
               || ngx_http_pitchey_curve_line(cf, text, "secret ",
                                              &o->secret_key)
                  != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" does not have a public and a secret key",
                           path);
        rc = NGX_ERROR;
    }

    ngx_explicit_memzero(text, sizeof(text));

    return rc ? NGX_CONF_ERROR : NGX_CONF_OK;
}


static ngx_int_t
ngx_http_pitchey_curve_line(ngx_conf_t *cf, u_char *text, const char *name,
    ngx_str_t *key)
{
    u_char  *p;

    p = (u_char *) ngx_strstr(text, name);

    if (p == NULL) {
        return NGX_ERROR;
    }

    key->data = p + ngx_strlen(name);
    key->len = strcspn((char *) key->data, " \t\r\n");

    if (!ngx_http_pitchey_curve_is_key(key)) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, key->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(p, key->data, key->len + 1);
    key->data = p;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_pitchey_curve_is_key(ngx_str_t *key)
{
    char     text[NGX_HTTP_PITCHEY_CURVE_KEY + 1];
    uint8_t  bytes[32];

    if (key->len != NGX_HTTP_PITCHEY_CURVE_KEY) {
        return 0;
    }

    (void) ngx_cpystrn((u_char *) text, key->data, sizeof(text));

    return zmq_z85_decode(bytes, text) != NULL;
}


ngx_int_t
ngx_http_pitchey_curve_set(void *socket,
    const ngx_http_pitchey_orchestrator_t *o)
{
    if (o->server_key.len == 0) {
        return NGX_OK;
    }

    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, o->server_key.data,
                       NGX_HTTP_PITCHEY_CURVE_KEY + 1) != 0
        || zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, o->public_key.data,
                          NGX_HTTP_PITCHEY_CURVE_KEY + 1) != 0
        || zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, o->secret_key.data,
                          NGX_HTTP_PITCHEY_CURVE_KEY + 1) != 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
