# Which pages of other sites may read, and which may change something.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', <<'CONF') unless defined $block->config;
        location /api/containers/ {
            pitchey on;
            pitchey_cors_origin https://app.example https://*.pitchey.example:8443;
        }
CONF
    $block->set_value('no_error_log', "[error]\n[alert]")
        unless defined $block->error_log || defined $block->no_error_log;
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a listed origin may read, with credentials
--- more_headers
Origin: https://app.example
--- request
GET /api/containers/health
--- response_headers_like
Access-Control-Allow-Origin: https://app\.example
Access-Control-Allow-Credentials: true
Access-Control-Expose-Headers: .*X-Request-Id.*
Vary: .*Origin.*



=== TEST 2: an unlisted origin is answered without CORS headers
The browser then refuses the page; the edge leaks nothing.
--- more_headers
Origin: https://evil.example
--- request
GET /api/containers/health
--- response_headers
! Access-Control-Allow-Origin
! Access-Control-Allow-Credentials
Vary: Origin



=== TEST 3: Vary names Origin even where none was sent
A cache in between must not give one page's answer to another.
--- request
GET /api/containers/health
--- response_headers
! Access-Control-Allow-Origin
Vary: Origin



=== TEST 4: a wildcard stands for one label or more, with its port
--- more_headers eval
["Origin: https://a.pitchey.example:8443", "Origin: https://a.b.pitchey.example:8443",
 "Origin: https://pitchey.example:8443", "Origin: https://.pitchey.example:8443",
 "Origin: https://a.pitchey.example", "Origin: http://a.pitchey.example:8443",
 "Origin: https://evil.example/a.pitchey.example:8443",
 "Origin: https://evil\@a.pitchey.example:8443",
 "Origin: https://apitchey.example:8443"]
--- request eval
[("GET /api/containers/health") x 9]
--- raw_response_headers_like eval
['Access-Control-Allow-Origin: https://a\.pitchey\.example:8443\r\n',
 'Access-Control-Allow-Origin: https://a\.b\.pitchey\.example:8443\r\n', ('') x 7]
--- raw_response_headers_unlike eval
['Origin: https://a\.b', 'Origin: \*', ('Access-Control') x 7]



=== TEST 5: an exact origin is exact
--- more_headers eval
["Origin: https://app.example:444", "Origin: https://app.example.evil.example",
 "Origin: http://app.example", "Origin: https://xapp.example", "Origin: null"]
--- request eval
[("GET /api/containers/health") x 5]
--- raw_response_headers_unlike eval
[('Access-Control') x 5]



=== TEST 6: errors carry the headers, too
A page that cannot read a 401 cannot send its user to the login.
--- more_headers
Origin: https://app.example
--- request
GET /api/containers/jobs
--- error_code: 401
--- response_headers
Access-Control-Allow-Origin: https://app.example
Content-Type: application/problem+json
WWW-Authenticate: Bearer



=== TEST 7: a preflight is answered at the edge, without a session
--- more_headers
Origin: https://app.example
Access-Control-Request-Method: POST
Access-Control-Request-Headers: content-type,idempotency-key
--- request
OPTIONS /api/containers/jobs
--- error_code: 204
--- response_headers_like
Access-Control-Allow-Origin: https://app\.example
Access-Control-Allow-Credentials: true
Access-Control-Allow-Headers: content-type,idempotency-key
Access-Control-Max-Age: 7200
Access-Control-Allow-Methods: .*POST.*DELETE.*
Vary: .*Origin.*



=== TEST 8: a preflight of another origin gets no leave
--- more_headers
Origin: https://evil.example
Access-Control-Request-Method: POST
--- request
OPTIONS /api/containers/jobs
--- error_code: 204
--- response_headers
! Access-Control-Allow-Origin
! Access-Control-Allow-Methods



=== TEST 9: a form of another site changes nothing
Multipart and plain text need no preflight, and the browser adds the cookie;
so this is refused before anybody looks at it.
--- more_headers
Origin: https://evil.example
Content-Type: text/plain
--- request
POST /api/containers/jobs
{}
--- error_code: 403
--- response_headers
! Access-Control-Allow-Origin
Content-Type: application/problem+json
--- response_body_like: "code":"cross_site"



=== TEST 10: nor does one whose browser sends no Origin
--- more_headers
Sec-Fetch-Site: cross-site
--- request
POST /api/containers/jobs
{}
--- error_code: 403



=== TEST 11: nor one of a page without an origin
--- more_headers
Origin: null
--- request
DELETE /api/containers/jobs/0198c3a2-0000-7000-8000-000000000001
--- error_code: 403



=== TEST 12: a page of this host goes on to the session
--- more_headers
Origin: http://localhost
Host: localhost:80
--- request
POST /api/containers/jobs
{}
--- error_code: 401



=== TEST 13: so does a listed one, and a program without a browser
--- more_headers eval
["Origin: https://app.example\nSec-Fetch-Site: cross-site", "Accept: */*"]
--- request eval
["POST /api/containers/jobs\n{}", "POST /api/containers/jobs\n{}"]
--- error_code eval
[401, 401]



=== TEST 14: a WebSocket of another site is not opened
Its handshake is a GET with the cookie, and no browser asks before.
--- more_headers
Origin: https://evil.example
Connection: close, Upgrade
Upgrade: websocket
--- request
GET /api/containers/ws
--- error_code: 403



=== TEST 15: reading cross-site needs no refusal
--- more_headers
Origin: https://evil.example
Sec-Fetch-Site: cross-site
--- request
GET /api/containers/health
--- error_code: 200



=== TEST 16: behind pitchey_auth alone the other handler's CORS is its own
--- config
    location /other/ { pitchey_auth on; empty_gif; }
--- more_headers
Origin: https://evil.example
--- request
GET /other/
--- error_code: 401
--- response_headers
! Vary
! Access-Control-Allow-Origin



=== TEST 17: an error of nginx itself, before any phase of ours
--- config
    location /api/containers/ {
        pitchey on; pitchey_cors_origin https://app.example;
        pitchey_upload_max 10; pitchey_body_max 10;
    }
--- more_headers
Origin: https://app.example
--- request eval
"POST /api/containers/files\n" . ("x" x 66000)
--- error_code: 413
--- response_headers
Access-Control-Allow-Origin: https://app.example
Content-Type: application/problem+json
--- response_body_like: "status":413,"code":"too_large"
--- no_error_log
[alert]
