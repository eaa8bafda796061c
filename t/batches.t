# Batches: POST /jobs (alias /process) with one job or many, GET /batches/{id}.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use File::Temp qw(tempdir);
use Pitchey;

our $jobs = '/api/containers/jobs';
our $run = $$ . time;
our $batch = '0198c3a2-0000-7000-8000-0000000000ba';
our $job = '0198c3a2-0000-7000-8000-0000000000bb';

# a job that is never run: nobody has to wait for a thousand of them
our $later = '"run_at":"2099-01-01T00:00:00Z"';

sub noops {
    my ($n, $more) = @_;
    return join ',', ('{"service":"test-service","action":"noop",' . $later . ($more // '') . '}') x $n;
}

our $schemas = tempdir(CLEANUP => 1);
mkdir "$schemas/test-service";
open my $file, '>', "$schemas/test-service/special.json" or die;
print $file '{"x-pitchey":{"user_type":["investor"]}}';
close $file;

insert_file('0198c3a2-0000-7000-8000-0000000000a3', $INVESTOR, 'hers.txt', 'text/plain', 'hers');
insert_job($job, $CREATOR, 'succeeded');
sql("update pitchey.job set batch_id = '$batch' where id = '$job'");

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('more_headers', "Content-Type: application/json\n")
        unless defined $block->more_headers;

    pitchey_defaults($block);
});

add_cleanup_handler(sub {
    is((sql("select count(*) from pitchey.job where metadata->>'run' = 'none-$run'"))[0], 0,
       'of a batch that was refused there is nothing');
    is((sql("select count(*), count(distinct batch_id) from pitchey.job where metadata->>'run' = 'key-$run'"))[0],
       '2|1', 'one Idempotency-Key is one batch');
    is((sql("select count(*) from pitchey.job where metadata->>'run' = 'many-$run'"))[0], 2000,
       'a thousand jobs, each time');
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a job whose action the body says
--- request eval
["POST $::jobs\n" . '{"service":"test-service","action":"echo","a":[1],"priority":"high"}',
 "POST /api/containers/process\n" . '{"service":"test-service","action":"noop"}']
--- error_code eval
[202, 202]
--- response_headers_like eval
["Location: /api/containers/jobs/[0-9a-f-]{36}"]
--- response_body_like eval
['^\{"id": ?"[0-9a-f-]{36}","service": ?"test-service","action": ?"echo".*"priority": ?"high".*"batch_id": ?null',
 '"action": ?"noop"']


=== TEST 2: a batch: one answer with its id and its jobs, in their order
--- request eval
"POST $::jobs\n" . '{"jobs":[{"service":"test-service","action":"noop","metadata":{"n":1}},'
. '{"service":"test-service","action":"echo","b":2,"metadata":{"n":2}}]}'
--- error_code: 202
--- response_headers_like
Location: /api/containers/batches/[0-9a-f-]{36}
--- response_body_like eval
qr/^\{"batch_id":"([0-9a-f-]{36})","jobs":\[\{"id":"[0-9a-f-]{36}".*"action":"noop".*"batch_id":"\g1".*\{"n":1\}\},\{"id".*"action":"echo".*"batch_id":"\g1".*\{"n":2\}/


=== TEST 3: what is wrong with any of its jobs, all at once
--- request eval
"POST $::jobs\n" . '{"jobs":[{"service":"test-service","action":"noop","metadata":{"run":"none-' . $::run . '"}},'
. '{"service":"test-service","action":"noop","colour":"red","priority":1},7,{"action":"noop"},'
. '{"service":"test-service","action":"nothing"},{"service":"test-service","action":"read-file","file":"x"}],"a/b":1}'
--- error_code: 422
--- response_body_like eval
qr{"code":"invalid".*"pointer":"/a~1b".*"/jobs/1/priority".*"/jobs/1/colour".*"/jobs/2".*"/jobs/3/service".*"/jobs/4/action".*"/jobs/5/file"}


=== TEST 4: one file that is not there refuses the batch
--- request eval
"POST $::jobs\n" . '{"jobs":[{"service":"test-service","action":"noop","metadata":{"run":"none-' . $::run . '"}},'
. '{"service":"test-service","action":"read-file","file":"0198c3a2-0000-7000-8000-0000000000a3"}]}'
--- error_code: 422
--- response_body_like: "code":"unknown_file".*\{"pointer":"/jobs/1/file","detail":"there is no such file"\}


=== TEST 5: 1 to 1,000 jobs
--- request eval
["POST $::jobs\n" . '{"jobs":[]}', "POST $::jobs\n" . '{"jobs":[' . main::noops(1001) . ']}',
 "POST $::jobs\n" . '{"jobs":{}}', "POST $::jobs\n[]", "POST $::jobs\n{}",
 "POST $::jobs\n" . '{"jobs":[' . main::noops(1000, ',"metadata":{"run":"many-' . $::run . '"}') . ']}']
--- error_code eval
[422, 422, 422, 422, 422, 202]
--- response_body_like eval
[('"pointer":"/jobs"') x 3, '"pointer":""', '"pointer":"/service".*"pointer":"/action"', '^\{"batch_id"']
--- timeout: 10


=== TEST 6: an Idempotency-Key covers the whole batch
--- request eval
["POST $::jobs\n" . '{"jobs":[' . main::noops(2, ',"metadata":{"run":"key-' . $::run . '"}') . ']}',
 "POST $::jobs\n" . '{ "jobs" : [' . main::noops(2, ',"metadata":{"run":"key-' . $::run . '"}') . ']}',
 "POST $::jobs\n" . '{"jobs":[' . main::noops(1) . ']}']
--- more_headers eval
"Content-Type: application/json\nIdempotency-Key: batch-$::run"
--- error_code eval
[202, 202, 422]
--- response_body_like eval
['"batch_id"', '"batch_id"', '"code":"idempotency_mismatch"']


=== TEST 7: an action for others is refused where it stands
--- config eval
"location /api/containers/ { pitchey on; pitchey_schemas $::schemas; }"
--- request eval
"POST $::jobs\n" . '{"jobs":[{"service":"test-service","action":"special"}]}'
--- error_code: 422
--- response_body_like: "pointer":"/jobs/0/action","detail":"is for others"


=== TEST 8: how far a batch has come, for its owner and an admin
--- request eval
["GET /api/containers/batches/$::batch", "GET /api/containers/batches/$::batch",
 "GET /api/containers/batches/$::batch", "GET /api/containers/batches/$::job",
 "GET /api/containers/batches/x"]
--- more_headers eval
["", "Cookie: $ENV{PITCHEY_COOKIE_ADMIN}", "Cookie: $ENV{PITCHEY_COOKIE_INVESTOR}", "", ""]
--- error_code eval
[200, 200, 404, 404, 404]
--- response_body_like eval
[('^\{"batch_id":"' . $::batch . '","status":\{"succeeded":1\},"jobs":1,"progress":1,'
  . '"created_at":"[^"]+","finished_at":"[^"]+"\}$') x 2, ('"code":"not_found"') x 3]


=== TEST 9: its jobs are listed by its id
--- request eval
"GET $::jobs?batch=$::batch"
--- response_body_like eval
qr/"jobs":\[\{"id":"$::job"/


=== TEST 10: a large body is checked by a thread, and the worker goes on
--- request eval
["POST $::jobs\n" . '{"jobs":[' . main::noops(20, ',"metadata":{"x":"' . 'y' x 1000 . '"}') . ']}',
 "POST $::jobs\n" . '{"service":"test-service","action":"noop","z":' . '[' x 60 . ']' x 60 . ' ' x 20000 . '}',
 "POST $::jobs\n" . '[' . '1,' x 20000 . ']']
--- error_code eval
[202, 422, 400]
--- response_body_like eval
['"batch_id"', '"pointer":"/z"', '"code":"invalid_json"']


=== TEST 11: nor is a batch accepted without a session, or as a form
--- request eval
["POST $::jobs\n{}", "POST $::jobs\n{}"]
--- more_headers eval
["X-No-Cookie: 1\nContent-Type: application/json", "Content-Type: application/x-www-form-urlencoded"]
--- error_code eval
[401, 415]
