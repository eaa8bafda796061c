-- when: pitch_id
--
-- A pitch of the caller's own, or a published one whose NDA, if it wants one,
-- the caller has signed.
SELECT jsonb_strip_nulls(jsonb_build_object(
           'project', jsonb_build_object('title', p.title),
           'budget', CASE WHEN p.budget_usd IS NOT NULL
                          THEN jsonb_build_object('amount', p.budget_usd,
                                                  'currency', 'USD') END))
  FROM pitches p
 WHERE p.id = ($3 ->> 'pitch_id')::bigint
   AND (p.creator_id = $1 OR $2 = 'admin'
        OR (p.status = 'published'
            AND (NOT p.require_nda
                 OR EXISTS (SELECT FROM ndas n
                             WHERE n.pitch_id = p.id AND n.requester_id = $1
                               AND n.status = 'signed'
                               AND (n.expires_at IS NULL
                                    OR n.expires_at > now())))))
