-- Data of a believable size, for reports, backups and measurements: of N users
-- (psql variable "users") half create, a third invests, the others produce;
-- each has five pitches, two investments and a hundred views, on average.  The
-- same N and seed give the same rows, relative to the day "today".  Not for a
-- platform that exists.

\set ON_ERROR_STOP on

BEGIN;

-- a number from 0 to 1 that depends on its arguments alone
CREATE OR REPLACE FUNCTION pg_temp.chance(what text, n bigint, seed text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (hashtextextended(what || n, hashtext(seed)) & 2147483647) / 2147483648.0 $$;

CREATE OR REPLACE FUNCTION pg_temp.pick(list text[], chance double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT list[1 + floor(chance * array_length(list, 1))::int] $$;

SELECT set_config('demo.seed', :'seed', true), set_config('demo.today', :'today', true);

INSERT INTO "user" (id, name, email, "emailVerified", role, "userType", "createdAt", "updatedAt")
SELECT 'believable' || lpad(n::text, 22, '0'),
       pg_temp.pick(ARRAY['Ada','Ben','Chloe','Dario','Elif','Femi','Grace','Hiro','Ines','Jonas','Kaya','Liam','Mara','Nuno','Olga','Priya'], pg_temp.chance('first', n, :'seed'))
       || ' ' || pg_temp.pick(ARRAY['Adeyemi','Bauer','Costa','Dubois','Eriksen','Fischer','Garcia','Haddad','Ito','Jansen','Kowalski','Lopez','Moreau','Novak','Okafor','Petrov'], pg_temp.chance('last', n, :'seed')),
       'user' || n || '@example.org', true, 'user',
       CASE WHEN n % 6 < 3 THEN 'creator' WHEN n % 6 < 5 THEN 'investor' ELSE 'production' END,
       t, t
  FROM (SELECT n, :'today'::timestamptz - pg_temp.chance('joined', n, :'seed') * interval '730 days' AS t
          FROM generate_series(1, :users) AS n) AS s
ON CONFLICT DO NOTHING;

-- numbers above those of the demo and of what is there
CREATE TEMP TABLE base ON COMMIT DROP AS
SELECT (SELECT coalesce(max(id), 0) FROM pitches) AS pitches,
       (SELECT coalesce(max(id), 0) FROM investments) AS investments,
       (SELECT coalesce(max(id), 0) FROM productions) AS productions,
       :users::bigint AS users, greatest(:users / 2, 1)::bigint AS half;

INSERT INTO pitches (id, creator_id, title, logline, genre, format, budget_usd, status, require_nda, created_at, published_at)
SELECT b.pitches + n,
       'believable' || lpad((1 + 6 * floor(pg_temp.chance('creator', n, :'seed') * ((b.users + 5) / 6))::bigint)::text, 22, '0'),
       pg_temp.pick(ARRAY['The Last','A Quiet','Borrowed','Northern','The Glass','Midnight','Paper','Salt and','The Seventh','Winter'], pg_temp.chance('t1', n, :'seed'))
       || ' ' || pg_temp.pick(ARRAY['Harbour','Orchard','Signal','Weather','Market','Archive','Garden','Station','Witness','River'], pg_temp.chance('t2', n, :'seed'))
       || ' ' || n,
       'Somebody has to choose between what is promised and what is right.',
       pg_temp.pick(ARRAY['Drama','Drama','Comedy','Comedy','Thriller','Horror','Documentary','Action','Romance','SciFi','Mystery','Animation'], pg_temp.chance('genre', n, :'seed')),
       pg_temp.pick(ARRAY['feature','feature','feature','series','short','documentary'], pg_temp.chance('format', n, :'seed')),
       (10 ^ (5 + 2.5 * pg_temp.chance('budget', n, :'seed')))::bigint,
       pg_temp.pick(ARRAY['draft','published','published','published','optioned','archived'], pg_temp.chance('status', n, :'seed')),
       pg_temp.chance('nda', n, :'seed') < 0.6, t, t + interval '3 days'
  FROM base AS b, LATERAL (SELECT n, :'today'::timestamptz - pg_temp.chance('made', n, :'seed') * interval '700 days' AS t
                             FROM generate_series(1, b.users * 5) AS n) AS s;

INSERT INTO ndas (pitch_id, requester_id, kind, status, requested_at, signed_at)
SELECT b.pitches + 1 + floor(pg_temp.chance('nda pitch', n, :'seed') * b.users * 5)::bigint,
       'believable' || lpad((4 + 6 * floor(pg_temp.chance('nda user', n, :'seed') * greatest((b.users - 3) / 6, 1))::bigint)::text, 22, '0'),
       pg_temp.pick(ARRAY['one-way','one-way','mutual'], pg_temp.chance('nda kind', n, :'seed')),
       s.status, t, CASE WHEN s.status = 'signed' THEN t + interval '2 days' END
  FROM base AS b, LATERAL (SELECT n, pg_temp.pick(ARRAY['requested','signed','signed','declined'], pg_temp.chance('nda status', n, :'seed')) AS status,
                                  :'today'::timestamptz - pg_temp.chance('nda at', n, :'seed') * interval '600 days' AS t
                             FROM generate_series(1, b.users * 3) AS n) AS s
ON CONFLICT DO NOTHING;

INSERT INTO investments (id, pitch_id, investor_id, amount_usd, equity_pct, status, created_at)
SELECT b.investments + n,
       b.pitches + 1 + floor(pg_temp.chance('inv pitch', n, :'seed') * b.users * 5)::bigint,
       'believable' || lpad((4 + 6 * floor(pg_temp.chance('inv user', n, :'seed') * greatest((b.users - 3) / 6, 1))::bigint)::text, 22, '0'),
       (10 ^ (4 + 2 * pg_temp.chance('inv amount', n, :'seed')))::bigint,
       round((1 + 14 * pg_temp.chance('inv equity', n, :'seed'))::numeric, 2),
       pg_temp.pick(ARRAY['paid','paid','paid','pledged','returned','cancelled'], pg_temp.chance('inv status', n, :'seed')),
       :'today'::timestamptz - pg_temp.chance('inv at', n, :'seed') * interval '600 days'
  FROM base AS b, LATERAL generate_series(1, b.users * 2) AS n;

INSERT INTO payouts (investment_id, amount_usd, paid_on)
SELECT i.id, round((i.amount_usd * (0.05 + 0.6 * pg_temp.chance('pay', i.id * 4 + k, :'seed')))::numeric, 2),
       least(i.created_at::date + (90 * k + floor(60 * pg_temp.chance('pay on', i.id * 4 + k, :'seed')))::int, :'today'::date)
  FROM base AS b, investments AS i, generate_series(1, 3) AS k
 WHERE i.id > b.investments AND i.status IN ('paid', 'returned')
   AND pg_temp.chance('pays', i.id * 4 + k, :'seed') < 0.45
   AND i.created_at::date + 90 * k < :'today'::date;

INSERT INTO productions (id, company_id, pitch_id, stage, budget_usd, started_on, released_on)
SELECT b.productions + n,
       'believable' || lpad((6 * (1 + floor(pg_temp.chance('company', n, :'seed') * (b.users / 6))::bigint))::text, 22, '0'),
       b.pitches + 1 + floor(pg_temp.chance('prod pitch', n, :'seed') * b.users * 5)::bigint,
       s.stage, round((10 ^ (5 + 2 * pg_temp.chance('prod budget', n, :'seed')))::numeric, 2),
       s.started, CASE WHEN s.stage = 'released' THEN s.started + 300 END
  FROM base AS b, LATERAL (SELECT n, pg_temp.pick(ARRAY['development','development','pre-production','shooting','post-production','released'], pg_temp.chance('stage', n, :'seed')) AS stage,
                                  :'today'::date - (30 + 500 * pg_temp.chance('started', n, :'seed'))::int AS started
                             FROM generate_series(1, b.users / 6) AS n) AS s
 WHERE b.users >= 6;

INSERT INTO production_costs (production_id, category, amount_usd, incurred_on)
SELECT p.id, pg_temp.pick(ARRAY['story','cast','cast','crew','crew','art','camera','locations','post','marketing','overhead'], pg_temp.chance('cat', p.id * 64 + k, :'seed')),
       round((p.budget_usd * (0.005 + 0.03 * pg_temp.chance('cost', p.id * 64 + k, :'seed')))::numeric, 2),
       least(p.started_on + (10 * k)::int, :'today'::date)
  FROM base AS b, productions AS p, generate_series(1, 30) AS k
 WHERE p.id > b.productions;

-- most views go to few pitches
INSERT INTO views (pitch_id, viewer_id, seconds, viewed_at)
SELECT b.pitches + 1 + floor(pg_temp.chance('view pitch', n, :'seed') ^ 3 * b.users * 5)::bigint,
       CASE WHEN pg_temp.chance('known', n, :'seed') < 0.7
            THEN 'believable' || lpad((1 + floor(pg_temp.chance('viewer', n, :'seed') * b.users))::bigint::text, 22, '0') END,
       (600 * pg_temp.chance('seconds', n, :'seed') ^ 2)::int,
       :'today'::timestamptz - pg_temp.chance('view at', n, :'seed') * interval '365 days'
  FROM base AS b, LATERAL generate_series(1, b.users * 100) AS n;

SELECT setval(pg_get_serial_sequence(t, 'id'), greatest(m, 1))
  FROM (VALUES ('pitches',     (SELECT max(id) FROM pitches)),
               ('investments', (SELECT max(id) FROM investments)),
               ('productions', (SELECT max(id) FROM productions))) AS s (t, m);

COMMIT;

ANALYZE;
