# GET /openapi.json: the contract of a location.  A validator judges it in
# t/e2e/openapi.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $path = '/api/containers/openapi.json';

add_block_preprocessor(\&pitchey_defaults);

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: for everybody, from memory
--- more_headers
X-No-Cookie: 1
--- request eval: "GET $::path"
--- response_headers_like
Content-Type: application/json
Cache-Control: no-cache
ETag: "[0-9a-f]{16}"
--- response_body_like eval
qr{^\{"openapi":"3\.1\.0".*"servers":\[\{"url":"/api/containers"\}\].*"/test-service/echo":\{"post":.*"test-service\.echo":\{}


=== TEST 2: who has it already is told so
--- more_headers
If-None-Match: *
--- request eval: "GET $::path"
--- error_code: 304
--- response_body:


=== TEST 3: what x-pitchey says is said to people, and no keyword of ours
--- request eval: "GET $::path"
--- response_body_unlike: x-pitchey|"#/\$defs/


=== TEST 4: a location without schemas has the other routes, and its own cookie
--- config
location /other { pitchey on; pitchey_schemas $TEST_NGINX_PITCHEY_SCHEMAS; pitchey_auth_cookie my.session; }
--- request
GET /other/openapi.json
--- response_body_like: "url":"/other".*"in":"cookie","name":"my\.session"
