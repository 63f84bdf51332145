-- Whether a person would take an action for one of the product's own, because of letters of other
-- alphabets that look like those of "audit", or of something between them that cannot be seen. Only
-- UTF-8 has such letters. The pattern holds no backslash: a session may give it another meaning.
CREATE OR REPLACE FUNCTION "audit"."is_lookalike"("action" text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
begin
  if getdatabaseencoding() <> 'UTF8' then
    return false;
  end if;
  return normalize(action, NFKD) ~* replace(replace(
    '^(?:~|[^[:alnum:]])*[a#u0251#u0430#u0410#u03b1#u0391]~*[u#u028b#u03c5#u03a5#u057d#u054d]~*'
      || '[d#u0501#u0500]~*[i#u0131#u0269#u0456#u0406#u03b9#u0399]~*[t#u0442#u0422#u03c4#u03a4]~*'
      || '[^[:alnum:]]*([.#u3002#u00b7]|$)',
    '~', '[#u0001-#u001f#u007f-#u009f#u00ad#u0300-#u036f#u061c#u115f#u1160#u180e#u200b-#u200f'
      || '#u2028-#u202e#u2060-#u206f#u3164#ufe00-#ufe0f#ufeff]'), '#', chr(92));
end
$$;
