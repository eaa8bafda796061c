-- Tells Pitchey Edge at once when a session ends: triggers on Better Auth's
-- tables "session" and "user" that notify the channel pitchey_session with
-- "s:<hex SHA-256 of the token>" or "u:<user id>".  Apply it to the platform's
-- database with psql or any other client; again is harmless.  Without it nginx
-- believes its cache until a session's own end, unless
-- pitchey_session_recheck asks more often: see ngx_pitchey_module/README.md.
--
-- Other names than the library's own are given by settings before, for example
-- of a Drizzle schema:
--
--     SET pitchey.session_table = 'sessions';
--     SET pitchey.user_table = 'users';
--     SET pitchey.session_token = 'id';        -- where the id is the secret
--
-- Both spellings of a column are found by themselves ("expiresAt",
-- expires_at).  To remove: DROP FUNCTION pitchey.session_ended() CASCADE;
-- DROP FUNCTION pitchey.user_changed() CASCADE;

CREATE SCHEMA IF NOT EXISTS pitchey;

-- The arguments are the names of columns: token, end, then those whose change
-- makes a cached row wrong.  A refresh moves the end forward and tells
-- nothing; a row past its end has nobody to tell.
CREATE OR REPLACE FUNCTION pitchey.session_ended() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    was    jsonb := to_jsonb(OLD);
    now_is jsonb;
    i      integer;
    ended  boolean := TG_OP = 'DELETE';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        now_is := to_jsonb(NEW);
        ended := (now_is ->> TG_ARGV[1])::timestamptz
                 < (was ->> TG_ARGV[1])::timestamptz;

        FOR i IN 2 .. TG_NARGS - 1 LOOP
            ended := ended OR (was -> TG_ARGV[i])
                              IS DISTINCT FROM (now_is -> TG_ARGV[i]);
        END LOOP;

        ended := ended OR (was -> TG_ARGV[0])
                          IS DISTINCT FROM (now_is -> TG_ARGV[0]);
    END IF;

    IF ended THEN
        PERFORM pg_notify('pitchey_session', 's:' || encode(
            sha256(convert_to(was ->> TG_ARGV[0], 'UTF8')), 'hex'));
    END IF;

    RETURN NULL;
END
$$;

-- The arguments: the id, then the columns that matter.
CREATE OR REPLACE FUNCTION pitchey.user_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    was    jsonb := to_jsonb(OLD);
    now_is jsonb;
    i      integer;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        now_is := to_jsonb(NEW);
    END IF;

    FOR i IN 0 .. TG_NARGS - 1 LOOP
        IF (was -> TG_ARGV[i]) IS DISTINCT FROM (now_is -> TG_ARGV[i]) THEN
            PERFORM pg_notify('pitchey_session', 'u:' || (was ->> TG_ARGV[0]));
            EXIT;
        END IF;
    END LOOP;

    RETURN NULL;
END
$$;

DO $$
DECLARE
    sessions regclass := coalesce(nullif(current_setting('pitchey.session_table', true), ''), '"session"');
    users    regclass := coalesce(nullif(current_setting('pitchey.user_table', true), ''), '"user"');
    token    text := coalesce(nullif(current_setting('pitchey.session_token', true), ''), 'token');
    session_columns text;
    user_columns    text;
BEGIN
    -- of each name in order the spelling that the table has
    SELECT string_agg(quote_literal(a.attname), ', ' ORDER BY w.n)
      INTO session_columns
      FROM unnest(ARRAY[token, 'expiresAt|expires_at', 'userId|user_id',
                        'activeOrganizationId|active_organization_id'])
           WITH ORDINALITY AS w(names, n)
      JOIN pg_attribute a ON a.attrelid = sessions AND NOT a.attisdropped
                         AND a.attname = ANY (string_to_array(w.names, '|'));

    SELECT string_agg(quote_literal(a.attname), ', ' ORDER BY w.n)
      INTO user_columns
      FROM unnest(ARRAY['id', 'role', 'banned', 'banExpires|ban_expires',
                        'email', 'userType|user_type', 'tier'])
           WITH ORDINALITY AS w(names, n)
      JOIN pg_attribute a ON a.attrelid = users AND NOT a.attisdropped
                         AND a.attname = ANY (string_to_array(w.names, '|'));

    IF session_columns IS NULL
       OR session_columns !~ ('^' || quote_literal(token) || ', ''expires(At|_at)'', ''user(Id|_id)''')
    THEN
        RAISE EXCEPTION 'table % has no columns %, expiresAt and userId', sessions, token;
    END IF;

    IF user_columns IS NULL OR user_columns !~ '^''id''' THEN
        RAISE EXCEPTION 'table % has no column id', users;
    END IF;

    EXECUTE format('CREATE OR REPLACE TRIGGER pitchey_session_ended '
                   'AFTER UPDATE OR DELETE ON %s FOR EACH ROW '
                   'EXECUTE FUNCTION pitchey.session_ended(%s)',
                   sessions, session_columns);
    EXECUTE format('CREATE OR REPLACE TRIGGER pitchey_user_changed '
                   'AFTER UPDATE OR DELETE ON %s FOR EACH ROW '
                   'EXECUTE FUNCTION pitchey.user_changed(%s)',
                   users, user_columns);
END
$$;
