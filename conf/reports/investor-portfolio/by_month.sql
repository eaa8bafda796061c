WITH asked AS (
    SELECT coalesce(:to::date, current_date) AS as_of,
           CASE WHEN :is_admin::boolean THEN coalesce(:of_user, :user_id) ELSE :user_id END AS investor
), position AS (
    -- held at cost until it is returned
    SELECT i.id, p.title, p.genre, p.status AS stage, i.created_at::date AS since, i.amount_usd AS invested,
           coalesce((SELECT sum(o.amount_usd) FROM payouts AS o
                      WHERE o.investment_id = i.id AND o.paid_on <= asked.as_of), 0) AS paid_out,
           CASE WHEN i.status = 'paid' THEN i.amount_usd ELSE 0 END AS held, asked.as_of
      FROM asked
      JOIN investments AS i ON i.investor_id = asked.investor AND i.status IN ('paid', 'returned')
                           AND i.created_at < (asked.as_of + 1)::timestamptz
      JOIN pitches AS p ON p.id = i.pitch_id
), flow AS (
    SELECT since AS day, invested, 0::numeric AS paid_out FROM position
    UNION ALL
    SELECT o.paid_on, 0, o.amount_usd
      FROM position AS p JOIN payouts AS o ON o.investment_id = p.id AND o.paid_on <= p.as_of
), month AS (
    SELECT generate_series(date_trunc('month', min(day)), date_trunc('month', max(day)), '1 month')::date AS month FROM flow
)
SELECT m.month, (SELECT sum(f.invested) FROM flow AS f WHERE f.day < m.month + interval '1 month') AS invested,
       (SELECT sum(f.paid_out) FROM flow AS f WHERE f.day < m.month + interval '1 month') AS paid_out
  FROM month AS m ORDER BY 1;
