-- when: pitch_id
--
-- The pitch of a request: the caller's own, an administrator's, or a
-- published one.  Its synopsis is shown to those who may read it: without an
-- NDA, or who have signed it.
SELECT jsonb_build_object('pitch', jsonb_strip_nulls(jsonb_build_object(
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
           'budget_usd', p.budget_usd)))
  FROM pitches p
 WHERE p.id = ($3 ->> 'pitch_id')::bigint
   AND (p.creator_id = $1 OR $2 = 'admin' OR p.status = 'published')
