WITH asked AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 6) AS from_day
), period AS (
    SELECT a.*, a.from_day::timestamptz AS t1, (a.to_day + 1)::timestamptz AS t2,
           (a.from_day - (a.to_day - a.from_day + 1))::timestamptz AS t0
      FROM asked AS a
), ended AS (
    SELECT j.service, j.action, j.status::text AS status, j.finished_at, j.error, j.finished_at >= period.t1 AS now,
           extract(epoch FROM j.started_at - greatest(j.created_at, j.run_at)) AS wait,
           extract(epoch FROM j.finished_at - j.started_at) AS run,
           (j.usage->>'cpu_ms')::numeric / 1000 AS cpu
      FROM period JOIN pitchey.job AS j ON j.finished_at >= period.t0 AND j.finished_at < period.t2
)
SELECT period.from_day, period.to_day,
       count(status) FILTER (WHERE now) AS jobs, count(status) FILTER (WHERE NOT now) AS jobs_before,
       round(count(*) FILTER (WHERE now AND status = 'succeeded')::numeric / nullif(count(*) FILTER (WHERE now), 0), 4) AS share,
       round(count(*) FILTER (WHERE NOT now AND status = 'succeeded')::numeric / nullif(count(*) FILTER (WHERE NOT now), 0), 4) AS share_before,
       (SELECT count(*) FROM pitchey.queue) AS open,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY wait) FILTER (WHERE now) AS wait,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY wait) FILTER (WHERE NOT now) AS wait_before,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY run) FILTER (WHERE now) AS run,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY run) FILTER (WHERE NOT now) AS run_before,
       coalesce(sum(cpu) FILTER (WHERE now), 0) AS cpu, coalesce(sum(cpu) FILTER (WHERE NOT now), 0) AS cpu_before
  FROM period LEFT JOIN ended ON true
 GROUP BY period.from_day, period.to_day;
