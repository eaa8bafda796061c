-- Weeks begin on Monday; who was not signed in is a guest.
WITH period AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 89) AS from_day,
           CASE WHEN :is_admin::boolean THEN coalesce(:of_user, :user_id) ELSE :user_id END AS creator
)
SELECT date_trunc('week', v.viewed_at)::date AS week,
       CASE WHEN v.viewer_id IS NULL THEN 'guests' WHEN u."userType" = 'investor' THEN 'investors'
            WHEN u."userType" = 'production' THEN 'production companies' ELSE 'creators and others' END AS audience,
       count(*) AS views
  FROM period
  JOIN views AS v ON v.pitch_id IN (SELECT id FROM pitches WHERE creator_id = period.creator)
                 AND v.viewed_at >= period.from_day::timestamptz
                 AND v.viewed_at < (period.to_day + 1)::timestamptz
  LEFT JOIN "user" AS u ON u.id = v.viewer_id
 GROUP BY 1, 2 ORDER BY 1, 2;
