-- when: pitch_id
--
-- The project of a contract: a pitch of the caller's own, or of a production
-- company's that makes it.
SELECT jsonb_strip_nulls(jsonb_build_object(
           'project', jsonb_build_object('title', p.title),
           'budget', CASE WHEN p.budget_usd IS NOT NULL
                          THEN jsonb_build_object('amount', p.budget_usd,
                                                  'currency', 'USD') END))
  FROM pitches p
 WHERE p.id = ($3 ->> 'pitch_id')::bigint
   AND (p.creator_id = $1 OR $2 = 'admin'
        OR EXISTS (SELECT FROM productions d
                    WHERE d.pitch_id = p.id AND d.company_id = $1))
