# For operators: /instances and what is under it; and /usage, for everybody.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $instances = '/api/containers/instances';

our $investor = "Cookie: $ENV{PITCHEY_COOKIE_INVESTOR}";
our $admin = "Cookie: $ENV{PITCHEY_COOKIE_ADMIN}";
our $json = "Content-Type: application/json";

# an id of this month: usage is counted from its first day on
our $now = join '-', sprintf('%012x', time * 1000) =~ /(.{8})(.{4})/;
our $job = "$now-7000-8000-00000000f102";

insert_job($job, $INVESTOR, 'succeeded');
sql("update pitchey.job set usage = '{\"cpu_ms\":2500,\"wall_ms\":4000,\"input_bytes\":10,\"output_bytes\":20}'
     where id = '$job'");
insert_file('0198c3a2-0000-7000-8000-00000000f103', $INVESTOR, 'a.txt', 'text/plain', 'twelve bytes');

add_block_preprocessor(\&pitchey_defaults);

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: for admins only
--- request eval
["GET $::instances", "POST $::instances/scale\n{}", "POST $::instances/restart\n{}"]
--- more_headers eval
["", $::json, $::json]
--- error_code eval
[403, 403, 403]
--- response_body_like eval
[('"code":"forbidden"') x 3]


=== TEST 2: pools and processes
--- request eval
"GET $::instances"
--- more_headers eval: $::admin
--- response_body_like: ^\{"orchestrator":".*","pools":\[.*\{"service":"test-service","min":\d+,"max":\d+,"processes":\d+,"waiting_jobs":\d+,"restarting":(false|true)\}.*\],"instances":\[.*\]\}$


=== TEST 3: another size
--- request eval
"POST $::instances/scale\n" . '{"service":"test-service","min":0,"max":3}'
--- more_headers eval: "$::admin\n$::json"
--- response_body_like: ^\{"service":"test-service","min":0,"max":3,


=== TEST 4: sizes that are none
--- request eval
["POST $::instances/scale\n" . '{"service":"test-service","min":2,"max":1}',
 "POST $::instances/scale\n" . '{"service":"test-service","min":-1,"max":1001}',
 "POST $::instances/scale\n" . '{"service":"test-service","min":0,"max":1,"now":true}',
 "POST $::instances/scale\n" . '[]',
 "POST $::instances/scale\n" . '{"service":"no-service","min":0,"max":1}',
 "POST $::instances/restart\n" . '{"service":"no-service"}',
 "POST $::instances/restart\n" . '{"service":7}']
--- more_headers eval
[("$::admin\n$::json") x 7]
--- error_code eval
[422, 422, 422, 422, 404, 404, 422]
--- response_body_like eval
['"pointer":"/min","detail":"must not be above max"', '"pointer":"/min".*"pointer":"/max"',
 'unknown member', 'must be an object', 'no pool', 'no pool', '"pointer":"/service"']


=== TEST 5: a rolling restart
--- request eval
"POST $::instances/restart\n{}"
--- more_headers eval: "$::admin\n$::json"
--- response_body_like: ^\{"restarting":\d+\}$


=== TEST 6: what one has used, and stores
--- request
GET /api/containers/usage
--- more_headers eval: $::investor
--- response_body_like: ^\{"from":"20\d\d-\d\d-01T00:00:00.000Z","to":"20\d\d-\d\d-01T00:00:00.000Z","services":\[.*\{"service":"test-service","jobs":\d+,"succeeded":\d+,"failed":\d+,"cached":\d+,"cpu_seconds":[0-9.]+,"wall_seconds":[0-9.]+,"input_bytes":\d+,"output_bytes":\d+\}.*\],"stored":\{"files":[1-9]\d*,"file_bytes":\d{2,},"output_bytes":\d+,"file_bytes_max":(null|\d+)\}\}$


=== TEST 7: usage asks for a session
--- request
GET /api/containers/usage
--- more_headers
X-No-Cookie: 1
--- error_code: 401


=== TEST 8: the calls that told of a job's end, for its owner
--- request eval
["GET /api/containers/jobs/$::job/deliveries", "GET /api/containers/jobs/$::job/deliveries"]
--- more_headers eval
[$::investor, ""]
--- error_code eval
[200, 404]
--- response_body_like eval
['^\{"webhooks" ?: ?\[\]\}$', '"code":"not_found"']


=== TEST 9: nobody is called over plain http, nor with a password
--- request eval
["POST /api/containers/test-service/noop\n" . '{"webhook_url":"http://example.com/"}',
 "POST /api/containers/test-service/noop\n" . '{"webhook_url":"https://me:secret@example.com/"}']
--- more_headers eval
[$::json, $::json]
--- error_code eval
[422, 422]
--- response_body_like eval
['"pointer":"/webhook_url","detail":"must begin with https://"',
 '"pointer":"/webhook_url","detail":"must not have a user in it"']


=== TEST 10: what everybody has used, for admins
--- request eval
["GET /api/containers/usage/users", "GET /api/containers/usage/users?month=2001-01", "GET /api/containers/usage/users",
 "GET /api/containers/usage/users?user=x"]
--- more_headers eval
[$::admin, $::admin, $::investor, $::admin]
--- error_code eval
[200, 200, 403, 400]
--- response_body_like eval
["\"users\":\\[.*\"$::INVESTOR\"", '"users":\[\]', '"code":"forbidden"', '"code":"bad_request"']
