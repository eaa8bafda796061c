-- Results that are served again.
--
-- The key says all that a result depends on; it leads to the job that had it.
-- A job that is served from there has rows of its own, and its outputs are the
-- files of that job, which stay for as long as either can be seen.

create table pitchey.cache (
    key           bytea       primary key,      -- SHA-256, see orch_cache.h
    job           uuid        not null
);

create index cache_job on pitchey.cache (job);

-- defaults that no row has to be written for; what is older knows neither
alter table pitchey.job
    add column no_cache  boolean not null default false,
    add column cached    boolean not null default false;

-- the job whose files these are; null: its own
alter table pitchey.output add column source uuid;

create index output_source on pitchey.output (source) where source is not null;

create or replace view pitchey.jobs as
select j.id, j.owner, j.service, j.action,
       coalesce(j.status, q.status) as status,
       j.priority,
       coalesce(j.attempt, q.attempt) as attempt,
       j.max_attempts,
       coalesce(j.last_seq, q.last_seq) as last_seq,
       j.created_at,
       coalesce(j.started_at, q.started_at) as started_at,
       j.finished_at,
       j.result, j.error, j.metadata, j.batch_id, j.retry_of, j.usage,
       j.cached
from pitchey.job j
left join pitchey.queue q on q.job = j.id;
