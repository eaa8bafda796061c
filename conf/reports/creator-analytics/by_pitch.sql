-- All pitches, also those that nobody looked at.
WITH period AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 89) AS from_day,
           CASE WHEN :is_admin::boolean THEN coalesce(:of_user, :user_id) ELSE :user_id END AS creator
)
SELECT p.title, p.genre, p.status,
       coalesce(v.views, 0) AS views, coalesce(v.viewers, 0) AS viewers,
       coalesce(n.ndas, 0) AS ndas, coalesce(n.signed, 0) AS signed, coalesce(i.invested, 0) AS invested
  FROM period
  JOIN pitches AS p ON p.creator_id = period.creator
  LEFT JOIN LATERAL (
      SELECT count(*) AS views, count(DISTINCT viewer_id) AS viewers FROM views
       WHERE pitch_id = p.id AND viewed_at >= period.from_day::timestamptz
         AND viewed_at < (period.to_day + 1)::timestamptz) AS v ON true
  LEFT JOIN LATERAL (
      SELECT count(*) FILTER (WHERE requested_at >= period.from_day::timestamptz
                                AND requested_at < (period.to_day + 1)::timestamptz) AS ndas,
             count(*) FILTER (WHERE signed_at >= period.from_day::timestamptz
                                AND signed_at < (period.to_day + 1)::timestamptz) AS signed
        FROM ndas WHERE pitch_id = p.id) AS n ON true
  LEFT JOIN LATERAL (
      SELECT sum(amount_usd) AS invested FROM investments
       WHERE pitch_id = p.id AND status IN ('pledged', 'paid', 'returned')
         AND created_at >= period.from_day::timestamptz
         AND created_at < (period.to_day + 1)::timestamptz) AS i ON true
 ORDER BY views DESC, p.id;
