# The session of a request: from its cookie or bearer to $pitchey_user_id.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

use Digest::SHA qw(hmac_sha256_base64);
use MIME::Base64 qw(encode_base64url);

our $secret = $ENV{TEST_NGINX_PITCHEY_SECRET};

# the users and sessions of this file, made anew each time it runs
sql(<<'SQL');
    DELETE FROM "user" WHERE id LIKE 'auth-t-%';
    INSERT INTO "user" (id, name, email, "emailVerified", role, banned, "banExpires")
    VALUES ('auth-t-user', 'U', 'u@auth.t', true, 'user', NULL, NULL),
           ('auth-t-admin', 'A', 'a@auth.t', true, 'user, admin', NULL, NULL),
           ('auth-t-other', 'O', 'o@auth.t', true, NULL, false, NULL),
           ('auth-t-banned', 'B', 'b@auth.t', true, 'user', true, NULL),
           ('auth-t-banned-now', 'B', 'bn@auth.t', true, 'user', true, now() + interval '1 hour'),
           ('auth-t-lapsed', 'L', 'l@auth.t', true, 'user', true, now() - interval '1 hour');
    INSERT INTO "session" (id, "expiresAt", token, "updatedAt", "userId")
    SELECT 's-' || id, now() + interval '1 hour', 't-' || id, now(), id
      FROM "user" WHERE id LIKE 'auth-t-%';
    INSERT INTO "session" (id, "expiresAt", token, "updatedAt", "userId")
    VALUES ('s-auth-t-expired', now() - interval '1 second', 't-auth-t-expired', now(), 'auth-t-user'),
           ('s-auth-t-long', now() + interval '30 days', 't-auth-t-long', now(), 'auth-t-user'),
           ('s-auth-t-odd', now() + interval '1 hour', E'odd "''; DROP \u00e9', now(), 'auth-t-user');
    UPDATE "user" SET "userType" = CASE id WHEN 'auth-t-user' THEN 'production' ELSE 'creator' END
     WHERE id LIKE 'auth-t-%';
SQL

sub signed {
    my ($token, $key) = @_;

    return "$token." . hmac_sha256_base64($token, $key // $secret) . '=';
}

# the library's compact cookie cache, of a session that has no row
sub copy {
    my ($token, %o) = @_;
    my $end = 1000 * (time + ($o{life} // 3600));
    my $banned = $o{banned} ? 'true' : 'false';
    my $version = $o{version} // '1';
    my $p = qq({"session":{"expiresAt":"2038-01-01T00:00:00.000Z","token":"$token","userId":"copied","id":"s-copied"},)
        . qq("user":{"name":"C","email":"c\@auth.t","role":"editor","userType":"creator","banned":$banned,"id":"copied"},)
        . qq("updatedAt":1768478400016,"version":"$version"});
    (my $signed = $p) =~ s/}$/,"expiresAt":$end}/;
    (my $mac = hmac_sha256_base64($signed, $o{key} // $secret)) =~ tr,+/,-_,;
    my $value = encode_base64url(qq({"session":$p,"expiresAt":$end,"signature":"$mac"}));

    return "better-auth.session_data=$value" unless $o{chunks};

    my ($n, @chunks) = (0);
    push @chunks, "better-auth.session_data." . $n++ . "=$1" while $value =~ /(.{1,150})/g;
    return join '; ', reverse @chunks;
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
["POST /api/containers/files\n" . 'x' x 70000, 'GET /other/']
--- error_code eval
[413, 400]
--- response_body_like eval
['^\{"type":"urn:pitchey:problem:too_large"', '<html>']
--- no_error_log
[alert]



=== TEST 25: where anybody may come in, who has no session is nobody
--- config
    location = /in { pitchey_auth optional; empty_gif; }
    location = /proxied { pitchey_auth optional; proxy_set_header X-User-Id $pitchey_user_id; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/back; }
    location = /back { return 200 "user=$http_x_user_id"; }
--- more_headers eval
['X-None: 1', ::cookie('t-auth-t-user', 'another secret'), ::cookie('t-auth-t-nobody'),
 "X-User-Id: auth-t-admin\nPitchey_User_Id: auth-t-admin\nCookie: pitchey_user_id=auth-t-admin",
 "X-User-Id: auth-t-admin\n" . ::cookie('t-auth-t-user')]
--- request eval
['GET /proxied', 'GET /proxied', 'GET /proxied', 'GET /proxied?pitchey_user_id=auth-t-admin', 'GET /proxied']
--- response_body_like eval
['^user=$', '^user=$', '^user=$', '^user=$', '^user=auth-t-user$']



=== TEST 26: and with the database away, too
--- http_config eval
"pitchey_auth_secret '$::secret'; pitchey_database 'host=127.0.0.1 port=1';"
--- config
    location = /in { pitchey_auth optional; proxy_set_header X-User-Id $pitchey_user_id; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/back; }
    location = /back { return 200 "user=$http_x_user_id"; }
--- more_headers eval: ::cookie('t-auth-t-user')
--- response_body_like: ^user=$
--- no_error_log
[alert]



=== TEST 27: a role, one of several, and a type
--- config
    location = /admin { pitchey_auth on; pitchey_require role=admin; empty_gif; }
    location = /staff { pitchey_auth on; pitchey_require role=editor,admin; empty_gif; }
    location = /studio { pitchey_auth on; pitchey_require user_type=production; empty_gif; }
    location = /both { pitchey_auth on; pitchey_require role=user user_type=production; empty_gif; }
    location = /optional { pitchey_auth optional; pitchey_require role=user; empty_gif; }
--- more_headers eval
[(::cookie('t-auth-t-admin')) x 4, (::cookie('t-auth-t-user')) x 4, ::cookie('t-auth-t-other'),
 'X-None: 1', ::cookie('t-auth-t-other'), 'X-None: 1']
--- request eval
[('GET /admin', 'GET /staff', 'GET /studio', 'GET /both') x 2, 'GET /staff', 'GET /admin', 'GET /optional', 'GET /optional']
--- error_code eval
[200, 200, 403, 403, 403, 403, 200, 200, 403, 401, 403, 401]



=== TEST 28: who may not come in is told by a problem
--- config
    location = /in { pitchey_auth on; pitchey_require role=admin; empty_gif; }
--- more_headers eval: ::cookie('t-auth-t-user')
--- error_code: 403
--- response_headers
Content-Type: application/problem+json
! WWW-Authenticate
--- response_body_like: ^\{"type":"urn:pitchey:problem:forbidden","title":"Forbidden","status":403,"code":"forbidden",



=== TEST 29: every variable, in a header to a back end and in a log
--- http_config eval
Pitchey::http_config() . q{log_format who "$uri $pitchey_user_id $pitchey_user_email $pitchey_user_role $pitchey_user_type $pitchey_session_id [$pitchey_job_id]";}
--- config
    access_log $TEST_NGINX_SERVER_ROOT/logs/who.log who;
    location = /in {
        pitchey_auth on;
        proxy_set_header X-Who "$pitchey_user_id $pitchey_user_email $pitchey_user_role $pitchey_user_type $pitchey_session_id";
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/back;
    }
    location = /back { return 200 "$http_x_who"; }
    location = /log { access_log off; default_type text/plain; alias $TEST_NGINX_SERVER_ROOT/logs/who.log; }
--- more_headers eval
[::cookie('t-auth-t-user'), 'X-None: 1', 'X-None: 1']
--- request eval
['GET /in', 'GET /in', 'GET /log']
--- error_code eval
[200, 401, 200]
--- response_body_like eval
['^auth-t-user u@auth.t user production s-auth-t-user$', 'unauthorized',
 '(?s)/in auth-t-user u@auth.t user production s-auth-t-user \[-\]\n.*/in - - - - - \[-\]\n']



=== TEST 30: every variable as a key of limit_req
--- http_config eval
Pitchey::http_config() . 'limit_req_zone "$pitchey_user_email $pitchey_user_role $pitchey_user_type $pitchey_session_id" zone=users:1m rate=1r/m;'
--- config
    location = /again { pitchey_auth on; limit_req_log_level info; limit_req zone=users; limit_req_dry_run on; empty_gif; add_header X-Status $limit_req_status; }
--- more_headers eval
[(::cookie('t-auth-t-user')) x 2, ::cookie('t-auth-t-long'), ::cookie('t-auth-t-other')]
--- request eval
[('GET /again') x 4]
--- raw_response_headers_like eval
['', 'X-Status: REJECTED_DRY_RUN', '', '']



=== TEST 31: the job that a path names
--- http_config eval: Pitchey::http_config()
--- config
    location /api/containers/ { pitchey on; add_header X-Job "$pitchey_job_id" always; }
--- more_headers eval: ::cookie('t-auth-t-user')
--- request eval
['GET /api/containers/jobs/01890000-0000-7000-8000-000000000031', 'GET /api/containers/jobs']
--- error_code eval
[404, 200]
--- raw_response_headers_like eval
['X-Job: 01890000-0000-7000-8000-000000000031\r\n', '^(?!.*X-Job)']



=== TEST 32: the job that was submitted
--- http_config eval: Pitchey::http_config()
--- config
    location /api/containers/ { pitchey on; add_header X-Job "$pitchey_job_id" always; }
--- more_headers eval: ::cookie('t-auth-t-user') . "\nContent-Type: application/json"
--- request
POST /api/containers/test-service/noop
{}
--- error_code: 202
--- raw_response_headers_like: X-Job: [0-9a-f-]{36}\r\n



=== TEST 33: of several secrets the first one counts, and the others if they may
--- http_config eval
"pitchey_database $ENV{TEST_NGINX_PITCHEY_DATABASE};
 pitchey_auth_secret 'the newest, which signs, of forty letters';
 pitchey_auth_secret 'an old one that has been forgotten by all';
 pitchey_auth_secret '$::secret';"
--- config
    location = /in { pitchey_auth on; empty_gif; }
    location = /old { pitchey_auth on; pitchey_auth_accept_old_secrets on; empty_gif; add_header X-User $pitchey_user_id; }
--- more_headers eval
[(::cookie('t-auth-t-user', 'the newest, which signs, of forty letters')) x 2,
 ::cookie('t-auth-t-user'), ::cookie('t-auth-t-user'), ::cookie('t-auth-t-user'),
 'Authorization: Bearer ' . ::signed('t-auth-t-user'), ::cookie('t-auth-t-user', 'nobody\'s')]
--- request eval
['GET /in', 'GET /old', 'GET /old', 'GET /in', 'GET /old', 'GET /old', 'GET /old']
--- error_code eval
[200, 200, 200, 401, 200, 200, 401]



=== TEST 34: what one location has verified opens no other one
The worker remembers verified values, by the secrets under which it did.
--- http_config eval
"pitchey_database $ENV{TEST_NGINX_PITCHEY_DATABASE};"
--- config eval
"location = /one { pitchey_auth on; pitchey_auth_secret '$::secret'; empty_gif; }
 location = /two { pitchey_auth on; pitchey_auth_secret 'quite another secret, of forty letters..'; empty_gif; }"
--- more_headers eval
[(::cookie('t-auth-t-user')) x 3]
--- request eval
['GET /one', 'GET /two', 'GET /one']
--- error_code eval
[200, 401, 200]



=== TEST 35: a platform's own sessions: an id that nobody signed, and snake_case
--- http_config eval
$::snake = q{pitchey_session_query "
    SELECT s.id AS session_id, s.user_id, s.expires_at, NULL AS email, 'user' AS role, 'creator' AS user_type
      FROM (VALUES ('6f1e1c5a-platform-0123456789abcdef', 4711, now() + interval '1 hour'),
                   ('6f1e1c5a-platform-expired', 4711, now() - interval '1 hour'))
           AS s (id, user_id, expires_at)
     WHERE s.id = $1";};
Pitchey::http_config() . $::snake
--- config
    location = /in { pitchey_auth on; pitchey_auth_cookie_format unsigned; empty_gif; add_header X-User $pitchey_user_id; }
    location = /named { pitchey_auth on; pitchey_auth_cookie_format unsigned; pitchey_auth_cookie psid; empty_gif; }
    location = /signed { pitchey_auth on; pitchey_auth_cookie pitchey-session; empty_gif; }
--- more_headers eval
['Cookie: pitchey-session=6f1e1c5a-platform-0123456789abcdef', 'Cookie: pitchey-session=6f1e1c5a%2Dplatform-0123456789abcdef',
 'Cookie: psid=6f1e1c5a-platform-0123456789abcdef',
 'Cookie: psid=6f1e1c5a-platform-0123456789abcdef', 'Cookie: pitchey-session=6f1e1c5a-platform-expired',
 'Cookie: pitchey-session=', 'Cookie: pitchey-session=' . 'x' x 300,
 'Cookie: pitchey-session=6f1e1c5a-platform-0123456789abcdef', 'Cookie: pitchey-session=%FF%00']
--- request eval
['GET /in', 'GET /in', 'GET /named', 'GET /in', 'GET /in', 'GET /in', 'GET /in', 'GET /signed', 'GET /in']
--- error_code eval
[200, 200, 200, 401, 401, 401, 401, 401, 401]



=== TEST 36: uuids of a snake_case table
--- http_config eval
Pitchey::http_config() . q{pitchey_session_query "
    SELECT s.id AS session_id, s.user_id, s.expires_at
      FROM (VALUES (gen_random_uuid(), 't-uuid', 'b3b7a6ce-7d0c-4d0e-9a3a-0d5f0a5a1c11'::uuid,
                    (now() AT TIME ZONE 'UTC' + interval '1 hour')::timestamp)) AS s (id, token, user_id, expires_at)
     WHERE s.token = $1";}
--- more_headers eval: ::cookie('t-uuid')
--- response_headers
X-User: b3b7a6ce-7d0c-4d0e-9a3a-0d5f0a5a1c11



=== TEST 37: the cookie cache is not believed without its row, but can be logged
--- config
    location = /in { pitchey_auth on; empty_gif; }
    location = /asked { pitchey_auth on; empty_gif; add_header X-Copy "$pitchey_session_copy"; }
    location = /off { pitchey_auth on; pitchey_auth_cookie_cache off; empty_gif; add_header X-Copy "$pitchey_session_copy"; }
--- more_headers eval
[::cookie('t-copied') . '; ' . ::copy('t-copied'),
 ::cookie('t-auth-t-user') . '; ' . ::copy('t-auth-t-user'),
 ::cookie('t-auth-t-user') . '; ' . ::copy('t-auth-t-user', key => 'another'),
 ::cookie('t-auth-t-user'),
 ::cookie('t-auth-t-user') . '; ' . ::copy('t-auth-t-user')]
--- request eval
['GET /in', 'GET /asked', 'GET /asked', 'GET /asked', 'GET /off']
--- error_code eval
[401, 200, 200, 200, 200]
--- raw_response_headers_like eval
['', 'X-Copy: valid\r\n', 'X-Copy: invalid\r\n', '^(?!.*X-Copy)', '^(?!.*X-Copy)']



=== TEST 38: where it is trusted it stands for the row, as in the library
--- config
    location = /in { pitchey_auth on; pitchey_auth_cookie_cache trust; pitchey_require role=editor; empty_gif; add_header X-User $pitchey_user_id; }
    location = /v2 { pitchey_auth on; pitchey_auth_cookie_cache trust 2; empty_gif; }
--- more_headers eval
my $c = ::cookie('t-copied');
[map { "$c; $_" } ::copy('t-copied'), ::copy('t-copied', chunks => 1),
 ::copy('t-copied', key => 'another'), ::copy('t-copied', life => -1), ::copy('t-copied', banned => 1),
 ::copy('t-other'), ::copy('t-copied'), ::copy('t-copied', version => '2'), ::copy('t-copied'),
 'better-auth.session_data=!', 'better-auth.session_data=e30']
--- request eval
[('GET /in') x 6, 'GET /in?disableCookieCache=true', 'GET /v2', 'GET /v2', 'GET /in', 'GET /in']
--- error_code eval
[200, 200, 401, 401, 401, 401, 401, 200, 401, 401, 401]



=== TEST 39: and never without a signed token
--- config
    location = /in { pitchey_auth on; pitchey_auth_cookie_cache trust; empty_gif; }
--- more_headers eval
['Cookie: ' . ::copy('t-copied'), ::cookie('t-copied', 'another') . '; ' . ::copy('t-copied')]
--- request eval
['GET /in', 'GET /in']
--- error_code eval
[401, 401]



=== TEST 40: two lengths of one body are no request
What stands in front of nginx may have read the other one.
--- raw_request eval
"POST /in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" . ::cookie('t-auth-t-user')
 . "\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nGET /"
--- error_code: 400



=== TEST 41: a length beside chunks is none, either
--- raw_request eval
"POST /in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" . ::cookie('t-auth-t-user')
 . "\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
--- error_code: 400



=== TEST 42: more cookies than nginx takes
--- more_headers eval
['Cookie: a=' . 'x' x 9000, 'Cookie: a=' . 'x' x 7000 . '; better-auth.session_token=' . ::signed('t-auth-t-user')]
--- request eval
['GET /in', 'GET /in']
--- error_code eval
[400, 200]
