WITH asked AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 364) AS from_day
), period AS (
    SELECT a.*, a.to_day - a.from_day + 1 AS days, a.from_day::timestamptz AS t1, (a.to_day + 1)::timestamptz AS t2,
           (a.from_day - (a.to_day - a.from_day + 1))::timestamptz AS t0
      FROM asked AS a
)
SELECT m.month, count(u.id) FILTER (WHERE u."userType" = 'creator') AS creators,
       count(u.id) FILTER (WHERE u."userType" = 'investor') AS investors,
       count(u.id) FILTER (WHERE u."userType" = 'production') AS productions,
       count(u.id) FILTER (WHERE u."userType" IS NULL OR u."userType" NOT IN ('creator', 'investor', 'production')) AS others
  FROM period, LATERAL (SELECT generate_series(date_trunc('month', period.from_day), period.to_day, '1 month')::date AS month) AS m
  LEFT JOIN "user" AS u ON date_trunc('month', u."createdAt")::date = m.month AND u."createdAt" >= (SELECT t1 FROM period)
                       AND u."createdAt" < (SELECT t2 FROM period)
 GROUP BY 1 ORDER BY 1;
