-- Jobs, their events and outputs, uploaded files.
--
-- A job is a row of "job" for as long as it is kept, and a row of "queue" for
-- as long as it is open.  What changes while it is open changes in "queue",
-- whose rows are small and whose updates touch no index (HOT); when it ends,
-- the row leaves "queue" and its end is written to "job", once.  So:
--
--   * a finished job cannot change: every update goes through its queue row;
--   * the scheduler reads open jobs only, however many millions have ended;
--   * (job, attempt, status) of the queue row is the fence of every report.
--
-- No foreign keys between these tables: each statement that writes one of
-- them writes them all, and a trigger per row would cost as much as the row.

create type pitchey.job_status as enum
    ('queued', 'running', 'retrying', 'succeeded', 'failed', 'cancelled',
     'expired');

create type pitchey.event_type as enum
    ('state', 'output', 'result', 'error');

create type pitchey.output_kind as enum ('file', 'tree');


create table pitchey.job (
    -- UUIDv7 made by the edge: ids of one owner are in the order of their
    -- making, so (owner, id) is "newest first" and needs no created_at
    id            uuid        primary key,
    owner         text        not null,
    role          text        not null,
    user_type     text        not null,
    service       text        not null,
    action        text        not null,
    priority      smallint    not null check (priority between 0 and 3),
    params        json        not null,
    metadata      json,
    inputs        uuid[],
    batch_id      uuid,
    retry_of      uuid,
    webhook_url   text,
    traceparent   text,
    run_at        timestamptz,
    expires_at    timestamptz,
    max_attempts  smallint    not null,
    timeout_s     integer     not null,
    created_at    timestamptz not null,

    -- null while the job is open
    status        pitchey.job_status
                  check (status in ('succeeded', 'failed', 'cancelled',
                                    'expired')),
    attempt       integer,
    last_seq      integer,
    started_at    timestamptz,
    finished_at   timestamptz,
    result        json,
    error         json,
    usage         json
-- its end finds room beside it: so that update touches no index either (HOT)
) with (fillfactor = 45);

create index job_owner on pitchey.job (owner, id);
-- which jobs use a file; a column that never changes keeps updates HOT
create index job_inputs on pitchey.job using gin (inputs)
    where inputs is not null;
create index job_batch on pitchey.job (batch_id, id) where batch_id is not null;


create table pitchey.queue (
    job           uuid        primary key,
    owner         text        not null,
    service       text        not null,
    action        text        not null,
    priority      smallint    not null,
    status        pitchey.job_status not null default 'queued'
                  check (status in ('queued', 'running', 'retrying')),
    max_attempts  smallint    not null,
    attempt       integer     not null default 0,
    -- of the attempts so far: those that killed their processor, and those
    -- that nobody is to blame for (an orchestrator was away too long)
    crashes       integer     not null default 0,
    lost          integer     not null default 0,
    -- the number of the last event, and of the attempt's last report
    last_seq      integer     not null default 1,
    last_report   integer     not null default 0,
    timeout_s     integer     not null,
    -- the orchestrator that runs the attempt: its lease is the attempt's
    lease_owner   integer,
    run_at        timestamptz not null,
    expires_at    timestamptz,
    started_at    timestamptz
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 0);


-- numbered 1, 2, 3, ... per job without holes, by the transaction that makes
-- them: the number comes from the queue row, which that transaction locks
create table pitchey.event (
    job           uuid        not null,
    seq           integer     not null,
    type          pitchey.event_type not null,
    body          json        not null,
    primary key (job, seq)
);


create table pitchey.output (
    job           uuid        not null,
    attempt       integer     not null,
    name          text        not null,
    seq           integer     not null,
    kind          pitchey.output_kind not null,
    key           text        not null,     -- of a tree: the common prefix
    size          bigint      not null,
    media_type    text,                     -- of a file
    sha256        bytea,                    -- of a file
    entry         text,                     -- of a tree
    files         integer,                  -- of a tree
    withdrawn     boolean     not null default false,
    primary key (job, attempt, name)
);


create table pitchey.file (
    id            uuid        primary key,
    owner         text        not null,
    name          text        not null,
    media_type    text        not null,
    size          bigint      not null,
    sha256        bytea       not null,
    key           text        not null,
    created_at    timestamptz not null default now(),
    expires_at    timestamptz
);

create index file_owner on pitchey.file (owner, id);
create index file_expiry on pitchey.file (expires_at);


-- kept for 24 hours; an older row is taken over by the next use of its key
create table pitchey.idempotency (
    owner         text        not null,
    key           text        not null,
    body_sha256   bytea       not null,
    job           uuid        not null,
    created_at    timestamptz not null default now(),
    primary key (owner, key)
);

create index idempotency_age on pitchey.idempotency (created_at);


-- one lease for all that an orchestrator runs, by this database's clock: one
-- update a second, not one for each attempt
create table pitchey.orchestrator (
    id            integer     generated always as identity primary key,
    name          text        not null unique,
    started_at    timestamptz not null default now(),
    expires_at    timestamptz not null
);


-- a job as its readers see it, open or ended
create view pitchey.jobs as
select j.id, j.owner, j.service, j.action,
       coalesce(j.status, q.status) as status,
       j.priority,
       coalesce(j.attempt, q.attempt) as attempt,
       j.max_attempts,
       coalesce(j.last_seq, q.last_seq) as last_seq,
       j.created_at,
       coalesce(j.started_at, q.started_at) as started_at,
       j.finished_at,
       j.result, j.error, j.metadata, j.batch_id, j.retry_of, j.usage
from pitchey.job j
left join pitchey.queue q on q.job = j.id;
