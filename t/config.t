# What nginx -t says of our directives.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', 'location = /up { empty_gif; }')
        unless defined $block->config;
    $block->set_value('request', 'GET /up') unless defined $block->request;
    $block->set_value('no_error_log', '[alert]');
});

$ENV{TEST_NGINX_PITCHEY_TEST_SECRET} = 'from-the-environment-0123456789ab';

run_tests();

__DATA__

=== TEST 1: every directive at once
--- user_files
>>> schemas/service/action.json
{"type":"object"}
--- http_config
    pitchey_database postgresql://pitchey:secret@127.0.0.1:1/pitchey;
    pitchey_database_listen "host=127.0.0.1 port=1 dbname=pitchey";
    pitchey_session_query "SELECT 1 AS user_id WHERE $1 IS NOT NULL";
    pitchey_session_zone sessions:1m;
    pitchey_job_zone jobs:1m;
    pitchey_stat_zone stats:64k;
    pitchey_session_recheck 500ms;
    pitchey_session_grace 1m;
    pitchey_orchestrator ipc:///nowhere/a.sock;
    pitchey_orchestrator ipc:///nowhere/b.sock;
    pitchey_auth_secret 0123456789abcdef0123456789abcdef;
    pitchey_auth_secret fedcba9876543210fedcba9876543210;
    pitchey_auth_accept_old_secrets on;
    pitchey_auth_cookie sid;
    pitchey_auth_cookie_format signed;
    pitchey_auth_cookie_attributes "Path=/; HttpOnly; SameSite=None; Secure";
    pitchey_auth_cookie_cache trust 2;
    pitchey_auth_bearer signed;
    pitchey_session_refresh 30d 12h;
    pitchey_session_refresh_query "UPDATE s SET e = $2 WHERE t = $1 AND e < $3";
    pitchey_absent_zone absent:64k;
    pitchey_cors_origin https://app.example https://*.app.example;
    pitchey_body_max 64k;
    pitchey_upload_max 20g;
--- config
    location = /up { empty_gif; }
    location /guarded/ { pitchey_auth on; pitchey_require role=admin,editor user_type=production; empty_gif; }
    location /open/ { pitchey_auth optional; empty_gif; }
    location /api/containers/ {
        pitchey on;
        pitchey_schemas $TEST_NGINX_SERVER_ROOT/html/schemas/;
        pitchey_storage $TEST_NGINX_SERVER_ROOT/html;
    }
--- error_code: 200



=== TEST 2: pitchey in a regex location
The route is what follows the location's prefix, and it has none.
--- config
    location ~ ^/api/ { pitchey on; }
--- must_die
--- error_log
"pitchey" directive cannot be used in a regex location



=== TEST 3: pitchey in a named location
--- config
    location @api { pitchey on; }
--- must_die
--- error_log
"pitchey" directive cannot be used in a named location



=== TEST 4: pitchey off may stand anywhere
--- config
    location = /up { empty_gif; }
    location ~ ^/api/ { pitchey off; }
--- error_code: 200



=== TEST 5: a secret of the environment that is not there
--- config
    pitchey_auth_secret env:NO_SUCH_VARIABLE;
--- must_die
--- error_log
environment variable "NO_SUCH_VARIABLE" of "pitchey_auth_secret" is not set; a binary upgrade keeps only what "env NO_SUCH_VARIABLE;"



=== TEST 6: a secret of the environment that is
--- config
    pitchey_auth_secret env:TEST_NGINX_PITCHEY_TEST_SECRET;
    location = /up { empty_gif; }
--- error_code: 200



=== TEST 7: a secret's file that is not there
--- config
    pitchey_auth_secret file:/nowhere/secret;
--- must_die
--- error_log
could not open "/nowhere/secret" of "pitchey_auth_secret"



=== TEST 8: an empty secret would let anybody sign
--- user_files
>>> secret
--- config
    pitchey_auth_secret file:$TEST_NGINX_SERVER_ROOT/html/secret;
--- must_die
--- error_log
"pitchey_auth_secret" directive is empty



=== TEST 9: a short secret is warned of, and not shown
--- config
    pitchey_auth_secret hunter2;
    location = /up { empty_gif; }
--- error_code: 200
--- error_log
"pitchey_auth_secret" is shorter than 32 characters
--- no_error_log
hunter2



=== TEST 10: a zone without a size
--- http_config
    pitchey_session_zone sessions;
--- must_die
--- error_log
"pitchey_session_zone" is "NAME:SIZE", not "sessions"



=== TEST 11: a zone's size that is none
--- http_config
    pitchey_job_zone jobs:many;
--- must_die
--- error_log
invalid size "many" of "pitchey_job_zone"



=== TEST 12: a zone that is too small
--- http_config
    pitchey_session_zone sessions:1k;
--- must_die
--- error_log
size "1k" of "pitchey_session_zone" is less than



=== TEST 13: a zone twice, and one zone for two things
--- http_config
    pitchey_session_zone one:1m;
    pitchey_job_zone one:1m;
--- must_die
--- error_log
the shared memory zone "one" is already declared for a different use



=== TEST 14: a directive twice
--- http_config
    pitchey_database dbname=a;
    pitchey_database dbname=b;
--- must_die
--- error_log
"pitchey_database" directive is duplicate



=== TEST 15: a database's address that is none
--- http_config
    pitchey_database "dbname=a colour=red";
--- must_die
--- error_log
invalid "pitchey_database": invalid connection option "colour"



=== TEST 16: a database's host that nobody knows
--- http_config
    pitchey_database_listen "host=no-such-host.invalid";
--- must_die
--- error_log
host not found for host "no-such-host.invalid" of "pitchey_database_listen"



=== TEST 17: an origin with a path, and one that is everybody
--- config
    pitchey_cors_origin https://app.example/;
--- must_die
--- error_log
"pitchey_cors_origin" is "SCHEME://HOST[:PORT]"



=== TEST 18: any origin with credentials is what CORS must not say
--- config
    pitchey_cors_origin *;
--- must_die
--- error_log
"pitchey_cors_origin" is "SCHEME://HOST[:PORT]"



=== TEST 19: an orchestrator's endpoint that is none
--- http_config
    pitchey_orchestrator /run/pitchey/edge.sock;
--- must_die
--- error_log
"pitchey_orchestrator" is "ipc://PATH" or "tcp://HOST:PORT", not "/run/pitchey/edge.sock"



=== TEST 20: an orchestrator twice
--- http_config
    pitchey_orchestrator ipc:///a;
    pitchey_orchestrator ipc:///a;
--- must_die
--- error_log
"pitchey_orchestrator" directive is duplicate



=== TEST 21: a folder that is not there
--- config
    pitchey_storage /nowhere/storage;
--- must_die
--- error_log
could not open "/nowhere/storage" of "pitchey_storage"



=== TEST 22: a bearer that is neither
--- config
    pitchey_auth_bearer perhaps;
--- must_die
--- error_log
invalid value "perhaps"



=== TEST 23: values are inherited, and a location has its own
A form may have 64 KiB around its file.
--- http_config
    pitchey_body_max 10;
    pitchey_upload_max 20;
    pitchey_auth_secret 0123456789abcdef0123456789abcdef;
--- config
    location = /up { empty_gif; }
    location /a/ { pitchey on; }
    location /b/ { pitchey on; pitchey_upload_max 5; pitchey_body_max 5; }
--- request eval
["POST /a/files\n" . "x" x (65536 + 21), "POST /a/files\n" . "x" x (65536 + 20),
 "POST /b/files\n" . "x" x (65536 + 6), "POST /b/files\n" . "x" x (65536 + 5)]
--- error_code eval
[413, 401, 413, 401]



=== TEST 24: an orchestrator's endpoint without a path
--- http_config
    pitchey_orchestrator ipc://;
--- must_die
--- error_log
invalid "ipc://" of "pitchey_orchestrator": Invalid argument



=== TEST 25: an orchestrator's path that no socket can have
--- http_config eval: 'pitchey_orchestrator ipc:///' . 'x' x 108 . ';'
--- must_die
--- error_log
of "pitchey_orchestrator": File name too long



=== TEST 26: nobody reads along, or pretends to be an orchestrator
--- http_config
    pitchey_orchestrator tcp://127.0.0.1:5555;
--- must_die
--- error_log
"tcp://127.0.0.1:5555" takes server_key=KEY



=== TEST 27: an older secret that is empty would let anybody sign, too
--- user_files
>>> secret
--- config
    pitchey_auth_secret 0123456789abcdef0123456789abcdef;
    pitchey_auth_secret file:$TEST_NGINX_SERVER_ROOT/html/secret;
--- must_die
--- error_log
"pitchey_auth_secret" directive is empty



=== TEST 28: the API for everybody
--- config
    location /api/ { pitchey on; pitchey_auth off; }
--- must_die
--- error_log
"pitchey_auth off" contradicts "pitchey on" of location "/api/"



=== TEST 29: a location below the API that is none of it
--- config
    pitchey_auth_secret 0123456789abcdef0123456789abcdef;
    location /api/ {
        pitchey on;
        location /api/open { pitchey off; empty_gif; }
    }
--- request eval
['GET /api/open', 'GET /api/jobs']
--- error_code eval
[200, 401]



=== TEST 30: what is missing is named
--- config
    location = /up { empty_gif; }
    location /api/ { pitchey on; }
--- error_code: 200
--- error_log
no "pitchey_auth_secret" for "/api/"
no "pitchey_database"
no "pitchey_orchestrator"



=== TEST 31: the API for who likes
--- config
    location /api/ { pitchey on; pitchey_auth optional; }
--- must_die
--- error_log
"pitchey_auth optional" contradicts "pitchey on" of location "/api/"



=== TEST 32: a requirement that is none
--- config
    location /in/ { pitchey_auth on; pitchey_require admin; }
--- must_die
--- error_log
"pitchey_require" is "role=NAME[,NAME...]" or "user_type=NAME[,NAME...]", not "admin"



=== TEST 33: a requirement that names nobody
--- config
    location /in/ { pitchey_auth on; pitchey_require role=admin,; }
--- must_die
--- error_log
"role=admin," of "pitchey_require" names nobody



=== TEST 34: a requirement where nobody is asked who it is
--- config
    location /in/ { pitchey_require role=admin; }
--- must_die
--- error_log
"pitchey_require" needs "pitchey_auth on" in location "/in/"



=== TEST 35: an unsigned cookie and the library's own query
Any token that leaks out of the table would be a session without a signature.
--- config
    location /in/ { pitchey_auth on; pitchey_auth_cookie_format unsigned; }
--- must_die
--- error_log
"pitchey_auth_cookie_format unsigned" of "/in/" needs a "pitchey_session_query"



=== TEST 36: a refresh of a table that nobody named
--- http_config
    pitchey_session_query "SELECT 1 AS user_id WHERE $1 IS NOT NULL";
    pitchey_session_refresh 7d 1d;
--- must_die
--- error_log
"pitchey_session_refresh" beside a "pitchey_session_query" needs a "pitchey_session_refresh_query"



=== TEST 37: a life that is over before it is refreshed
--- http_config
    pitchey_session_refresh 1d 7d;
--- must_die
--- error_log
"pitchey_session_refresh" directive has no LIFE that is longer than its AGE



=== TEST 38: a configuration cannot say who the user is
--- http_config
    map $arg_user $pitchey_user_id { default $arg_user; }
--- must_die
--- error_log
the duplicate "pitchey_user_id" variable



=== TEST 39: a resumable upload that is over as it begins
--- config
    location /in/ { pitchey on; pitchey_upload_expires 0; }
--- must_die
--- error_log
"pitchey_upload_expires" is at least a second



=== TEST 40: a secret of links that can be guessed, and one that is none
--- config
    location = /up { empty_gif; }
    location /in/ { pitchey_link_secret short; pitchey_link_secret file:no-such-file; }
--- must_die
--- error_log
"pitchey_link_secret" is shorter than 32 characters
no-such-file" of "pitchey_link_secret"



=== TEST 41: a database that is not there is logged, once
--- http_config
    pitchey_database "host=127.0.0.1 port=1";
    pitchey_auth_secret 0123456789abcdef0123456789abcdef;
--- config
    location = /up { empty_gif; }
    location = /in { pitchey_auth on; empty_gif; }
--- error_log
no connection to pitchey_database: connection to server at "127.0.0.1", port 1 failed
--- no_error_log
[alert]



=== TEST 42: a bucket, with keys of the environment that are missing
--- config
    pitchey_storage_s3 s3://bucket endpoint=http://127.0.0.1:9;
--- must_die
--- error_log
"pitchey_storage_s3": AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is missing



=== TEST 43: a bucket that is none
--- config
    pitchey_storage_s3 /var/lib/pitchey;
--- must_die
--- error_log
"pitchey_storage_s3": the place is s3://BUCKET or s3://BUCKET/PREFIX



=== TEST 44: a bucket that is read in an unknown way
--- config
    pitchey_storage_s3 s3://bucket mode=copy;
--- must_die
--- error_log
"pitchey_storage_s3": mode= is redirect or proxy



=== TEST 45: a WebSocket without messages
--- config
    pitchey_ws_rate 0;
--- must_die
--- error_log
value must be between 1 and 100000



=== TEST 46: a zone of limits without a size
--- http_config
    pitchey_rate_zone rates;
--- must_die
--- error_log
"pitchey_rate_zone" is "NAME:SIZE", not "rates"
