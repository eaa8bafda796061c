package Pitchey;

# What the .t files share: the services' addresses as nginx directives, the
# demo accounts, and rows and stored files to look at.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use Exporter qw(import);

our @EXPORT = qw(
    $CREATOR $INVESTOR
    pitchey_defaults sql insert_job insert_output insert_tree insert_file
    store stored_files clip
);

our $CREATOR = 'demoCreatorAlexRivera00000000001';
our $INVESTOR = 'demoInvestorSarahChen00000000002';


# add_block_preprocessor(\&pitchey_defaults): what a block does not say itself
sub pitchey_defaults {
    my ($block) = @_;

    $block->set_value('http_config', http_config())
        unless defined $block->http_config;

    $block->set_value('config',
        'location /api/containers/ { pitchey on; pitchey_upload_max 100k; }')
        unless defined $block->config;

    # the same for all requests of the block, or a list of one for each
    my $headers = $block->more_headers // '';

    $block->set_value('more_headers', ref $headers
        ? [map { with_cookie($_) } @$headers] : with_cookie($headers));

    $block->set_value('no_error_log', "[error]\n[crit]")
        unless defined $block->error_log || defined $block->no_error_log;
}


# a block that wants none says "--- more_headers: X-No-Cookie: 1"
sub with_cookie {
    my ($headers) = @_;

    return $headers if $headers =~ /^(?:Cookie|X-No-Cookie):/m;
    return "Cookie: $ENV{PITCHEY_COOKIE_CREATOR}\n" . $headers;
}


sub http_config {
    my ($orchestrator) = @_;

    $orchestrator ||= $ENV{TEST_NGINX_PITCHEY_ORCHESTRATOR};

    return <<"CONF";
    pitchey_database '$ENV{TEST_NGINX_PITCHEY_DATABASE}';
    pitchey_orchestrator $orchestrator;
    pitchey_auth_secret '$ENV{TEST_NGINX_PITCHEY_SECRET}';
    pitchey_storage $ENV{TEST_NGINX_PITCHEY_STORAGE};
    pitchey_schemas $ENV{TEST_NGINX_PITCHEY_SCHEMAS};
    client_body_timeout 2s;
CONF
}


# rows of the answer, its columns joined by "|"
sub sql {
    my ($text) = @_;

    open my $psql, '-|', 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1',
        '-d', $ENV{TEST_NGINX_PITCHEY_DATABASE}, '-c', $text
        or die "could not run psql: $!";

    chomp(my @rows = <$psql>);
    close $psql or die "psql failed: $text";

    return @rows;
}


# a job that has ended, or, without a status, one that runs
sub insert_job {
    my ($id, $owner, $status, %more) = @_;
    my $ended = $status ? "'$status'" : 'null';
    my $result = $more{result} || '{}';

    sql("delete from pitchey.job where id = '$id'");
    sql("delete from pitchey.queue where job = '$id'");
    sql("delete from pitchey.output where job = '$id'");

    sql("insert into pitchey.job (id, owner, role, user_type, service, action,
             priority, params, max_attempts, timeout_s, created_at, status,
             attempt, last_seq, started_at, finished_at, result)
         values ('$id', '$owner', 'user', 'creator', 'test-service', 'noop', 1,
             '{}', 1, 60, now(), $ended, 1, 2, now(),
             case when $ended is not null then now() end, '$result')");

    sql("insert into pitchey.queue (job, owner, service, action, priority,
             status, max_attempts, attempt, timeout_s, run_at, lease_owner)
         values ('$id', '$owner', 'test-service', 'noop', 1, 'running', 1, 1,
             60, now() + interval '1 day',
             (select max(id) from pitchey.orchestrator))") unless $status;
}


sub insert_output {
    my ($job, $name, $media_type, $bytes, %more) = @_;
    my $key = job_key($job) . $name;
    my $size = length $bytes;
    my $withdrawn = $more{withdrawn} ? 'true' : 'false';

    store($key, $bytes) unless $more{lost};

    sql("insert into pitchey.output (job, attempt, name, seq, kind, key, size,
             media_type, sha256, withdrawn)
         values ('$job', 1, '$name', 1, 'file', '$key', $size, '$media_type',
             sha256('$bytes'::bytea), $withdrawn)");
}


sub insert_tree {
    my ($job, $name, $entry, %files) = @_;
    my $key = job_key($job) . "$name/";
    my ($n, $size) = (0, 0);

    for my $file (keys %files) {
        store("$key$file", $files{$file});
        $size += length $files{$file};
        $n++;
    }

    sql("insert into pitchey.output (job, attempt, name, seq, kind, key, size,
             entry, files)
         values ('$job', 1, '$name', 1, 'tree', '$key', $size, '$entry', $n)");
}


sub insert_file {
    my ($id, $owner, $name, $media_type, $bytes, %more) = @_;
    my $key = 'files/' . substr($id, -2) . "/$id";
    my $size = length $bytes;

    store($key, $bytes) unless $more{lost};

    sql("delete from pitchey.file where id = '$id'");
    sql("insert into pitchey.file (id, owner, name, media_type, size, sha256,
             key)
         values ('$id', '$owner', '$name', '$media_type', $size,
             sha256('$bytes'::bytea), '$key')");
}


sub job_key {
    my ($job) = @_;

    return 'jobs/' . substr($job, -2) . "/$job/1/";
}


sub store {
    my ($key, $bytes) = @_;
    my $path = "$ENV{TEST_NGINX_PITCHEY_STORAGE}/$key";

    make_path(dirname($path));
    open my $file, '>:raw', $path or die "could not open $path: $!";
    print $file $bytes;
    close $file or die "could not write $path: $!";
}


# the keys of all that lies under files/
sub stored_files {
    my ($storage) = @_;

    $storage ||= $ENV{TEST_NGINX_PITCHEY_STORAGE};

    chomp(my @paths = `cd '$storage' && find files -type f 2>/dev/null`);

    return sort @paths;
}


# the first bytes of a real film, enough to be recognised
sub clip {
    return "\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" . "\0" x 64;
}


1;
