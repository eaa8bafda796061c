-- Calls that tell somebody's server that a job, or a batch of jobs, has ended.
--
-- The row is made by the transaction that ends the job, so no end is without
-- its call.  Who makes the call takes the row for a minute by moving next_at
-- on; one that dies leaves it to the next.

create type pitchey.webhook_state as enum ('pending', 'delivered', 'failed');

create table pitchey.webhook (
    -- the job's; of a batch its first job's to end
    id            uuid        primary key,
    batch_id      uuid,
    owner         text        not null,
    url           text        not null,
    state         pitchey.webhook_state not null default 'pending',
    attempts      smallint    not null default 0,
    -- null once it is delivered or given up
    next_at       timestamptz default now(),
    created_at    timestamptz not null default now()
);

create index webhook_due on pitchey.webhook (next_at) where next_at is not null;
create index webhook_created on pitchey.webhook (created_at);
create unique index webhook_batch on pitchey.webhook (batch_id, url)
    where batch_id is not null;


-- the delivery log, which the job's owner sees
create table pitchey.webhook_attempt (
    webhook       uuid        not null references pitchey.webhook
                              on delete cascade,
    n             smallint    not null,
    at            timestamptz not null default now(),
    -- of the answer; null: there was none, and why
    status        smallint,
    error         text,
    duration_ms   integer     not null,
    primary key (webhook, n)
);
