-- A small demo: an account for each portal and an administrator, with
-- pitches, NDAs, investments and views.  May be run again: what is there
-- stays as it is.

INSERT INTO "user" (id, name, email, "emailVerified", role, "userType") VALUES
    ('demoCreatorAlexRivera00000000001', 'Alex Rivera',        'alex.creator@demo.com',        true, 'user',  'creator'),
    ('demoInvestorSarahChen00000000002', 'Sarah Chen',         'sarah.investor@demo.com',      true, 'user',  'investor'),
    ('demoProductionStellar00000000003', 'Stellar Production', 'stellar.production@demo.com',  true, 'user',  'production'),
    ('demoAdminPitchey0000000000000004', 'Pitchey Admin',      'admin@demo.com',               true, 'admin', NULL)
ON CONFLICT DO NOTHING;

INSERT INTO pitches (id, creator_id, title, logline, synopsis, genre, format,
                     budget_usd, status, require_nda, created_at, published_at) VALUES
    (1, 'demoCreatorAlexRivera00000000001', 'The Salt Line',
     'A lighthouse keeper finds that the ships she saves were lost years ago.',
     'On a coast where the charts no longer agree with the sea, Mara keeps a light that nobody ordered her to keep.',
     'Mystery', 'feature', 4200000, 'published', true, '2026-03-02 10:00+00', '2026-03-05 09:00+00'),
    (2, 'demoCreatorAlexRivera00000000001', 'Night Market',
     'Two rival cooks must run one stall for a season, or lose it to the bank.',
     'A comedy in twelve dishes.',
     'Comedy', 'series', 1800000, 'published', false, '2026-05-11 08:30+00', '2026-05-20 12:00+00'),
    (3, 'demoCreatorAlexRivera00000000001', 'Borrowed Weather',
     'A documentary on the last rainmakers and those who pay them.',
     NULL, 'Documentary', 'documentary', 650000, 'draft', true, '2026-09-14 17:45+00', NULL)
ON CONFLICT DO NOTHING;

INSERT INTO ndas (id, pitch_id, requester_id, kind, status, requested_at, signed_at) VALUES
    (1, 1, 'demoInvestorSarahChen00000000002', 'one-way', 'signed',    '2026-04-01 09:00+00', '2026-04-02 15:20+00'),
    (2, 1, 'demoProductionStellar00000000003', 'mutual',  'requested', '2026-10-21 11:05+00', NULL)
ON CONFLICT DO NOTHING;

INSERT INTO investments (id, pitch_id, investor_id, amount_usd, equity_pct, status, created_at) VALUES
    (1, 1, 'demoInvestorSarahChen00000000002', 250000, 6.50, 'paid',    '2026-05-30 10:00+00'),
    (2, 2, 'demoInvestorSarahChen00000000002',  90000, 5.00, 'pledged', '2026-08-12 10:00+00')
ON CONFLICT DO NOTHING;

INSERT INTO views (id, pitch_id, viewer_id, seconds, viewed_at)
SELECT n, 1 + n % 2,
       (ARRAY['demoInvestorSarahChen00000000002', 'demoProductionStellar00000000003', NULL])[1 + n % 3],
       15 + (n * 37) % 300,
       '2026-06-01 00:00+00'::timestamptz + n * interval '7 hours'
  FROM generate_series(1, 200) AS n
ON CONFLICT DO NOTHING;

INSERT INTO payouts (id, investment_id, amount_usd, paid_on) VALUES
    (1, 1, 12500.00, '2026-08-31'),
    (2, 1, 18750.50, '2026-10-31')
ON CONFLICT DO NOTHING;

INSERT INTO productions (id, company_id, pitch_id, stage, budget_usd, started_on, released_on) VALUES
    (1, 'demoProductionStellar00000000003', 1, 'shooting',    4100000.00, '2026-06-15', NULL),
    (2, 'demoProductionStellar00000000003', 2, 'development', 1750000.00, '2026-09-01', NULL)
ON CONFLICT DO NOTHING;

INSERT INTO production_costs (id, production_id, category, amount_usd, incurred_on)
SELECT n, 1 + (n % 4 = 0)::int,
       (ARRAY['story', 'cast', 'crew', 'art', 'camera', 'locations', 'post', 'marketing', 'overhead'])[1 + n % 9],
       1000 + (n * 7919) % 24000 + (n * 31 % 100) / 100.0,
       '2026-06-20'::date + n
  FROM generate_series(1, 120) AS n
ON CONFLICT DO NOTHING;

SELECT setval(pg_get_serial_sequence(t, 'id'), greatest(m, 1))
  FROM (VALUES ('pitches',     (SELECT max(id) FROM pitches)),
               ('ndas',        (SELECT max(id) FROM ndas)),
               ('investments', (SELECT max(id) FROM investments)),
               ('views',       (SELECT max(id) FROM views)),
               ('payouts',     (SELECT max(id) FROM payouts)),
               ('productions', (SELECT max(id) FROM productions)),
               ('production_costs', (SELECT max(id) FROM production_costs))) AS s (t, m);
