-- Made from src/redact by "npm run schema:make".
-- Whether a name has to be taken apart, because it holds a part of every name of a secret.
CREATE OR REPLACE FUNCTION "audit"."may_name_secret"("name" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select name ~* $re$pass|pw|psw|secret|segret|token|cred|auth|cookie|key|pin|puk|otp|cv[vnc]|csc|code|jwt|jeton|bearer|sess|sid|saml|hmac|sas|geheim|contra|kennw|mdp|mot|senha|wacht|woord|seno|adgang|kodeo|hasl|hesl|parol|paro|jelsz|sala|sifre|slap|geslo|lozin|connect|number|clave|sandi|khau|mima|losen|kod|[^\u0001-\u007f]$re$ collate "C"
$$;
