# Submitting jobs: POST /{service}/{action}.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Pitchey;

our $away = Pitchey::http_config('ipc:///nonexistent/edge.sock');
our $noop = '/api/containers/test-service/noop';
our $echo = '/api/containers/test-service/echo';
our $run = $$ . time;

# folders of schemas: one for some users only, and two that are wrong
our $schemas = tempdir(CLEANUP => 1);
our %location;

for ([only => 'special', '{"x-pitchey":{"user_type":["investor"],"max_body":20}}'],
     [typo => 'broken', '{"properties":{"a":{"type":"strin"}}}'],
     [own => 'broken', '{"properties":{"priority":{"type":"integer"}}}'],
     [chosen => 'noop', '{"required":["kind"],"x-pitchey":{"one_of":{"member":"kind","schemas":"../../kinds/*/params.json"}}}'],
     [star => 'broken', '{"x-pitchey":{"one_of":{"member":"kind","schemas":"../../kinds/*/*.json"}}}'],
     [nobody => 'noop', '{"x-pitchey":{"one_of":{"member":"kind","schemas":"../../none/*.json"}}}'],
     [sealed => 'noop', '{"x-pitchey":{"one_of":{"member":"kind","schemas":"../../seals/*.json"}}}'],
     [worse => 'noop', '{"x-pitchey":{"one_of":{"member":"kind","schemas":"../../worse/*.json"}}}'])
{
    my ($folder, $action, $text) = @$_;

    mkdir "$schemas/$folder";
    mkdir "$schemas/$folder/test-service";
    open my $file, '>', "$schemas/$folder/test-service/$action.json" or die;
    print $file $text;
    close $file;

    $location{$folder} = "location /api/containers/ {
        pitchey on; pitchey_schemas $schemas/$folder; }";
}

# what an operator adds to "chosen", and one that is wrong
for (['kinds/nda/params.json', '{"required":["party"],"properties":{"party":{"minLength":2},"file":{"format":"file-id"}}}'],
     ['kinds/deal/params.json', '{"properties":{"party":false}}'],
     ['seals/vault.json', '{"properties":{"word":{"type":"string","writeOnly":true},"run":{"type":"string"}}}'],
     ['worse/bad.json', '{"type":"strin"}'])
{
    my ($path, $text) = @$_;

    make_path(dirname("$schemas/$path"));
    open my $file, '>', "$schemas/$path" or die;
    print $file $text;
    close $file;
}

insert_file('0198c3a2-0000-7000-8000-0000000001a1', $CREATOR, 'mine.txt',
            'text/plain', 'mine');
insert_file('0198c3a2-0000-7000-8000-0000000001a2', $INVESTOR, 'hers.txt',
            'text/plain', 'hers');

add_block_preprocessor(sub {
    my ($block) = @_;

    # most blocks send JSON
    $block->set_value('more_headers', "Content-Type: application/json\n")
        unless defined $block->more_headers;

    pitchey_defaults($block);
});

add_cleanup_handler(sub {
    is((sql("select count(*) from pitchey.job
             where metadata->>'run' = 'key-$run'"))[0], 1,
       'requests of one Idempotency-Key are one job');

    my ($sealed) = sql("select count(*) || ' ' || count(*) filter (where job::text like '%Sesame%')
                        from pitchey.job where params->>'run' = 'sealed-$run'");

    is($sealed, '2 0', 'what a chosen schema keeps secret is not stored as it came');
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a job is accepted, and told where it can be seen
--- request eval
"POST $::noop\n{}"
--- error_code: 202
--- response_headers_like
Location: /api/containers/jobs/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}
Content-Type: application/json
--- response_body_like: ^\{"id": ?"[0-9a-f-]{36}".*"service": ?"test-service","action": ?"noop","status": ?"queued"


=== TEST 2: the envelope is taken out of the parameters
The action accepts no such members, so it has not seen them.
--- request eval
"POST $::noop\n" . '{"priority":"urgent","metadata":{"a":[1]},"max_attempts":2,'
. '"timeout_s":60,"run_at":"2026-01-31T09:00:00.5+01:00","expires_at":"2099-12-31T23:59:59z"}'
--- error_code: 202
--- response_body_like: "priority": ?"urgent".*"max_attempts": ?2.*"metadata": ?\{"a":\[1\]\}


=== TEST 3: all violations come at once, each with its pointer
--- request eval
"POST $::noop\n" . '{"priority":1,"metadata":[],"run_at":"tomorrow",'
. '"expires_at":"2027-02-29T00:00:00Z","webhook_url":"not a url",'
. '"max_attempts":0,"timeout_s":1e9,"colour":"red"}'
--- error_code: 422
--- response_headers
Content-Type: application/problem+json
--- response_body_like eval
qr{"code":"invalid".*"errors":\[\{"pointer":"/priority".*"/metadata".*"/run_at".*"/expires_at".*"/webhook_url".*"/max_attempts".*"/timeout_s".*"/colour"}


=== TEST 4: an array is no body
--- request eval
"POST $::noop\n[1]"
--- error_code: 422
--- response_body_like: "pointer":""


=== TEST 5: what is not JSON is a bad request
Duplicate members and integers beyond a double's are not I-JSON.
--- request eval
["POST $::noop\n{\"a\":", "POST $::noop\n{\"a\":1,\"a\":2}",
 "POST $::noop\n{\"a\":9007199254740993}", "POST $::noop\n{} {}", "POST $::noop\n"]
--- error_code eval
[400, 400, 400, 400, 400]
--- response_body_like eval
[('"code":"invalid_json"') x 5]


=== TEST 6: only application/json is JSON
--- request eval
["POST $::noop\n{}", "POST $::noop\n{}", "POST $::noop\n{}"]
--- more_headers eval
["X-Y: 1", "Content-Type: text/plain", "Content-Type: Application/JSON; charset=utf-8"]
--- error_code eval
[415, 415, 202]


=== TEST 7: a body over the limit is refused by its length
--- config
location /api/containers/ { pitchey on; pitchey_body_max 100; }
--- request eval
"POST $::noop\n" . '{"metadata":{"a":"' . 'x' x 100 . '"}}'
--- error_code: 413
--- response_body_like: "code":"too_large"


=== TEST 8: or as it comes, when it does not say its length
--- config
location /api/containers/ { pitchey on; pitchey_body_max 100; }
--- raw_request eval
"POST $::noop HTTP/1.1\r\nHost: localhost\r\nCookie: $ENV{PITCHEY_COOKIE_CREATOR}\r\nConnection: close\r\n"
. "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" . 'x' x 255 . "\r\n0\r\n\r\n"
--- error_code: 413
--- response_body_like: "code":"too_large"


=== TEST 9: a chunked body within the limit is read to its end
--- raw_request eval
"POST $::noop HTTP/1.1\r\nHost: localhost\r\nCookie: $ENV{PITCHEY_COOKIE_CREATOR}\r\nConnection: close\r\n"
. "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
--- error_code: 202


=== TEST 10: another user's file and none at all are the same 422
--- request eval
["POST /api/containers/test-service/read-file\n" . '{"file":"0198c3a2-0000-7000-8000-0000000001a2"}',
 "POST /api/containers/test-service/read-file\n" . '{"file":"0198c3a2-0000-7000-8000-0000000000af"}',
 "POST /api/containers/test-service/read-file\n" . '{"file":"0198c3a2-0000-7000-8000-0000000001a1"}']
--- error_code eval
[422, 422, 202]
--- response_body_like eval
['"code":"unknown_file".*\{"pointer":"/file","detail":"there is no such file"\}',
 '"code":"unknown_file".*\{"pointer":"/file","detail":"there is no such file"\}',
 '"status": ?"queued"']


=== TEST 11: one Idempotency-Key and one body are one job
The body is compared in its canonical form.
--- request eval
["POST $::noop\n{\"metadata\":{\"run\":\"key-$::run\",\"n\":1.0}}",
 "POST $::noop\n{ \"metadata\": {\"n\":1, \"run\":\"key-$::run\"} }"]
--- more_headers eval
"Content-Type: application/json\nIdempotency-Key: one-$::run"
--- error_code eval
[202, 202]


=== TEST 12: another body with the same key is refused
--- request eval
["POST $::noop\n{}", "POST $::noop\n{\"metadata\":{\"run\":\"other\"}}"]
--- more_headers eval
"Content-Type: application/json\nIdempotency-Key: two-$::run"
--- error_code eval
[202, 422]
--- response_body_like eval
['"status":', '"code":"idempotency_mismatch"']


=== TEST 13: an empty Idempotency-Key is none
--- request eval
"POST $::noop\n{}"
--- more_headers
Content-Type: application/json
Idempotency-Key:
--- error_code: 400


=== TEST 14: nobody submits without a session
--- request eval
"POST $::noop\n{}"
--- more_headers
X-No-Cookie: 1
Content-Type: application/json
--- error_code: 401


=== TEST 15: an action for some is closed to the others
--- config eval: $::location{only}
--- request eval
["POST /api/containers/test-service/special\n{}", "POST /api/containers/test-service/special\n{}"]
--- more_headers eval
["Content-Type: application/json",
 "Cookie: $ENV{PITCHEY_COOKIE_INVESTOR}\nContent-Type: text/plain"]
--- error_code eval
[403, 415]


=== TEST 16: a schema may allow less than the location
--- config eval: $::location{only}
--- request
POST /api/containers/test-service/special
{"metadata":{"a":"b"}}
--- more_headers eval
"Cookie: $ENV{PITCHEY_COOKIE_INVESTOR}\nContent-Type: application/json"
--- error_code: 413


=== TEST 17: an action without a schema does not exist
--- request
POST /api/containers/test-service/nothing
{}
--- error_code: 404


=== TEST 18: a wrong schema fails the configuration, with file and pointer
--- config eval: $::location{typo}
--- must_die
--- error_log
broken.json": #/properties/a/type


=== TEST 19: so does one that claims a member of the envelope
--- config eval: $::location{own}
--- must_die
--- error_log
broken.json": #/properties/priority: the name is reserved


=== TEST 20: so does a folder without schemas
--- config
location /api/containers/ { pitchey on; pitchey_schemas /usr/share/nginx; }
--- must_die
--- error_log
"pitchey_schemas" folder


=== TEST 21: without an orchestrator the answer is 503, and when to come again
--- http_config eval: $::away
--- request eval
"POST $::noop\n{}"
--- timeout: 8
--- error_code: 503
--- response_headers_like
Retry-After: [0-9]+
--- response_body_like: "code":"unavailable"


=== TEST 22: a member chooses one of the schemas that an operator adds
--- config eval: $::location{chosen}
--- request eval
["POST $::noop\n" . '{"kind":"nda","party":"Ann"}', "POST $::noop\n" . '{"kind":"deal"}',
 "POST $::noop\n" . '{"kind":"nda"}', "POST $::noop\n" . '{"kind":"deal","party":"Ann"}',
 "POST $::noop\n" . '{"kind":"../nda","party":"Ann"}', "POST $::noop\n{}",
 "POST $::noop\n" . '{"kind":"nda","party":"A","file":"0198c3a2-0000-7000-8000-0000000000zz"}',
 "POST $::noop\n" . '{"kind":"nda","party":"Ann","file":"0198c3a2-0000-7000-8000-0000000001a2"}']
--- error_code eval
[202, 202, (422) x 6]
--- response_body_like eval
['"status":"queued"', '"status":"queued"', '"pointer":"/party","detail":"is required"', '"pointer":"/party"',
 '"errors":\[\{"pointer":"/kind","detail":"names nothing that there is"\}\]', '"errors":\[\{"pointer":"/kind","detail":"is required"\}\]',
 '"pointer":"/party".*"pointer":"/file"', '"pointer":"/file"']


=== TEST 23: one star, and no other wildcard
--- config eval: $::location{star}
--- must_die
--- error_log
broken.json": #/x-pitchey/one_of: unknown, or of another type


=== TEST 24: an operator's schema that is wrong is named
--- config eval: $::location{worse}
--- must_die
--- error_log
worse/bad.json": #/type


=== TEST 25: none at all is likely a mistake
It is told, and what follows is read.
--- config eval: $::location{nobody} . $::location{worse}
--- must_die
--- error_log eval
['there is no "', 'worse/bad.json": #/type']


=== TEST 26: until there is one, nothing can be chosen
--- config eval: $::location{nobody}
--- request eval
"POST $::noop\n" . '{"kind":"nda"}'
--- error_code: 422
--- response_body_like: "pointer":"/kind","detail":"names nothing that there is"


=== TEST 27: a secret of the chosen schema leaves the parameters
--- config eval: $::location{sealed}
--- request eval
["POST $::noop\n" . qq({"kind":"vault","word":"Sesame","run":"sealed-$::run"}), "POST $::noop\n" . '{"kind":"vault","word":7}']
--- error_code eval
[202, 422]
--- response_body_like eval
['^(?!.*Sesame).*"status":"queued"', '^(?!.*Sesame).*"pointer":"/word"']
