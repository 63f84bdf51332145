-- A document without the values of keys that name secrets, at whatever depth, and the paths of those
-- values. "kind" is what the name says under which it stands, if that is a secret: what identifies
-- stays there, all else is one. Texts are not searched, as the library does.
CREATE OR REPLACE FUNCTION "audit"."censor"(
  "given" jsonb, "path" text, "kind" text, OUT "clean" jsonb, OUT "paths" text[]
)
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  is_object constant boolean := jsonb_typeof(given) = 'object';
  child record;
  own text;
  inner_kind text;
  under record;
  place text;
  made jsonb;
  keys text[] := '{}';
  parts jsonb[] := '{}';
begin
  paths := '{}';
  for child in
    select e.key, e.value, 0 as at from jsonb_each(case when is_object then given else '{}' end) as e
    union all
    select null, e.value, e.n - 1
    from jsonb_array_elements(case when is_object then '[]' else given end)
      with ordinality as e (value, n)
    order by at
  loop
    place := path || case when is_object then '.' || child.key else format('[%s]', child.at) end;
    own := kind;
    inner_kind := kind;
    if is_object then
      own := audit.secret_kind(child.key);
      if own is null and kind is not null then
        own := kind;
        if audit.names_identity(child.key) then
          own := null;
          inner_kind := null;
        end if;
      end if;
    end if;
    made := child.value;
    case jsonb_typeof(child.value)
      when 'object', 'array' then
        under := audit.censor(child.value, place, case
          when own is null or own in ('session', 'maybe', 'pass') then inner_kind
          else own end);
        made := under.clean;
        paths := paths || under.paths;
      when 'string' then
        if own is not null and audit.hides_text(own, child.value #>> '{}') then
          made := '"[Redacted]"';
          paths := paths || place;
        end if;
      when 'number' then
        if own is not null and audit.hides_number(own, (child.value)::numeric) then
          made := '"[Redacted]"';
          paths := paths || place;
        end if;
      else
        null;
    end case;
    keys := keys || child.key;
    parts := parts || made;
  end loop;
  clean := case
    when is_object then (
      select coalesce(jsonb_object_agg(k, v), '{}') from unnest(keys, parts) as t (k, v))
    else (
      select coalesce(jsonb_agg(v order by n), '[]') from unnest(parts) with ordinality as t (v, n))
  end;
end
$$;
