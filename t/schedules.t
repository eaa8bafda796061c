# Schedules: /schedules and what is under it.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $schedules = '/api/containers/schedules';
our $mine = '0198c3a2-0000-7000-8000-00000000f001';
our $hers = '0198c3a2-0000-7000-8000-00000000f002';
our $none = '0198c3a2-0000-7000-8000-00000000f00f';

our $investor = "Cookie: $ENV{PITCHEY_COOKIE_INVESTOR}";
our $admin = "Cookie: $ENV{PITCHEY_COOKIE_ADMIN}";
our $json = "Content-Type: application/json";

sub insert_schedule {
    my ($id, $owner) = @_;

    sql("delete from pitchey.schedule where id = '$id'");
    sql("insert into pitchey.schedule (id, owner, role, user_type, cron,
             time_zone, service, action, priority, params, max_attempts,
             timeout_s, next_at)
         values ('$id', '$owner', 'user', 'creator', '0 0 1 1 *', 'UTC',
             'test-service', 'noop', 1, '{}', 1, 60, now() + interval '1 day')");
}

sub add {
    my ($body) = @_;

    return "POST $schedules\n$body";
}

sql("delete from pitchey.schedule");
insert_schedule($mine, $CREATOR);
insert_schedule($hers, $INVESTOR);

add_block_preprocessor(\&pitchey_defaults);

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a schedule is made
--- request eval
::add('{"name":"weekly","cron":"30 9 * * mon-fri","time_zone":"Pacific/Auckland",'
    . '"service":"test-service","action":"echo","params":{"a":1},"priority":"low","metadata":{"k":2}}')
--- more_headers eval: $::json
--- error_code: 201
--- response_headers_like
Location: /api/containers/schedules/[0-9a-f-]{36}
--- response_body_like: ^\{"id":"[0-9a-f-]{36}","name":"weekly","cron":"30 9 \* \* mon-fri","time_zone":"Pacific/Auckland","service":"test-service","action":"echo","priority":"low","params":\{"a": ?1\},"metadata":\{"k": ?2\},"paused":false,"problem":null,"next_at":"20[0-9T:.-]+Z","last_at":null,"last_job":null,"created_at":"20[0-9T:.-]+Z"\}$


=== TEST 2: one without a zone is UTC's
--- request eval
::add('{"cron":"@daily","service":"test-service","action":"noop"}')
--- more_headers eval: $::json
--- error_code: 201
--- response_body_like: "time_zone":"UTC".*"next_at":"20[0-9-]+T00:00:00.000Z"


=== TEST 3: what it will submit is validated when it is made
All violations of the parameters, each with its place in this body.
--- request eval
::add('{"cron":"@daily","service":"test-service","action":"sleep","params":{"seconds":"long"}}')
--- more_headers eval: $::json
--- error_code: 422
--- response_body_like: "code":"invalid".*"errors":\[\{"pointer":"/params/seconds"


=== TEST 4: an expression, a zone and an action that are none
--- request eval
[::add('{"cron":"61 * * * *","service":"test-service","action":"noop"}'),
 ::add('{"cron":"0 0 30 2 *","service":"test-service","action":"noop"}'),
 ::add('{"cron":"@daily","time_zone":"Mars/Olympus","service":"test-service","action":"noop"}'),
 ::add('{"cron":"@daily","service":"test-service","action":"fly"}'),
 ::add('{"cron":"@daily","service":"test-service","action":"noop","often":true}'),
 ::add('{"cron":"@daily","service":"test-service","action":"noop","webhook_url":"ftp://example.com/"}'),
 ::add('[]')]
--- more_headers eval
[($::json) x 7]
--- error_code eval
[(422) x 7]
--- response_body_like eval
['"pointer":"/cron","detail":"the minutes', '"pointer":"/cron","detail":"never comes"',
 '"pointer":"/time_zone"', '"pointer":"/action"', '"pointer":"/often"',
 '"pointer":"/webhook_url"', '"pointer":""']


=== TEST 5: a file that is not the caller's
--- request eval
::add('{"cron":"@daily","service":"test-service","action":"read-file","params":{"file":"' . $::none . '"}}')
--- more_headers eval: $::json
--- error_code: 422
--- response_body_like: "code":"unknown_file"


=== TEST 6: not JSON, another type, too long
--- config
location /api/containers/ { pitchey on; pitchey_body_max 1k; }
--- request eval
[::add('{'), ::add('{}'), ::add('{"cron":"' . 'x' x 2000 . '"}')]
--- more_headers eval
[$::json, "Content-Type: text/plain", $::json]
--- error_code eval
[400, 415, 413]
--- response_body_like eval
['invalid_json', 'unsupported_media_type', 'too_large']


=== TEST 7: one's own schedules
--- request eval
["GET $::schedules", "GET $::schedules/$::mine"]
--- response_body_like eval
["^\\{\"schedules\":\\[.*$::mine", "^\\{\"id\":\"$::mine\""]


=== TEST 8: nobody else's
--- request eval
["GET $::schedules", "GET $::schedules/$::hers", "DELETE $::schedules/$::hers",
 "POST $::schedules/$::hers/pause", "POST $::schedules/$::hers/run", "GET $::schedules/$::none"]
--- error_code eval
[200, (404) x 5]
--- response_body_unlike eval
[($::hers) x 6]


=== TEST 9: an admin may look at it and pause it, but not act for its owner
--- request eval
["GET $::schedules/$::hers", "POST $::schedules/$::hers/run", "POST $::schedules/$::hers/pause"]
--- more_headers eval
[($::admin) x 3]
--- error_code eval
[200, 403, 200]


=== TEST 10: paused, and resumed
--- request eval
["POST $::schedules/$::mine/pause", "POST $::schedules/$::mine/resume"]
--- response_body_like eval
['"paused":true,"problem":null,"next_at":null', '"paused":false,"problem":null,"next_at":"20']


=== TEST 11: run by hand, it makes a job
--- request eval
"POST $::schedules/$::mine/run"
--- error_code: 202
--- response_headers_like
Location: /api/containers/jobs/[0-9a-f-]{36}
--- response_body_like: "service":"test-service","action":"noop","status":"queued"


=== TEST 12: no session, no schedules
--- request eval
["GET $::schedules", ::add('{}')]
--- more_headers eval
["X-No-Cookie: 1", "X-No-Cookie: 1\n$::json"]
--- error_code eval
[401, 401]


=== TEST 13: a method that there is not
--- request eval
["PUT $::schedules", "GET $::schedules/$::mine/run"]
--- error_code eval
[405, 405]
