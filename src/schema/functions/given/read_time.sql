-- Reads what was given for occurred_at: ISO 8601 text, as to_json() writes it, or a number of
-- milliseconds since 1970. As the library does, it reads text without a zone as UTC and numbers from
-- 100,000,000 to 100,000,000,000 as seconds, and marks both. Of what is no time of the years 1 to 9999
-- "kept" is the text, "refusal" an SQLSTATE, and "fault" says what is wrong. "at" is null then, and where nothing was given.
CREATE OR REPLACE FUNCTION "audit"."read_time"(
  "given" jsonb, OUT "at" timestamptz, OUT "marks" text[], OUT "kept" text,
  OUT "refusal" text, OUT "fault" text
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone_abbreviations = 'Default'
AS $$
declare
  value constant text := btrim(given #>> '{}');
  ms numeric;
  parts text[];
  is_skewed boolean := false;
begin
  marks := '{}';
  if coalesce(jsonb_typeof(given), 'null') = 'null' then
    return;
  end if;
  if jsonb_typeof(given) = 'number' then
    ms := given::numeric;
    if ms >= 100000000 and ms < 100000000000 then
      marks := array['occurredAt.seconds'];
      ms := ms * 1000;
    end if;
    ms := trunc(ms);
    is_skewed := ms < -62135596800000 or ms >= 253402300800000;
    if not is_skewed then
      -- In two parts, because an interval is multiplied as a double.
      at := timestamptz '1970-01-01 00:00:00+00' + div(ms, 1000)::bigint * interval '1 second'
        + mod(ms, 1000)::integer * interval '1 millisecond';
    end if;
  elsif jsonb_typeof(given) = 'string' and length(value) <= 64 then
    parts := regexp_match(value, $re$^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]((?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,]([0-9]{1,18}))?)?))? ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?|[A-Z][A-Z_]+(?:/[A-Z_+-]+[0-9]*)*)?\Z$re$ collate "C", 'i');
    if parts is null or parts[1] < '0001' or parts[4] ~* '^(bc|ad)$' then
      is_skewed := value ~* $re$^(?:[+-][0-9]{4,}|[0-9]{5,}|0000)-[0-9]{2}-[0-9]{2}| bc$|^[+-]?infinity\Z$re$;
    else
      begin
        -- With a zone and the year first, no other setting of the session changes what it means.
        at := format('%s %s %s', parts[1], replace(coalesce(parts[2], '00:00'), ',', '.'),
          coalesce(parts[4], 'Z'))::timestamptz;
        is_skewed := at < '0001-01-01 00:00:00+00' or at >= '10000-01-01 00:00:00+00';
        if parts[4] is null then
          marks := array['occurredAt.zone'];
        end if;
        if substr(parts[3], 7) ~ '[1-9]' then
          marks := marks || 'occurredAt.rounded'::text;
          kept := value;
        end if;
      exception when data_exception then
        at := null;
      end;
    end if;
  end if;
  if at is null or is_skewed then
    at := null;
    marks := array[case when is_skewed then 'occurredAt.skewed' else 'occurredAt.invalid' end];
    kept := left(nullif(value, ''), audit.bound('text_characters')::integer);
    refusal := case when is_skewed then '22008' else '22007' end;
    fault := case
      when is_skewed then 'occurred_at is not between the years 1 and 9999'
      else 'occurred_at is no time: give ISO 8601 text such as 2026-11-22T14:05:00Z, or milliseconds'
    end;
    if length(value) > audit.bound('text_characters') then
      marks := marks || 'occurredAt.truncated'::text;
    end if;
  elsif at > statement_timestamp() + interval '1 day' then
    marks := marks || 'occurredAt.skewed'::text;
  end if;
end
$$;
