/*
 * The document is written once for each location.  What the code knows is
 * taken from there (routes, schemas, prefix, cookies); what only people know
 * stands in the tables below, by method and pattern.
 */

#include <openssl/sha.h>

#include "ngx_http_pitchey_openapi.h"
#include "ngx_http_pitchey_mem.h"
#include "ngx_http_pitchey_problem.h"


/* bytes: hundreds of actions with schemas like ours */
#define NGX_HTTP_PITCHEY_OPENAPI_MAX   (16 * 1024 * 1024)

/* a quoted ETag of 64 bits of SHA-256 */
#define NGX_HTTP_PITCHEY_OPENAPI_ETAG  (16 + 2)

#define NGX_HTTP_PITCHEY_OPENAPI_NAME  (2 * NGX_HTTP_PITCHEY_NAME_MAX + 2)

#define JSON_OF(schema)                                                       \
    "{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/"     \
    schema "\"}}}"

#define ANY_OF(type)  "{\"" type "\":{}}"

#define QUERY(name, text, schema)                                             \
    "{\"name\":\"" name "\",\"in\":\"query\",\"description\":\"" text "\","   \
    "\"schema\":" schema "}"

#define KEY_HEADER                                                            \
    "{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":"        \
    "\"The same key and the same body are the same request, for 24 hours.\"," \
    "\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}}"

#define CACHE_HEADER                                                          \
    "{\"name\":\"Cache-Control\",\"in\":\"header\",\"description\":"          \
    "\"no-cache: have it done, though its result may be known.\","           \
    "\"schema\":{\"type\":\"string\"}}"

#define MONTH_SCHEMA                                                          \
    "{\"type\":\"string\",\"pattern\":\"^[0-9]{4}-[0-9]{2}$\"}"

#define TIME_SCHEMA  "{\"type\":\"string\",\"format\":\"date-time\"}"


/* an operation as people know it */
typedef struct {
    ngx_uint_t    method;
    const char   *pattern;
    const char   *id;              /* operationId */
    const char   *summary;
    const char   *parameters;      /* but those of the path; NULL: none */
    const char   *request;         /* content; NULL: no body */
    const char   *status;          /* of success, ... */
    const char   *content;         /* and its content; NULL: none */
} ngx_http_pitchey_openapi_row_t;


static void ngx_http_pitchey_openapi_document(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf);
static void ngx_http_pitchey_openapi_head(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf);
static void ngx_http_pitchey_openapi_routes(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf);
static void ngx_http_pitchey_openapi_path(pt_jsonw_t *w, ngx_uint_t number);
static void ngx_http_pitchey_openapi_operation(pt_jsonw_t *w,
    const ngx_http_pitchey_route_t *route, ngx_uint_t method,
    const char *name);
static void ngx_http_pitchey_openapi_parameters(pt_jsonw_t *w,
    const char *pattern, const char *more);
static void ngx_http_pitchey_openapi_responses(pt_jsonw_t *w,
    const char *status, const char *content);
static void ngx_http_pitchey_openapi_actions(pt_jsonw_t *w,
    const ngx_http_pitchey_schemas_t *set);
static void ngx_http_pitchey_openapi_action(pt_jsonw_t *w,
    const ngx_http_pitchey_schema_t *schema);
static void ngx_http_pitchey_openapi_allowed(pt_buf_t *text, const char *what,
    const ngx_array_t *names);
static void ngx_http_pitchey_openapi_components(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf);
static void ngx_http_pitchey_openapi_security(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf);
static void ngx_http_pitchey_openapi_schema(pt_jsonw_t *w,
    const ngx_http_pitchey_schema_t *schema);
static void ngx_http_pitchey_openapi_properties(pt_jsonw_t *w,
    const pt_json_t *properties, const char *name);
static void ngx_http_pitchey_openapi_copy(pt_jsonw_t *w,
    const pt_json_t *value, const char *name);
static void ngx_http_pitchey_openapi_member(pt_jsonw_t *w,
    const pt_json_t *member, const char *name);
static void ngx_http_pitchey_openapi_name(char *name,
    const ngx_http_pitchey_schema_t *schema);


static const struct {
    ngx_uint_t   method;
    const char  *name;
} ngx_http_pitchey_openapi_methods[] = {
    { NGX_HTTP_GET,     "get" },
    { NGX_HTTP_POST,    "post" },
    { NGX_HTTP_PUT,     "put" },
    { NGX_HTTP_PATCH,   "patch" },
    { NGX_HTTP_DELETE,  "delete" },
    { NGX_HTTP_OPTIONS, "options" }
};


static const ngx_http_pitchey_openapi_row_t  ngx_http_pitchey_openapi_rows[] = {

    { NGX_HTTP_GET, "/health", "getHealth", "Whether nginx is there",
      NULL, NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/health/ready", "getReadiness",
      "Whether database, orchestrator and storage are there",
      NULL, NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/metrics", "getMetrics",
      "Counters for Prometheus; the operator says for whom",
      NULL, NULL, "200", ANY_OF("text/plain") },

    { NGX_HTTP_GET, "/openapi.json", "getContract", "This document",
      NULL, NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/jobs", "listJobs", "One's own jobs, newest first",
      QUERY("status", "One or several, with commas between them.",
            "{\"type\":\"string\"}") ","
      QUERY("service", "Of this service.", "{\"type\":\"string\"}") ","
      QUERY("action", "Of this action.", "{\"type\":\"string\"}") ","
      QUERY("created_after", "Made later than this.", TIME_SCHEMA) ","
      QUERY("created_before", "Made earlier than this.", TIME_SCHEMA) ","
      QUERY("batch", "Of this batch.",
            "{\"type\":\"string\",\"format\":\"uuid\"}") ","
      QUERY("user", "Another user's, for admins.", "{\"type\":\"string\"}") ","
      QUERY("limit", "Jobs of a page.",
            "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,"
            "\"default\":20}") ","
      QUERY("cursor", "The next of the page before.", "{\"type\":\"string\"}"),
      NULL, "200", JSON_OF("JobList") },

    { NGX_HTTP_POST, "/jobs", "submitJobs",
      "Submit one job of any kind, or up to 1,000, all or none",
      KEY_HEADER "," CACHE_HEADER, JSON_OF("Submission"), "202",
      JSON_OF("Accepted") },

    { NGX_HTTP_POST, "/process", "process", "Another name of POST /jobs",
      KEY_HEADER "," CACHE_HEADER, JSON_OF("Submission"), "202",
      JSON_OF("Accepted") },

    { NGX_HTTP_GET, "/batches/{id}", "getBatch", "How far a batch has come",
      NULL, NULL, "200", JSON_OF("BatchProgress") },

    { NGX_HTTP_GET, "/jobs/{id}", "getJob", "Look at a job",
      NULL, NULL, "200", JSON_OF("Job") },

    { NGX_HTTP_DELETE, "/jobs/{id}", "cancelJob",
      "Cancel a job; 202 while it has to stop first",
      NULL, NULL, "200", JSON_OF("Job") },

    { NGX_HTTP_POST, "/jobs/{id}/retry", "retryJob",
      "Do a job again that has ended, as a new one",
      KEY_HEADER, NULL, "202", JSON_OF("Job") },

    { NGX_HTTP_POST, "/jobs/{id}/links", "makeLink",
      "A link to a job's outputs that needs no session",
      NULL, ANY_OF("application/json"), "201", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/links/{path}", "getLinkedOutput",
      "An output by such a link: its token, then the output's path", NULL, NULL, "200", ANY_OF("*/*") },

    { NGX_HTTP_GET, "/jobs/{id}/events", "streamEvents",
      "A job's events as they come; Last-Event-ID replays what was missed",
      NULL, NULL, "200", ANY_OF("text/event-stream") },

    { NGX_HTTP_GET, "/jobs/{id}/outputs/{path}", "getOutput",
      "An output file", NULL, NULL, "200", ANY_OF("*/*") },

    { NGX_HTTP_GET, "/ws", "openSocket",
      "WebSocket: subscribe to jobs, or to all of one's own",
      NULL, NULL, "101", NULL },

    { NGX_HTTP_POST, "/files", "uploadFile", "Upload an input",
      NULL, "{\"*/*\":{},\"multipart/form-data\":{}}", "201",
      JSON_OF("File") },

    { NGX_HTTP_GET, "/files", "listFiles", "One's own inputs",
      NULL, NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/files/{id}", "getFile", "An input's bytes",
      NULL, NULL, "200", ANY_OF("*/*") },

    { NGX_HTTP_DELETE, "/files/{id}", "deleteFile", "Delete an input",
      NULL, NULL, "204", NULL },

    { NGX_HTTP_GET, "/files/{id}/metadata", "getFileMetadata",
      "What an input is", NULL, NULL, "200", JSON_OF("File") },

    { NGX_HTTP_POST, "/files/{id}/complete", "completeFile",
      "Make an input of what was put into the bucket (Prefer: direct)", NULL,
      NULL, "201", JSON_OF("File") },

    { NGX_HTTP_OPTIONS, "/files/tus", "getUploadOptions",
      "What resumable uploads can do (tus 1.0.0)", NULL, NULL, "204", NULL },

    { NGX_HTTP_POST, "/files/tus", "createUpload",
      "Begin a resumable upload (tus 1.0.0)", NULL,
      ANY_OF("application/offset+octet-stream"), "201", NULL },

    { NGX_HTTP_GET, "/files/tus/{id}", "getUpload",
      "How far a resumable upload has come", NULL, NULL, "200", NULL },

    { NGX_HTTP_POST, "/files/tus/{id}", "overrideUpload",
      "PATCH or DELETE by X-HTTP-Method-Override", NULL,
      ANY_OF("application/offset+octet-stream"), "204", NULL },

    { NGX_HTTP_PATCH, "/files/tus/{id}", "continueUpload",
      "The next bytes of a resumable upload", NULL,
      ANY_OF("application/offset+octet-stream"), "204", NULL },

    { NGX_HTTP_DELETE, "/files/tus/{id}", "endUpload",
      "Give a resumable upload up", NULL, NULL, "204", NULL },

    { NGX_HTTP_POST, "/schedules", "addSchedule", "A job, again and again",
      NULL, ANY_OF("application/json"), "201", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/schedules", "listSchedules", "One's own schedules",
      NULL, NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/schedules/{id}", "getSchedule", "A schedule",
      NULL, NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_DELETE, "/schedules/{id}", "deleteSchedule",
      "End a schedule", NULL, NULL, "204", NULL },

    { NGX_HTTP_POST, "/schedules/{id}/pause", "pauseSchedule",
      "No jobs of a schedule until it is resumed",
      NULL, NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_POST, "/schedules/{id}/resume", "resumeSchedule",
      "A schedule that is paused goes on",
      NULL, NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_POST, "/schedules/{id}/run", "runSchedule",
      "A job of a schedule now", NULL, NULL, "202", JSON_OF("Job") },

    { NGX_HTTP_GET, "/jobs/{id}/deliveries", "listDeliveries",
      "The calls that told of a job's end, or of its batch's",
      NULL, NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/usage", "getUsage",
      "What one has used in a month, and stores",
      QUERY("month", "Another than this one.", MONTH_SCHEMA) ","
      QUERY("user", "Another user's, for admins.", "{\"type\":\"string\"}"),
      NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/usage/users", "listUsage",
      "What each has used in a month, for admins",
      QUERY("month", "Another than this one.", MONTH_SCHEMA),
      NULL, "200", ANY_OF("application/json") },

    { NGX_HTTP_GET, "/instances", "listInstances",
      "Processors, for admins", NULL, NULL, "200",
      ANY_OF("application/json") },

    { NGX_HTTP_POST, "/instances/scale", "scaleInstances",
      "How many processors of a service, for admins", NULL,
      ANY_OF("application/json"), "200", ANY_OF("application/json") },

    { NGX_HTTP_POST, "/instances/restart", "restartInstances",
      "Start a service's processors again, for admins", NULL,
      ANY_OF("application/json"), "200", ANY_OF("application/json") },

    { 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};


/* the members that every submission may have beside the action's own */
static const struct {
    const char  *name;
    const char  *schema;
} ngx_http_pitchey_openapi_envelope[] = {
    { "priority", "{\"enum\":[\"low\",\"normal\",\"high\",\"urgent\"],"
                  "\"default\":\"normal\",\"title\":\"Priority\"}" },
    { "metadata", "{\"type\":\"object\",\"title\":\"Metadata\","
                  "\"description\":\"The caller's own, up to 16 KiB; kept as "
                  "it is.\"}" },
    { "run_at", "{\"type\":\"string\",\"format\":\"date-time\","
                "\"title\":\"Not before\"}" },
    { "expires_at", "{\"type\":\"string\",\"format\":\"date-time\","
                    "\"title\":\"Not after\",\"description\":\"A job that has "
                    "not begun by then expires.\"}" },
    { "webhook_url", "{\"type\":\"string\",\"format\":\"uri\","
                     "\"title\":\"Called when the job ends\"}" },
    { "max_attempts", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,"
                      "\"title\":\"Attempts at most\"}" },
    { "timeout_s", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":604800,"
                   "\"title\":\"Seconds of an attempt at most\"}" },
    { NULL, NULL }
};


#define NULLABLE(type)  "{\"type\":[\"" type "\",\"null\"]}"
#define NULLABLE_TIME                                                         \
    "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define UUID  "{\"type\":\"string\",\"format\":\"uuid\"}"
#define NULLABLE_UUID  "{\"type\":[\"string\",\"null\"],\"format\":\"uuid\"}"

static const struct {
    const char  *name;
    const char  *schema;
} ngx_http_pitchey_openapi_schemas[] = {

    { "Job",
      "{\"type\":\"object\",\"required\":[\"id\",\"service\",\"action\","
      "\"status\"],\"properties\":{\"id\":" UUID ","
      "\"service\":{\"type\":\"string\"},\"action\":{\"type\":\"string\"},"
      "\"status\":{\"enum\":[\"queued\",\"running\",\"retrying\","
      "\"succeeded\",\"failed\",\"cancelled\",\"expired\"]},"
      "\"priority\":{\"type\":\"string\"},"
      "\"progress\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},"
      "\"stage\":" NULLABLE("string") ",\"attempt\":{\"type\":\"integer\"},"
      "\"max_attempts\":{\"type\":\"integer\"},"
      "\"created_at\":" TIME_SCHEMA ",\"started_at\":" NULLABLE_TIME ","
      "\"finished_at\":" NULLABLE_TIME ","
      "\"outputs\":{\"type\":\"array\",\"items\":{\"$ref\":"
      "\"#/components/schemas/Output\"}},\"result\":{},"
      "\"error\":{\"oneOf\":[{\"type\":\"null\"},{\"$ref\":"
      "\"#/components/schemas/Problem\"}]},"
      "\"cached\":{\"type\":\"boolean\"},\"batch_id\":" NULLABLE_UUID ","
      "\"retry_of\":" NULLABLE_UUID ",\"metadata\":" NULLABLE("object") "}}" },

    { "Output",
      "{\"type\":\"object\",\"required\":[\"name\",\"kind\"],\"properties\":{"
      "\"name\":{\"type\":\"string\"},\"kind\":{\"enum\":[\"file\",\"tree\"]},"
      "\"media_type\":{\"type\":\"string\"},\"size\":{\"type\":\"integer\"},"
      "\"sha256\":{\"type\":\"string\"},\"entry\":{\"type\":\"string\"},"
      "\"files\":{\"type\":\"integer\"},\"bytes\":{\"type\":\"integer\"}}}" },

    { "JobList",
      "{\"type\":\"object\",\"required\":[\"jobs\",\"next\"],\"properties\":{"
      "\"jobs\":{\"type\":\"array\",\"items\":{\"$ref\":"
      "\"#/components/schemas/Job\"}},\"next\":" NULLABLE("string") "}}" },

    { "Batch",
      "{\"type\":\"object\",\"required\":[\"batch_id\",\"jobs\"],"
      "\"properties\":{\"batch_id\":" UUID ",\"jobs\":{\"type\":\"array\","
      "\"items\":{\"$ref\":\"#/components/schemas/Job\"}}}}" },

    { "Accepted",
      "{\"oneOf\":[{\"$ref\":\"#/components/schemas/Job\"},"
      "{\"$ref\":\"#/components/schemas/Batch\"}]}" },

    { "BatchProgress",
      "{\"type\":\"object\",\"properties\":{\"batch_id\":" UUID ","
      "\"status\":{\"type\":\"object\",\"additionalProperties\":"
      "{\"type\":\"integer\"}},\"jobs\":{\"type\":\"integer\"},"
      "\"progress\":{\"type\":\"number\"},\"created_at\":" TIME_SCHEMA ","
      "\"finished_at\":" NULLABLE_TIME "}}" },

    { "Submission",
      "{\"oneOf\":[{\"$ref\":\"#/components/schemas/AnyJob\"},"
      "{\"type\":\"object\",\"required\":[\"jobs\"],\"properties\":{\"jobs\":"
      "{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,\"items\":"
      "{\"$ref\":\"#/components/schemas/AnyJob\"}}},"
      "\"additionalProperties\":false}]}" },

    { "AnyJob",
      "{\"type\":\"object\",\"required\":[\"service\",\"action\"],"
      "\"properties\":{\"service\":{\"type\":\"string\"},"
      "\"action\":{\"type\":\"string\"}},\"description\":\"And the members "
      "that the action's own request has.\"}" },

    { "File",
      "{\"type\":\"object\",\"properties\":{\"id\":" UUID ","
      "\"size\":{\"type\":\"integer\"},\"sha256\":{\"type\":\"string\"},"
      "\"media_type\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},"
      "\"created_at\":" TIME_SCHEMA ",\"expires_at\":" NULLABLE_TIME "}}" },

    { "Problem",
      "{\"type\":\"object\",\"description\":\"RFC 9457\",\"required\":"
      "[\"type\",\"title\",\"code\"],\"properties\":{"
      "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
      "\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"},"
      "\"code\":{\"type\":\"string\",\"description\":\"Stable.\"},"
      "\"request_id\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\","
      "\"items\":{\"type\":\"object\",\"properties\":{"
      "\"pointer\":{\"type\":\"string\"},\"parameter\":{\"type\":\"string\"},"
      "\"detail\":{\"type\":\"string\"}}}}}}" },

    { NULL, NULL }
};


static ngx_str_t  ngx_http_pitchey_openapi_type =
    ngx_string("application/json");

/* the same for everybody, and again after each reload */
static ngx_str_t  ngx_http_pitchey_openapi_cache = ngx_string("no-cache");


ngx_int_t
ngx_http_pitchey_openapi_handler(ngx_http_request_t *r,
    const ngx_http_pitchey_match_t *match)
{
    ngx_buf_t                    *b;
    ngx_int_t                     rc;
    ngx_chain_t                   out;
    ngx_table_elt_t              *h;
    ngx_http_pitchey_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_pitchey_module);

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = plcf->openapi.len;
    r->headers_out.content_type = ngx_http_pitchey_openapi_type;
    r->headers_out.content_type_len = ngx_http_pitchey_openapi_type.len;
    r->headers_out.content_type_lowcase = NULL;

    b = ngx_calloc_buf(r->pool);
    h = ngx_list_push(&r->headers_out.headers);

    if (b == NULL || h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "ETag");
    h->value = plcf->openapi_etag;
    r->headers_out.etag = h;

    if (ngx_http_pitchey_add_header(r, "Cache-Control",
                                    &ngx_http_pitchey_openapi_cache)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = plcf->openapi.data;
    b->last = b->pos + plcf->openapi.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_pitchey_openapi_make(ngx_conf_t *cf,
    ngx_http_pitchey_loc_conf_t *plcf)
{
    u_char      *p, hash[SHA256_DIGEST_LENGTH];
    pt_buf_t     text;
    pt_jsonw_t   w;

    pt_buf_init(&text, &pt_mem_heap, NGX_HTTP_PITCHEY_OPENAPI_MAX);
    pt_jsonw_init(&w, &text);

    ngx_http_pitchey_openapi_document(&w, plcf);

    if (text.err != PT_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "could not write openapi.json: %s",
                           pt_err_code(text.err));
        pt_buf_done(&text);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, text.len + NGX_HTTP_PITCHEY_OPENAPI_ETAG);

    if (p != NULL) {
        plcf->openapi.data = p;
        plcf->openapi.len = text.len;
        ngx_memcpy(p, text.data, text.len);

        SHA256(p, text.len, hash);

        p += text.len;
        plcf->openapi_etag.data = p;
        plcf->openapi_etag.len = NGX_HTTP_PITCHEY_OPENAPI_ETAG;

        *p++ = '"';
        p = ngx_hex_dump(p, hash, (NGX_HTTP_PITCHEY_OPENAPI_ETAG - 2) / 2);
        *p = '"';
    }

    pt_buf_done(&text);

    return p ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_pitchey_openapi_document(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf)
{
    pt_jsonw_object(w);

    ngx_http_pitchey_openapi_head(w, plcf);
    ngx_http_pitchey_openapi_routes(w, plcf);
    ngx_http_pitchey_openapi_components(w, plcf);

    pt_jsonw_end(w);
}


static void
ngx_http_pitchey_openapi_head(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf)
{
    ngx_str_t  url;

    url = plcf->prefix;

    while (url.len && url.data[url.len - 1] == '/') {
        url.len--;
    }

    pt_jsonw_key(w, "openapi");
    pt_jsonw_text(w, "3.1.0");
    pt_jsonw_key(w, "info");
    pt_jsonw_raw(w, PT_STR("{\"title\":\"Pitchey Edge\",\"version\":\""
                           PITCHEY_VERSION "\",\"license\":{\"name\":"
                           "\"BSD-2-Clause\",\"identifier\":"
                           "\"BSD-2-Clause\"}}"));
    pt_jsonw_key(w, "servers");
    pt_jsonw_array(w);
    pt_jsonw_object(w);
    pt_jsonw_key(w, "url");

    if (url.len) {
        pt_jsonw_str(w, ngx_http_pitchey_pt_str(&url));

    } else {
        pt_jsonw_text(w, "/");
    }

    pt_jsonw_end(w);
    pt_jsonw_end(w);
    pt_jsonw_key(w, "security");
    pt_jsonw_raw(w, PT_STR("[{\"session\":[]},{\"secureSession\":[]},"
                           "{\"bearer\":[]}]"));
}


static void
ngx_http_pitchey_openapi_routes(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf)
{
    ngx_uint_t                       i, first;
    const ngx_http_pitchey_route_t  *route, *before;

    pt_jsonw_key(w, "paths");
    pt_jsonw_object(w);

    for (i = 0; (route = ngx_http_pitchey_route_row(i)) != NULL; i++) {

        if (ngx_strcmp(route->pattern, "/{service}/{action}") == 0) {
            ngx_http_pitchey_openapi_actions(w, plcf->schema_set);
            continue;
        }

        /* the rows of a pattern stand together */

        before = i ? ngx_http_pitchey_route_row(i - 1) : NULL;
        first = before == NULL
                || ngx_strcmp(before->pattern, route->pattern) != 0;

        if (first) {
            ngx_http_pitchey_openapi_path(w, i);
        }
    }

    pt_jsonw_end(w);
}


/* all methods of the pattern whose first row has that number */
static void
ngx_http_pitchey_openapi_path(pt_jsonw_t *w, ngx_uint_t number)
{
    ngx_uint_t                       i;
    const char                      *pattern;
    const ngx_http_pitchey_route_t  *route;

    pattern = ngx_http_pitchey_route_row(number)->pattern;

    pt_jsonw_key(w, pattern);
    pt_jsonw_object(w);

    while ((route = ngx_http_pitchey_route_row(number++)) != NULL
           && ngx_strcmp(route->pattern, pattern) == 0)
    {
        for (i = 0; i < sizeof(ngx_http_pitchey_openapi_methods)
                        / sizeof(ngx_http_pitchey_openapi_methods[0]); i++)
        {
            if (route->methods & ngx_http_pitchey_openapi_methods[i].method) {
                ngx_http_pitchey_openapi_operation(w, route,
                                ngx_http_pitchey_openapi_methods[i].method,
                                ngx_http_pitchey_openapi_methods[i].name);
            }
        }
    }

    pt_jsonw_end(w);
}


/* a route that nobody described is there without a summary: a test minds */
static void
ngx_http_pitchey_openapi_operation(pt_jsonw_t *w,
    const ngx_http_pitchey_route_t *route, ngx_uint_t method,
    const char *name)
{
    const ngx_http_pitchey_openapi_row_t  *row;

    for (row = ngx_http_pitchey_openapi_rows; row->pattern; row++) {
        if (row->method == method
            && ngx_strcmp(row->pattern, route->pattern) == 0)
        {
            break;
        }
    }

    pt_jsonw_key(w, name);
    pt_jsonw_object(w);

    if (row->pattern) {
        pt_jsonw_key(w, "operationId");
        pt_jsonw_text(w, row->id);
        pt_jsonw_key(w, "summary");
        pt_jsonw_text(w, row->summary);
    }

    if (route->flags & NGX_HTTP_PITCHEY_ROUTE_PUBLIC) {
        pt_jsonw_key(w, "security");
        pt_jsonw_raw(w, PT_STR("[]"));
    }

    ngx_http_pitchey_openapi_parameters(w, route->pattern, row->parameters);

    if (row->request) {
        pt_jsonw_key(w, "requestBody");
        pt_jsonw_object(w);
        pt_jsonw_key(w, "content");
        pt_jsonw_raw(w, pt_str(row->request));
        pt_jsonw_end(w);
    }

    ngx_http_pitchey_openapi_responses(w, row->status ? row->status : "200",
                                       row->content);
    pt_jsonw_end(w);
}


static void
ngx_http_pitchey_openapi_parameters(pt_jsonw_t *w, const char *pattern,
    const char *more)
{
    const char  *p, *end;

    pt_jsonw_key(w, "parameters");
    pt_jsonw_array(w);

    for (p = strchr(pattern, '{'); p; p = strchr(end, '{')) {
        end = strchrnul(++p, '}');

        pt_jsonw_object(w);
        pt_jsonw_key(w, "name");
        pt_jsonw_str(w, (pt_str_t) { p, end - p });
        pt_jsonw_key(w, "in");
        pt_jsonw_text(w, "path");
        pt_jsonw_key(w, "required");
        pt_jsonw_bool(w, true);
        pt_jsonw_key(w, "schema");
        pt_jsonw_raw(w, end - p == 2 && ngx_strncmp(p, "id", 2) == 0
                        ? PT_STR(UUID) : PT_STR("{\"type\":\"string\"}"));
        pt_jsonw_end(w);
    }

    if (more) {
        pt_jsonw_raw(w, pt_str(more));
    }

    pt_jsonw_end(w);
}


static void
ngx_http_pitchey_openapi_responses(pt_jsonw_t *w, const char *status,
    const char *content)
{
    pt_jsonw_key(w, "responses");
    pt_jsonw_object(w);

    pt_jsonw_key(w, status);
    pt_jsonw_object(w);
    pt_jsonw_key(w, "description");
    pt_jsonw_text(w, "Done");

    if (content) {
        pt_jsonw_key(w, "content");
        pt_jsonw_raw(w, pt_str(content));
    }

    pt_jsonw_end(w);

    pt_jsonw_key(w, "default");
    pt_jsonw_raw(w, PT_STR("{\"$ref\":\"#/components/responses/Problem\"}"));
    pt_jsonw_end(w);
}


static void
ngx_http_pitchey_openapi_actions(pt_jsonw_t *w,
    const ngx_http_pitchey_schemas_t *set)
{
    ngx_uint_t                  i;
    ngx_http_pitchey_schema_t  *schema;

    if (set == NULL) {
        return;
    }

    schema = set->schemas.elts;

    for (i = 0; i < set->schemas.nelts; i++) {
        ngx_http_pitchey_openapi_action(w, &schema[i]);
    }
}


static void
ngx_http_pitchey_openapi_action(pt_jsonw_t *w,
    const ngx_http_pitchey_schema_t *schema)
{
    char              name[NGX_HTTP_PITCHEY_OPENAPI_NAME];
    u_char            path[NGX_HTTP_PITCHEY_OPENAPI_NAME + 2];
    u_char            ref[NGX_HTTP_PITCHEY_OPENAPI_NAME + 64];
    pt_str_t          title;
    pt_buf_t          text;
    const pt_json_t  *document;

    ngx_http_pitchey_openapi_name(name, schema);
    ngx_sprintf(path, "/%V/%V%Z", &schema->service, &schema->action);
    ngx_sprintf(ref, "{\"application/json\":{\"schema\":{\"$ref\":"
                "\"#/components/schemas/%s\"}}}%Z", name);

    document = pt_schema_document(schema->schema);
    title = pt_json_string(document, "title", PT_STR_NULL);

    pt_buf_init(&text, &pt_mem_heap, NGX_HTTP_PITCHEY_OPENAPI_MAX);
    pt_buf_add_str(&text, pt_json_string(document, "description",
                                         PT_STR("")));
    ngx_http_pitchey_openapi_allowed(&text, "role", &schema->roles);
    ngx_http_pitchey_openapi_allowed(&text, "user type", &schema->user_types);

    pt_jsonw_key(w, (char *) path);
    pt_jsonw_object(w);
    pt_jsonw_key(w, "post");
    pt_jsonw_object(w);
    pt_jsonw_key(w, "operationId");
    pt_jsonw_text(w, name);
    pt_jsonw_key(w, "tags");
    pt_jsonw_array(w);
    pt_jsonw_str(w, ngx_http_pitchey_pt_str(&schema->service));
    pt_jsonw_end(w);
    pt_jsonw_key(w, "summary");
    pt_jsonw_str(w, title.data ? title : pt_str(name));

    if (text.len) {
        pt_jsonw_key(w, "description");
        pt_jsonw_str(w, pt_buf_str(&text));
    }

    pt_jsonw_key(w, "parameters");
    pt_jsonw_raw(w, PT_STR("[" KEY_HEADER "," CACHE_HEADER "]"));
    pt_jsonw_key(w, "requestBody");
    pt_jsonw_object(w);
    pt_jsonw_key(w, "required");
    pt_jsonw_bool(w, true);
    pt_jsonw_key(w, "content");
    pt_jsonw_raw(w, pt_str((char *) ref));
    pt_jsonw_end(w);

    ngx_http_pitchey_openapi_responses(w, "202", JSON_OF("Job"));

    pt_jsonw_end(w);
    pt_jsonw_end(w);

    if (text.err != PT_OK) {
        w->buf->err = text.err;
    }

    pt_buf_done(&text);
}


/* what x-pitchey says, for people */
static void
ngx_http_pitchey_openapi_allowed(pt_buf_t *text, const char *what,
    const ngx_array_t *names)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = names->elts;

    for (i = 0; i < names->nelts; i++) {
        pt_buf_printf(text, i ? ", " : text->len ? " For the %s " : "For the %s ",
                      what);
        pt_buf_add_str(text, ngx_http_pitchey_pt_str(&name[i]));
    }

    if (i) {
        pt_buf_add_char(text, '.');
    }
}


static void
ngx_http_pitchey_openapi_components(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf)
{
    ngx_uint_t                  i;
    ngx_http_pitchey_schema_t  *schema;

    pt_jsonw_key(w, "components");
    pt_jsonw_object(w);

    ngx_http_pitchey_openapi_security(w, plcf);

    pt_jsonw_key(w, "responses");
    pt_jsonw_raw(w, PT_STR("{\"Problem\":{\"description\":\"It failed: 401 "
        "without a session, 403, 404, 409, 413, 415, 422 with all violations, "
        "429 and 503 with Retry-After\",\"content\":"
        "{\"application/problem+json\":{\"schema\":{\"$ref\":"
        "\"#/components/schemas/Problem\"}}}}}"));

    pt_jsonw_key(w, "schemas");
    pt_jsonw_object(w);

    for (i = 0; ngx_http_pitchey_openapi_schemas[i].name; i++) {
        pt_jsonw_key(w, ngx_http_pitchey_openapi_schemas[i].name);
        pt_jsonw_raw(w, pt_str(ngx_http_pitchey_openapi_schemas[i].schema));
    }

    if (plcf->schema_set) {
        schema = plcf->schema_set->schemas.elts;

        for (i = 0; i < plcf->schema_set->schemas.nelts; i++) {
            ngx_http_pitchey_openapi_schema(w, &schema[i]);
        }
    }

    pt_jsonw_end(w);
    pt_jsonw_end(w);
}


/* the cookies that _auth looks for */
static void
ngx_http_pitchey_openapi_security(pt_jsonw_t *w,
    const ngx_http_pitchey_loc_conf_t *plcf)
{
    ngx_uint_t  i;

    static const struct {
        const char  *scheme;
        const char  *cookie;
    } cookies[] = {
        { "session",       "better-auth.session_token" },
        { "secureSession", "__Secure-better-auth.session_token" }
    };

    pt_jsonw_key(w, "securitySchemes");
    pt_jsonw_object(w);

    for (i = 0; i < 2; i++) {
        pt_jsonw_key(w, cookies[i].scheme);
        pt_jsonw_object(w);
        pt_jsonw_key(w, "type");
        pt_jsonw_text(w, "apiKey");
        pt_jsonw_key(w, "in");
        pt_jsonw_text(w, "cookie");
        pt_jsonw_key(w, "name");
        pt_jsonw_str(w, plcf->cookie.len
                        ? ngx_http_pitchey_pt_str(&plcf->cookie)
                        : pt_str(cookies[i].cookie));
        pt_jsonw_end(w);
    }

    pt_jsonw_key(w, "bearer");
    pt_jsonw_raw(w, PT_STR("{\"type\":\"http\",\"scheme\":\"bearer\"}"));
    pt_jsonw_end(w);
}


/* the action's request: its schema, and the envelope among its properties */
static void
ngx_http_pitchey_openapi_schema(pt_jsonw_t *w,
    const ngx_http_pitchey_schema_t *schema)
{
    char              name[NGX_HTTP_PITCHEY_OPENAPI_NAME];
    const pt_json_t  *document, *member;

    ngx_http_pitchey_openapi_name(name, schema);
    document = pt_schema_document(schema->schema);

    pt_jsonw_key(w, name);
    pt_jsonw_object(w);

    pt_jsonw_key(w, "properties");
    ngx_http_pitchey_openapi_properties(w, pt_json_member(document,
                                                          "properties"), name);

    member = document->type == PT_JSON_OBJECT ? document->first : NULL;

    for ( /* void */ ; member; member = member->next) {

        if (pt_str_is(member->key, "properties")
            || pt_str_is(member->key, "x-pitchey")
            || pt_str_is(member->key, "$schema"))
        {
            continue;
        }

        ngx_http_pitchey_openapi_member(w, member, name);
    }

    pt_jsonw_end(w);
}


static void
ngx_http_pitchey_openapi_properties(pt_jsonw_t *w, const pt_json_t *properties,
    const char *name)
{
    ngx_uint_t        i;
    const pt_json_t  *member;

    pt_jsonw_object(w);

    for (member = properties ? properties->first : NULL; member;
         member = member->next)
    {
        pt_jsonw_key_str(w, member->key);
        ngx_http_pitchey_openapi_copy(w, member, name);
    }

    for (i = 0; ngx_http_pitchey_openapi_envelope[i].name; i++) {
        pt_jsonw_key(w, ngx_http_pitchey_openapi_envelope[i].name);
        pt_jsonw_raw(w, pt_str(ngx_http_pitchey_openapi_envelope[i].schema));
    }

    pt_jsonw_end(w);
}


static void
ngx_http_pitchey_openapi_copy(pt_jsonw_t *w, const pt_json_t *value,
    const char *name)
{
    const pt_json_t  *member;

    if (value->type == PT_JSON_ARRAY) {
        pt_jsonw_array(w);

        for (member = value->first; member; member = member->next) {
            ngx_http_pitchey_openapi_copy(w, member, name);
        }

        pt_jsonw_end(w);

    } else if (value->type == PT_JSON_OBJECT) {
        pt_jsonw_object(w);

        for (member = value->first; member; member = member->next) {
            ngx_http_pitchey_openapi_member(w, member, name);
        }

        pt_jsonw_end(w);

    } else {
        pt_jsonw_value(w, value);
    }
}


/* a schema's "#/$defs/..." lies below its component here; values are kept */
static void
ngx_http_pitchey_openapi_member(pt_jsonw_t *w, const pt_json_t *member,
    const char *name)
{
    pt_buf_t  ref;

    pt_jsonw_key_str(w, member->key);

    if (pt_str_is(member->key, "const") || pt_str_is(member->key, "enum")
        || pt_str_is(member->key, "default")
        || pt_str_is(member->key, "examples"))
    {
        pt_jsonw_value(w, member);
        return;
    }

    if (!pt_str_is(member->key, "$ref") || member->type != PT_JSON_STRING
        || member->text.len == 0)
    {
        ngx_http_pitchey_openapi_copy(w, member, name);
        return;
    }

    pt_buf_init(&ref, &pt_mem_heap, NGX_HTTP_PITCHEY_OPENAPI_MAX);
    pt_buf_printf(&ref, "#/components/schemas/%s", name);
    pt_buf_add(&ref, member->text.data + 1, member->text.len - 1);

    if (ref.err == PT_OK) {
        pt_jsonw_str(w, pt_buf_str(&ref));

    } else {
        w->buf->err = ref.err;
    }

    pt_buf_done(&ref);
}


/* "service.action": both have letters, digits and "-" only */
static void
ngx_http_pitchey_openapi_name(char *name,
    const ngx_http_pitchey_schema_t *schema)
{
    ngx_sprintf((u_char *) name, "%V.%V%Z", &schema->service,
                &schema->action);
}
