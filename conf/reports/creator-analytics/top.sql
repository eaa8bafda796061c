WITH period AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 89) AS from_day,
           CASE WHEN :is_admin::boolean THEN coalesce(:of_user, :user_id) ELSE :user_id END AS creator
)
SELECT p.title, count(*) AS views
  FROM period
  JOIN pitches AS p ON p.creator_id = period.creator
  JOIN views AS v ON v.pitch_id = p.id AND v.viewed_at >= period.from_day::timestamptz
                 AND v.viewed_at < (period.to_day + 1)::timestamptz
 GROUP BY p.id ORDER BY 2 DESC, p.id LIMIT 10;
