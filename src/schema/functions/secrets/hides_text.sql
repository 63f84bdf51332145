-- Whether this text under a name of this kind has to be hidden, as hidesText() in
-- src/redact/secret-values.ts says it.
CREATE OR REPLACE FUNCTION "audit"."hides_text"("kind" text, "given" text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  value constant text := btrim(given, chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' ');
  is_reference boolean;
  is_prose boolean;
  has_id boolean;
  is_uuid boolean;
begin
  if length(given) > 1024 then
    return true;
  end if;
  if value = '' or value ~* $re$^(?:yes|no|true|false|null|nil|none|undefined|n/a|on|off|unset|empty|optional|required|enabled|disabled|allowed|denied|-)\Z$re$
    or value ~* $re$^(?:[*\u2022\u00b7\u2026#.x_-]{3,}|[[<({*]*(?:hidden|masked|redacted|filtered|removed|omitted|censored|sanitized|scrubbed)(?:_[A-Z_]+)?[\])>}*]*|.{0,6}[*\u2022]{4,}.{0,6})\Z$re$
  then
    return false;
  end if;
  is_reference := value ~ $re$^(?:(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]+(?:/|%2F|$)|arn:|projects/|vault:|op://|secretref:|ssm:|keyvault:|\$\{\{?[^}]*\}?\}$|\$[A-Z_]+$|\{\{[^}]*\}\}$|process\.env\.|env[.:]|ssh-(?:rsa|ed25519|dss) |ecdsa-sha2-|-----BEGIN (?:PUBLIC KEY|CERTIFICATE|RSA PUBLIC)|https?://[^?@]*$|urn:)$re$ collate "C";
  is_prose := value ~ $re$^[A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff\u3005-\ud7ff\uf900-\ufdff\uff21-\uffdc'\u2019-]+(?:[ ,.]+[A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff\u3005-\ud7ff\uf900-\ufdff\uff21-\uffdc'\u2019-]+){2,}[.!?]?\Z$re$ collate "C";
  is_uuid := value ~* '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' collate "C";
  has_id := value ~ '^[A-Za-z@.]+[-_.][0-9a-f]{8,20}$' collate "C"
    or value ~* '[0-9a-f]{8}-[0-9a-f]{4}-' collate "C";
  case kind
    when 'password', 'passwords' then
      return not is_reference;
    when 'code' then
      return not (length(value) >= 3 and value ~ '^(?:[a-z]+|[A-Z][a-z]+)$' collate "C")
        and not is_prose;
    when 'token' then
      return not (is_reference or is_prose or value ~ '^[0-9]{1,3}$');
    when 'many' then
      return not (
        is_reference or is_prose or value ~ '^[0-9]+$'
        or value ~* $re$^(?:read|write|admin|none|all|view|edit|list|get|full|owner|read[_ -]?only|read[_ -]?write)\Z$re$
        or (length(value) between 3 and 6 and value ~ '^[A-Z]+$' collate "C")
      );
    when 'pass' then
      return value !~ '[[:space:]]'
        and value !~ $re$^[0-9]{1,3}$|^[A-Z][a-z\u00df-\u024f]*$|^[A-Z]{2,5}\Z$re$ collate "C";
    when 'cookie' then
      return not (length(value) >= 3 and value ~ $re$^[A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff\u3005-\ud7ff\uf900-\ufdff\uff21-\uffdc]+\Z$re$ collate "C")
        and not (is_prose and strpos(value, '=') = 0);
    when 'session' then
      return not is_uuid and not starts_with(value, 'arn:') and (
        value ~ '^s(?::|%3A)'
        or (length(value) >= 26 and value ~ '^[A-Za-z0-9_+/=.%~-]+$' collate "C" and not has_id)
      );
    when 'maybe' then
      return length(value) >= 12
        and value ~ '^[A-Za-z0-9_+/=.%~!@#$^&*:-]+$' collate "C"
        and not (is_uuid or has_id or is_reference)
        and value !~* $re$^[0-9]{4}-[0-9][0-9]-[0-9][0-9]|^[0-9]+(?:\.[0-9]+)+$|@[a-z0-9_-]+\.|^#[0-9a-f]{3,8}\Z$re$ collate "C"
        and value ~ '[0-9]' and value ~ '[A-Za-z]' collate "C"
        and (
          select count(*)
          from regexp_matches(value, '[A-Za-z][0-9]|[0-9][A-Za-z]|[a-z][A-Z]' collate "C", 'g')
        ) >= 3;
  end case;
end
$$;
