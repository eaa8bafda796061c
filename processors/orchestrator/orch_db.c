/* Connections and statements. */

#include <stdio.h>
#include <stdlib.h>

#include "orch.h"


static void orch_db_settings(orch_db_conn_t *c);
static void orch_db_ignore(void *ctx, pt_err_t err, PGresult *const *results,
    size_t n);
static void orch_db_state(void *ctx, bool ready, const char *reason);


static const orch_db_role_t  orch_db_roles[ORCH_DB_CONNS] = {
    ORCH_DB_ACCEPT, ORCH_DB_ACCEPT, ORCH_DB_WORK, ORCH_DB_CLAIM, ORCH_DB_LEASE,
    ORCH_DB_READ, ORCH_DB_READ
};


/* a job's columns as orch_read.c reads them; outputs are their events' bodies */
#define ORCH_SQL_JOB_COLUMNS                                                 \
    "j.id, j.owner, j.service, j.action, j.status::text, j.priority,"        \
    " j.attempt, j.max_attempts, j.last_seq, j.created_at, j.started_at,"    \
    " j.finished_at, j.error, j.metadata, j.batch_id, j.retry_of, j.cached," \
    " (select json_agg(e.body order by o.seq) from pitchey.output o"         \
    "  join pitchey.event e on e.job = o.job and e.seq = o.seq"              \
    "  where o.job = j.id and not o.withdrawn)"


/* the same in a list: a hundred of them are one answer */
#define ORCH_SQL_BRIEF_COLUMNS                                               \
    "j.id, j.owner, j.service, j.action, j.status::text, j.priority,"        \
    " j.attempt, j.max_attempts, j.last_seq, j.created_at, j.started_at,"    \
    " j.finished_at, case when j.error is not null then json_build_object("  \
    "  'type', j.error->'type', 'title', j.error->'title',"                  \
    "  'code', j.error->'code', 'detail', j.error->'detail') end,"           \
    " j.metadata, j.batch_id, j.retry_of, j.cached,"                         \
    " (select json_agg(b.body order by b.seq) from ("                        \
    "   select e.body, o.seq from pitchey.output o"                          \
    "   join pitchey.event e on e.job = o.job and e.seq = o.seq"             \
    "   where o.job = j.id and not o.withdrawn order by o.seq limit 16) b)"


/* the filters of a list */
#define ORCH_SQL_LISTED                                                      \
    "j.owner = $1::text and j.id < $2::uuid and j.id >= $3::uuid"            \
    "     and ($4::text is null"                                             \
    "         or j.status::text = any (string_to_array($4, ',')))"           \
    "     and ($5::text is null or j.service = $5)"                          \
    "     and ($6::text is null or j.action = $6)"


/* a schedule's columns as orch_schedule.c reads them */
#define ORCH_SQL_SCHEDULE_COLUMNS(params)                                    \
    "s.id, s.owner, s.role, s.user_type, s.name, s.cron, s.time_zone,"       \
    " s.service, s.action, s.priority, " params ", s.metadata,"              \
    " (select string_agg(uuid_send(i), ''::bytea)"                           \
    "  from unnest(s.inputs) i), s.webhook_url, s.max_attempts,"             \
    " s.timeout_s, s.next_at, s.paused, s.problem, s.last_at, s.last_job,"   \
    " s.created_at"


/* what one ended job has used, and sums of it; see pitchey.usage */
#define ORCH_SQL_USED                                                        \
    "1::bigint as jobs, (j.status = 'succeeded')::int::bigint as succeeded," \
    " (j.status = 'failed')::int::bigint as failed,"                         \
    " j.cached::int::bigint as cached,"                                      \
    " coalesce((j.usage->>'cpu_ms')::bigint, 0) as cpu_ms,"                  \
    " coalesce((j.usage->>'wall_ms')::bigint, 0) as wall_ms,"                \
    " coalesce((j.usage->>'input_bytes')::bigint, 0) as input_bytes,"        \
    " coalesce((j.usage->>'output_bytes')::bigint, 0) as output_bytes"

#define ORCH_SQL_USED_SUM                                                    \
    "sum(jobs)::bigint, sum(succeeded)::bigint, sum(failed)::bigint,"        \
    " sum(cached)::bigint, sum(cpu_ms)::bigint, sum(wall_ms)::bigint,"       \
    " sum(input_bytes)::bigint, sum(output_bytes)::bigint"


/* an open job's columns as orch_recover.c reads them */
#define ORCH_SQL_QUEUE_COLUMNS                                               \
    "q.job, q.owner, q.service, q.action, q.priority, q.max_attempts,"       \
    " q.attempt, q.crashes, q.lost, q.last_report, q.timeout_s, q.run_at,"   \
    " q.expires_at"


/* of those that wait; see ORCH_SQL_READY */
#define ORCH_SQL_CHOICE                                                      \
    "select " ORCH_SQL_QUEUE_COLUMNS ", q.status::text from ("               \
    "     select *, row_number() over (partition by service, owner, priority"\
    "         order by run_at, job) as n from pitchey.queue"                 \
    "     where status in ('queued', 'retrying')) q"                         \
    " where q.n <= $1::int order by q.n, q.run_at limit $2::int"


static const char *const  orch_db_statements[ORCH_SQL_COUNT_] = {

/*
 * A key that is new, or older than a day, becomes this job's.
 * $1 owner[] $2 key[] $3 body_sha256[] $4 job[]
 */
[ORCH_SQL_ACCEPT_KEYS] =
    "insert into pitchey.idempotency as i (owner, key, body_sha256, job)"
    " select * from unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[])"
    " on conflict (owner, key) do update set body_sha256 = excluded.body_sha256,"
    "     job = excluded.job, created_at = now()"
    " where i.created_at < now() - current_setting('pitchey.keep_keys')::interval",

/*
 * Jobs, their queue rows and their first events: those whose id is new and
 * whose key, if any, is theirs.  Those that have a slot begin with it, under
 * our lease, if we have one still: who takes over deletes its row.
 * $1 id[] $2 owner[] $3 role[] $4 user_type[] $5 service[] $6 action[]
 * $7 priority[] $8 params[] $9 metadata[] $10 inputs[] (16 bytes each)
 * $11 batch[] $12 retry_of[] $13 webhook_url[] $14 traceparent[] $15 run_at[]
 * $16 expires_at[] $17 max_attempts[] $18 timeout_s[] $19 key[]
 * $20 created_at[] $21 no_cache[] $22 begins[] $23 the first event's body
 * $24 that of one that begins $25 lease_owner $26 now
 * -> id, whether it has begun
 */
[ORCH_SQL_ACCEPT] =
    "with l as materialized ("
    " select 1 from pitchey.orchestrator where id = $25::int for key share),"
    "j as ("
    " insert into pitchey.job (id, owner, role, user_type, service, action,"
    "     priority, params, metadata, inputs, batch_id, retry_of, webhook_url,"
    "     traceparent, run_at, expires_at, max_attempts, timeout_s,"
    "     created_at, no_cache, started_at)"
    " select t.id, t.owner, t.role, t.user_type, t.service, t.action,"
    "     t.priority, t.params::json, t.metadata::json,"
    "     case when t.inputs is not null then"
    "         array(select substr(encode(t.inputs, 'hex'), 1 + 32 * i, 32)::uuid"
    "               from generate_series(0, length(t.inputs) / 16 - 1) i)"
    "     end,"
    "     t.batch, t.retry_of, t.webhook_url, t.traceparent, t.run_at,"
    "     t.expires_at, t.max_attempts, t.timeout_s, t.created_at, t.no_cache,"
    "     case when t.begins and exists (select 1 from l)"
    "         then $26::timestamptz end"
    " from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],"
    "     $6::text[], $7::int[], $8::text[], $9::text[], $10::bytea[],"
    "     $11::uuid[], $12::uuid[], $13::text[], $14::text[],"
    "     $15::timestamptz[], $16::timestamptz[], $17::int[], $18::int[],"
    "     $19::text[], $20::timestamptz[], $21::bool[], $22::bool[])"
    "     as t (id, owner, role, user_type, service, action, priority, params,"
    "     metadata, inputs, batch, retry_of, webhook_url, traceparent, run_at,"
    "     expires_at, max_attempts, timeout_s, key, created_at, no_cache,"
    "     begins)"
    " where t.key is null or exists ("
    "     select 1 from pitchey.idempotency i"
    "     where i.owner = t.owner and i.key = t.key and i.job = t.id)"
    " on conflict (id) do nothing"
    " returning id, owner, service, action, priority, max_attempts, timeout_s,"
    "     run_at, expires_at, created_at, started_at,"
    "     (started_at is not null)::int as begun),"
    "q as ("
    " insert into pitchey.queue (job, owner, service, action, priority,"
    "     status, max_attempts, attempt, last_seq, timeout_s, lease_owner,"
    "     run_at, expires_at, started_at)"
    " select id, owner, service, action, priority,"
    "     case begun when 0 then 'queued' else 'running' end"
    "         ::pitchey.job_status,"
    "     max_attempts, begun, 1 + begun, timeout_s,"
    "     case begun when 1 then $25::int end, coalesce(run_at, created_at),"
    "     expires_at, started_at from j),"
    "e as ("
    " insert into pitchey.event (job, seq, type, body)"
    " select id, 1, 'state'::pitchey.event_type, $23::json from j"
    " union all"
    " select id, 2, 'state', $24::json from j where begun = 1)"
    "select id, begun = 1 from j",

/*
 * What stood in the way of those that were not accepted.
 * $1 id[] $2 owner[] $3 key[]
 * -> owner of the job of that id; of that key: its job, its body_sha256
 */
[ORCH_SQL_ACCEPTED_BEFORE] =
    "select j.owner, i.job, i.body_sha256"
    " from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality"
    "     as t (id, owner, key, n)"
    " left join pitchey.job j on j.id = t.id"
    " left join pitchey.idempotency i on i.owner = t.owner and i.key = t.key"
    " order by t.n",

/* $1 id[] $2 owner -> those that are no files of the owner's */
[ORCH_SQL_FILES_MISSING] =
    "select t.id from unnest($1::uuid[]) with ordinality as t (id, n)"
    " where not exists (select 1 from pitchey.file f where f.id = t.id"
    "     and f.owner = $2::text"
    "     and (f.expires_at is null or f.expires_at > now()))"
    " order by t.n",

/*
 * In the transaction of the jobs that name them: who deletes one waits for it,
 * and sees the jobs then.  One that has gone in the meantime is an error.
 * $1 id[] $2 owner[]
 */
[ORCH_SQL_FILES_KEEP] =
    "select case when count(*) < cardinality($1::uuid[])"
    "     then ('a file has gone: ' || count(*))::int end"
    " from (select 1 from unnest($1::uuid[], $2::text[]) as t (id, owner)"
    "     join pitchey.file f on f.id = t.id and f.owner = t.owner"
    "     and (f.expires_at is null or f.expires_at > now())"
    "     order by f.id for key share of f) kept",

/*
 * A batch: all of its jobs, or an error for an id that is taken, or none if
 * its key is not its own.
 * $1 owner $2 role $3 user_type $4 batch $5 key $6 traceparent $7 id[]
 * $8 service[] $9 action[] $10 priority[] $11 params[] $12 metadata[]
 * $13 inputs[] (16 bytes each) $14 run_at[] $15 expires_at[]
 * $16 max_attempts[] $17 timeout_s[] $18 created_at[] $19 the event's body
 * $20 1: no_cache
 * -> id
 */
[ORCH_SQL_BULK] =
    "with j as ("
    " insert into pitchey.job (id, owner, role, user_type, service, action,"
    "     priority, params, metadata, inputs, batch_id, traceparent, run_at,"
    "     expires_at, max_attempts, timeout_s, created_at, no_cache)"
    " select t.id, $1::text, $2::text, $3::text, t.service, t.action,"
    "     t.priority, t.params::json, t.metadata::json,"
    "     case when t.inputs is not null then"
    "         array(select substr(encode(t.inputs, 'hex'), 1 + 32 * i, 32)::uuid"
    "               from generate_series(0, length(t.inputs) / 16 - 1) i)"
    "     end,"
    "     $4::uuid, $6::text, t.run_at, t.expires_at, t.max_attempts,"
    "     t.timeout_s, t.created_at, $20::int = 1"
    " from unnest($7::uuid[], $8::text[], $9::text[], $10::int[],"
    "     $11::text[], $12::text[], $13::bytea[], $14::timestamptz[],"
    "     $15::timestamptz[], $16::int[], $17::int[], $18::timestamptz[])"
    "     as t (id, service, action, priority, params, metadata, inputs,"
    "     run_at, expires_at, max_attempts, timeout_s, created_at)"
    " where $5::text is null or exists ("
    "     select 1 from pitchey.idempotency i"
    "     where i.owner = $1 and i.key = $5 and i.job = $4)"
    " returning id, owner, service, action, priority, max_attempts, timeout_s,"
    "     run_at, expires_at, created_at),"
    "q as ("
    " insert into pitchey.queue (job, owner, service, action, priority,"
    "     max_attempts, timeout_s, run_at, expires_at)"
    " select id, owner, service, action, priority, max_attempts, timeout_s,"
    "     coalesce(run_at, created_at), expires_at from j),"
    "e as ("
    " insert into pitchey.event (job, seq, type, body)"
    " select id, 1, 'state', $19::json from j)"
    "select id from j",

/* $1 owner $2 key -> its job or batch, its body_sha256 */
[ORCH_SQL_KEY] =
    "select job, body_sha256 from pitchey.idempotency"
    " where owner = $1::text and key = $2::text",

/* $1 batch $2 owner -> a job's columns, in the order of the request */
[ORCH_SQL_BATCH_JOBS] =
    "select " ORCH_SQL_BRIEF_COLUMNS
    " from pitchey.jobs j where j.batch_id = $1::uuid and j.owner = $2::text"
    " order by j.batch_id, j.id limit 1000",

/* $1 batch $2 owner, null: any -> status, jobs, first created, last finished */
[ORCH_SQL_BATCH] =
    "select j.status::text, count(*), min(j.created_at), max(j.finished_at)"
    " from pitchey.jobs j where j.batch_id = $1::uuid"
    "     and ($2::text is null or j.owner = $2)"
    " group by j.status order by j.status",

/*
 * $1 id $2 owner, null: any
 * -> owner, role, user_type, service, action, priority, params, metadata,
 *    inputs (16 bytes each), webhook_url, max_attempts, timeout_s, whether it
 *    has ended
 */
[ORCH_SQL_REDO] =
    "select j.owner, j.role, j.user_type, j.service, j.action, j.priority,"
    "     j.params, j.metadata,"
    "     (select string_agg(uuid_send(u.id), ''::bytea order by u.n)"
    "      from unnest(j.inputs) with ordinality as u (id, n)),"
    "     j.webhook_url, j.max_attempts, j.timeout_s, j.status is not null"
    " from pitchey.job j where j.id = $1::uuid"
    "     and ($2::text is null or j.owner = $2)",

/*
 * Under our lease, if we have one still: who takes over deletes its row.
 * $1 job[] $2 attempt[] $3 body[] $4 lease_owner $5 now
 * -> job, seq, params, role, user_type, traceparent, inputs, no_cache
 */
[ORCH_SQL_CLAIM] =
    "with c as ("
    " update pitchey.queue q set status = 'running', attempt = t.attempt,"
    "     last_seq = q.last_seq + 1, last_report = 0, lease_owner = $4::int,"
    "     started_at = coalesce(q.started_at, $5::timestamptz)"
    " from unnest($1::uuid[], $2::int[], $3::text[]) as t (job, attempt, body)"
    " where q.job = t.job and q.attempt = t.attempt - 1"
    "     and q.status in ('queued', 'retrying')"
    "     and exists (select 1 from pitchey.orchestrator o"
    "         where o.id = $4::int for key share)"
    " returning q.job, q.last_seq, t.body),"
    "e as ("
    " insert into pitchey.event (job, seq, type, body)"
    " select job, last_seq, 'state', body::json from c)"
    "select c.job, c.last_seq, j.params, j.role, j.user_type, j.traceparent,"
    " case when j.inputs is not null then"
    "     (select json_agg(json_build_object('id', f.id, 'key', f.key,"
    "         'sha256', encode(f.sha256, 'hex'), 'size', f.size,"
    "         'media_type', f.media_type, 'name', f.name))"
    "      from pitchey.file f where f.id = any (j.inputs)) end, j.no_cache"
    " from c join pitchey.job j on j.id = c.job",

/*
 * $1 job[] $2 attempt[] $3 report[] $4 name[] $5 kind[] $6 key[] $7 size[]
 * $8 media_type[] $9 sha256[] (hex) $10 entry[] $11 files[] $12 body[]
 * $13 lease_owner
 * -> job, report, seq
 */
[ORCH_SQL_OUTPUT] =
    "with t as ("
    " select * from unnest($1::uuid[], $2::int[], $3::int[], $4::text[],"
    "     $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],"
    "     $10::text[], $11::int[], $12::text[])"
    "     as t (job, attempt, report, name, kind, key, size, media_type,"
    "     sha256, entry, files, body)),"
    "u as ("
    " update pitchey.queue q set last_seq = q.last_seq + g.n,"
    "     last_report = g.last"
    " from (select job, attempt, count(*)::int as n, min(report) as first,"
    "           max(report) as last from t group by job, attempt) g"
    " where q.job = g.job and q.attempt = g.attempt and q.status = 'running'"
    "     and q.lease_owner = $13::int and q.last_report = g.first - 1"
    " returning q.job, q.last_seq - g.n - g.first + 1 as base),"
    "r as (select t.*, u.base + t.report as seq from t join u using (job)),"
    "o as ("
    " insert into pitchey.output (job, attempt, name, seq, kind, key, size,"
    "     media_type, sha256, entry, files)"
    " select distinct on (job, attempt, name) job, attempt, name, seq,"
    "     kind::pitchey.output_kind, key, size, media_type,"
    "     decode(sha256, 'hex'), entry, files from r"
    " order by job, attempt, name, seq desc"
    /* a tree that has grown */
    " on conflict (job, attempt, name) do update set seq = excluded.seq,"
    "     size = excluded.size, files = excluded.files"
    " where output.kind = 'tree' and excluded.kind = 'tree'"
    "     and output.key = excluded.key),"
    "e as ("
    " insert into pitchey.event (job, seq, type, body)"
    " select job, seq, 'output', body::json from r)"
    "select job, report, seq from r",

/*
 * $1 job[] $2 attempt[] $3 running[] $4 status[] $5 result[] $6 error[]
 * $7 usage[] $8 type[] and $9 body[] of the event before the last, or null
 * $10 body[] of the last $11 report[] $12 key[] of the result, or null
 * $13 now
 * -> job, seq before these events
 */
[ORCH_SQL_END] =
    "with d as ("
    " delete from pitchey.queue q"
    " using unnest($1::uuid[], $2::int[], $3::bool[], $4::text[], $5::text[],"
    "     $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],"
    "     $11::int[], $12::bytea[])"
    "     as t (job, attempt, running, status, result, error, usage, type,"
    "     body, state, report, key)"
    " where q.job = t.job and q.attempt = t.attempt"
    "     and (q.status = 'running') = t.running"
    /* a success whose outputs are not all stored is none yet */
    "     and (t.status <> 'succeeded' or q.last_report = t.report - 1)"
    " returning t.*, q.last_seq, q.started_at),"
    "j as ("
    " update pitchey.job j set status = d.status::pitchey.job_status,"
    "     attempt = d.attempt, started_at = d.started_at,"
    "     finished_at = $13::timestamptz, result = d.result::json,"
    "     error = d.error::json, usage = d.usage::json,"
    "     last_seq = d.last_seq + 1 + (d.type is not null)::int"
    " from d where j.id = d.job"
    " returning j.id, j.owner, j.batch_id, j.webhook_url),"
    "h as ("
    " insert into pitchey.webhook (id, batch_id, owner, url)"
    " select id, batch_id, owner, webhook_url from j"
    " where webhook_url is not null on conflict do nothing),"
    "c as ("
    " insert into pitchey.cache (key, job)"
    " select distinct on (key) key, job from d where key is not null"
    " order by key on conflict (key) do update set job = excluded.job),"
    "w as ("
    " update pitchey.output o set withdrawn = true from d"
    " where d.status <> 'succeeded' and o.job = d.job and not o.withdrawn),"
    "e as ("
    " insert into pitchey.event (job, seq, type, body)"
    " select job, last_seq + 1, type::pitchey.event_type, body::json"
    " from d where type is not null"
    " union all"
    " select job, last_seq + 1 + (type is not null)::int, 'state', state::json"
    " from d)"
    "select job, last_seq from d",

/*
 * Jobs that are claimed end with the results that are known, if they are and
 * are kept still.  Who removes old outputs or old jobs changes rows that are
 * locked here: it waits for our commit and then knows who has these files, or
 * we wait for its, and know nothing.
 * $1 job[] $2 attempt[] $3 key[] $4 body[] $5 lease_owner $6 now
 * -> job, seq before the last event
 */
[ORCH_SQL_CACHED] =
    "with t as ("
    " select * from unnest($1::uuid[], $2::int[], $3::bytea[], $4::text[])"
    "     as t (job, attempt, key, state)),"
    "s as materialized ("
    " select t.job, t.attempt, t.state, j.id as source, j.attempt as made,"
    "     j.last_seq - 1 as result_seq, j.result"
    " from t join pitchey.cache c on c.key = t.key"
    "     join pitchey.job j on j.id = c.job and j.status = 'succeeded'"
    " for key share of j),"
    "o as materialized ("
    " select s.job as for_job, o.*"
    " from s join pitchey.output o on o.job = s.source and o.attempt = s.made"
    " for share of o),"
    "d as ("
    " delete from pitchey.queue q using s"
    " where q.job = s.job and q.attempt = s.attempt and q.status = 'running'"
    "     and q.lease_owner = $5::int"
    "     and not exists (select 1 from o"
    "         where o.for_job = s.job and o.withdrawn)"
    " returning s.*, q.last_seq, q.started_at,"
    "     (select count(*)::int from o where o.for_job = s.job) as n),"
    "r as ("
    " select o.*, d.attempt as now_attempt, d.last_seq + row_number() over ("
    "     partition by o.for_job order by o.seq)::int as now_seq"
    " from d join o on o.for_job = d.job),"
    "j as ("
    " update pitchey.job j set status = 'succeeded', cached = true,"
    "     attempt = d.attempt, started_at = d.started_at,"
    "     finished_at = $6::timestamptz, result = d.result,"
    "     last_seq = d.last_seq + d.n + 2"
    " from d where j.id = d.job"
    " returning j.id, j.owner, j.batch_id, j.webhook_url),"
    "h as ("
    " insert into pitchey.webhook (id, batch_id, owner, url)"
    " select id, batch_id, owner, webhook_url from j"
    " where webhook_url is not null on conflict do nothing),"
    "p as ("
    " insert into pitchey.output (job, attempt, name, seq, kind, key, size,"
    "     media_type, sha256, entry, files, source)"
    " select for_job, now_attempt, name, now_seq, kind, key, size, media_type,"
    "     sha256, entry, files, job from r),"
    "e as ("
    " insert into pitchey.event (job, seq, type, body)"
    " select r.for_job, r.now_seq, v.type, v.body"
    " from r join pitchey.event v on v.job = r.job and v.seq = r.seq"
    " union all"
    " select d.job, d.last_seq + d.n + 1, v.type, v.body"
    " from d join pitchey.event v on v.job = d.source"
    "     and v.seq = d.result_seq"
    " union all"
    " select d.job, d.last_seq + d.n + 2, 'state'::pitchey.event_type,"
    "     d.state::json from d)"
    "select job, last_seq + n + 1 from d",

/*
 * $1 job[] $2 attempt[] $3 crashes[] $4 lost[] (to add) $5 run_at[] $6 body[]
 * -> job, seq
 */
[ORCH_SQL_REQUEUE] =
    "with u as ("
    " update pitchey.queue q set status = 'retrying',"
    "     last_seq = q.last_seq + 1, last_report = 0, lease_owner = null,"
    "     run_at = t.run_at, crashes = q.crashes + t.crashes,"
    "     lost = q.lost + t.lost"
    " from unnest($1::uuid[], $2::int[], $3::int[], $4::int[],"
    "     $5::timestamptz[], $6::text[])"
    "     as t (job, attempt, crashes, lost, run_at, body)"
    " where q.job = t.job and q.attempt = t.attempt and q.status = 'running'"
    " returning q.job, q.last_seq, t.body),"
    "w as ("
    " update pitchey.output o set withdrawn = true from u"
    " where o.job = u.job and not o.withdrawn),"
    "e as ("
    " insert into pitchey.event (job, seq, type, body)"
    " select job, last_seq, 'state', body::json from u)"
    "select job, last_seq from u",

/*
 * Where jobs stand that are in doubt.  $1 job[]
 * -> the columns of an open job, status, lease_owner
 */
[ORCH_SQL_SETTLE] =
    "select " ORCH_SQL_QUEUE_COLUMNS ", q.status::text, q.lease_owner"
    " from pitchey.queue q where q.job = any ($1::uuid[])",

/* $1 id $2 owner, null: any -> a job's columns, result */
[ORCH_SQL_JOB] =
    "select " ORCH_SQL_JOB_COLUMNS ", j.result"
    " from pitchey.jobs j where j.id = $1::uuid"
    "     and ($2::text is null or j.owner = $2)",

/*
 * $1 owner $2 id below $3 id from $4 status, several with commas between them
 * $5 service $6 action $7 limit
 * -> a job's columns
 */
[ORCH_SQL_LIST] =
    "select " ORCH_SQL_BRIEF_COLUMNS
    " from pitchey.jobs j where " ORCH_SQL_LISTED
    " order by j.id desc limit $7::int",

/* the same of $8 batch, by its own index: of few among many */
[ORCH_SQL_LIST_BATCH] =
    "select " ORCH_SQL_BRIEF_COLUMNS
    " from pitchey.jobs j where j.batch_id = $8::uuid and " ORCH_SQL_LISTED
    " order by j.batch_id desc, j.id desc limit $7::int",

/* $1 id $2 owner, null: any -> a row, if there is such a job */
[ORCH_SQL_OWNED] =
    "select 1 from pitchey.job where id = $1::uuid"
    "     and ($2::text is null or owner = $2)",

/* $1 job $2 after -> seq, type, body */
[ORCH_SQL_EVENTS] =
    "select seq, type::text, body from pitchey.event"
    " where job = $1::uuid and seq > $2::int order by seq limit 1000",

/* $1 job[] $2 seq[] -> job, last_seq of those that have more */
[ORCH_SQL_SYNC] =
    "select j.id, j.last_seq from unnest($1::uuid[], $2::int[]) as t (job, seq)"
    " join pitchey.jobs j on j.id = t.job where j.last_seq > t.seq",

/*
 * What ended long ago is not looked for: there is no index on it, and there
 * may be a month of it.
 * $1 owner $2 since $3 limit -> job, last_seq, status, the newest first
 */
[ORCH_SQL_CHANGED] =
    "select j.id, j.last_seq, j.status::text from (select id, last_seq, status,"
    "     finished_at from pitchey.jobs where owner = $1::text"
    "     order by id desc limit 5000) j"
    " where j.finished_at is null or j.finished_at >= $2::timestamptz"
    " order by j.id desc limit $3::int",

/*
 * The file of that name, or the tree that holds it, the longest first.
 * $1 job $2 name $3 owner, null: any
 * -> is tree, key, size, sha256 (hex), media_type, name, withdrawn, job ended
 */
[ORCH_SQL_OPEN_OUTPUT] =
    "select o.kind = 'tree', o.key, o.size, encode(o.sha256, 'hex'),"
    "     o.media_type, o.name, o.withdrawn, j.status is not null"
    " from pitchey.output o join pitchey.job j on j.id = o.job"
    " where o.job = $1::uuid and ($3::text is null or j.owner = $3)"
    "     and case o.kind when 'file' then o.name = $2::text"
    "         else starts_with($2::text, o.name || '/') end"
    " order by o.withdrawn, length(o.name) desc, o.attempt desc limit 1",

/*
 * Those who add files of one owner wait for each other: the next statement
 * then sees what the one before has added.
 * $1 owner
 */
[ORCH_SQL_FILE_ROOM] =
    "select pg_advisory_xact_lock(hashtextextended('pitchey.file ' || $1::text,"
    "     0)) is null",

/*
 * $1 id $2 owner $3 name $4 media_type $5 size $6 sha256 $7 key
 * $8 the owner's quota in bytes, null: none
 * -> a row if it is new
 */
[ORCH_SQL_FILE_ADD] =
    "insert into pitchey.file (id, owner, name, media_type, size, sha256, key,"
    "     expires_at)"
    " select $1::uuid, $2::text, $3::text, $4::text, $5::bigint, $6::bytea,"
    "     $7::text,"
    "     now() + current_setting('pitchey.keep_uploads')::interval"
    " where $8::bigint is null or $5::bigint <= $8::bigint - ("
    "     select coalesce(sum(f.size), 0) from pitchey.file f"
    "     where f.owner = $2::text and f.id <> $1::uuid"
    "     and (f.expires_at is null or f.expires_at > now()))"
    " on conflict (id) do nothing returning 1",

/*
 * $1 id $2 owner
 * -> id, name, media_type, size, sha256 (hex), key, created_at, expires_at
 */
[ORCH_SQL_FILE] =
    "select id, name, media_type, size, encode(sha256, 'hex'), key,"
    "     created_at, expires_at"
    " from pitchey.file where id = $1::uuid and owner = $2::text"
    "     and (expires_at is null or expires_at > now())",

/* $1 owner $2 below this id $3 how many -> the same columns */
[ORCH_SQL_FILE_LIST] =
    "select id, name, media_type, size, encode(sha256, 'hex'), key,"
    "     created_at, expires_at"
    " from pitchey.file where owner = $1::text and id < $2::uuid"
    "     and (expires_at is null or expires_at > now())"
    " order by id desc limit $3::int",

/* $1 id $2 owner -> a row if there is such a file; the next one to delete it
 * waits */
[ORCH_SQL_FILE_HOLD] =
    "select 1 from pitchey.file where id = $1::uuid and owner = $2::text"
    "     and (expires_at is null or expires_at > now()) for update",

/* $1 id $2 owner -> key, unless an open job uses it */
[ORCH_SQL_FILE_DELETE] =
    "delete from pitchey.file f where f.id = $1::uuid and f.owner = $2::text"
    "     and not exists (select 1 from pitchey.job j"
    "         where j.inputs @> array[$1::uuid] and j.status is null)"
    " returning f.key",

/*
 * Jobs that have ended long ago, with all that is known of them, some at a
 * time: the oldest by their ids.  Two orchestrators take different ones.  What
 * they have used stays, summed up; in order, so that the two do not deadlock.
 * $1 id below $2 finished before $3 limit -> id
 */
[ORCH_SQL_PRUNE_JOBS] =
    "with old as materialized ("
    " select j.id, j.owner, j.service, j.created_at, " ORCH_SQL_USED
    " from pitchey.job j where j.id < $1::uuid"
    "     and j.finished_at < $2::timestamptz"
    " order by j.id limit $3::int for update skip locked),"
    "u as ("
    " insert into pitchey.usage as u (owner, month, service, jobs, succeeded,"
    "     failed, cached, cpu_ms, wall_ms, input_bytes, output_bytes)"
    " select owner, date_trunc('month', created_at at time zone 'UTC')::date,"
    "     service, " ORCH_SQL_USED_SUM
    " from old group by 1, 2, 3 order by 1, 2, 3"
    " on conflict (owner, month, service) do update set"
    "     jobs = u.jobs + excluded.jobs,"
    "     succeeded = u.succeeded + excluded.succeeded,"
    "     failed = u.failed + excluded.failed,"
    "     cached = u.cached + excluded.cached,"
    "     cpu_ms = u.cpu_ms + excluded.cpu_ms,"
    "     wall_ms = u.wall_ms + excluded.wall_ms,"
    "     input_bytes = u.input_bytes + excluded.input_bytes,"
    "     output_bytes = u.output_bytes + excluded.output_bytes),"
    "e as (delete from pitchey.event v using old where v.job = old.id),"
    "o as (delete from pitchey.output p using old where p.job = old.id),"
    "c as (delete from pitchey.cache c using old where c.job = old.id)"
    "delete from pitchey.job j using old where j.id = old.id returning j.id",

/*
 * Outputs of jobs that have ended long ago, where they go before their jobs:
 * a job's outputs are withdrawn together.  Those that can be seen are looked
 * at first: there may be many jobs that old whose outputs have gone.
 * $1 id below $2 finished before $3 limit -> job
 */
[ORCH_SQL_PRUNE_OUTPUTS] =
    "with seen as materialized ("
    " select distinct o.job from pitchey.output o"
    " where o.job < $1::uuid and not o.withdrawn"
    " order by o.job limit 5 * $3::int),"
    "old as materialized ("
    " select s.job from seen s join pitchey.job j on j.id = s.job"
    " where j.finished_at < $2::timestamptz limit $3::int)"
    "update pitchey.output o set withdrawn = true from old"
    " where o.job = old.job and not o.withdrawn returning o.job",

/* $1 limit -> a row for each that has gone */
[ORCH_SQL_PRUNE_KEYS] =
    "with old as materialized ("
    " select owner, key from pitchey.idempotency where created_at < now()"
    "     - current_setting('pitchey.keep_keys')::interval"
    " order by created_at limit $1::int for update skip locked)"
    "delete from pitchey.idempotency i using old"
    " where i.owner = old.owner and i.key = old.key returning 1",

/* uploads that nothing uses any more; $1 limit -> the same */
[ORCH_SQL_PRUNE_FILES] =
    "with old as materialized ("
    " select f.id from pitchey.file f where f.expires_at < now()"
    "     and not exists (select 1 from pitchey.job j"
    "         where j.inputs @> array[f.id] and j.status is null)"
    "     and not exists (select 1 from pitchey.schedule s"
    "         where s.inputs @> array[f.id])"
    " order by f.expires_at limit $1::int for update skip locked)"
    "delete from pitchey.file f using old where f.id = old.id returning 1",

/*
 * Of jobs whose folders lie in storage: the attempt whose outputs may be seen,
 * as its own or as those of a job that was served from the cache.
 * 0: none, the job has ended; -1: leave it alone, it is open.
 * $1 id[] -> id, attempt
 */
[ORCH_SQL_LEFT] =
    "select t.id, case when j.id is not null and j.status is null then -1"
    "     when j.status = 'succeeded' and exists ("
    "         select 1 from pitchey.output o where o.job = t.id"
    "         and not o.withdrawn) then j.attempt"
    "     else coalesce((select split_part(o.key, '/', 4)::int"
    "         from pitchey.output o where o.source = t.id"
    "         and not o.withdrawn limit 1), 0) end"
    " from unnest($1::uuid[]) as t (id)"
    "     left join pitchey.job j on j.id = t.id",

/* $1 id[] -> those that are no file's */
[ORCH_SQL_FILE_UNKNOWN] =
    "select t.id from unnest($1::uuid[]) as t (id)"
    " where not exists (select 1 from pitchey.file f where f.id = t.id)",

/*
 * Those that are due become ours for a minute; of a batch, once all of its
 * jobs have ended.  $1 how many
 * -> id, batch, owner, url, attempt
 */
[ORCH_SQL_WEBHOOKS_CLAIM] =
    "update pitchey.webhook w set next_at = now() + interval '1 minute',"
    "     attempts = w.attempts + 1"
    " where w.id in (select d.id from pitchey.webhook d"
    "     where d.next_at <= now() and (d.batch_id is null or not exists ("
    "         select 1 from pitchey.job j where j.batch_id = d.batch_id"
    "             and j.status is null))"
    "     order by d.next_at limit $1::int for update skip locked)"
    " returning w.id, w.batch_id, w.owner, w.url, w.attempts",

/*
 * $1 id $2 state $3 next_at, or null $4 attempt $5 status of the answer, or 0
 * $6 error, or null $7 duration_ms
 */
[ORCH_SQL_WEBHOOK_DONE] =
    "with w as ("
    " update pitchey.webhook set state = $2::text::pitchey.webhook_state,"
    "     next_at = $3::timestamptz where id = $1::uuid and attempts = $4::int"
    " returning id)"
    "insert into pitchey.webhook_attempt (webhook, n, status, error,"
    "     duration_ms)"
    " select id, $4::int, nullif($5::int, 0), $6::text, $7::int from w"
    " on conflict do nothing",

/* $1 job $2 owner, null: any -> the log as JSON, if there is such a job */
[ORCH_SQL_WEBHOOK_LOG] =
    "select json_build_object('webhooks', coalesce((select json_agg("
    "     json_build_object('id', w.id, 'url', w.url, 'state', w.state,"
    "     'next_at', to_char(w.next_at at time zone 'UTC',"
    "         'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),"
    "     'attempts', coalesce((select json_agg(json_build_object("
    "         'n', a.n, 'at', to_char(a.at at time zone 'UTC',"
    "             'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), 'status', a.status,"
    "         'error', a.error, 'duration_ms', a.duration_ms) order by a.n)"
    "         from pitchey.webhook_attempt a where a.webhook = w.id), '[]')))"
    "     from pitchey.webhook w where w.id = j.id"
    "         or (j.batch_id is not null and w.batch_id = j.batch_id)),"
    "     '[]'))"
    " from pitchey.job j where j.id = $1::uuid"
    "     and ($2::text is null or j.owner = $2)",

[ORCH_SQL_WEBHOOKS_PRUNE] =
    "delete from pitchey.webhook where created_at < now() - interval '30 days'",

/*
 * What a user has used in a month, by service: of the jobs that are kept, and
 * of those that were.
 * $1 owner $2 from this id on $3 below this id $4 the month's first day
 * -> service, jobs, succeeded, failed, cached, and sums: cpu_ms, wall_ms,
 * input_bytes, output_bytes
 */
[ORCH_SQL_USAGE] =
    "select t.service, " ORCH_SQL_USED_SUM " from ("
    " select j.service, " ORCH_SQL_USED " from pitchey.job j"
    " where j.owner = $1::text and j.id >= $2::uuid and j.id < $3::uuid"
    "     and j.status is not null"
    " union all"
    " select u.service, u.jobs, u.succeeded, u.failed, u.cached, u.cpu_ms,"
    "     u.wall_ms, u.input_bytes, u.output_bytes from pitchey.usage u"
    " where u.owner = $1 and u.month = ($4::timestamptz"
    "     at time zone 'UTC')::date) t"
    " group by t.service order by t.service",

/* the same of all users, those with the most CPU time first; $1 to $3 as $2 to
 * $4 there -> owner, and the same */
[ORCH_SQL_USAGE_USERS] =
    "select t.owner, " ORCH_SQL_USED_SUM " from ("
    " select j.owner, " ORCH_SQL_USED " from pitchey.job j"
    " where j.id >= $1::uuid and j.id < $2::uuid and j.status is not null"
    " union all"
    " select u.owner, u.jobs, u.succeeded, u.failed, u.cached, u.cpu_ms,"
    "     u.wall_ms, u.input_bytes, u.output_bytes from pitchey.usage u"
    " where u.month = ($3::timestamptz at time zone 'UTC')::date) t"
    " group by t.owner order by sum(t.cpu_ms) desc, t.owner limit 1000",

/* $1 owner -> files, their bytes, bytes of outputs, shared ones once */
[ORCH_SQL_STORED] =
    "select count(*), coalesce(sum(f.size), 0)::bigint,"
    "     (select coalesce(sum(d.size), 0)::bigint from ("
    "         select distinct o.key, o.size from pitchey.job j"
    "         join pitchey.output o on o.job = j.id"
    "         where j.owner = $1::text and not o.withdrawn) d)"
    " from pitchey.file f where f.owner = $1::text"
    "     and (f.expires_at is null or f.expires_at > now())",

/*
 * $1 id $2 owner $3 role $4 user_type $5 name $6 cron $7 time_zone $8 service
 * $9 action $10 priority $11 params $12 metadata $13 inputs[] $14 webhook_url
 * $15 max_attempts $16 timeout_s $17 next_at
 * -> a row if it is new, its files are the owner's, and there is room
 */
[ORCH_SQL_SCHEDULE_ADD] =
    "insert into pitchey.schedule (id, owner, role, user_type, name, cron,"
    "     time_zone, service, action, priority, params, metadata, inputs,"
    "     webhook_url, max_attempts, timeout_s, next_at)"
    " select $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text,"
    "     $7::text, $8::text, $9::text, $10::int, $11::text::json,"
    "     $12::text::json, $13::uuid[], $14::text, $15::int, $16::int,"
    "     $17::timestamptz"
    " where (select count(*) from pitchey.schedule s where s.owner = $2::text)"
    "         < 100"
    "     and not exists (select 1 from unnest($13::uuid[]) as t (id)"
    "         where not exists (select 1 from pitchey.file f"
    "             where f.id = t.id and f.owner = $2::text"
    "             and (f.expires_at is null or f.expires_at > now())))"
    " on conflict (id) do nothing returning 1",

/* $1 id $2 owner, null: any -> a schedule's columns */
[ORCH_SQL_SCHEDULE] =
    "select " ORCH_SQL_SCHEDULE_COLUMNS("s.params")
    " from pitchey.schedule s where s.id = $1::uuid"
    "     and ($2::text is null or s.owner = $2)",

/* $1 owner -> a schedule's columns, without params */
[ORCH_SQL_SCHEDULES] =
    "select " ORCH_SQL_SCHEDULE_COLUMNS("null::json")
    " from pitchey.schedule s where s.owner = $1::text order by s.id desc",

/* $1 id $2 change (1 pause, 2 resume) $3 next_at $4 role $5 user_type */
[ORCH_SQL_SCHEDULE_CHANGE] =
    "update pitchey.schedule set paused = $2::int = 1,"
    "     next_at = coalesce($3::timestamptz, next_at),"
    "     role = case $2::int when 2 then $4::text else role end,"
    "     user_type = case $2::int when 2 then $5::text else user_type end,"
    "     problem = case $2::int when 2 then null else problem end"
    " where id = $1::uuid and paused <> ($2::int = 1)",

/* $1 id */
[ORCH_SQL_SCHEDULE_DELETE] =
    "delete from pitchey.schedule where id = $1::uuid",

/* -> id, owner, next_at */
[ORCH_SQL_SCHEDULES_DUE] =
    "select id, owner, next_at from pitchey.schedule"
    " where not paused and next_at <= now() order by next_at limit 100",

/* $1 id $2 its tick $3 next_at $4 1: pause it $5 problem $6 job, or null */
[ORCH_SQL_SCHEDULE_MOVE] =
    "update pitchey.schedule set next_at = $3::timestamptz,"
    "     paused = $4::int = 1, problem = $5::text,"
    "     last_at = case when $6::uuid is null then last_at else now() end,"
    "     last_job = coalesce($6::uuid, last_job)"
    " where id = $1::uuid and not paused"
    "     and date_trunc('milliseconds', next_at) = $2::timestamptz",

/* $1 name -> id, whether it was there before: this one, its lease begun */
[ORCH_SQL_REGISTER] =
    "insert into pitchey.orchestrator (name, expires_at)"
    " values ($1::text, now() + interval '3 seconds')"
    " on conflict (name) do update set started_at = now(),"
    "     expires_at = excluded.expires_at"
    " returning id, xmax <> 0",

/*
 * The jobs that wait, a fair choice: of each owner the first ones.
 * $1 of each owner $2 of all
 * -> the columns of an open job, status
 */
[ORCH_SQL_READY] = ORCH_SQL_CHOICE,

/*
 * The same, and those that $3 lease_owner runs, of one moment: what one dead
 * began is committed, perhaps, while this looks, and would be in neither of
 * two statements.
 */
[ORCH_SQL_OPEN] =
    "(" ORCH_SQL_CHOICE ") union all"
    " select " ORCH_SQL_QUEUE_COLUMNS ", q.status::text"
    " from pitchey.queue q"
    " where q.status = 'running' and q.lease_owner = $3::int",

/*
 * Three seconds, and half a one, and the second in which that is seen: what a
 * dead one held is another's within five.  Others have a while to renew theirs
 * after the database was away.
 * $1 lease_owner -> a row if the lease is ours still: whether others' ended,
 * whether there are others that live
 */
[ORCH_SQL_RENEW] =
    "update pitchey.orchestrator set expires_at = now() + interval '3 seconds'"
    " where id = $1::int returning exists ("
    "     select 1 from pitchey.orchestrator d where d.id <> $1::int"
    "     and d.expires_at < now() - interval '500 milliseconds')"
    " and pg_postmaster_start_time() < now() - interval '15 seconds',"
    " exists (select 1 from pitchey.orchestrator d where d.id <> $1::int"
    "     and d.expires_at > now())",

/*
 * Jobs of orchestrators that have no lease, or whose lease has ended, become
 * ours, to be queued again.
 * $1 lease_owner $2 0: the former only
 * -> the columns of an open job
 */
[ORCH_SQL_TAKE_OVER] =
    "with dead as ("
    " delete from pitchey.orchestrator where $2::int > 0"
    "     and expires_at < now() - interval '500 milliseconds'"
    "     and id <> $1::int"
    " returning id)"
    "update pitchey.queue q set lease_owner = $1::int"
    " where q.status = 'running' and (q.lease_owner in (select id from dead)"
    "     or not exists (select 1 from pitchey.orchestrator o"
    "         where o.id = q.lease_owner))"
    " returning " ORCH_SQL_QUEUE_COLUMNS,

/* $1 job[] $2 attempt[] -> those of our attempts that run no more, as pairs */
[ORCH_SQL_ENDED] =
    "select t.job, t.attempt from unnest($1::uuid[], $2::int[])"
    "     as t (job, attempt)"
    " where not exists (select 1 from pitchey.queue q where q.job = t.job"
    "     and q.attempt = t.attempt and q.status = 'running')",

/*
 * Some jobs that somebody else has not begun for a second: the first that are
 * found, for the whole of the queue may be long.  And what runs under our
 * lease: a submission that began, and whose commit nobody saw, is one of them.
 * $1 service[] $2 limit $3 lease_owner -> the columns of an open job, status
 */
[ORCH_SQL_WAITING] =
    "(select " ORCH_SQL_QUEUE_COLUMNS ", q.status::text from pitchey.queue q"
    " where q.status in ('queued', 'retrying') and q.service = any ($1::text[])"
    "     and q.run_at < now() - interval '1 second' limit $2::int)"
    " union all (select " ORCH_SQL_QUEUE_COLUMNS ", q.status::text"
    " from pitchey.queue q where q.status = 'running'"
    "     and q.service = any ($1::text[]) and q.lease_owner = $3::int"
    "     and q.started_at < now() - interval '1 second' limit 10000)",

[ORCH_SQL_PING] =
    "select 1",

/*
 * Planning costs ten times what running does: one plan for each statement,
 * kept.  One that was made while a table was small would scan it when it is
 * large; all that is asked often goes by id, so: by index, always.
 * $1 keep keys $2 keep uploads (seconds)
 */
[ORCH_SQL_SETTINGS] =
    "select set_config('pitchey.keep_keys', $1::int || ' s', false),"
    " set_config('pitchey.keep_uploads', $2::int || ' s', false),"
    " set_config('plan_cache_mode', 'force_generic_plan', false),"
    " set_config('enable_seqscan', 'off', false),"
    " set_config('enable_hashjoin', 'off', false),"
    " set_config('enable_mergejoin', 'off', false),"
    /* what is switched off is planned as if it cost ten thousand million */
    " set_config('jit', 'off', false),"
    /* the server, too, notices in seconds when we are cut off: rows that a
     * transaction of ours has locked are another's to take over */
    " set_config('tcp_keepalives_idle', '5', false),"
    " set_config('tcp_keepalives_interval', '2', false),"
    " set_config('tcp_user_timeout', '10000', false)"
};


#if PT_FAULTS

/* statements that do less, or worse, than they should */
static const char *const *
orch_db_faulty(void)
{
    size_t       i, k;
    char        *text, *at;

    static const struct {
        const char  *fault;
        orch_sql_t   sql;
        const char  *right;
        const char  *wrong;
    } faults[] = {
        { "outputs-not-withdrawn", ORCH_SQL_REQUEUE,
          "set withdrawn = true", "set withdrawn = false" },
        { "event-hole", ORCH_SQL_REQUEUE,
          "last_seq = q.last_seq + 1", "last_seq = q.last_seq + 2" },
        { "key-ignored", ORCH_SQL_ACCEPT,
          "where t.key is null or", "where t.id is not null or" }
    };
    static const char  *statements[ORCH_SQL_COUNT_];

    for (k = 0; k < ORCH_SQL_COUNT_; k++) {
        statements[k] = orch_db_statements[k];
    }

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        const char  *from = statements[faults[i].sql];
        const char  *found = strstr(from, faults[i].right);

        if (!orch_fault(faults[i].fault) || found == NULL) {
            continue;
        }

        text = malloc(strlen(from) + 64);
        if (text == NULL) {
            continue;
        }

        at = stpncpy(text, from, (size_t) (found - from));
        at = stpcpy(at, faults[i].wrong);
        (void) stpcpy(at, found + strlen(faults[i].right));

        /* for as long as the process lives */
        statements[faults[i].sql] = text;
    }

    return statements;
}

#define ORCH_STATEMENTS  orch_db_faulty()

#else

#define ORCH_STATEMENTS  orch_db_statements

#endif


pt_err_t
orch_db_open(orch_t *o)
{
    size_t           i;
    pt_err_t         err = PT_OK;
    orch_db_conn_t  *c;

    for (i = 0; i < ORCH_DB_CONNS && err == PT_OK; i++) {
        c = &o->db.conns[i];
        c->o = o;
        c->role = orch_db_roles[i];

        err = pt_pg_open(&o->loop, &(pt_pg_options_t) {
            .conninfo = o->config->database,
            .application_name = "pitchey-orchestrator",
            .statements = ORCH_STATEMENTS,
            .nstatements = ORCH_SQL_COUNT_,
            .on_state = orch_db_state,
            .ctx = c }, &c->pg);
    }

    return err;
}


void
orch_db_close(orch_t *o)
{
    size_t  i;

    for (i = 0; i < ORCH_DB_CONNS; i++) {
        pt_pg_close(o->db.conns[i].pg);
        o->db.conns[i].pg = NULL;
    }
}


static void
orch_db_state(void *ctx, bool ready, const char *reason)
{
    orch_db_conn_t  *c = ctx;
    orch_t          *o = c->o;

    c->ready = ready;

    if (!ready) {
        snprintf(o->db.reason, sizeof(o->db.reason), "%s", reason);

        /* one outage, one line: its connections fail together */
        if (!o->db.complained) {
            o->db.complained = true;
            pt_log(PT_LOG_ERROR, "database", "no connection to the database, "
                   "trying again: %s", reason);
        }

    } else if (orch_db_is_ready(o)) {
        o->db.complained = false;
        pt_log(PT_LOG_INFO, "database", "connected to the database");
    }

    if (ready) {
        orch_db_settings(c);
    }

    if (c->role == ORCH_DB_WORK) {
        if (ready) {
            orch_recover_start(o);

        } else {
            orch_recover_stop(o);
        }
    }
}


static void
orch_db_settings(orch_db_conn_t *c)
{
    pt_pg_args_t           args = { .n = 0 };
    const orch_config_t   *config = c->o->config;

    pt_pg_arg_int4(&args, (int32_t) config->keep_s[ORCH_KEEP_KEYS]);
    pt_pg_arg_int4(&args, (int32_t) config->keep_s[ORCH_KEEP_UPLOADS]);

    if (pt_pg_query(c->pg, ORCH_SQL_SETTINGS, &args) != PT_OK
        || pt_pg_commit(c->pg, orch_db_ignore, c) != PT_OK)
    {
        pt_log(PT_LOG_WARN, "database", "could not change a connection's settings");
    }
}


static void
orch_db_ignore(void *ctx, pt_err_t err, PGresult *const *results, size_t n)
{
    (void) ctx;
    (void) err;
    (void) results;
    (void) n;
}


bool
orch_db_is_ready(const orch_t *o)
{
    size_t  i;

    for (i = 0; i < ORCH_DB_CONNS; i++) {
        if (!o->db.conns[i].ready) {
            return false;
        }
    }

    return true;
}


pt_pg_t *
orch_db_get(orch_t *o, orch_db_role_t role)
{
    size_t    i;
    pt_pg_t  *pg, *best = NULL;

    for (i = 0; i < ORCH_DB_CONNS; i++) {
        pg = o->db.conns[i].pg;

        if (o->db.conns[i].role == role && pg && pt_pg_ready(pg)
            && (best == NULL || pt_pg_pending(pg) < pt_pg_pending(best)))
        {
            best = pg;
        }
    }

    return best;
}


pt_err_t
orch_db_query(orch_t *o, orch_db_role_t role, orch_sql_t sql,
    const pt_pg_args_t *args, pt_pg_done_fn done, void *ctx)
{
    pt_err_t   err;
    pt_pg_t   *pg = orch_db_get(o, role);

    if (pg == NULL) {
        return PT_E_DATABASE;
    }

    err = pt_pg_query(pg, sql, args);

    return err == PT_OK ? pt_pg_commit(pg, done, ctx) : err;
}
