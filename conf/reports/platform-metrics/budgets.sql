WITH asked AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 364) AS from_day
), period AS (
    SELECT a.*, a.to_day - a.from_day + 1 AS days, a.from_day::timestamptz AS t1, (a.to_day + 1)::timestamptz AS t2,
           (a.from_day - (a.to_day - a.from_day + 1))::timestamptz AS t0
      FROM asked AS a
)
SELECT p.budget_usd AS budget, count(v.id) AS views
  FROM period
  JOIN pitches AS p ON p.budget_usd IS NOT NULL
   AND EXISTS (SELECT FROM investments AS i WHERE i.pitch_id = p.id AND i.created_at >= t1 AND i.created_at < t2
                                               AND i.status IN ('pledged', 'paid', 'returned'))
  LEFT JOIN views AS v ON v.pitch_id = p.id AND v.viewed_at >= t1 AND v.viewed_at < t2
 GROUP BY p.id ORDER BY p.id;
