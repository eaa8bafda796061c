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
SELECT finished_at::date AS day, status, count(*) AS jobs FROM ended WHERE now GROUP BY 1, 2 ORDER BY 1, 2;
