-- when: platform
--
-- Demand by genre of published pitches, in sums that tell of nobody.
SELECT jsonb_build_object('by_genre', coalesce(jsonb_agg(jsonb_build_object(
           'genre', g.genre,
           'pitches', g.pitches,
           'views', g.views,
           'viewed_seconds', g.seconds,
           'ndas_signed', g.ndas,
           'investments', g.investments,
           'invested_usd', g.invested) ORDER BY g.genre), '[]'))
  FROM (SELECT p.genre,
               count(*) AS pitches,
               coalesce(sum(v.n), 0) AS views,
               coalesce(sum(v.seconds), 0) AS seconds,
               coalesce(sum(n.n), 0) AS ndas,
               coalesce(sum(i.n), 0) AS investments,
               coalesce(sum(i.usd), 0) AS invested
          FROM pitches p
          LEFT JOIN LATERAL (SELECT count(*) AS n, sum(seconds) AS seconds
                               FROM views WHERE pitch_id = p.id) v ON true
          LEFT JOIN LATERAL (SELECT count(*) AS n
                               FROM ndas WHERE pitch_id = p.id
                                AND status = 'signed') n ON true
          LEFT JOIN LATERAL (SELECT count(*) AS n, sum(amount_usd) AS usd
                               FROM investments WHERE pitch_id = p.id
                                AND status IN ('pledged', 'paid')) i ON true
         WHERE p.status = 'published'
         GROUP BY p.genre) g
