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
)
SELECT genre, count(*) AS positions, sum(invested) AS invested, sum(paid_out) AS paid_out,
       round(sum(paid_out + held) / sum(invested), 4) AS moic
  FROM position GROUP BY 1 ORDER BY 3 DESC, 1;
