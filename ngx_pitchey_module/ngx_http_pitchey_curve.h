/* Keys for an orchestrator over tcp://, read with the configuration. */

#ifndef NGX_HTTP_PITCHEY_CURVE_H
#define NGX_HTTP_PITCHEY_CURVE_H

#include "ngx_http_pitchey_module.h"


/*
 * The arguments behind the endpoint, "server_key=" and "key_file=", into o:
 * both over tcp://, neither over ipc://.  NULL, NGX_CONF_ERROR after it was
 * logged.
 */
char *ngx_http_pitchey_curve_arguments(ngx_conf_t *cf, ngx_str_t *args,
    ngx_uint_t n, ngx_http_pitchey_orchestrator_t *o);

/* sets them on a socket: NGX_OK or NGX_ERROR with zmq_errno() */
ngx_int_t ngx_http_pitchey_curve_set(void *socket,
    const ngx_http_pitchey_orchestrator_t *o);


#endif /* NGX_HTTP_PITCHEY_CURVE_H */
