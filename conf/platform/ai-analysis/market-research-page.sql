-- when: platform
--
-- Demand by genre of published pitches.  A sum over fewer than five people
-- could tell of one of them: it is null, and "suppressed" names it.  Of money
-- two digits are told, so that the answers before and after an investment do
-- not tell what it was.  Views of people who were not signed in count where
-- five others did watch.
SELECT jsonb_build_object('minimum_people', 5, 'by_genre', coalesce(jsonb_agg(
           jsonb_build_object(
               'genre', g.genre,
               'pitches', g.pitches,
               'views', CASE WHEN g.viewers >= 5 THEN g.views END,
               'viewed_seconds', CASE WHEN g.viewers >= 5 THEN g.seconds END,
               'ndas_signed', CASE WHEN g.signers >= 5 THEN g.ndas END,
               'investments', CASE WHEN g.investors >= 5
                                   THEN g.investments END,
               'invested_usd', CASE WHEN g.investors >= 5
                                    THEN round(g.invested, 1
                                               - floor(log(g.invested))::int)
                               END,
               'suppressed', to_jsonb(array_remove(ARRAY[
                   CASE WHEN g.viewers < 5 THEN 'views' END,
                   CASE WHEN g.viewers < 5 THEN 'viewed_seconds' END,
                   CASE WHEN g.signers < 5 THEN 'ndas_signed' END,
                   CASE WHEN g.investors < 5 THEN 'investments' END,
                   CASE WHEN g.investors < 5 THEN 'invested_usd' END],
                   NULL))) ORDER BY g.genre), '[]'))
  FROM (SELECT genre, count(*) AS pitches
          FROM pitches
         WHERE status = 'published'
         GROUP BY genre) p
  JOIN LATERAL (
       SELECT p.genre, p.pitches, v.*, n.*, i.*
         FROM (SELECT count(*) AS views, sum(v.seconds) AS seconds,
                      count(DISTINCT v.viewer_id) AS viewers
                 FROM views v JOIN pitches o ON o.id = v.pitch_id
                WHERE o.genre = p.genre AND o.status = 'published') v,
              (SELECT count(*) AS ndas,
                      count(DISTINCT n.requester_id) AS signers
                 FROM ndas n JOIN pitches o ON o.id = n.pitch_id
                WHERE o.genre = p.genre AND o.status = 'published'
                  AND n.status = 'signed') n,
              (SELECT count(*) AS investments,
                      sum(i.amount_usd) AS invested,
                      count(DISTINCT i.investor_id) AS investors
                 FROM investments i JOIN pitches o ON o.id = i.pitch_id
                WHERE o.genre = p.genre AND o.status = 'published'
                  AND i.status IN ('pledged', 'paid')) i) g ON true
