# Uploads and downloads: POST /files, GET /files/{id}.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use File::Temp qw(tempdir);
use Pitchey;

our $full = tempdir(CLEANUP => 1);
our $away = Pitchey::http_config('ipc:///nonexistent/edge.sock');
our $mounted = !system("mount -t tmpfs -o size=32k tmpfs $full 2>/dev/null");

our $text = "A lighthouse keeper finds that the ships were lost.";
our $film = clip();

insert_file('0198c3a2-0000-7000-8000-0000000000f1', $CREATOR, 'näh "1".txt',
            'text/plain', '0123456789');
insert_file('0198c3a2-0000-7000-8000-0000000000f2', $INVESTOR, 'hers.txt',
            'text/plain', 'hers');
insert_file('0198c3a2-0000-7000-8000-0000000000f3', $CREATOR, 'page.html',
            'text/html', '<script>alert(1)</script>');
insert_file('0198c3a2-0000-7000-8000-0000000000f4', $CREATOR, 'lost.txt',
            'text/plain', 'lost', lost => 1);

insert_file('0198c3a2-0000-7000-8000-0000000000f5', $CREATOR, 'used.txt',
            'text/plain', 'used');
insert_job('0198c3a2-0000-7000-8000-0000000000f6', $CREATOR, undef);
sql("update pitchey.job set inputs = array['0198c3a2-0000-7000-8000-0000000000f5'::uuid]
     where id = '0198c3a2-0000-7000-8000-0000000000f6'");

# a form's body: [disposition, media type, content]...
sub form {
    my ($boundary, @parts) = @_;

    return join('', map {
        "--$boundary\r\nContent-Disposition: $_->[0]\r\n"
        . (defined $_->[1] ? "Content-Type: $_->[1]\r\n" : '') . "\r\n$_->[2]\r\n"
    } @parts) . "--$boundary--\r\n";
}

add_block_preprocessor(\&pitchey_defaults);

# what failed, was refused or was left alone is not there any more: each file
# that lies in storage has its row (the real Test::Nginx calls this twice)
add_cleanup_handler(sub {
    my %known = map { $_ => 1 } sql('select key from pitchey.file');
    my @strays = grep { !$known{$_} } stored_files();

    is("@strays", '', 'no upload that failed left anything behind');

    if ($mounted) {
        is(join(' ', stored_files($full)), '', 'nor on the storage that was full');
        system("umount $full");
        $mounted = 0;
    }
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a body becomes a file, with its size, hash and type by content
--- request eval
"POST /api/containers/files\n$::text"
--- error_code: 201
--- response_headers_like
Location: /api/containers/files/[0-9a-f-]{36}
Content-Type: application/json
--- response_body_like: "size": ?51.*"sha256": ?"b4ee423b806621603991f28d9bdc2f533b3b66b7735bb68819261e0daf42b6d5".*"media_type": ?"text/plain"


=== TEST 2: the name comes from Content-Disposition, without its path
--- more_headers
Content-Disposition: attachment; filename="x"; filename*=UTF-8''films%2Fna%C3%AFve.mp4
--- request eval
"POST /api/containers/files\n$::text"
--- error_code: 201
--- response_body_like: "name": ?"naïve.mp4"


=== TEST 3: or from the query
--- request eval
"POST /api/containers/files?name=..%2F..%2Fetc%2Fmy+film%00.mp4\n$::text"
--- error_code: 201
--- response_body_like: "name": ?"my film.mp4"


=== TEST 4: a film is a film, whatever it is called
--- request eval
"POST /api/containers/files?name=notes.txt\n$::film"
--- error_code: 201
--- response_body_like: "media_type": ?"video/mp4"


=== TEST 5: HTML that is declared a film is refused by its first bytes
--- more_headers
Content-Type: video/mp4
--- request
POST /api/containers/files?name=film.mp4
<!doctype html><script>alert(1)</script>
--- error_code: 415
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "code":"media_type_mismatch"


=== TEST 6: a playlist that is declared a film is refused as well
A naive transcoder would open what it names.
--- more_headers
Content-Type: video/mp4
--- request
POST /api/containers/files?name=film.mp4
#EXTM3U
#EXTINF:10,
file:///etc/hostname
--- error_code: 415
--- response_body_like: "code":"media_type_mismatch"


=== TEST 7: undeclared it is plain text, and nothing takes it for a film
--- request
POST /api/containers/files?name=film.mp4
#EXTM3U
#EXTINF:10,
file:///etc/hostname
--- error_code: 201
--- response_body_like: "media_type": ?"text/plain"


=== TEST 8: an empty file is no file
--- more_headers
Content-Length: 0
--- request
POST /api/containers/files
--- error_code: 422
--- response_body_like: "code":"empty_file"


=== TEST 9: nor is a request without a body
--- request
POST /api/containers/files
--- error_code: 422
--- response_body_like: "code":"empty_file"


=== TEST 10: what is announced as too large is not read
--- request eval
"POST /api/containers/files\n" . "x" x 102401
--- error_code: 413
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "code":"too_large"
--- no_error_log
[crit]


=== TEST 11: what turns out to be too large is not kept
--- more_headers
Transfer-Encoding: chunked
--- request eval
"POST /api/containers/files\n" . ("8000\r\n" . "x" x 32768 . "\r\n") x 4 . "0\r\n\r\n\n"
--- error_code: 413
--- response_body_like: "code":"too_large"
--- no_error_log
[crit]


=== TEST 12: the largest file that is allowed
--- request eval
"POST /api/containers/files\n" . "x" x 102400
--- error_code: 201
--- response_body_like: "size": ?102400


=== TEST 13: a chunked body
--- more_headers
Transfer-Encoding: chunked
--- request eval
"POST /api/containers/files\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n\n"
--- error_code: 201
--- response_body_like: "size": ?5.*"sha256": ?"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


=== TEST 14: a body that is no chunked body
--- more_headers
Transfer-Encoding: chunked
--- request eval
"POST /api/containers/files\n3\r\nhel\r\nzz\r\n"
--- error_code: 400
--- response_headers
Content-Type: application/problem+json
--- no_error_log
[crit]


=== TEST 15: a form without a boundary is none
--- more_headers
Content-Type: multipart/form-data
--- request
POST /api/containers/files
--x--
--- error_code: 415
--- response_body_like: "code":"unsupported_media_type"


=== TEST 16: a slow client is waited for
--- raw_request eval
["POST /api/containers/files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
 . "Cookie: $ENV{PITCHEY_COOKIE_CREATOR}\r\nContent-Length: 5\r\n\r\n",
 split //, 'hello']
--- raw_request_middle_delay: 0.05
--- error_code: 201
--- response_body_like: "sha256": ?"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


=== TEST 17: a client that leaves in the middle leaves nothing
--- more_headers
Content-Length: 90000
--- request eval
"POST /api/containers/files\n" . "x" x 80000
--- timeout: 0.3
--- abort
--- ignore_response
--- wait: 0.2


=== TEST 18: without a session there are no uploads
--- more_headers
X-No-Cookie: 1
--- request eval
"POST /api/containers/files\n$::text"
--- error_code: 401


=== TEST 19: storage that is full
--- config eval
"location /api/containers/ { pitchey on; pitchey_storage $::full; }"
--- request eval
"POST /api/containers/files\n" . "x" x 200000
--- error_code eval
$::mounted ? 507 : 201
--- response_headers_like eval
$::mounted ? 'Content-Type: application/problem\+json' : ''
--- no_error_log
[alert]


=== TEST 20: without an orchestrator nothing is kept
--- http_config eval
$::away
--- request eval
"POST /api/containers/files\n$::text"
--- error_code: 503
--- response_headers
Retry-After: 1
--- timeout: 10
--- no_error_log
[crit]


=== TEST 21: a download, with the name it had
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1
--- response_headers
Content-Type: text/plain
Content-Length: 10
ETag: "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
Content-Disposition: attachment; filename="n_h _1_.txt"; filename*=UTF-8''n%C3%A4h%20%221%22.txt
Content-Security-Policy: sandbox
X-Content-Type-Options: nosniff
Cache-Control: private, no-cache
Accept-Ranges: bytes
--- response_body chomp
0123456789


=== TEST 22: a range of it
--- more_headers
Range: bytes=2-4
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1
--- error_code: 206
--- response_headers
Content-Range: bytes 2-4/10
--- response_body chomp
234


=== TEST 23: its end
--- more_headers
Range: bytes=-3
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1
--- error_code: 206
--- response_body chomp
789


=== TEST 24: two ranges
--- more_headers
Range: bytes=0-0,9-
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1
--- error_code: 206
--- response_headers_like
Content-Type: multipart/byteranges; boundary=.*
--- response_body_like: bytes 0-0/10.*bytes 9-9/10


=== TEST 25: a range behind its end
--- more_headers
Range: bytes=10-
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1
--- error_code: 416
--- response_headers
Content-Range: bytes */10
Content-Type: application/problem+json


=== TEST 26: its head
--- request
HEAD /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1
--- response_headers
Content-Length: 10
--- response_body:


=== TEST 27: who has it already
--- more_headers
If-None-Match: "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1
--- error_code: 304
--- response_body:


=== TEST 28: HTML goes out as an attachment in a sandbox, whoever made it
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f3
--- response_headers
Content-Disposition: attachment; filename="page.html"
Content-Security-Policy: sandbox
X-Content-Type-Options: nosniff


=== TEST 29: another user's file is not found
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f2
--- error_code: 404
--- response_body_like eval
qr/\A\{"type":"urn:pitchey:problem:not_found","title":"Not Found","status":404,"code":"not_found","detail":"no such file","request_id":"[0-9a-f]{32}"\}\z/


=== TEST 30: in the very words of one that does not exist
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000ff
--- error_code: 404
--- response_body_like eval
qr/\A\{"type":"urn:pitchey:problem:not_found","title":"Not Found","status":404,"code":"not_found","detail":"no such file","request_id":"[0-9a-f]{32}"\}\z/


=== TEST 31: a file whose bytes are lost is gone
--- request
GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f4
--- error_code: 410
--- error_log
is missing


=== TEST 32: other methods
--- request
PUT /api/containers/files
--- error_code: 405
--- response_headers_like
Allow: .*POST.*


=== TEST 33: a form's field "file" is the file, and its other fields are not
--- more_headers
Content-Type: multipart/form-data; boundary="----WebKitFormBoundaryx7"
--- request eval
"POST /api/containers/files\n" . main::form('----WebKitFormBoundaryx7',
    ['form-data; name="title"', undef, "The Salt Line"],
    ['form-data; name="file"; filename="C:\\films\\' . "na\xc3\xafve.mp4\"", 'video/mp4', $::film],
    ['form-data; name="other"; filename="other.txt"', 'text/plain', "ignored"])
--- error_code: 201
--- response_headers_like
Location: /api/containers/files/[0-9a-f-]{36}
--- response_body_like eval
qr/"size": ?${\ length $::film}.*"media_type": ?"video\/mp4".*"name": ?"na\xc3\xafve.mp4"/


=== TEST 34: its field "name" names it, before or behind
--- more_headers
Content-Type: multipart/form-data; boundary=b
--- request eval
["POST /api/containers/files\n" . main::form('b', ['form-data; name=name', undef, "a/one.txt"],
    ['form-data; name=file; filename=x.txt', 'text/plain', "hello"]),
 "POST /api/containers/files\n" . main::form('b',
    ['form-data; name=file; filename=x.txt', 'text/plain', "hello"],
    ['form-data; name=name', undef, "two.txt"])]
--- error_code eval
[201, 201]
--- response_body_like eval
['"sha256": ?"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".*"name": ?"one.txt"',
 '"sha256": ?"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".*"name": ?"two.txt"']


=== TEST 35: a boundary that nearly comes is content, byte by byte
--- raw_request eval
my $body = main::form('bound', ['form-data; name="file"', undef,
    "\r\r\n--boun\r\n--bounc\r\n-\r\n--boun\r"]);
["POST /api/containers/files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
 . "Cookie: $ENV{PITCHEY_COOKIE_CREATOR}\r\nContent-Type: multipart/form-data; boundary=bound\r\n"
 . "Content-Length: " . length($body) . "\r\n\r\n", split //, $body]
--- raw_request_middle_delay: 0.001
--- error_code: 201
--- response_body_like eval
use Digest::SHA qw(sha256_hex);
'"size": ?30.*"sha256": ?"' . sha256_hex("\r\r\n--boun\r\n--bounc\r\n-\r\n--boun\r") . '"'


=== TEST 36: a form's file is looked at like any other
--- more_headers
Content-Type: multipart/form-data; boundary=b
--- request eval
"POST /api/containers/files\n" . main::form('b',
    ['form-data; name=file; filename=film.mp4', 'video/mp4', "<!doctype html><script>alert(1)</script>"])
--- error_code: 415
--- response_body_like: "code":"media_type_mismatch"


=== TEST 37: forms that are none, have none, or two
--- more_headers
Content-Type: multipart/form-data; boundary=b
--- request eval
["POST /api/containers/files\nno form at all",
 "POST /api/containers/files\n--b\r\nContent-Disposition: form-data; name=file\r\n\r\nhello",
 "POST /api/containers/files\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n",
 "POST /api/containers/files\n--bx\r\nContent-Disposition: form-data; name=file\r\n\r\nhello\r\n--b--\r\n",
 "POST /api/containers/files\n--b\r\nContent-Disposition: form-data; name=file\r\nX-Pad: " . "x" x 5000 . "\r\n\r\nhello\r\n--b--\r\n",
 "POST /api/containers/files\n" . main::form('b', ['form-data; name=photo; filename=x.jpg', 'image/jpeg', "x"]),
 "POST /api/containers/files\n" . main::form('b', ['form-data; name=file', undef, ""]),
 "POST /api/containers/files\n" . main::form('b', ['form-data; name=file', undef, "1"], ['form-data; name=file', undef, "2"])]
--- error_code eval
[400, 400, 400, 400, 400, 422, 422, 422]
--- response_body_like eval
['"code":"bad_form"', '"code":"bad_form"', '"code":"bad_form"', '"code":"bad_form"', '"code":"bad_form"',
 '"code":"no_file"', '"code":"empty_file"', '"code":"one_file"']


=== TEST 38: a form's file has the same limit, to the byte
--- more_headers
Content-Type: multipart/form-data; boundary=b
--- request eval
["POST /api/containers/files\n" . main::form('b', ['form-data; name=file', undef, "x" x 102400]),
 "POST /api/containers/files\n" . main::form('b', ['form-data; name=file', undef, "x" x 102401])]
--- error_code eval
[201, 413]


=== TEST 39: the list, newest first
--- request eval
["GET /api/containers/files?limit=1",
 "GET /api/containers/files?limit=100&cursor=0198c3a2-0000-7000-8000-0000000000f4",
 "GET /api/containers/files?cursor=0198c3a2-0000-7000-8000-0000000000f1"]
--- response_body_like eval
['\A\{"files":\[\{"id":"[^"]+"[^\]]*\}\],"next":"[0-9a-f-]{36}"\}\z',
 '\A\{"files":\[\{"id":"0198c3a2-0000-7000-8000-0000000000f3".*\{"id":"0198c3a2-0000-7000-8000-0000000000f1"[^}]*\}\],"next":null\}\z',
 '\A\{"files":\[\],"next":null\}\z']
--- error_code eval
[200, 200, 200]


=== TEST 40: arguments that it does not have
--- request eval
["GET /api/containers/files?limit=0", "GET /api/containers/files?limit=101", "GET /api/containers/files?limit=",
 "GET /api/containers/files?sort=name", "GET /api/containers/files?cursor=x",
 "GET /api/containers/files?limit=1&limit=2",
 "GET /api/containers/files?cursor=0198c3a2-0000-7000-8000-00000000zzzz"]
--- error_code eval
[400, 400, 400, 400, 400, 400, 422]


=== TEST 41: what is known of a file
--- request eval
["GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1/metadata",
 "GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f2/metadata"]
--- error_code eval
[200, 404]
--- response_body_like eval
['\A\{"id":"0198c3a2-0000-7000-8000-0000000000f1","size":10,"sha256":"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882","media_type":"text/plain","name":"n\xc3\xa4h \\\\"1\\\\".txt","created_at":"[^"]+","expires_at":null\}\z',
 '"code":"not_found"']


=== TEST 42: nobody deletes another's file, or one that is not there
--- request eval
["DELETE /api/containers/files/0198c3a2-0000-7000-8000-0000000000e1",
 "DELETE /api/containers/files/0198c3a2-0000-7000-8000-0000000000f2"]
--- error_code eval
[404, 404]


=== TEST 43: not while a job that has not ended uses it
--- request
DELETE /api/containers/files/0198c3a2-0000-7000-8000-0000000000f5
--- error_code: 409
--- response_body_like: "code":"conflict"


=== TEST 44: nor with a session alone: another page cannot
--- more_headers
Origin: https://evil.example
--- request
DELETE /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1
--- error_code: 403


=== TEST 45: paths that are no file's
--- request eval
["GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1%2fmetadata",
 "GET /api/containers/files/%2e%2e/files/0198c3a2-0000-7000-8000-0000000000f1/x",
 "GET /api/containers/files//0198c3a2-0000-7000-8000-0000000000f1",
 "GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1/",
 "GET /api/containers/files/0198c3a2-0000-7000-8000-0000000000f1%20",
 "GET /api/containers/files/00000000-0000-0000-0000-000000000000",
 "GET /api/containers/files/" . "0" x 4096]
--- error_code eval
[200, 404, 200, 404, 404, 404, 404]
