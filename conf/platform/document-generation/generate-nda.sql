-- when: nda_id
--
-- An NDA that was asked for: for who asked, who owns the pitch, and
-- administrators.  Addresses are not the platform's: the request has them.
SELECT jsonb_build_object(
           'type', n.kind,
           'project', jsonb_build_object('title', p.title),
           'disclosing_party', jsonb_build_object('name', creator.name),
           'receiving_party', jsonb_build_object('name', requester.name))
  FROM ndas n
  JOIN pitches p ON p.id = n.pitch_id
  JOIN "user" creator ON creator.id = p.creator_id
  JOIN "user" requester ON requester.id = n.requester_id
 WHERE n.id = ($3 ->> 'nda_id')::bigint
   AND ($1 IN (p.creator_id, n.requester_id) OR $2 = 'admin')
