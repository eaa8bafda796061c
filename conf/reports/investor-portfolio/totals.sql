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
SELECT (SELECT as_of FROM asked) AS as_of, count(*) AS positions, coalesce(sum(invested), 0) AS invested,
       coalesce(sum(paid_out), 0) AS paid_out, coalesce(sum(held), 0) AS held,
       coalesce(sum(paid_out + held - invested), 0) AS gain,
       round(sum(paid_out + held) / nullif(sum(invested), 0), 4) AS moic,
       round(sum(paid_out + held) / nullif(sum(invested), 0) - 1, 4) AS roi
  FROM position;
