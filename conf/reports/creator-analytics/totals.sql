-- One row: the period's figures, and those of as many days before it.
WITH asked AS (
    SELECT coalesce(:to::date, current_date) AS to_day,
           coalesce(:from::date, coalesce(:to::date, current_date) - 89) AS from_day,
           CASE WHEN :is_admin::boolean THEN coalesce(:of_user, :user_id) ELSE :user_id END AS creator
), period AS (
    SELECT a.*, a.to_day - a.from_day + 1 AS days,
           a.from_day::timestamptz AS t1, (a.to_day + 1)::timestamptz AS t2,
           (a.from_day - (a.to_day - a.from_day + 1))::timestamptz AS t0
      FROM asked AS a
), mine AS (
    SELECT p.id FROM pitches AS p, period WHERE p.creator_id = period.creator
), v AS (
    SELECT count(*) FILTER (WHERE viewed_at >= t1) AS views,
           count(*) FILTER (WHERE viewed_at < t1) AS views_before,
           count(DISTINCT viewer_id) FILTER (WHERE viewed_at >= t1) AS viewers,
           count(DISTINCT viewer_id) FILTER (WHERE viewed_at < t1) AS viewers_before,
           avg(seconds) FILTER (WHERE viewed_at >= t1) AS seconds,
           avg(seconds) FILTER (WHERE viewed_at < t1) AS seconds_before
      FROM views, period
     WHERE pitch_id IN (SELECT id FROM mine) AND viewed_at >= t0 AND viewed_at < t2
), n AS (
    SELECT count(*) FILTER (WHERE requested_at >= t1 AND requested_at < t2) AS ndas,
           count(*) FILTER (WHERE requested_at >= t0 AND requested_at < t1) AS ndas_before,
           count(*) FILTER (WHERE signed_at >= t1 AND signed_at < t2) AS signed,
           count(*) FILTER (WHERE signed_at >= t0 AND signed_at < t1) AS signed_before
      FROM ndas, period WHERE pitch_id IN (SELECT id FROM mine)
), i AS (
    SELECT coalesce(sum(amount_usd) FILTER (WHERE created_at >= t1), 0) AS invested,
           coalesce(sum(amount_usd) FILTER (WHERE created_at < t1), 0) AS invested_before
      FROM investments, period
     WHERE pitch_id IN (SELECT id FROM mine) AND status IN ('pledged', 'paid', 'returned')
       AND created_at >= t0 AND created_at < t2
)
SELECT period.from_day, period.to_day, period.days, v.*, n.*, i.*
  FROM period, v, n, i;
