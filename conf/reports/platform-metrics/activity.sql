WITH asked AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 364) AS from_day
), period AS (
    SELECT a.*, a.to_day - a.from_day + 1 AS days, a.from_day::timestamptz AS t1, (a.to_day + 1)::timestamptz AS t2,
           (a.from_day - (a.to_day - a.from_day + 1))::timestamptz AS t0
      FROM asked AS a
), happened AS (
    SELECT viewed_at AS at, 1 AS views, 0 AS pitches, 0 AS ndas, 0 AS signed, 0 AS investments, 0 AS invested FROM views
    UNION ALL SELECT created_at, 0, 1, 0, 0, 0, 0 FROM pitches
    UNION ALL SELECT requested_at, 0, 0, 1, 0, 0, 0 FROM ndas
    UNION ALL SELECT signed_at, 0, 0, 0, 1, 0, 0 FROM ndas WHERE signed_at IS NOT NULL
    UNION ALL SELECT created_at, 0, 0, 0, 0, 1, amount_usd FROM investments WHERE status IN ('pledged', 'paid', 'returned')
), counted AS (
    SELECT date_trunc('month', at)::date AS month, sum(views) AS views, sum(pitches) AS pitches, sum(ndas) AS ndas,
           sum(signed) AS signed, sum(investments) AS investments, sum(invested) AS invested
      FROM happened, period WHERE at >= t1 AND at < t2 GROUP BY 1
)
SELECT m.month, coalesce(views, 0) AS views, coalesce(pitches, 0) AS pitches, coalesce(ndas, 0) AS ndas,
       coalesce(signed, 0) AS signed, coalesce(investments, 0) AS investments, coalesce(invested, 0) AS invested
  FROM period, LATERAL (SELECT generate_series(date_trunc('month', period.from_day), period.to_day, '1 month')::date AS month) AS m
  LEFT JOIN counted AS c ON c.month = m.month
 ORDER BY 1;
