-- when: pitch_id
--
-- As for analyze-pitch, and loglines of other published pitches, the newest
-- ones, among which similar ones are looked for.
SELECT jsonb_build_object(
           'pitch', jsonb_strip_nulls(jsonb_build_object(
               'title', p.title,
               'logline', p.logline,
               'synopsis', CASE WHEN p.creator_id = $1 OR $2 = 'admin'
                                     OR NOT p.require_nda
                                     OR EXISTS (SELECT FROM ndas n
                                                 WHERE n.pitch_id = p.id
                                                   AND n.requester_id = $1
                                                   AND n.status = 'signed'
                                                   AND (n.expires_at IS NULL
                                                        OR n.expires_at > now()))
                                THEN p.synopsis END,
               'genre', p.genre,
               'format', p.format,
               'budget_usd', p.budget_usd)),
           'similar', coalesce(
               (SELECT jsonb_agg(jsonb_build_object('id', o.id,
                                                    'title', o.title,
                                                    'logline', o.logline,
                                                    'genre', o.genre)
                                 ORDER BY o.id)
                  FROM (SELECT * FROM pitches
                         WHERE status = 'published' AND id <> p.id
                         ORDER BY published_at DESC NULLS LAST, id DESC
                         LIMIT 500) o), '[]'))
  FROM pitches p
 WHERE p.id = ($3 ->> 'pitch_id')::bigint
   AND (p.creator_id = $1 OR $2 = 'admin' OR p.status = 'published')
