-- Every day of the period, those without a view too.
WITH period AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 89) AS from_day,
           CASE WHEN :is_admin::boolean THEN coalesce(:of_user, :user_id) ELSE :user_id END AS creator
), counted AS (
    SELECT viewed_at::date AS day, count(*) AS views, count(DISTINCT viewer_id) AS viewers
      FROM views, period
     WHERE pitch_id IN (SELECT id FROM pitches WHERE creator_id = period.creator)
       AND viewed_at >= period.from_day::timestamptz AND viewed_at < (period.to_day + 1)::timestamptz
     GROUP BY 1
)
SELECT d::date AS day, coalesce(c.views, 0) AS views, coalesce(c.viewers, 0) AS viewers
  FROM period, generate_series(period.from_day::timestamp, period.to_day::timestamp, '1 day') AS d
  LEFT JOIN counted AS c ON c.day = d::date
 ORDER BY 1;
