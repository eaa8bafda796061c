"""Sessions that a test makes and ends."""

import base64
import hashlib
import hmac
import urllib.parse

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
