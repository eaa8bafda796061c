-- Jobs that come again and again.
--
-- Any orchestrator may see that a schedule is due.  The job that it makes has
-- the idempotency key of that tick, and the row moves on only from the tick
-- that was seen: so there is one job for each tick, whoever is killed when.

create table pitchey.schedule (
    id            uuid        primary key,
    owner         text        not null,
    -- as they were when it was made or resumed: it stops when they change
    role          text        not null,
    user_type     text        not null,

    name          text,
    cron          text        not null,
    time_zone     text        not null,

    service       text        not null,
    action        text        not null,
    priority      smallint    not null check (priority between 0 and 3),
    params        json        not null,
    metadata      json,
    inputs        uuid[],
    webhook_url   text,
    max_attempts  integer     not null,
    timeout_s     integer     not null,

    next_at       timestamptz not null,
    paused        boolean     not null default false,
    -- why it was paused, or why its last tick made no job
    problem       text,
    last_at       timestamptz,
    last_job      uuid,
    created_at    timestamptz not null default now()
);

create index schedule_owner on pitchey.schedule (owner, id);
create index schedule_due on pitchey.schedule (next_at) where not paused;
