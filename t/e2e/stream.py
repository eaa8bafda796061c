"""Sessions that a test makes and ends."""

import base64
import hashlib
import hmac
import os
import urllib.parse

from harness import SOURCE

SECRET = "a secret of the test, which is long enough"
CREATOR = "demoCreatorAlexRivera00000000001"


def sign_in(services, token):
    services.sql(f"""INSERT INTO "session" (id, "expiresAt", token, "createdAt", "updatedAt", "userId")
                     VALUES ('id-{token}', now() + interval '1 hour', '{token}', now(), now(), '{CREATOR}')""")
    mac = hmac.new(services.secret.encode(), token.encode(), hashlib.sha256).digest()
    return "better-auth.session_token=" + urllib.parse.quote(f"{token}.{base64.b64encode(mac).decode()}", safe="")


def sign_out(services, token):
    """When it was committed, or just before."""
    rows = services.sql(f"""DELETE FROM "session" WHERE token = '{token}'
                            RETURNING extract(epoch FROM clock_timestamp())""")
    return float(rows[0][0])


# ---- where there is PostgreSQL alone (gate.py) ----

def session_tables(postgres, user):
    """The platform's tables, and one session whose token is the user's name."""
    for file in ("demo/platform.sql", "better-auth/revocation.sql"):
        with open(os.path.join(SOURCE, "conf", "sql", file)) as f:
            postgres.sql(f.read())
    postgres.sql(f"""INSERT INTO "user" (id, name, email, "emailVerified")
                     VALUES ('{user}', '{user}', '{user}@test.example', true);
                     INSERT INTO "session" (id, "expiresAt", token, "updatedAt", "userId")
                     VALUES ('id-{user}', now() + interval '1 hour', '{user}', now(), '{user}')""")


def cookie(token):
    mac = hmac.new(SECRET.encode(), token.encode(), hashlib.sha256).digest()
    return [("Cookie", f"better-auth.session_token={token}.{base64.b64encode(mac).decode()}")]
