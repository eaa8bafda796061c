-- What users have used, for longer than their jobs are kept.
--
-- A job that is kept is its own record; one that is removed is added here by
-- the statement that removes it.  So there is nothing to add up while jobs
-- run, and each is counted once.

create table pitchey.usage (
    owner         text        not null,
    month         date        not null,     -- in which they were made, in UTC
    service       text        not null,
    jobs          bigint      not null,
    succeeded     bigint      not null,
    failed        bigint      not null,
    cached        bigint      not null,
    cpu_ms        bigint      not null,
    wall_ms       bigint      not null,
    input_bytes   bigint      not null,
    output_bytes  bigint      not null,
    primary key (owner, month, service)
);

create index usage_month on pitchey.usage (month);
