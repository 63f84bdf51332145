-- What a name says about its value, as secretKindOf() in src/redact/secret-keys.ts says it: password,
-- passwords, code, token, many, pass, cookie, session or maybe. Null: nothing secret. A test holds
-- the two together.
CREATE OR REPLACE FUNCTION "audit"."secret_kind"("name" text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  ending constant text := right(name, 96);
  lists jsonb;
  kinds jsonb;
  words text[];
  word text;
  before text;
  of_word text;
  of_before text;
  asks boolean;
  are_harmless boolean[] := '{}';
  are_calls boolean[] := '{}';
  is_harmless boolean;
  core text;
begin
  if not audit.may_name_secret(ending) then
    return null;
  end if;
  lists := audit.secret_words();
  if octet_length(ending) > length(ending) and current_setting('server_encoding') = 'UTF8'
    and audit.lower_foreign(ending) ~ (lists ->> 'foreign')
  then
    return 'password';
  end if;
  kinds := lists -> 'words';
  words := audit.name_words(ending, lists);
  if ending ~* 'client_token$' collate "C" then
    return 'token';
  end if;
  -- Of the words before each: whether one is harmless, and whether all are those of calls.
  asks := coalesce(kinds ->> words[1], '') ~ 'A';
  for at in 1..cardinality(words) loop
    before := words[at - 1];
    of_before := coalesce(kinds ->> before, '');
    are_harmless[at] := at > 1 and (asks or are_harmless[at - 1] or of_before ~ 'U');
    are_calls[at] := at = 1 or (are_calls[at - 1] and of_before ~ 'L');
  end loop;
  for at in reverse cardinality(words)..1 loop
    word := words[at];
    before := words[at - 1];
    of_word := coalesce(kinds ->> word, '');
    of_before := coalesce(kinds ->> before, '');
    is_harmless := are_harmless[at];
    core := case
      when of_word ~ 'P' then case when is_harmless then 'harmless' else 'password' end
      when of_word ~ 'Q' then case when is_harmless then 'harmless' else 'passwords' end
      when word = 'passe' and 'mot' = any (words) then 'password'
      when word = 'sena' and before = 'contra' then 'password'
      when word in ('code', 'codes') then case when of_before ~ 'O' then 'code' end
      when word = 'verifier' and before = 'code' then 'token'
      when word = 'number' and before = 'card' then 'code'
      when of_word ~ 'C' then case when is_harmless then 'harmless' else 'code' end
      when word in ('token', 'tokens') then case
        when of_before ~ 'H' then 'harmless'
        when at > 1 and are_calls[at] then case when before = 'request' and at = 2 then 'token' else 'harmless' end
        when is_harmless then 'harmless'
        when word = 'tokens' then 'many'
        else 'token' end
      when word = 'credential' and before in ('amz', 'goog') then 'harmless'
      when of_word ~ 'T' then case when is_harmless then 'harmless' else 'token' end
      when of_word ~ 'M' then case when is_harmless then 'harmless' else 'many' end
      when word in ('key', 'keys') then case
        when before is null then null
        when before in ('primary', 'secondary') then case when at = 2 then 'maybe' end
        when of_before !~ 'K' then null
        when is_harmless then 'harmless'
        when word = 'keys' then 'many'
        else 'token' end
      when word = 'pass' then case when at = 1 then 'pass' when of_before ~ 'W' then 'password' end
      when word in ('cookie', 'cookies') then case when is_harmless then 'harmless' else 'cookie' end
      when word = 'id' and before in ('session', 'sess') then 'session'
      when word = 'sid' then case when before = 'connect' then 'token' when at = 1 then 'maybe' end
      when word in ('session', 'auth') then case when at = cardinality(words) then 'maybe' end
      when word in ('response', 'assertion') and 'saml' = any (words) then 'token'
    end;
    continue when core is null;
    if core = 'harmless' then
      return null;
    end if;
    return audit.kind_after(core, words[at + 1:], kinds);
  end loop;
  return null;
end
$$;
