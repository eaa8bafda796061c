# Event streams: GET /jobs/{id}/events.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $done = '0198c3a2-0000-7000-8000-0000000000e1';
our $long = '0198c3a2-0000-7000-8000-0000000000e2';
our $hers = '0198c3a2-0000-7000-8000-0000000000e3';
our $running = '0198c3a2-0000-7000-8000-0000000000e4';
our $jobs = '/api/containers/jobs';
our $away = Pitchey::http_config('ipc:///nonexistent/edge.sock');

sub insert_events {
    my ($job, $outputs) = @_;
    my $last = $outputs + 3;

    sql("delete from pitchey.event where job = '$job'");
    sql("insert into pitchey.event (job, seq, type, body)
         values ('$job', 1, 'state', '{\"status\":\"running\",\"attempt\":1}')");
    sql("insert into pitchey.event (job, seq, type, body)
         select '$job', n + 1, 'output', json_build_object('name', 'o' || n, 'text', repeat('x', 500))
         from generate_series(1, $outputs) n");
    sql("insert into pitchey.event (job, seq, type, body)
         values ('$job', $last - 1, 'result', E'{\"result\":\\n{}}'),
                ('$job', $last, 'state', '{\"status\":\"succeeded\"}')");
    sql("update pitchey.job set last_seq = $last where id = '$job'");
}

insert_job($_, $CREATOR, 'succeeded') for $done, $long;
insert_job($hers, $INVESTOR, 'succeeded');
insert_job($running, $CREATOR);
insert_events($done, 1);
insert_events($long, 2500);
insert_events($hers, 1);

# the events with these numbers, of the job with 2,500 outputs, as they go out
sub numbers {
    my ($from) = @_;
    my $text = join '.*?', map { "id: $_\nevent: [a-z]+\ndata: [^\n]+\n\n" } $from .. 2503;

    return "^retry: [0-9]+\n\n$text\$";
}

our $whole = join "\n\n", "retry: 1000",
    "id: 1\nevent: state\ndata: {\"status\":\"running\",\"attempt\":1}",
    "id: 2\nevent: output\ndata: {\"name\" : \"o1\", \"text\" : \"" . 'x' x 500 . '"}',
    "id: 3\nevent: result\ndata: {\"result\": {}}",
    "id: 4\nevent: state\ndata: {\"status\":\"succeeded\"}", '';

add_block_preprocessor(\&pitchey_defaults);

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a finished job's stream is its log, and ends
A line end in a body would end the field, so it goes out as a space.
--- request eval
"GET $::jobs/$::done/events"
--- response_headers
Content-Type: text/event-stream
Cache-Control: no-store
X-Accel-Buffering: no
--- response_body eval: $::whole


=== TEST 2: Last-Event-ID goes on after that event
--- request eval
"GET $::jobs/$::done/events"
--- more_headers
Last-Event-ID: 2
--- response_body_like eval
qr/^retry: 1000\n\nid: 3\nevent: result\n.*\n\nid: 4\nevent: state\n[^\n]*\n\n$/s


=== TEST 3: the argument "after" does it for the first time
--- request eval
"GET $::jobs/$::done/events?after=3"
--- response_body_like eval
qr/^retry: 1000\n\nid: 4\n/


=== TEST 4: who has it all is told to stop
--- request eval
"GET $::jobs/$::done/events"
--- more_headers
Last-Event-ID: 4
--- error_code: 204


=== TEST 5: a log longer than one answer, and than a worker keeps, comes in pieces
--- request eval
"GET $::jobs/$::long/events"
--- timeout: 20
--- response_body_like eval: ::numbers(1)


=== TEST 6: the end of it
--- request eval
"GET $::jobs/$::long/events"
--- more_headers
Last-Event-ID: 1503
--- timeout: 20
--- response_body_like eval: ::numbers(1504)


=== TEST 7: what is no number
--- request eval
["GET $::jobs/$::done/events?after=x", "GET $::jobs/$::done/events?after=-1",
 "GET $::jobs/$::done/events?after=4294967296"]
--- error_code eval
[400, 400, 400]


=== TEST 8: a number that no event has
--- request eval
["GET $::jobs/$::done/events?after=5", "GET $::jobs/$::done/events",
 "GET $::jobs/$::done/events", "GET $::jobs/$::running/events"]
--- more_headers eval
["", "Last-Event-ID: 2147483647", "Last-Event-ID: 2147483648", "Last-Event-ID: 1000000"]
--- error_code eval
[400, 400, 400, 400]


=== TEST 9: nobody listens to another user's job, but an admin
--- request eval
["GET $::jobs/$::hers/events", "GET $::jobs/$::hers/events"]
--- more_headers eval
["", "Cookie: $ENV{PITCHEY_COOKIE_ADMIN}"]
--- error_code eval
[404, 200]


=== TEST 10: HEAD has the header only
--- request eval
"HEAD $::jobs/$::done/events"
--- response_headers
Content-Type: text/event-stream


=== TEST 11: nothing compresses a stream
--- config
location /api/containers/ { pitchey on; gzip on; gzip_types *; gzip_min_length 0; }
--- request eval
"GET $::jobs/$::done/events"
--- more_headers
Accept-Encoding: gzip
--- response_headers
! Content-Encoding
--- response_body eval: $::whole


=== TEST 12: without an orchestrator
--- http_config eval: $::away
--- request eval
"GET $::jobs/$::done/events"
--- error_code: 503
--- response_headers_like
Retry-After: [0-9]+
