# The session of a request: from its cookie or bearer to $pitchey_user_id.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

use Digest::SHA qw(hmac_sha256_base64);

our $secret = $ENV{TEST_NGINX_PITCHEY_SECRET};

# the users and sessions of this file, made anew each time it runs
sql(<<'SQL');
    DELETE FROM "user" WHERE id LIKE 'auth-t-%';
    INSERT INTO "user" (id, name, email, "emailVerified", role, banned, "banExpires")
    VALUES ('auth-t-user', 'U', 'u@auth.t', true, 'user', NULL, NULL),
           ('auth-t-other', 'O', 'o@auth.t', true, NULL, false, NULL),
           ('auth-t-banned', 'B', 'b@auth.t', true, 'user', true, NULL),
           ('auth-t-banned-now', 'B', 'bn@auth.t', true, 'user', true, now() + interval '1 hour'),
           ('auth-t-lapsed', 'L', 'l@auth.t', true, 'user', true, now() - interval '1 hour');
    INSERT INTO "session" (id, "expiresAt", token, "updatedAt", "userId")
    SELECT 's-' || id, now() + interval '1 hour', 't-' || id, now(), id
      FROM "user" WHERE id LIKE 'auth-t-%';
    INSERT INTO "session" (id, "expiresAt", token, "updatedAt", "userId")
    VALUES ('s-auth-t-expired', now() - interval '1 second', 't-auth-t-expired', now(), 'auth-t-user'),
           ('s-auth-t-odd', now() + interval '1 hour', E'odd "''; DROP \u00e9', now(), 'auth-t-user');
SQL

sub signed {
    my ($token, $key) = @_;

    return "$token." . hmac_sha256_base64($token, $key // $secret) . '=';
}

sub cookie { 'Cookie: better-auth.session_token=' . signed(@_) }

our $guarded = <<'CONF';
    location = /in { pitchey_auth on; pitchey_auth_bearer on; empty_gif; add_header X-User $pitchey_user_id always; }
CONF

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', Pitchey::http_config())
        unless defined $block->http_config;
    $block->set_value('config', $guarded) unless defined $block->config;
    $block->set_value('request', 'GET /in') unless defined $block->request;
    $block->set_value('no_error_log', "[error]\n[alert]\n[crit]")
        unless defined $block->error_log || defined $block->no_error_log;
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a session's cookie opens the location, and names its user
--- more_headers eval: ::cookie('t-auth-t-user')
--- response_headers
X-User: auth-t-user



=== TEST 2: without a session it is a problem
--- error_code: 401
--- response_headers
! X-User
Content-Type: application/problem+json
WWW-Authenticate: Bearer
Cache-Control: no-store
--- response_body_like: ^\{"type":"urn:pitchey:problem:unauthorized","title":"Unauthorized","status":401,"code":"unauthorized",.*"request_id":"[0-9a-f]{32}"\}$



=== TEST 3: another signature, another secret, no row, a row past its end
--- more_headers eval
[::cookie('t-auth-t-user', 'another secret, as long as it likes'),
 'Cookie: better-auth.session_token=t-auth-t-user',
 ::cookie('t-auth-t-nobody'), ::cookie('t-auth-t-expired')]
--- request eval
[('GET /in') x 4]
--- error_code eval
[401, 401, 401, 401]



=== TEST 4: who is banned is refused, unless the ban is over
--- more_headers eval
[::cookie('t-auth-t-banned'), ::cookie('t-auth-t-banned-now'), ::cookie('t-auth-t-lapsed')]
--- request eval
[('GET /in') x 3]
--- error_code eval
[401, 401, 200]



=== TEST 5: without a configured name both of the library's are read
Plain http comes first from a proxy that has ended TLS, too.
--- more_headers eval
['Cookie: __Secure-better-auth.session_token=' . ::signed('t-auth-t-user'),
 ::cookie('t-auth-t-user') . '; __Secure-better-auth.session_token=x',
 'Cookie: better-auth.session_token=x; __Secure-better-auth.session_token=' . ::signed('t-auth-t-user')]
--- request eval
[('GET /in') x 3]
--- error_code eval
[200, 200, 401]



=== TEST 6: a configured name is the only one
--- config
    location = /in { pitchey_auth on; pitchey_auth_cookie sid; empty_gif; }
--- more_headers eval
['Cookie: sid=' . ::signed('t-auth-t-user'), ::cookie('t-auth-t-user'),
 'Cookie: SID=' . ::signed('t-auth-t-user'), 'Cookie: __Secure-sid=' . ::signed('t-auth-t-user')]
--- request eval
[('GET /in') x 4]
--- error_code eval
[200, 401, 401, 401]



=== TEST 7: two Cookie lines are one
--- more_headers eval
["Cookie: a=1\nCookie: " . 'better-auth.session_token=' . ::signed('t-auth-t-user'),
 "Cookie: better-auth.session_token=\nCookie: better-auth.session_token=" . ::signed('t-auth-t-user')]
--- request eval
['GET /in', 'GET /in']
--- error_code eval
[200, 401]



=== TEST 8: any token is one, as opaque as it comes
--- more_headers eval
use utf8;
my $token = qq{odd "'; DROP \x{e9}};
utf8::encode($token);
my $value = $token . '.' . Digest::SHA::hmac_sha256_base64($token, $::secret) . '=';
$value =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge;
"Cookie: better-auth.session_token=$value"
--- response_headers
X-User: auth-t-user



=== TEST 9: a bearer, raw and signed, in any case
--- more_headers eval
['Authorization: Bearer t-auth-t-user', 'Authorization: bearer ' . ::signed('t-auth-t-user'),
 'Authorization: Bearer t-auth-t-nobody', 'Authorization: Basic t-auth-t-user']
--- request eval
[('GET /in') x 4]
--- error_code eval
[200, 200, 401, 401]



=== TEST 10: a bearer goes before the cookie, unless its signature is wrong
--- more_headers eval
["Authorization: Bearer t-auth-t-other\n" . ::cookie('t-auth-t-user'),
 "Authorization: Bearer t-auth-t-other.x\n" . ::cookie('t-auth-t-user')]
--- request eval
['GET /in', 'GET /in']
--- raw_response_headers_like eval
['X-User: auth-t-other\r\n', 'X-User: auth-t-user\r\n']



=== TEST 11: bearers that must be signed, as they must by default, and none at all
--- config
    location = /signed { pitchey_auth on; empty_gif; }
    location = /off { pitchey_auth on; pitchey_auth_bearer off; empty_gif; }
--- more_headers eval
[('Authorization: Bearer t-auth-t-user') x 2,
 ('Authorization: Bearer ' . ::signed('t-auth-t-user')) x 2]
--- request eval
['GET /signed', 'GET /off', 'GET /signed', 'GET /off']
--- error_code eval
[401, 401, 200, 401]



=== TEST 12: a bearer that no row can hold is no question to PostgreSQL
--- more_headers eval
"Authorization: Bearer \xff\xfe"
--- error_code: 401



=== TEST 13: limit_req counts by user
So PREACCESS knows the user before nginx's own handlers are asked.
--- http_config eval
Pitchey::http_config() . 'limit_req_zone $pitchey_user_id zone=users:1m rate=1r/m;'
--- config
    location = /again { pitchey_auth on; limit_req_log_level info; limit_req zone=users; limit_req_status 429; limit_req_dry_run on; empty_gif; add_header X-Status $limit_req_status; }
--- more_headers eval
[(::cookie('t-auth-t-user')) x 3, ::cookie('t-auth-t-other')]
--- request eval
['GET /again', 'GET /again', 'GET /again', 'GET /again']
--- raw_response_headers_like eval
['', 'X-Status: REJECTED_DRY_RUN', 'X-Status: REJECTED_DRY_RUN', '']



=== TEST 14: other back ends are guarded, and told who it is
--- config
    location = /in { pitchey_auth on; proxy_set_header X-User-Id $pitchey_user_id; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/back; }
    location = /back { return 200 "user=$http_x_user_id"; }
--- more_headers eval
[::cookie('t-auth-t-user'), 'X-User-Id: auth-t-other']
--- request eval
['GET /in', 'GET /in']
--- error_code eval
[200, 401]
--- response_body_like eval
['^user=auth-t-user$', 'unauthorized']



=== TEST 15: without a secret nobody is let in
--- http_config
    pitchey_database $TEST_NGINX_PITCHEY_DATABASE;
--- more_headers eval: ::cookie('t-auth-t-user', '')
--- error_code: 401



=== TEST 16: an older secret opens nothing
--- http_config eval
"pitchey_database $ENV{TEST_NGINX_PITCHEY_DATABASE};
 pitchey_auth_secret 'a newer secret, of forty characters, say';"
--- more_headers eval
[::cookie('t-auth-t-user', 'a newer secret, of forty characters, say'), ::cookie('t-auth-t-user')]
--- request eval
['GET /in', 'GET /in']
--- error_code eval
[200, 401]



=== TEST 17: without a database it is 503, but only for who is signed
--- http_config eval
"pitchey_auth_secret '$::secret';"
--- more_headers eval
[::cookie('t-auth-t-user'), ::cookie('t-auth-t-user', 'another')]
--- request eval
['GET /in', 'GET /in']
--- error_code eval
[503, 401]
--- raw_response_headers_like eval
['Retry-After: 1\r\n', 'WWW-Authenticate: Bearer']
--- response_body_like eval
['"code":"database_unavailable"', '"code":"unauthorized"']



=== TEST 18: a database that is not there
--- http_config eval
"pitchey_auth_secret '$::secret'; pitchey_database 'host=127.0.0.1 port=1';"
--- more_headers eval: ::cookie('t-auth-t-user')
--- error_code: 503
--- response_headers
Retry-After: 1
--- no_error_log
[alert]



=== TEST 19: a query that fails
--- http_config eval
Pitchey::http_config() . 'pitchey_session_query "SELECT 1 FROM nowhere WHERE $1 = $1";'
--- more_headers eval: ::cookie('t-auth-t-user')
--- error_code: 503
--- error_log
pitchey_session_query failed: ERROR:  relation "nowhere" does not exist



=== TEST 20: a query that names its columns otherwise
--- http_config eval
Pitchey::http_config() . 'pitchey_session_query "SELECT \'x\' AS userid WHERE $1 = $1";'
--- more_headers eval: ::cookie('t-auth-t-user')
--- error_code: 503
--- error_log
pitchey_session_query gives no "user_id"



=== TEST 21: numbers, uuids and times without a zone
--- http_config eval
Pitchey::http_config() . q{pitchey_session_query "
    SELECT 42 AS session_id, 12345678901::bigint AS user_id, NULL AS email,
           (now() AT TIME ZONE 'UTC' + interval '1 minute')::timestamp(3) AS expires_at
     WHERE $1 = 't-auth-t-user' UNION ALL
    SELECT 42, 1, NULL, (now() AT TIME ZONE 'UTC' - interval '1 minute')::timestamp(3)
     WHERE $1 = 't-auth-t-other'";}
--- more_headers eval
[::cookie('t-auth-t-user'), ::cookie('t-auth-t-other')]
--- request eval
['GET /in', 'GET /in']
--- error_code eval
[200, 401]
--- raw_response_headers_like eval
['X-User: 12345678901\r\n', 'WWW-Authenticate: Bearer']



=== TEST 22: health needs no session, the rest of the API does
--- config
    location /api/containers/ { pitchey on; }
--- request eval
['GET /api/containers/health', 'GET /api/containers/jobs', 'GET /api/containers/nothing',
 'GET /api/containers/healthy']
--- error_code eval
[200, 401, 401, 401]



=== TEST 23: every answer of the API has its request's id, and nosniff
--- config
    location /api/containers/ { pitchey on; }
--- request
GET /api/containers/jobs
--- error_code: 401
--- response_headers_like
X-Content-Type-Options: nosniff
X-Request-Id: [0-9a-f]{32}



=== TEST 24: nginx's own errors are problems there
--- config
    location /api/containers/ { pitchey on; pitchey_upload_max 10; pitchey_body_max 10; }
    location /other/ { return 400; }
--- request eval
["POST /api/containers/files\n12345678901", 'GET /other/']
--- error_code eval
[413, 400]
--- response_body_like eval
['^\{"type":"urn:pitchey:problem:too_large"', '<html>']
--- no_error_log
[alert]
