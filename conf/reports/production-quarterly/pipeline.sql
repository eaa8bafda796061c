WITH asked AS (
    -- a fiscal year is named after the year in which it ends
    SELECT CASE WHEN :is_admin::boolean THEN coalesce(:of_user, :user_id) ELSE :user_id END AS company,
           coalesce(make_date(:year::int, 1, 1), date_trunc('year', current_date
               + make_interval(months => (13 - :fiscal_month::int) % 12))::date) AS year_day,
           coalesce(:quarter::int, ceil(date_part('month', current_date
               + make_interval(months => (13 - :fiscal_month::int) % 12)) / 3)::int) AS quarter
), period AS (
    SELECT company, 'FY' || date_part('year', year_day) || ' Q' || quarter AS label, f.from_day,
           (f.from_day + interval '3 months')::date - 1 AS to_day, (f.from_day - interval '3 months')::date AS before_day
      FROM asked, LATERAL (SELECT (year_day + make_interval(months => 3 * (quarter - 1) - (13 - :fiscal_month::int) % 12))::date AS from_day) AS f
), cost AS (
    SELECT p.id AS production, c.category, c.amount_usd, c.incurred_on,
           c.incurred_on BETWEEN period.from_day AND period.to_day AS now,
           c.incurred_on >= period.before_day AND c.incurred_on < period.from_day AS before
      FROM period
      JOIN productions AS p ON p.company_id = period.company
      JOIN production_costs AS c ON c.production_id = p.id AND c.incurred_on <= period.to_day
), production AS (
    SELECT p.id, t.title, p.stage, p.started_on, p.released_on, p.budget_usd AS budget,
           coalesce((SELECT sum(amount_usd) FROM cost WHERE production = p.id AND now), 0) AS spent,
           coalesce((SELECT sum(amount_usd) FROM cost WHERE production = p.id), 0) AS spent_ever,
           array_position(ARRAY['development', 'pre-production', 'shooting', 'post-production', 'released'], p.stage) AS place
      FROM period
      JOIN productions AS p ON p.company_id = period.company AND p.started_on <= period.to_day
      JOIN pitches AS t ON t.id = p.pitch_id
)
SELECT stage, count(*) AS productions, sum(budget) AS budget, sum(greatest(budget - spent_ever, 0)) AS left_over
  FROM production GROUP BY stage, place ORDER BY place;
