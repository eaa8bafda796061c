WITH asked AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 364) AS from_day
), period AS (
    SELECT a.*, a.to_day - a.from_day + 1 AS days, a.from_day::timestamptz AS t1, (a.to_day + 1)::timestamptz AS t2,
           (a.from_day - (a.to_day - a.from_day + 1))::timestamptz AS t0
      FROM asked AS a
)
SELECT period.from_day, period.to_day, period.days, u.*, p.*, v.*, n.*, i.*
  FROM period,
  LATERAL (SELECT count(*) FILTER (WHERE "createdAt" < t2) AS users,
                  count(*) FILTER (WHERE "createdAt" >= t1 AND "createdAt" < t2) AS new_users,
                  count(*) FILTER (WHERE "createdAt" >= t0 AND "createdAt" < t1) AS new_users_before FROM "user") AS u,
  LATERAL (SELECT count(*) FILTER (WHERE created_at >= t1) AS pitches,
                  count(*) FILTER (WHERE created_at < t1) AS pitches_before
             FROM pitches WHERE created_at >= t0 AND created_at < t2) AS p,
  LATERAL (SELECT count(*) FILTER (WHERE viewed_at >= t1) AS views, count(*) FILTER (WHERE viewed_at < t1) AS views_before
             FROM views WHERE viewed_at >= t0 AND viewed_at < t2) AS v,
  LATERAL (SELECT count(*) FILTER (WHERE signed_at >= t1) AS signed, count(*) FILTER (WHERE signed_at < t1) AS signed_before
             FROM ndas WHERE signed_at >= t0 AND signed_at < t2) AS n,
  LATERAL (SELECT coalesce(sum(amount_usd) FILTER (WHERE created_at >= t1), 0) AS invested,
                  coalesce(sum(amount_usd) FILTER (WHERE created_at < t1), 0) AS invested_before
             FROM investments WHERE status IN ('pledged', 'paid', 'returned')
                                AND created_at >= t0 AND created_at < t2) AS i;
