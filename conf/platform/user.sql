-- Who a user is now, asked before a schedule's job is made: role, user type and
-- tier of the user $1; no row when the user is gone or banned.  As Better
-- Auth's own migration makes the table; columns that a platform does not have
-- are null.
SELECT coalesce(j.u->>'role', 'user')::text,
       coalesce(j.u->>'userType', '')::text,
       coalesce(j.u->>'tier', '')::text
FROM "user" u, LATERAL (SELECT to_jsonb(u) AS u OFFSET 0) j
WHERE u.id = $1::text
  AND (NOT coalesce((j.u->>'banned')::boolean, false)
       OR (j.u->>'banExpires')::timestamptz <= now())
