-- when: pitch_id
--
-- A pitch of the caller's own, with the creator as the one to ask.
SELECT jsonb_strip_nulls(jsonb_build_object(
           'project', jsonb_build_object('title', p.title),
           'logline', p.logline,
           'synopsis', CASE WHEN p.synopsis <> ''
                            THEN jsonb_build_array(p.synopsis) END,
           'format', p.format,
           'genre', p.genre,
           'budget', CASE WHEN p.budget_usd IS NOT NULL
                          THEN jsonb_build_object('amount', p.budget_usd,
                                                  'currency', 'USD') END,
           'contact', jsonb_build_object('name', u.name, 'email', u.email)))
  FROM pitches p
  JOIN "user" u ON u.id = p.creator_id
 WHERE p.id = ($3 ->> 'pitch_id')::bigint
   AND (p.creator_id = $1 OR $2 = 'admin')
