-- Made from src/redact by "npm run schema:make".
-- Whether a JSON text may hold a key that names a secret. A key with an escape may be any.
CREATE OR REPLACE FUNCTION "audit"."may_hold_secret"("given" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select given ~* $re$(?:pass|pw|psw|secret|segret|token|cred|auth|cookie|key|pin|puk|otp|cv[vnc]|csc|code|jwt|jeton|bearer|sess|sid|saml|hmac|sas|geheim|contra|kennw|mdp|mot|senha|wacht|woord|seno|adgang|kodeo|hasl|hesl|parol|paro|jelsz|sala|sifre|slap|geslo|lozin|connect|number|clave|sandi|khau|mima|losen|kod|[^\u0001-\u007f]|\\u)(?:[^"\\]|\\.)*"[[:space:]]*:$re$ collate "C"
$$;
