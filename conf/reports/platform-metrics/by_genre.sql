WITH asked AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 364) AS from_day
), period AS (
    SELECT a.*, a.to_day - a.from_day + 1 AS days, a.from_day::timestamptz AS t1, (a.to_day + 1)::timestamptz AS t2,
           (a.from_day - (a.to_day - a.from_day + 1))::timestamptz AS t0
      FROM asked AS a
), v AS (
    SELECT p.genre, count(*) AS n FROM period, views JOIN pitches AS p ON p.id = pitch_id WHERE viewed_at >= t1 AND viewed_at < t2 GROUP BY 1
), n AS (
    SELECT p.genre, count(*) AS n FROM period, ndas JOIN pitches AS p ON p.id = pitch_id WHERE signed_at >= t1 AND signed_at < t2 GROUP BY 1
), i AS (
    SELECT p.genre, sum(amount_usd) AS n FROM period, investments AS x JOIN pitches AS p ON p.id = x.pitch_id
     WHERE x.status IN ('pledged', 'paid', 'returned') AND x.created_at >= t1 AND x.created_at < t2 GROUP BY 1
), g AS (
    SELECT genre, count(*) AS everything, count(*) FILTER (WHERE created_at >= t1 AND created_at < t2) AS n
      FROM pitches, period GROUP BY 1
)
SELECT g.genre, g.n AS pitches, coalesce(v.n, 0) AS views, coalesce(n.n, 0) AS signed, coalesce(i.n, 0) AS invested,
       round(coalesce(v.n, 0)::numeric / g.everything, 2) AS views_each
  FROM g LEFT JOIN v USING (genre) LEFT JOIN n USING (genre) LEFT JOIN i USING (genre)
 ORDER BY 5 DESC, 1;
