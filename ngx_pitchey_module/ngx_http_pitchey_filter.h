/* What every answer of our locations carries, errors of nginx included. */

#ifndef NGX_HTTP_PITCHEY_FILTER_H
#define NGX_HTTP_PITCHEY_FILTER_H

#include "ngx_http_pitchey_module.h"


/* installs the header and body filters: postconfiguration */
void ngx_http_pitchey_filter_init(void);


#endif /* NGX_HTTP_PITCHEY_FILTER_H */
