-- Made from src/schema/functions by "npm run schema:make".
-- Reads the text of one entry, or of an array of entries, as an array. It raises for anything else.
CREATE OR REPLACE FUNCTION "audit"."array_of"("entries" text) RETURNS json
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json := entries::json;
begin
  if json_typeof(given) = 'object' then
    return json_build_array(given);
  end if;
  if json_typeof(given) is distinct from 'array' then
    raise exception 'neither an entry nor an array of entries'
      using errcode = 'invalid_json_text';
  end if;
  return given;
end
$$;
--> statement-breakpoint
-- The smallest UUIDv7 (RFC 9562, section 5.7) that can be made at or after this instant: 48 bits of
-- Unix milliseconds, then zeros. The log's partitions have such ids as their bounds.
CREATE OR REPLACE FUNCTION "audit"."id_floor"("at" timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select rpad(lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;
--> statement-breakpoint
-- How many rows wait in a lane, whether that is an estimate, and the age of the oldest of those
-- looked at, in milliseconds (null where none waits). The cost is bounded, however long the lane is:
-- the function looks at about 512 pages (4 MiB) of it, at some tens of thousands of rows.
--
-- The age is that of the time in the id, which is that of record(). An id from elsewhere may hold no
-- time: one that would be older than ten years or from the future is left out.
CREATE OR REPLACE FUNCTION "audit"."lane_look"(
  "lane" text, OUT "depth" double precision, OUT "is_estimate" boolean,
  OUT "age_ms" double precision
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  max_pages constant integer := 512;
  -- How many times that size the lane is long; 1 where it is no longer.
  share float8;
begin
  if lane is null or lane not in ('staging', 'outbox') then
    raise exception 'audit.lane_look knows the lanes staging and outbox'
      using errcode = 'invalid_parameter_value';
  end if;
  share := greatest(1, pg_relation_size(('audit.audit_' || lane)::regclass)
    / current_setting('block_size')::float8 / max_pages);
  is_estimate := share > 1;
  execute format($look$
    with sample as materialized (
      select s.id from audit.audit_%s as s tablesample system (100 / $1)
    )
    select
      (select ceil(count(*) * $1) from sample),
      (
        select greatest(0, extract(epoch from clock_timestamp()) * 1000
          - ('x' || left(replace(s.id::text, '-', ''), 12))::bit(48)::bigint)
        from sample as s
        where s.id >= audit.id_floor(now() - interval '10 years')
          and s.id < audit.id_floor(now() + interval '1 day')
        order by s.id limit 1
      )
    $look$, lane)
  into depth, age_ms using share;
end
$$;
--> statement-breakpoint
-- What a scrape and a health check ask: what waits in the lanes, the last seq, how many dead letters
-- there are (counted up to 10,000), how many gaps were declared, and what the recorders reported as
-- dropped, by reason. The cost is bounded, however long the lanes are. A reported value that is no
-- count is left out.
CREATE OR REPLACE FUNCTION "audit"."backlog"(
  OUT "staging_depth" double precision, OUT "staging_is_estimate" boolean,
  OUT "staging_age_ms" double precision,
  OUT "outbox_depth" double precision, OUT "outbox_is_estimate" boolean,
  OUT "outbox_age_ms" double precision,
  OUT "last_seq" bigint, OUT "dead_letters" integer, OUT "gaps" integer, OUT "dropped" json
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    staging.depth, staging.is_estimate, staging.age_ms,
    outbox.depth, outbox.is_estimate, outbox.age_ms,
    (select h.seq from audit.audit_head as h),
    (select count(*) from (select from audit.audit_dead_letter limit 10000) as d)::integer,
    (select sum(l.resets) from audit.audit_lane as l)::integer,
    (
      select coalesce(json_object_agg(by_reason.reason, by_reason.total), '{}')
      from (
        select d.reason, sum(
          case when jsonb_typeof(d.count) = 'number'
            then least(greatest((d.count #>> '{}')::numeric, 0), 9e15)::float8
          end
        ) as total
        from audit.audit_report as r
        cross join lateral jsonb_each(
          case when jsonb_typeof(r.dropped) = 'object' then r.dropped else '{}' end
        ) as d (reason, count)
        where r.dropped <> '{}'
        group by d.reason
      ) as by_reason
      where by_reason.total is not null
    )
  from audit.lane_look('staging') as staging, audit.lane_look('outbox') as outbox
$$;
--> statement-breakpoint
-- A UUIDv7 for an entry that comes without an id. Postgres has a function for it only from version
-- 18.
CREATE OR REPLACE FUNCTION "audit"."new_id"() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select (
    lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(random_id, 14)
  )::uuid
  from (select replace(gen_random_uuid()::text, '-', '') as random_id) as made
$$;
--> statement-breakpoint
-- Puts an entry of the product's own into the outbox lane, for the functions that make one. Nobody
-- else may call it.
CREATE OR REPLACE FUNCTION "audit"."put_ours"(
  "action" text, "user_id" uuid, "metadata" jsonb, "context" jsonb
) RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_outbox (
    id, occurred_at, user_id, action, entity_type, metadata, context, ours
  )
  values (
    audit.new_id(), clock_timestamp(), put_ours.user_id, put_ours.action, 'audit',
    put_ours.metadata, put_ours.context, true
  )
  returning id
$$;
--> statement-breakpoint
-- Which server this is: the number that initdb gave to the cluster, and the timeline of its WAL, which
-- changes with each promotion and each recovery to a point in time. Both are null where the server
-- keeps them to itself.
CREATE OR REPLACE FUNCTION "audit"."server_identity"(
  OUT "system_identifier" bigint, OUT "timeline" integer
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
begin
  select c.system_identifier into system_identifier from pg_control_system() as c;
  if not pg_is_in_recovery() then
    -- Not from the control file, which tells the timeline of the last checkpoint.
    timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
  end if;
exception when insufficient_privilege then
  null;
end
$$;
--> statement-breakpoint
-- Begins a new history of the log: from now on its numbers may be those that another copy of it gave
-- to other entries, as after a restore. The log says so itself, with the old history and the last
-- entry that is here. Readers that go on from a cursor of the old history stop and are told.
CREATE OR REPLACE FUNCTION "audit"."begin_history"("reason" text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  new_history constant uuid := gen_random_uuid();
  head audit.audit_head;
begin
  select * into head from audit.audit_head for update;
  update audit.audit_head as h
  set history = new_history, system_identifier = s.system_identifier, timeline = s.timeline
  from audit.server_identity() as s;
  insert into audit.audit_history (history, first_seq, at)
  values (new_history, head.seq + 1, clock_timestamp());
  perform audit.put_ours(
    'audit.restored', null,
    jsonb_build_object(
      'reason', reason, 'historyBefore', head.history, 'history', new_history,
      'lastSeq', head.seq,
      'lastId', (select l.id from audit.audit_log as l where l.seq = head.seq limit 1)
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  return new_history;
end
$$;
--> statement-breakpoint
-- What the lanes take at most. Every bound is here and nowhere else in the database. A number of
-- digits counts those that Postgres prints, so 1e1000 has 1,001. A constant argument makes a call
-- of it a constant of the plan.
CREATE OR REPLACE FUNCTION "audit"."bound"("name" text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case name
    when 'entry_bytes' then 1048576 -- of an entry's text as it was given
    when 'number_digits' then 1000
    when 'levels' then 32 -- of objects and arrays in one another; metadata itself is the first
    when 'action_characters' then 128
    when 'text_characters' then 256 -- of entity_type, request_id and a kept invalid id
    when 'letter_characters' then 65536 -- kept of an entry that is longer than entry_bytes
    when 'ahead_ms' then 86400000 -- by which an id's time may be later than the database's clock
    when 'count' then 9007199254740991 -- a recorder's numbers: JavaScript counts no further
  end
$$;
--> statement-breakpoint
-- Makes a dead letter of an entry that a lane does not take. Of a text that is longer than an entry
-- may be it keeps the first part, and the reason says how long the text was.
CREATE OR REPLACE FUNCTION "audit"."bury"(
  "lane" text, "origin" text, "sqlstate" text, "reason" text, "id" text,
  "recorder" uuid, "recorder_seq" bigint, "entry" text
) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_dead_letter (
    lane, origin, sqlstate, reason, id, recorder_id, recorder_seq, entry
  )
  select
    bury.lane, bury.origin, bury.sqlstate,
    case when is_cut then format('%s (of the %s bytes the first %s characters are kept)',
      bury.reason, octet_length(bury.entry), audit.bound('letter_characters'))
      else bury.reason end,
    bury.id, bury.recorder, bury.recorder_seq,
    case when is_cut then left(bury.entry, audit.bound('letter_characters')::integer)
      else bury.entry end
  from (
    select coalesce(octet_length(bury.entry) > audit.bound('entry_bytes'), false) as is_cut
  ) as text
  on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0)) where recorder_id is not null
  do nothing
$$;
--> statement-breakpoint
-- Whether this number under a name of this kind has to be hidden, as hidesNumber() in
-- src/redact/secret-values.ts says it. Counts stay, and 0 says none.
CREATE OR REPLACE FUNCTION "audit"."hides_number"("kind" text, "value" numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select case
    when value = 0 then false
    when value <> trunc(value) then kind = 'password'
    when kind in ('password', 'code') then true
    else kind = 'token' and (value > 999 or value < 0)
  end
$$;
--> statement-breakpoint
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
--> statement-breakpoint
-- Takes apart what was written in one: accesstoken, passwordnew, apikey. As split() in
-- src/redact/secret-keys.ts does, with the lists of secret_words().
CREATE OR REPLACE FUNCTION "audit"."split_word"("word" text, "lists" jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  kinds constant jsonb := lists -> 'words';
  stem text;
  ending text;
  known jsonb;
  rest text;
  found_word text;
begin
  if length(word) <= 5 or word !~ (lists ->> 'parts') or kinds ->> word ~ '[PT]' then
    return array[word];
  end if;
  for stem in select s from jsonb_array_elements_text(lists -> 'stems') as s loop
    continue when length(stem) = length(word);
    if starts_with(word, stem) then
      rest := substr(word, length(stem) + 1);
      if coalesce(kinds ->> rest, '') ~ '[VD]' then
        return array[stem, rest];
      end if;
    end if;
    if length(word) > length(stem) and right(word, length(stem)) = stem then
      return audit.split_word(left(word, -length(stem)), lists) || stem;
    end if;
  end loop;
  for ending, known in
    select e ->> 0, e -> 1
    from jsonb_array_elements(lists -> 'ends') with ordinality as t (e, n) order by n
  loop
    continue when length(word) < length(ending) or right(word, length(ending)) <> ending;
    rest := left(word, -length(ending));
    if not known ? rest and coalesce(kinds ->> rest, '') !~ '[PT]' then
      -- dbaccesskey has a word more in front.
      select k into found_word
      from jsonb_array_elements_text(known) with ordinality as t (k, n)
      where length(k) > 3 and length(k) <= length(rest) and right(rest, length(k)) = k
      order by n limit 1;
      continue when found_word is null;
      return array[left(rest, length(rest) - length(found_word)), found_word, ending];
    end if;
    return case rest
      when 'creditcard' then array['credit', 'card', ending]
      when 'accesskey' then array['access', 'key', ending]
      else array[rest, ending]
    end;
  end loop;
  return array[word];
end
$$;
--> statement-breakpoint
-- A name's words in lower case: X-API-Key, dbPasswordNew, client_secret, accesstoken. As wordsOf() in
-- src/redact/secret-keys.ts does. Accents and invisible characters are dropped, and letters of other
-- scripts become the Latin ones that they resemble, where the database's encoding is UTF8.
CREATE OR REPLACE FUNCTION "audit"."name_words"("name" text, "lists" jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  plain text := name;
  part text;
  words text[] := '{}';
begin
  if octet_length(name) > length(name) and current_setting('server_encoding') = 'UTF8' then
    plain := regexp_replace(
      normalize(name, nfkd),
      $re$[\u0300-\u036f\u00ad\u061c\u180e\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]$re$,
      '', 'g');
    plain := translate(plain, (
      select string_agg(chr(c::integer), '' order by n)
      from jsonb_array_elements_text(lists -> 'lookalikes' -> 'from') with ordinality as t (c, n)
    ), lists -> 'lookalikes' ->> 'to');
    plain := regexp_replace(plain, $re$[\u00df\u1e9e]$re$, 'ss', 'g');
    plain := regexp_replace(plain, $re$[\u00e6\u00c6]$re$, 'ae', 'g');
  end if;
  for part in
    select m[1]
    from regexp_matches(
      plain, '[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|[0-9]+' collate "C", 'g') as m
  loop
    words := words || audit.split_word(lower(part collate "C"), lists);
  end loop;
  return words;
end
$$;
--> statement-breakpoint
-- Made from src/redact by "npm run schema:make".
-- The words of which names of secrets are made, each with the letters of its lists. A function that
-- calls this or one of its readers pins its search_path: a setting of their own would cost more than
-- they do.
CREATE OR REPLACE FUNCTION "audit"."secret_words"() RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select $json${"words":{"a":"V","accepted":"D","access":"OK","accessor":"I","account":"KWD","action":"DI",
"actions":"DI","activation":"O","active":"DI","actor":"DI","actual":"V","address":"DI",
"adgangskode":"P","adm":"W","admin":"KW","aes":"K","after":"V","again":"V","age":"D","alg":"DI",
"algo":"D","algorithm":"DI","allow":"A","allowed":"D","allows":"A","alt":"V","altes":"V",
"amount":"D","amqp":"W","ancien":"V","annotations":"I","anthropic":"K","antiga":"V","api":"KW",
"apitoken":"T","app":"KW","application":"K","are":"A","argon2":"V","arn":"DI","at":"DI",
"attempt":"D","attempts":"D","atual":"V","aud":"DI","audience":"DI","audio":"H","audit":"D",
"auth":"OK","authentication":"OK","authorisation":"OT","authorization":"OTK","auxiliary":"V",
"aws":"V","azp":"DI","b":"V","b64":"V","backend":"D","backup":"OKV","balance":"DI","banner":"D",
"base":"V","base64":"V","basic":"W","bcrypt":"V","bearer":"T","bearer_type":"D","before":"V",
"behavior":"D","behaviour":"D","binary":"V","board":"D","body":"V","bos":"H","bot":"K",
"brand":"DI","broker":"W","bucket":"D","budget":"HD","by":"DI","bytes":"V","cached":"H",
"can":"A","cancellation":"H","card":"K","category":"DI","cert":"W","chain":"D","chainid":"D",
"challenge":"D","change":"HD","changed":"DI","changes":"D","check":"D","checker":"D",
"checks":"D","ci":"W","cipher":"K","class":"DI","clave":"P","clear":"V","cleartext":"V",
"client":"KLDI","column":"D","comment":"D","completion":"H","complexity":"D","concurrency":"H",
"confirm":"WV","confirmation":"OV","confirmed":"V","consent":"D","consistency":"H",
"consumer":"K","content":"V","continuation":"H","contract":"D","contrasena":"P",
"contrasenas":"Q","contrasenha":"P","contrasenia":"P","cookie":"KV","copy":"V","cost":"D",
"count":"HDI","country":"D","counts":"D","created":"DI","created_by":"D","creation":"H",
"creator":"I","cred":"M","credential":"T","credentials":"M","creds":"M","crypto":"K","csc":"C",
"current":"WV","cursor":"H","cvc":"CO","cvn":"C","cvv":"CO","data":"KV","database":"WD",
"date":"DI","datetime":"D","days":"D","db":"WD","dec":"V","decimals":"DI","decision":"D",
"decrypt":"K","decrypted":"V","decryption":"K","dedup":"H","deduplication":"H","default":"V",
"deleted":"DI","denied":"D","deploy":"K","der":"V","des":"K","desc":"D","description":"DI",
"design":"H","details":"D","dev":"KV","developer":"K","device":"OD","did":"A","digest":"V",
"digits":"D","dir":"D","disable":"A","disabled":"DI","display":"I","displayname":"I","does":"A",
"domain":"DI","duration":"D","elevated":"H","email":"WDI","emergency":"O","enable":"A",
"enabled":"DI","enabledat":"D","enables":"A","enc":"V","encoded":"V","encrypt":"K",
"encrypted":"V","encrypting":"K","encryption":"K","endpoint":"DI","endpoints":"D","engine":"D",
"enrollment":"K","entity":"DI","env":"D","environment":"DI","eos":"H","erc":"H","erc20":"H",
"error":"D","errors":"D","estimated":"H","event":"D","events":"D","evidence":"DI","exists":"D",
"exp":"DI","exp_month":"D","expiration":"DI","expire":"D","expired":"DI","expires":"DI",
"expiring":"D","expiry":"DI","fa":"O","factor":"O","failures":"D","field":"D","field_value":"V",
"fields":"D","file":"D","file64":"V","filename":"D","files":"D","fingerprint":"DI","first":"V",
"flow":"D","for":"V","foreign":"U","forgot":"A","format":"DI","four":"DI","from":"V","ftp":"W",
"functions":"K","geheim":"T","geheimcode":"C","geheimnis":"T","geheimzahl":"C","generation":"D",
"generator":"D","geslo":"P","github":"V","gitlab":"V","google":"K","gpg":"K","grant":"D",
"granted":"D","grants":"D","group":"D","guid":"DI","has":"A","hash":"V","hashed":"V",
"hashes":"V","hasla":"P","haslo":"P","have":"A","header":"V","hesla":"P","heslo":"P","hex":"V",
"hidden":"U","hide":"A","hint":"D","hints":"D","history":"D","hmac":"TKV","host":"KDI",
"hostname":"DI","hotp":"C","hours":"D","http":"W","iat":"I","id":"DI","idempotency":"H",
"idempotent":"H","ids":"DI","if":"A","image":"H","imap":"W","in":"I","index":"D","info":"D",
"ingest":"K","initial":"V","input":"HV","instrumentation":"K","integration":"K","interval":"D",
"invalid":"U","ip":"D","is":"VA","iss":"DI","issued":"DI","issuer":"DI","issuers":"DI",
"jelszava":"P","jelszo":"P","jeton":"T","jetons":"M","jks":"V","jsessionid":"T","json":"V",
"jti":"DI","jwt":"TK","jwts":"M","katasandi":"P","kennwort":"P","kennworter":"Q","key":"W",
"key2":"D","keystore":"W","khau":"P","kid":"I","kind":"DI","kodeord":"P","label":"DI",
"labels":"I","last":"DI","last4":"DI","ldap":"W","len":"D","length":"DI","level":"DI",
"lexer":"H","licence":"K","license":"K","license2":"K","lifetime":"D","limit":"HDI","limits":"D",
"link":"D","literal":"V","live":"V","local":"V","location":"D","lock":"H","login":"OWD",
"losen":"P","losenord":"P","lozinka":"P","mail":"WDI","mailgun":"K","main":"V","manager":"D",
"maps":"K","marker":"H","masked":"U","master":"KW","masterauth":"P","max":"HD","maxage":"D",
"maximum":"D","md5":"V","mdp":"P","merchant":"K","message":"DI","metadata":"DI","method":"DI",
"methods":"D","mfa":"O","mima":"P","min":"HD","minimum":"D","minutes":"D","missing":"DU",
"mode":"D","modified":"DI","mongo":"W","mongodb":"W","month":"DI","motdepasse":"P",
"motpasse":"P","motsdepasse":"Q","mpin":"C","ms":"D","must":"A","my":"W","mysql":"W","name":"DI",
"names":"DI","namespace":"I","nbf":"I","need":"A","needs":"DA","network":"DI","neu":"V",
"neue":"V","neues":"V","new":"WV","next":"HV","nft":"H","nieuw":"V","no":"A","note":"D",
"notes":"D","notice":"D","nouveau":"V","nova":"V","novo":"V","nueva":"V","nuevo":"V","num":"H",
"number":"D","old":"WV","on":"DI","one":"V","openai":"K","optional":"D","ora":"W","oracle":"W",
"original":"V","orphan":"I","otp":"COK","otps":"C","oud":"V","output":"H","owner":"DI",
"owners":"D","pad":"H","page":"H","pagination":"H","paging":"H","parola":"P","parolata":"P",
"parole":"P","parool":"P","parser":"H","partner":"K","pass":"O","passcode":"P","passcodes":"Q",
"passord":"P","passphrase":"P","passphrases":"Q","passw":"P","passwd":"P","passwds":"Q",
"passwoerter":"Q","password":"P","passwordreset":"O","passwords":"Q","passwort":"P",
"passworter":"Q","passwortneu":"P","passwrd":"P","path":"DI","paths":"D","pem":"V",
"permission":"DI","permissions":"DI","pg":"W","pgp":"K","pgsql":"W","phpsessid":"T","pin":"CO",
"pincode":"C","pins":"C","pkcs12":"V","pkcs8":"V","plain":"V","plaintext":"V","platform":"D",
"point":"D","points":"D","policies":"DI","policy":"DI","port":"DI","position":"H","postgres":"W",
"pre":"K","preference":"D","preferences":"D","prefix":"DI","present":"D","preshared":"K",
"prev":"WHV","previous":"HV","price":"D","primary":"V","principal":"DI","principalid":"DI",
"priv":"K","private":"K","prod":"V","production":"V","progress":"H","project":"D","prompt":"H",
"protocol":"D","provider":"DI","providers":"D","provisioning":"K","proxy":"W","psk":"K",
"psw":"P","pswd":"P","pub":"DU","public":"DU","publishable":"U","puk":"C","purpose":"I","pw":"P",
"pwd":"P","pwds":"Q","pword":"P","pws":"Q","quality":"D","quota":"D","rabbitmq":"W","rate":"D",
"raw":"V","reason":"DI","reasoning":"H","recovery":"OK","redacted":"U","redis":"W","ref":"D",
"reference":"D","refs":"D","region":"DI","registration":"K","remaining":"HD","remote":"V",
"renewable":"I","repeat":"V","repeated":"V","request":"LD","requests":"D","require":"A",
"required":"DAI","requirement":"D","requirements":"D","requirepass":"P","requires":"DA",
"rescue":"O","reset":"OD","reset2":"V","resets":"D","resource":"D","response":"D",
"responses":"D","resume":"H","retries":"D","retype":"V","review":"D","revoked":"DI","role":"KDI",
"roles":"DI","root":"KW","rotated":"DI","rotation":"D","rpc":"W","rsa":"K","rule":"D",
"rules":"D","salasana":"P","salt":"V","salted":"V","sandbox":"V","sandi":"P","santa":"D",
"sas":"TK","scope":"DI","scopes":"DI","score":"D","scratch":"O","scrypt":"V","seal":"K",
"second":"V","secondary":"V","seconds":"D","secret":"TK","secreto":"T","secretos":"M",
"secrets":"M","security":"OK","segreto":"T","sendgrid":"K","senha":"P","senhas":"Q",
"senhas2":"P","sequence":"H","server":"K","service":"KD","sessid":"T","session":"K","set":"D",
"settings":"D","sftp":"W","sha1":"V","sha256":"V","sha512":"V","shared":"K","should":"A",
"show":"A","shows":"A","sifre":"P","sign":"K","signature":"K","signin":"O","signing":"K",
"since":"D","size":"DI","skip":"HA","slack":"V","slaptazodis":"P","sms":"O","smtp":"W",
"source":"DI","sql":"W","ssh":"KW","ssl":"KW","staging":"V","standard":"D","start":"H",
"starting":"H","state":"DI","states":"D","status":"DI","stop":"H","storage":"KD","store":"D",
"str":"V","stream":"K","streaming":"K","strength":"DI","string":"V","stripe":"KV","sub":"DI",
"subject":"DI","subscription":"K","success":"D","sudo":"W","suffix":"DI","summary":"D",
"supply":"D","supported":"D","symbol":"DI","symmetric":"K","sync":"H","syntax":"H","table":"D",
"tags":"I","target":"H","temp":"V","temporary":"V","tenant":"DI","test":"V","text":"HV",
"tfa":"O","the":"V","thinking":"H","third":"V","three":"V","thumb":"D","thumbprint":"DI",
"time":"ODI","times":"D","timestamp":"DI","title":"DI","tls":"KW","tmp":"V","to":"V",
"token":"TK","tokens":"M","total":"HDI","totp":"COK","tpin":"C","transfer":"K","tries":"D",
"truststore":"W","ttl":"DI","twilio":"K","two":"V","twofactor":"O","type":"DI","types":"D",
"uid":"DI","unencrypted":"V","unhashed":"V","unlock":"OK","unseal":"K","until":"D",
"updated":"DI","uri":"DI","uris":"D","url":"DI","urls":"D","usage":"HDI","use":"A","used":"HDI",
"user":"WD","userid":"D","username":"DI","users":"D","uses":"A","usr":"W","uuid":"DI","v":"V",
"val":"V","valid":"DI","validated":"D","validation":"D","validator":"D","value":"V",
"value_id":"D","values":"V","vault":"KD","verification":"O","verified":"D","verify":"V",
"version":"DI","versions":"D","via":"D","visible":"D","wachtwoord":"P","wachtwoorden":"Q",
"was":"VA","webhook":"K","were":"A","when":"A","wifi":"KW","window":"D","without":"A","wlan":"W",
"wpa":"K","wrapping":"K","write":"K","wrong":"U","wwoord":"P","x":"V","year":"DI"},
"stems":["authorization","passphrase","credentials","credential","passwords","password",
"passcode","kennwort","passwort","cookies","secrets","passwd","tokens","cookie","secret","token",
"pwd","otp"],
"parts":"^(?:authorization|passphrase|credentials|credential|passwords|password|passcode|kennwort|passwort|cookies|secrets|passwd|tokens|cookie|secret|token|pwd|otp)|(?:authorization|passphrase|credentials|credential|passwords|password|passcode|kennwort|passwort|cookies|secrets|passwd|tokens|cookie|secret|token|pwd|otp|keys|key|codes|code|pass|id|number|response|verifier)$",
"ends":[["keys",["api","access","secret","private","priv","signing","sign","signature",
"encryption","encrypt","encrypting","decryption","decrypt","master","hmac","ssh","account",
"auth","authorization","authentication","subscription","shared","webhook","symmetric","aes",
"des","rsa","wrapping","cipher","crypto","security","admin","app","application","bot","deploy",
"service","server","storage","functions","session","license","licence","integration","write",
"role","data","backup","recovery","unlock","consumer","client","vault","seal","root",
"provisioning","enrollment","registration","instrumentation","ingest","license2","wifi","wpa",
"psk","preshared","unseal","pre","sas","transfer","jwt","cookie","token","totp","otp","card",
"host","gpg","pgp","tls","ssl","developer","dev","merchant","partner","streaming","stream",
"google","maps","stripe","openai","sendgrid","twilio","mailgun","anthropic"]],["key",["api",
"access","secret","private","priv","signing","sign","signature","encryption","encrypt",
"encrypting","decryption","decrypt","master","hmac","ssh","account","auth","authorization",
"authentication","subscription","shared","webhook","symmetric","aes","des","rsa","wrapping",
"cipher","crypto","security","admin","app","application","bot","deploy","service","server",
"storage","functions","session","license","licence","integration","write","role","data","backup",
"recovery","unlock","consumer","client","vault","seal","root","provisioning","enrollment",
"registration","instrumentation","ingest","license2","wifi","wpa","psk","preshared","unseal",
"pre","sas","transfer","jwt","cookie","token","totp","otp","card","host","gpg","pgp","tls","ssl",
"developer","dev","merchant","partner","streaming","stream","google","maps","stripe","openai",
"sendgrid","twilio","mailgun","anthropic"]],["codes",["verification","security","backup",
"recovery","access","reset","auth","authorization","authentication","mfa","fa","tfa","otp",
"totp","login","signin","activation","sms","pin","pass","cvv","cvc","unlock","confirmation",
"device","scratch","authorisation","time","passwordreset","twofactor","factor","rescue",
"emergency"]],["code",["verification","security","backup","recovery","access","reset","auth",
"authorization","authentication","mfa","fa","tfa","otp","totp","login","signin","activation",
"sms","pin","pass","cvv","cvc","unlock","confirmation","device","scratch","authorisation","time",
"passwordreset","twofactor","factor","rescue","emergency"]],["pass",["db","database","user",
"usr","admin","adm","login","smtp","ftp","sftp","mail","email","imap","mysql","pg","pgsql",
"postgres","redis","mongo","mongodb","root","my","new","old","current","prev","confirm","wifi",
"wlan","ssh","sudo","http","proxy","ldap","rabbitmq","ci","app","api","sql","ora","oracle","key",
"keystore","truststore","cert","ssl","tls","amqp","broker","master","account","basic",
"rpc"]],["id",["session","sess","token","secret","accesskey"]],["number",["card",
"creditcard"]],["response",["saml"]],["verifier",["code"]]],
"foreign":"\\u043f\\u0430\\u0440\\u043e\\u043b|\\u0441\\u0435\\u043a\\u0440\\u0435\\u0442|\\u0442\\u043e\\u043a\\u0435\\u043d|\\u5bc6\\u7801|\\u5bc6\\u78bc|\\u53e3\\u4ee4|\\u4ee4\\u724c|\\u5bc6\\u94a5|\\u5bc6\\u9470|\\u30d1\\u30b9\\u30ef\\u30fc\\u30c9|\\u6697\\u8a3c\\u756a\\u53f7|\\u79d8\\u5bc6|\\ube44\\ubc00\\ubc88\\ud638|\\uc554\\ud638|\\ud1a0\\ud070|\\u05e1\\u05d9\\u05e1\\u05de|\\u0643\\u0644\\u0645\\u0629|\\u0e23\\u0e2b\\u0e31\\u0e2a\\u0e1c\\u0e48\\u0e32\\u0e19|\\u03ba\\u03c9\\u03b4\\u03b9\\u03ba|\\u03c3\\u03c5\\u03bd\\u03b8\\u03b7\\u03bc\\u03b1\\u03c4\\u03b9\\u03ba",
"lookalikes":{"from":[1072,1040,1077,1045,1086,1054,1088,1056,1089,1057,1093,1061,1091,1059,1110,1030,1109,1029,1082,1050,1090,1058,1281,1280,1121,1120,1400,1352,959,927,945,913,957,925,322,321,248,216,305],
"to":"aaeeooppccxxyyiisskkttddwwnnooaavvllooi"}}$json$::jsonb
$$;
--> statement-breakpoint
-- Whether a name is one of those that identify or describe, as identifies() in
-- src/redact/secret-keys.ts: id, createdAt, userName, scopes. Under a secret name, what is under these
-- stays.
CREATE OR REPLACE FUNCTION "audit"."names_identity"("name" text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  select coalesce(lists -> 'words' ->> (
    select w from unnest(audit.name_words(right(name, 96), lists)) with ordinality as t (w, n)
    where w !~ '^[0-9]+$' order by n desc limit 1
  ), '') ~ 'I'
  from audit.secret_words() as lists
$$;
--> statement-breakpoint
-- What the words after the secret word make of it: passwordNew, passwordChangedAt. As afterCore() in
-- src/redact/secret-keys.ts.
CREATE OR REPLACE FUNCTION "audit"."kind_after"("core" text, "after" text[], "kinds" jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  is_value constant boolean := coalesce(after[cardinality(after)], '')
    ~ '^(?:val|value|plaintext|cleartext)s?$';
  kind text := core;
  word text;
begin
  foreach word in array after loop
    continue when word ~ '^[0-9]+$' or kinds ->> word ~ 'V';
    continue when word = 'number' and core = 'code';
    if kinds ->> word ~ 'D' and not is_value then
      return null;
    end if;
    kind := case when core in ('password', 'passwords') then 'pass' else 'maybe' end;
  end loop;
  return kind;
end
$$;
--> statement-breakpoint
-- Lower case of Cyrillic and Greek letters, whatever the database's locale is. Its encoding is UTF8.
CREATE OR REPLACE FUNCTION "audit"."lower_foreign"("name" text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select translate(name, string_agg(chr(n), '' order by n), string_agg(chr(n + 32), '' order by n))
  from (select generate_series(1040, 1071) union all select generate_series(913, 937)) as upper (n)
  where n <> 930
$$;
--> statement-breakpoint
-- Made from src/redact by "npm run schema:make".
-- Whether a name has to be taken apart, because it holds a part of every name of a secret.
CREATE OR REPLACE FUNCTION "audit"."may_name_secret"("name" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select name ~* $re$pass|pw|psw|secret|segret|token|cred|auth|cookie|key|pin|puk|otp|cv[vnc]|csc|code|jwt|jeton|bearer|sess|sid|saml|hmac|sas|geheim|contra|kennw|mdp|mot|senha|wacht|woord|seno|adgang|kodeo|hasl|hesl|parol|paro|jelsz|sala|sifre|slap|geslo|lozin|connect|number|clave|sandi|khau|mima|losen|kod|[^\u0001-\u007f]$re$ collate "C"
$$;
--> statement-breakpoint
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
--> statement-breakpoint
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
--> statement-breakpoint
-- Raises unless this is the key of the recorder. A recorder's key is the first one that came with its
-- id, and its hash is kept.
CREATE OR REPLACE FUNCTION "audit"."claim_recorder"("recorder" uuid, "key" text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
declare
  hash text := encode(sha256(convert_to(key, 'UTF8')), 'hex');
  known text;
begin
  select r.key_hash into known from audit.audit_report as r where r.id = recorder;
  if known = hash then
    return;
  end if;
  if recorder is null or key is null or length(key) not between 16 and 256 then
    raise exception 'a recorder has an id, and a key of 16 to 256 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  if known is null then
    insert into audit.audit_report as r (id, key_hash) values (recorder, hash)
    on conflict (id) do update set key_hash = excluded.key_hash where r.key_hash is null;
    select r.key_hash into known from audit.audit_report as r where r.id = recorder;
  end if;
  if known is distinct from hash then
    raise exception 'the recorder % has another key', recorder
      using errcode = 'insufficient_privilege',
            hint = 'Two recorders have one id. Make each with createRecorder().';
  end if;
end
$$;
--> statement-breakpoint
-- Removes a table's dead rows where VACUUM cannot. While a long transaction holds an old snapshot,
-- every batch leaves dead rows behind, and it takes longer and longer to find the live ones. The
-- function empties the table and puts its live rows (at most 2,000) back. It gets its lock at once
-- or gives up, so nobody waits for it. Returns whether it compacted the table.
--
-- The head's lock comes first. While a relay moves, the function gives up there. If it took the
-- table's lock first, recorders that stage would wait for a compaction that does not happen.
--
-- A statement that waits for the lock meanwhile has an older snapshot and may not see the rows that
-- were put back. It finds the lane empty, or it gets no number from the head and fails; it is then
-- run again.
CREATE OR REPLACE FUNCTION "audit"."compact"("target" text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  max_rows constant integer := 2000;
  kept_rows jsonb;
begin
  if target is null or target not in ('staging', 'outbox', 'head', 'recorder') then
    raise exception 'audit.compact knows staging, outbox, head and recorder'
      using errcode = 'invalid_parameter_value';
  end if;
  perform 1 from audit.audit_head for update nowait;
  execute format('lock table audit.audit_%s in access exclusive mode nowait', target);
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(t)), ''[]'') from (select * from audit.audit_%s limit %s) as t',
    target, max_rows + 1) into kept_rows;
  if jsonb_array_length(kept_rows) > max_rows then
    return false;
  end if;
  execute format('truncate audit.audit_%s', target);
  execute format(
    'insert into audit.audit_%1$s select * from jsonb_populate_recordset(null::audit.audit_%1$s, $1)',
    target) using kept_rows;
  return true;
exception when lock_not_available then
  return false;
end
$$;
--> statement-breakpoint
-- Copies rows of DEFAULT to the tables next to the log that replace parts of it: rows of the ranges of
-- ids to the tables of these names, all others to audit_log_default_next. Returns how many rows it
-- copied. seq_after: only rows with a greater seq; all, where it is null. With a seq_after, rows that
-- were copied before are left out.
CREATE OR REPLACE FUNCTION "audit"."copy_default"(
  "names" text[], "first_ids" uuid[], "end_ids" uuid[], "seq_after" bigint
) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  elsewhere text := 'true';
  copied bigint;
  copied_in_all bigint := 0;
begin
  for range in 1 .. cardinality(names) loop
    execute format(
      'insert into audit.%I select * from audit.audit_log_default '
      'where id >= %L and id < %L and ($1 is null or seq > $1) %s',
      names[range], first_ids[range], end_ids[range],
      case when seq_after is null then '' else 'on conflict (id) do nothing' end)
    using seq_after;
    get diagnostics copied = row_count;
    copied_in_all := copied_in_all + copied;
    elsewhere := elsewhere
      || format(' and not (id >= %L and id < %L)', first_ids[range], end_ids[range]);
  end loop;
  execute format(
    'insert into audit.audit_log_default_next select * from audit.audit_log_default '
    'where %s and ($1 is null or seq > $1) %s',
    elsewhere, case when seq_after is null then '' else 'on conflict (id) do nothing' end)
  using seq_after;
  get diagnostics copied = row_count;
  return copied_in_all + copied;
end
$$;
--> statement-breakpoint
-- Puts "[Depth]" in the place of each object and array that stands deeper than so many levels, as the
-- library does. The value itself is the first level.
CREATE OR REPLACE FUNCTION "audit"."cut_deep"("given" jsonb, "levels" integer) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
begin
  case jsonb_typeof(given)
    when 'object' then
      if levels = 0 then
        return '"[Depth]"';
      end if;
      return (
        select coalesce(jsonb_object_agg(key, audit.cut_deep(value, levels - 1)), '{}')
        from jsonb_each(given)
      );
    when 'array' then
      if levels = 0 then
        return '"[Depth]"';
      end if;
      return (
        select coalesce(jsonb_agg(audit.cut_deep(value, levels - 1) order by n), '[]')
        from jsonb_array_elements(given) with ordinality as element (value, n)
      );
    else
      return given;
  end case;
end
$$;
--> statement-breakpoint
-- Which database of which server this is, so that what a process has left on disk is not staged in
-- another one. The number of the server is null where the server keeps it to itself.
CREATE OR REPLACE FUNCTION "audit"."database_identity"(
  OUT "system_identifier" bigint, OUT "database" oid
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select s.system_identifier, d.oid
  from audit.server_identity() as s cross join pg_database as d
  where d.datname = current_database()
$$;
--> statement-breakpoint
-- Finds out whether the fast lane was emptied, and returns whether there was such a gap. A crash of
-- the server or of one backend, or a failover, leaves an UNLOGGED table empty. It empties the
-- sentinel too, and then the sentinel no longer holds the epoch that the LOGGED audit_lane holds.
--
-- After a gap the function gives the lane a new epoch and records what may be lost as an entry in
-- the LOGGED lane. Both are one transaction, so a gap is declared once, or the next call declares
-- it. A recorder that still holds entries of an older epoch stages them again, and their ids keep
-- them from being logged twice.
CREATE OR REPLACE FUNCTION "audit"."declare_gap"() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  before audit.audit_lane;
  new_epoch uuid := gen_random_uuid();
  affected jsonb;
begin
  -- One relay at a time. The others find the new epoch when they get the lock.
  select * into before from audit.audit_lane where lane = 'staging' for update;
  if exists (select from audit.audit_sentinel as s where s.epoch = before.epoch) then
    return false;
  end if;
  delete from audit.audit_sentinel;
  insert into audit.audit_sentinel (epoch) values (new_epoch);
  update audit.audit_lane
  set epoch = new_epoch, epoch_since = clock_timestamp(), resets = resets + 1
  where lane = 'staging';
  with touched as (
    insert into audit.audit_recorder as r (id, gaps)
    select coalesce(p.id, a.id), 1
    from audit.audit_report as p full join audit.audit_recorder as a on a.id = p.id
    where p.closed_at is null or coalesce(a.logged, 0) < p.staged
    on conflict (id) do update set gaps = r.gaps + 1
    returning r.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'recorderId', t.id,
    'logged', t.logged,
    'loggedThrough', t.logged_through,
    'stagedAsReported', coalesce(t.staged, 0),
    'reportedAt', t.seen_at,
    -- A closed recorder has reported all that it staged. An open one may have staged more since.
    'lostAtMost', case when t.closed_at is null then null else greatest(0, t.staged - t.logged) end
  ) order by t.id), '[]')
  into affected
  from (
    select touched.*, p.staged, p.seen_at, p.closed_at
    from touched left join audit.audit_report as p on p.id = touched.id
    order by p.seen_at desc nulls last limit 100
  ) as t;
  perform audit.put_ours(
    'audit.gap', null,
    jsonb_build_object(
      'lane', 'staging', 'reason', 'the UNLOGGED lane was emptied by a crash or a failover',
      'after', before.epoch_since, 'before', clock_timestamp(),
      'epochBefore', before.epoch, 'epoch', new_epoch, 'recorders', affected
    ),
    '{}'
  );
  return true;
end
$$;
--> statement-breakpoint
-- Says that this database was restored from a copy of an earlier time. It declares a gap in the fast
-- lane, because a dump holds the lane and its sentinel together and so looks as if nothing had been
-- staged since. And it begins a new history. Returns the new history.
CREATE OR REPLACE FUNCTION "audit"."declare_restored"() RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  -- As after a crash: without it declare_gap() takes the lane for the one that it knows.
  delete from audit.audit_sentinel;
  perform audit.declare_gap();
  return audit.begin_history('audit-relay restored');
end
$$;
--> statement-breakpoint
-- Whether DEFAULT holds a row of one of these ranges of ids. It asks the index once for each.
CREATE OR REPLACE FUNCTION "audit"."default_holds"("first_ids" uuid[], "end_ids" uuid[])
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
declare
  is_held boolean;
begin
  for range in 1 .. cardinality(first_ids) loop
    execute 'select exists (select from audit.audit_log_default where id >= $1 and id < $2)'
    into is_held using first_ids[range], end_ids[range];
    if is_held then
      return true;
    end if;
  end loop;
  return false;
end
$$;
--> statement-breakpoint
-- Deletes a dead letter and returns whether there was such a letter. In the same transaction it
-- records an entry that says which letter it was, why the log had refused it and which login
-- dropped it. It also counts the drop in the account of the letter's recorder.
CREATE OR REPLACE FUNCTION "audit"."drop_dead_letter"("letter" bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
  with dropped as (
    delete from audit.audit_dead_letter where number = letter returning *
  ),
  accounted as (
    insert into audit.audit_report as r (id, dropped)
    select d.recorder_id, '{"dead_letter": 1}' from dropped as d where d.recorder_id is not null
    on conflict (id) do update set dropped = r.dropped || jsonb_build_object(
      'dead_letter', coalesce((r.dropped ->> 'dead_letter')::bigint, 0) + 1)
  ),
  traced as (
    select audit.put_ours(
      'audit.dead_letter_drop', null,
      jsonb_build_object(
        'number', d.number, 'sqlstate', d.sqlstate, 'id', left(d.id, 256), 'lane', d.lane,
        'diedAt', d.died_at, 'recorderId', d.recorder_id, 'writtenBy', d.written_by
      ),
      jsonb_build_object('databaseLogin', session_user)
    )
    from dropped as d
  )
  select exists (select from traced)
$$;
--> statement-breakpoint
-- Refuses UPDATE, DELETE and TRUNCATE on the log for every role, even one that was granted them. The
-- triggers that call it are ENABLE ALWAYS, so they also fire under session_replication_role =
-- replica.
CREATE OR REPLACE FUNCTION "audit"."refuse_change"() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  raise exception '% on %.% refused: the audit log is append-only',
    tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege',
          hint = 'Record a new entry that says what was wrong with the old one.';
end
$$;
--> statement-breakpoint
-- Gives the log or one of its partitions its own append-only statement trigger, because Postgres
-- does not copy statement triggers to partitions. It copies the row trigger, but a row trigger does
-- not fire for TRUNCATE or where no row matches.
CREATE OR REPLACE FUNCTION "audit"."guard_log_table"("log_table" regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  execute format(
    'create trigger audit_log_append_only before update or delete or truncate on %s '
    'for each statement execute function audit.refuse_change()', log_table);
  execute format('alter table %s enable always trigger audit_log_append_only', log_table);
  -- Older supported servers do not copy ENABLE ALWAYS to the partition's copy of the row trigger.
  execute format('alter table %s enable always trigger audit_log_row_append_only', log_table);
end
$$;
--> statement-breakpoint
-- The months without a partition, from this one to the given number of months after it: the name of
-- each one's partition, the smallest id in it and the smallest id behind it.
CREATE OR REPLACE FUNCTION "audit"."missing_months"(
  "months" integer, OUT "name" text, OUT "first_id" uuid, OUT "end_id" uuid
) RETURNS SETOF record
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  select m.name, audit.id_floor(m.start), audit.id_floor(m.start + interval '1 month')
  from (
    select s.start, 'audit_log_' || to_char(s.start, 'YYYY_MM') as name
    from (
      select date_trunc('month', now()) + make_interval(months => ahead) as start
      from generate_series(0, months) as ahead
    ) as s
  ) as m
  where to_regclass('audit.' || m.name) is null
  order by m.start
$$;
--> statement-breakpoint
-- The condition that an id lies neither in a partition of the log nor in one of these ranges: what
-- DEFAULT holds once the ranges are partitions, too. Ranges that meet are joined, because Postgres
-- compares each with each when it attaches DEFAULT.
CREATE OR REPLACE FUNCTION "audit"."outside_of_partitions"("first_ids" uuid[], "end_ids" uuid[])
RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  with partition as (
    select
      pg_get_partition_constraintdef(c.oid) as condition,
      regexp_match(pg_get_expr(c.relpartbound, c.oid),
        '^FOR VALUES FROM [(]''([0-9a-f-]{36})''[)] TO [(]''([0-9a-f-]{36})''[)]$') as bounds
    from pg_class as c join pg_inherits as i on i.inhrelid = c.oid
    where i.inhparent = 'audit.audit_log'::regclass
      and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
  ),
  range as (
    select p.bounds[1]::uuid as first_id, p.bounds[2]::uuid as end_id from partition as p
    where p.bounds is not null
    union all
    select r.first_id, r.end_id from unnest(first_ids, end_ids) as r (first_id, end_id)
  ),
  begun as (
    select r.*, r.first_id is distinct from lag(r.end_id) over (order by r.first_id) as is_apart
    from range as r
  ),
  numbered as (
    select b.*, count(*) filter (where b.is_apart) over (order by b.first_id) as island from begun as b
  ),
  joined as (
    select format('(id < %L or id >= %L)',
      (array_agg(n.first_id order by n.first_id))[1],
      (array_agg(n.end_id order by n.first_id desc))[1]) as condition
    from numbered as n group by n.island
    union all
    select format('not (%s)', p.condition) from partition as p where p.bounds is null
  )
  select string_agg(j.condition, ' and ') from joined as j
$$;
--> statement-breakpoint
-- The sessions that hold a lock of the log or of one of its partitions, the longest transaction
-- first. While one of them does, no partition can be made. transaction names the transaction in which
-- a session holds it. for_ms is how long that has been open, in milliseconds; null where audit_owner
-- may not see it, which is so for most logins.
CREATE OR REPLACE FUNCTION "audit"."who_holds_log"(
  OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "transaction" text,
  OUT "for_ms" double precision
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select l.pid, a.usename::text, a.application_name, l.transaction,
    (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::double precision
  from (
    select distinct k.pid, k.virtualtransaction as transaction from pg_locks as k
    where k.locktype = 'relation' and k.granted and k.pid is distinct from pg_backend_pid()
      and k.database = (select d.oid from pg_database as d where d.datname = current_database())
      and (
        k.relation = 'audit.audit_log'::regclass
        or k.relation in (
          select i.inhrelid from pg_inherits as i where i.inhparent = 'audit.audit_log'::regclass
        )
      )
  ) as l
  left join pg_stat_activity as a on a.pid = l.pid
  order by a.xact_start nulls last, l.pid
$$;
--> statement-breakpoint
-- Makes the missing partitions for this month and for the given number of months after it (0 to
-- 120), at most 24 in a call. Returns how many it made; also 0 where another session is making
-- them. The relay calls it well ahead of need, until it returns 0; the migrator calls it, too.
--
-- The function holds the log's lock for some milliseconds only, even if DEFAULT holds many rows:
-- - It makes the tables next to the log. A CHECK on each says that it holds only rows of its month, so
--   that Postgres need not read the table when it is attached.
-- - Postgres attaches no month while DEFAULT holds rows of it, and the append-only trigger forbids
--   moving them. Then the function copies all rows of DEFAULT to where they belong, the others to a
--   new DEFAULT, while the log is written and read. It does so as well where DEFAULT is so long that
--   Postgres would read it for too long.
-- - What was logged meanwhile has a greater seq than the head had at the copy. That little is copied
--   under the lock. Where DEFAULT holds a greater seq than the head, somebody other than the relay
--   wrote to the log, and all rows are counted.
-- - It waits for the lock for 100 ms, because everybody else waits behind it. Then it lets go, and
--   tries again after 0.3 to 1 s, five times in all (55P03).
CREATE OR REPLACE FUNCTION "audit"."ensure_partitions"("months" integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET timezone = 'UTC' AS $$
declare
  max_made constant integer := 24;
  max_tries constant integer := 5;
  -- So many pages of DEFAULT are read under the lock in some ten milliseconds.
  max_pages_read constant bigint := 4096;
  max_rows_copied constant integer := 1000;
  max_rows_compared constant integer := 10000;
  missing text[];
  first_ids uuid[];
  end_ids uuid[];
  is_copied boolean := false;
  is_by_hand boolean;
  head_at_copy bigint;
  head_now bigint;
  copied bigint;
  copied_in_all bigint;
begin
  if months is null or months < 0 or months > 120 then
    raise exception 'months must be from 0 to 120, got %', months
      using errcode = 'invalid_parameter_value';
  end if;
  select array_agg(m.name), array_agg(m.first_id), array_agg(m.end_id)
  into missing, first_ids, end_ids
  from (select * from audit.missing_months(months) limit max_made) as m;
  if missing is null then
    return 0;
  end if;
  -- One session at a time, because two would both make the same month.
  perform 1 from audit.audit_turn as t where t.turn = -1 for no key update skip locked;
  if not found then
    return 0;
  end if;
  select array_agg(m.name), array_agg(m.first_id), array_agg(m.end_id)
  into missing, first_ids, end_ids
  from (select * from audit.missing_months(months) limit max_made) as m;
  if missing is null then
    return 0;
  end if;
  for month in 1 .. cardinality(missing) loop
    execute format('create table audit.%I (like audit.audit_log including all)', missing[month]);
    execute format('alter table audit.%I add constraint audit_log_bounds check (id >= %L and id < %L)',
      missing[month], first_ids[month], end_ids[month]);
  end loop;

  for try in 1 .. max_tries loop
    if not is_copied and (
      pg_relation_size('audit.audit_log_default') / current_setting('block_size')::bigint
        * cardinality(missing) > max_pages_read
      or audit.default_holds(first_ids, end_ids)
    ) then
      if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'rows of DEFAULT cannot be moved at the isolation level %',
          current_setting('transaction_isolation')
          using errcode = 'invalid_transaction_state',
            hint = 'Set default_transaction_isolation to read committed for this login.';
      end if;
      create table audit.audit_log_default_next (like audit.audit_log including all);
      execute format(
        'alter table audit.audit_log_default_next add constraint audit_log_bounds check (%s)',
        audit.outside_of_partitions(first_ids, end_ids));
      select h.seq, exists (select from audit.audit_log_default as d where d.seq > h.seq)
      into head_at_copy, is_by_hand from audit.audit_head as h;
      copied_in_all := audit.copy_default(missing, first_ids, end_ids, null);
      is_copied := true;
      for round in 1 .. 10 loop
        exit when is_by_hand;
        select h.seq into head_now from audit.audit_head as h;
        copied := audit.copy_default(missing, first_ids, end_ids, head_at_copy);
        head_at_copy := head_now;
        exit when copied < max_rows_copied;
      end loop;
    end if;
    begin
      lock table only audit.audit_log in access exclusive mode;
      if is_copied then
        lock table audit.audit_log_default in access exclusive mode;
        if is_by_hand then
          if (select count(*) from audit.audit_log_default) = copied_in_all then
            null;
          elsif copied_in_all <= max_rows_compared then
            perform audit.copy_default(missing, first_ids, end_ids, -1);
          else
            raise exception 'rows came meanwhile' using errcode = 'lock_not_available';
          end if;
        elsif (
          select count(*) from (
            select from audit.audit_log_default as d where d.seq > head_at_copy
            limit max_rows_copied + 1
          ) as late
        ) > max_rows_copied then
          raise exception 'too many rows came meanwhile' using errcode = 'lock_not_available';
        else
          perform audit.copy_default(missing, first_ids, end_ids, head_at_copy);
        end if;
        alter table audit.audit_log detach partition audit.audit_log_default;
        drop table audit.audit_log_default;
      elsif audit.default_holds(first_ids, end_ids) then
        raise exception 'rows of a missing month came to DEFAULT meanwhile'
          using errcode = 'lock_not_available';
      end if;
      for month in 1 .. cardinality(missing) loop
        execute format('alter table audit.audit_log attach partition audit.%I for values from (%L) to (%L)',
          missing[month], first_ids[month], end_ids[month]);
        execute format('alter table audit.%I drop constraint audit_log_bounds', missing[month]);
        perform audit.guard_log_table(format('audit.%I', missing[month])::regclass);
      end loop;
      if is_copied then
        alter table audit.audit_log_default_next rename to audit_log_default;
        alter table audit.audit_log attach partition audit.audit_log_default default;
        alter table audit.audit_log_default drop constraint audit_log_bounds;
        perform audit.guard_log_table('audit.audit_log_default');
      end if;
      return cardinality(missing);
    exception when lock_not_available then
      if try = max_tries then
        raise exception 'the log was locked by another session % times', max_tries
          using errcode = 'lock_not_available',
            hint = 'audit.who_holds_log() names the sessions.';
      end if;
    end;
    perform pg_sleep(0.3 + 0.7 * random());
    if is_copied and is_by_hand then
      copied_in_all := copied_in_all + audit.copy_default(missing, first_ids, end_ids, -1);
    elsif is_copied then
      select h.seq into head_now from audit.audit_head as h;
      perform audit.copy_default(missing, first_ids, end_ids, head_at_copy);
      head_at_copy := head_now;
    end if;
  end loop;
end
$$;
--> statement-breakpoint
-- Whether a JSON value holds a key that names a secret. Each name is decided once. It looks at 34
-- levels: an array of entries, an entry, and the levels of its metadata. What is deeper is cut.
CREATE OR REPLACE FUNCTION "audit"."holds_secret"("given" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  select exists (
    select from (
      select distinct name
      from jsonb_path_query(given, 'strict $.**{0 to 34} ? (@.type() == "object")') as object,
        jsonb_object_keys(object) as name
      where audit.may_name_secret(name)
      offset 0
    ) as names
    where audit.secret_kind(name) is not null
  )
$$;
--> statement-breakpoint
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
--> statement-breakpoint
-- Whether an action belongs to the product itself: its entity is "audit", in capitals or not, with
-- anything before it that is no letter and no digit. Such a text looks like one of ours to a person.
-- Most actions begin with another letter, so only few are matched with the pattern.
CREATE OR REPLACE FUNCTION "audit"."is_reserved"("action" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select case
    when ascii(action) between 98 and 122 then false
    when action ~* '^[^[:alnum:]]*audit[^[:alnum:]]*([.]|$)' then true
    when octet_length(action) = length(action) then false
    else audit.is_lookalike(action)
  end
$$;
--> statement-breakpoint
-- Whether a UUID is a UUIDv7 of RFC 9562: its version and its variant are.
CREATE OR REPLACE FUNCTION "audit"."is_uuid7"("id" uuid) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select get_byte(uuid_send(id), 6) >> 4 = 7 and get_byte(uuid_send(id), 8) >> 6 = 2
$$;
--> statement-breakpoint
-- What context.invalid keeps of a text that was given for a field, and the marks that say so.
CREATE OR REPLACE FUNCTION "audit"."kept_text"(
  "field" text, "given" text, OUT "invalid" jsonb, OUT "marks" text[]
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select
    case when given is null then '{}'
      else jsonb_build_object(field, left(given, audit.bound('text_characters')::integer)) end,
    case
      when given is null then '{}'
      when length(given) > audit.bound('text_characters')
        then array[field || '.invalid', field || '.truncated']
      else array[field || '.invalid']
    end
$$;
--> statement-breakpoint
-- All numbers in two documents, at whatever depth.
CREATE OR REPLACE FUNCTION "audit"."numbers_in"("metadata" jsonb, "context" jsonb)
RETURNS SETOF numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select value::numeric
  from (values (metadata), (context)) as documents (document)
  cross join lateral jsonb_path_query(document, 'strict $.** ? (@.type() == "number")') as value
$$;
--> statement-breakpoint
-- Makes an object of a jsonb value, because the log's jsonb columns take nothing else. An object
-- stays as it is, null becomes {}, and any other value is kept under the key "value".
CREATE OR REPLACE FUNCTION "audit"."object_of"("given" jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case coalesce(jsonb_typeof(given), 'null')
    when 'null' then '{}'
    when 'object' then given
    else jsonb_build_object('value', given)
  end
$$;
--> statement-breakpoint
-- Reads an id given as text as a uuid. Returns null where it does not have a uuid's usual form.
CREATE OR REPLACE FUNCTION "audit"."uuid_or_null"("id" text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case when id ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then id::uuid end
$$;
--> statement-breakpoint
-- Reads what was given for an id. An object gives its id, and is marked. What is no UUID is kept in
-- "invalid" under the field's name, cut, and marked.
CREATE OR REPLACE FUNCTION "audit"."read_id"(
  "given" jsonb, "field" text, OUT "id" uuid, OUT "invalid" jsonb, OUT "marks" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  own jsonb := given;
  value text;
  kept record;
begin
  invalid := '{}';
  marks := '{}';
  if jsonb_typeof(given) = 'object' then
    if jsonb_typeof(given -> 'id') in ('string', 'number') and given ->> 'id' <> '' then
      own := given -> 'id';
      marks := array[field || '.object'];
    else
      own := (audit.censor(given, field, null)).clean;
    end if;
  end if;
  value := nullif(own #>> '{}', '');
  id := audit.uuid_or_null(value);
  if id is null and value is not null then
    kept := audit.kept_text(field, value);
    invalid := kept.invalid;
    marks := marks || kept.marks;
  end if;
end
$$;
--> statement-breakpoint
-- A context with one more key. Where its name is taken, or is that of the product's own notes, "entry."
-- comes before it.
CREATE OR REPLACE FUNCTION "audit"."with_key"("context" jsonb, "name" text, "value" jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  free text := name;
begin
  while context ? free or free in ('degraded', 'redacted', 'invalid') loop
    free := 'entry.' || free;
  end loop;
  return context || jsonb_build_object(free, value);
end
$$;
--> statement-breakpoint
-- The fields of an entry under the columns' names. The library's names are taken too: userId for
-- user_id. Where both are given and differ, the column's wins, and the other one is kept in the
-- context. So is everything else that was given, under its own name or, where that is taken, with
-- "entry." before it. "marks" says so.
CREATE OR REPLACE FUNCTION "audit"."read_names"(
  "given" jsonb, OUT "fields" jsonb, OUT "marks" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  columns constant text[] := array[
    'id', 'occurred_at', 'user_id', 'event_id', 'target_id', 'action', 'entity_type', 'request_id',
    'metadata', 'context'
  ];
  notes constant text[] := array['degraded', 'redacted', 'invalid'];
  context jsonb := audit.object_of(given -> 'context');
  name text;
  value jsonb;
  own text;
  column_name text;
begin
  fields := given;
  marks := '{}';
  foreach name in array array['metadata', 'context'] loop
    if jsonb_typeof(given -> name) not in ('object', 'null') then
      marks := marks || (name || '.wrapped');
    end if;
  end loop;
  foreach name in array notes loop
    -- The product's own notes have these names. A value of another type is none of them.
    continue when not context ? name or jsonb_typeof(context -> name)
      = case name when 'invalid' then 'object' else 'array' end;
    marks := marks || 'context.reserved'::text;
    value := context -> name;
    context := audit.with_key(context - name, name, value);
  end loop;
  for name, value in select e.key, e.value from jsonb_each(given - columns) as e order by e.key loop
    fields := fields - name;
    column_name := case name
      when 'occurredAt' then 'occurred_at'
      when 'userId' then 'user_id'
      when 'eventId' then 'event_id'
      when 'targetId' then 'target_id'
      when 'entityType' then 'entity_type'
      when 'requestId' then 'request_id'
    end;
    if column_name is null then
      marks := marks || 'entry.unknownKey'::text;
    elsif coalesce(given -> column_name, 'null') = 'null' then
      fields := fields || jsonb_build_object(column_name, value);
      continue;
    else
      continue when value = 'null' or value = given -> column_name;
      marks := marks || (name || '.twice');
    end if;
    context := audit.with_key(context, name, value);
  end loop;
  fields := fields || jsonb_build_object('context', context);
end
$$;
--> statement-breakpoint
-- Reads what was given for occurred_at: ISO 8601 text, as to_json() writes it, or a number of
-- milliseconds since 1970. As the library does, it reads text without a zone as UTC and numbers from
-- 100,000,000 to 100,000,000,000 as seconds, and marks both. Of what is no time of the years 1 to 9999
-- "kept" is the text, "refusal" an SQLSTATE, and "fault" says what is wrong. "at" is null then, and where nothing was given.
CREATE OR REPLACE FUNCTION "audit"."read_time"(
  "given" jsonb, OUT "at" timestamptz, OUT "marks" text[], OUT "kept" text,
  OUT "refusal" text, OUT "fault" text
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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
        -- With a zone and the year first, no setting of the session changes what it means.
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
  end if;
end
$$;
--> statement-breakpoint
-- A context with more notes in its list "degraded" or "redacted", each once. At most 20 are added, as
-- in the library, and then "..." says that there were more.
CREATE OR REPLACE FUNCTION "audit"."with_notes"("context" jsonb, "name" text, "notes" text[])
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  list jsonb := case jsonb_typeof(context -> name) when 'array' then context -> name else '[]' end;
  note text;
begin
  if notes = '{}' then
    return context;
  end if;
  foreach note in array case when cardinality(notes) > 20 then notes[1:20] || '...'::text else notes end
  loop
    if not list ? left(note, 256) then
      list := list || to_jsonb(left(note, 256));
    end if;
  end loop;
  return context || jsonb_build_object(name, list);
end
$$;
--> statement-breakpoint
-- Looks closely at one entry, given as a JSON object, for a lane that takes ids from "oldest" to before
-- "latest". What is too much is cut, what is no id goes to context.invalid, and context.degraded says
-- what was changed. "refusal" is the SQLSTATE where the entry cannot be taken at all, "reason" says
-- why in words that quote nothing of it. It never raises for what an entry holds and writes nothing,
-- so its subtransactions take no transaction id.
--
-- "redacted": the library has made the entry, with the columns' names, times that can be read and
-- without secrets. Otherwise read_names() sorts its keys, read_time() reads its time, and values whose
-- key names a secret are censored. Now is stored in place of a time that cannot be read:
-- "time_refusal" and "time_fault" are the SQLSTATE and the reason for a caller that does not want that.
CREATE OR REPLACE FUNCTION "audit"."examine"(
  "given" json, "bytes" integer, "oldest" uuid, "latest" uuid, "redacted" boolean,
  OUT "refusal" text, OUT "reason" text, OUT "given_id" text, OUT "entry" "audit"."audit_outbox",
  OUT "time_refusal" text, OUT "time_fault" text
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  max_text constant integer := audit.bound('text_characters');
  max_levels constant integer := audit.bound('levels');
  is_container constant jsonpath := format(
    'strict $.**{%s} ? (@.type() == "object" || @.type() == "array")', max_levels);
  fields jsonb;
  seen record;
  hidden text[] := '{}';
  invalid jsonb := '{}';
  marks text[] := '{}';
  is_long boolean;
  printed bigint;
begin
  if bytes > audit.bound('entry_bytes') then
    refusal := '54000';
    reason := format('the entry has %s bytes of text, at most %s are taken', bytes,
      audit.bound('entry_bytes'));
    return;
  end if;
  if json_typeof(given) is distinct from 'object' then
    refusal := '22023';
    reason := 'not an entry: it is no JSON object';
    return;
  end if;
  begin
    given_id := left(given ->> 'id', max_text);
    fields := given::jsonb;
    if not redacted then
      seen := audit.read_names(fields);
      fields := seen.fields;
      marks := seen.marks;
    end if;
    entry.metadata := audit.object_of(fields -> 'metadata');
    entry.context := audit.object_of(fields -> 'context');
    if redacted then
      entry.occurred_at := coalesce((fields ->> 'occurred_at')::timestamptz, clock_timestamp());
      entry.recorder_seq := (fields ->> 'recorder_seq')::bigint;
    else
      seen := audit.read_time(fields -> 'occurred_at');
      entry.occurred_at := coalesce(seen.at, clock_timestamp());
      invalid := jsonb_strip_nulls(jsonb_build_object('occurredAt', seen.kept));
      marks := marks || seen.marks;
      time_refusal := seen.refusal;
      time_fault := seen.fault;
    end if;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    refusal := sqlstate;
    reason := 'the database cannot hold a value of the entry';
    return;
  end;

  if coalesce(fields ->> 'action', '') = '' then
    refusal := '23502';
    reason := 'no action';
    return;
  end if;
  if audit.is_reserved(fields ->> 'action') then
    refusal := '42501';
    reason := 'actions of the entity "audit" are the product''s own: use another entity name';
    return;
  end if;
  if entry.occurred_at < '0001-01-01 00:00:00+00' or entry.occurred_at >= '10000-01-01 00:00:00+00'
  then
    refusal := '22008';
    reason := 'occurred_at is not between the years 1 and 9999';
    return;
  end if;

  -- By its size first: Postgres can hold a number of 131,072 digits in some bytes, and printing
  -- thousands of those would take minutes.
  select coalesce(bool_or(abs(n) >= 1e1000 or scale(n) > 1000), false) into is_long
  from audit.numbers_in(entry.metadata, entry.context) as n;
  if not is_long then
    select coalesce(bool_or(length(translate(n::text, '-.', '')) > 1000), false),
      coalesce(sum(length(n::text)), 0)
    into is_long, printed
    from audit.numbers_in(entry.metadata, entry.context) as n;
  end if;
  if is_long then
    refusal := '22003';
    reason := format('a number has more than %s digits', audit.bound('number_digits'));
    return;
  end if;
  if printed > audit.bound('entry_bytes') then
    refusal := '54000';
    reason := format('the numbers of the entry written out have %s digits, at most %s are taken',
      printed, audit.bound('entry_bytes'));
    return;
  end if;

  entry.id := audit.uuid_or_null(given ->> 'id');
  if entry.id is null or not audit.is_uuid7(entry.id) then
    entry.id := audit.new_id();
    seen := audit.kept_text('id', nullif(given ->> 'id', ''));
    invalid := invalid || seen.invalid;
    marks := marks || seen.marks;
  elsif entry.id >= latest then
    refusal := '22008';
    reason := 'the id''s time is more than a day ahead of the database''s clock: '
      || 'set the clock of the machine that made it, or retry once that time has come';
    return;
  elsif entry.id < oldest then
    refusal := '22008';
    reason := 'the id''s time is before the first partition of the log';
    return;
  end if;

  if jsonb_path_exists(entry.metadata, is_container) then
    entry.metadata := audit.cut_deep(entry.metadata, max_levels);
    marks := marks || 'metadata.depth'::text;
  end if;
  if jsonb_path_exists(entry.context, is_container) then
    entry.context := audit.cut_deep(entry.context, max_levels);
    marks := marks || 'context.depth'::text;
  end if;
  if not redacted and audit.holds_secret(jsonb_build_array(entry.metadata, entry.context)) then
    seen := audit.censor(entry.metadata, 'metadata', null);
    entry.metadata := seen.clean;
    hidden := seen.paths;
    seen := audit.censor(entry.context, 'context', null);
    entry.context := seen.clean;
    hidden := hidden || seen.paths;
  end if;

  seen := audit.read_id(fields -> 'user_id', 'userId');
  entry.user_id := seen.id;
  invalid := invalid || seen.invalid;
  marks := marks || seen.marks;
  seen := audit.read_id(fields -> 'event_id', 'eventId');
  entry.event_id := seen.id;
  invalid := invalid || seen.invalid;
  marks := marks || seen.marks;
  seen := audit.read_id(fields -> 'target_id', 'targetId');
  entry.target_id := seen.id;
  invalid := invalid || seen.invalid;
  marks := marks || seen.marks;

  entry.action := left(fields ->> 'action', audit.bound('action_characters')::integer);
  entry.entity_type := left(nullif(fields ->> 'entity_type', ''), max_text);
  entry.request_id := left(nullif(fields ->> 'request_id', ''), max_text);
  if entry.action <> fields ->> 'action' then
    marks := marks || 'action.truncated'::text;
  end if;
  if entry.entity_type <> fields ->> 'entity_type' then
    marks := marks || 'entityType.truncated'::text;
  end if;
  if entry.request_id <> fields ->> 'request_id' then
    marks := marks || 'requestId.truncated'::text;
  end if;

  if invalid <> '{}' then
    entry.context := entry.context || jsonb_build_object('invalid', case
      when jsonb_typeof(entry.context -> 'invalid') = 'object' then entry.context -> 'invalid'
      else '{}'
    end || invalid);
  end if;
  entry.context := audit.with_notes(entry.context, 'degraded', marks);
  entry.context := audit.with_notes(entry.context, 'redacted', hidden);
  entry.written_by := session_user;
  entry.ours := false;
end
$$;
--> statement-breakpoint
-- Whether an entry of an array has a key that is no column's. It raises where an entry is no object. A
-- function that calls it pins its search_path.
CREATE OR REPLACE FUNCTION "audit"."has_other_names"("entries" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select exists (
    select from jsonb_array_elements(entries) as e
    where (e - array[
      'id', 'occurred_at', 'user_id', 'event_id', 'target_id', 'action', 'entity_type', 'request_id',
      'metadata', 'context'
    ]) <> '{}'
  )
$$;
--> statement-breakpoint
-- Finds out whether this is still the log that a relay knows, and returns the last entry that it holds
-- now, for the next call. A relay calls it when it starts and every few seconds.
--
-- state is
-- - 'same': nothing has changed;
-- - 'moved': the server is on another timeline and nothing that the relay knows is missing, as after a
--   clean switch to a standby; the log says so, in the same history;
-- - 'new': another server, so a new history has begun, or somebody else has begun one. A dump holds
--   the fast lane and its sentinel together, so the function declares a gap in that lane, too;
-- - 'lost': the last entry that the relay knows is not there any more. Nothing was changed: only
--   "audit-relay restored" begins a new history then.
CREATE OR REPLACE FUNCTION "audit"."identify"(
  "known_history" uuid, "known_seq" bigint, "known_id" uuid,
  OUT "state" text, OUT "history" uuid, OUT "seq" bigint, OUT "id" uuid
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  head audit.audit_head;
  server record;
begin
  select * into head from audit.audit_head;
  select * into server from audit.server_identity();
  state := 'same';
  if head.history is distinct from known_history then
    state := case when known_history is null then 'same' else 'new' end;
  elsif known_id is not null and not exists (
    select from audit.audit_log as l where l.id = known_id and l.seq = known_seq
  ) then
    state := 'lost';
  end if;
  if state <> 'lost' and (server.system_identifier, server.timeline)
    is distinct from (head.system_identifier, head.timeline) and server.system_identifier is not null
  then
    -- One relay writes it down. Where another session holds the head, the next call looks again.
    select * into head from audit.audit_head for update skip locked;
    if not found then
      select * into head from audit.audit_head;
    elsif head.system_identifier is null then
      update audit.audit_head as h
      set system_identifier = server.system_identifier, timeline = server.timeline;
    elsif head.system_identifier <> server.system_identifier then
      delete from audit.audit_sentinel;
      perform audit.declare_gap();
      perform audit.begin_history('another system identifier');
      state := 'new';
    elsif head.timeline is distinct from server.timeline then
      update audit.audit_head as h set timeline = server.timeline;
      perform audit.put_ours(
        'audit.moved', null,
        jsonb_build_object(
          'history', head.history, 'timelineBefore', head.timeline, 'timeline', server.timeline,
          'lastSeq', head.seq),
        '{}'
      );
      state := 'moved';
    end if;
    select * into head from audit.audit_head;
  end if;
  history := head.history;
  seq := head.seq;
  select l.id into id from audit.audit_log as l where l.seq = head.seq limit 1;
end
$$;
--> statement-breakpoint
-- Whether a lane takes metadata or context exactly as it is. Null and false say that examine() has to
-- look: it is no object, or may be more than 32 levels deep (with fewer than 264 bytes it cannot be),
-- or may hold a number of more than 1,000 digits. "is_plain" says that the text that it came in holds
-- none. Otherwise "printed" tells: its text as Postgres prints it, or null for one of 16 KiB or more,
-- because some bytes can hold a number of 131,072 digits. A text of 1,000 bytes holds no such number,
-- and one that does has 24 digits side by side.
CREATE OR REPLACE FUNCTION "audit"."is_document_fit"(
  "document" jsonb, "printed" text, "is_plain" boolean
) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  select jsonb_typeof(document) = 'object'
    and (pg_column_size(document) < 264 or not jsonb_path_exists(document, 'strict $.**{32}'))
    and (is_plain or octet_length(printed) <= 1000 or printed !~ '[0-9]{24}' collate "C")
$$;
--> statement-breakpoint
-- Whether a lane takes an entry exactly as it is, but for its metadata and context. Null and false
-- say that examine() has to look: lengths are counted in bytes here, which is cheaper. A statement
-- that calls this function holds its text in its own plan.
CREATE OR REPLACE FUNCTION "audit"."is_fit"(
  "id" uuid, "occurred_at" timestamptz, "action" text, "entity_type" text, "request_id" text,
  "oldest" uuid, "latest" uuid
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select id >= oldest and id < latest and audit.is_uuid7(id)
    and occurred_at >= '0001-01-01 00:00:00+00' and occurred_at < '10000-01-01 00:00:00+00'
    and octet_length(action) between 1 and audit.bound('action_characters')
    and not audit.is_reserved(action)
    and (entity_type is null
      or octet_length(entity_type) between 1 and audit.bound('text_characters'))
    and (request_id is null
      or octet_length(request_id) between 1 and audit.bound('text_characters'))
$$;
--> statement-breakpoint
-- Whether a text of so many entries holds none that is too large, and no number of more than 1,000
-- digits, written out or as an exponent, for sure. It looks only at a text with more than 2 KiB an
-- entry: below that, to print the metadata and the context of each entry costs less than this pattern.
CREATE OR REPLACE FUNCTION "audit"."is_plain"("given" text, "entries" integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select octet_length(given) > 2048 * entries
    and octet_length(given) <= audit.bound('entry_bytes')
    and given !~ '[0-9]{24}|[[:space:],:[]-?[0-9][0-9.]*[eE][-+]?[0-9]{3}' collate "C"
$$;
--> statement-breakpoint
-- The fast lane's epoch, and the smallest running number of this recorder that still waits in the
-- lane (null where none waits). While the epoch stays the same, every entry below that number is
-- logged.
CREATE OR REPLACE FUNCTION "audit"."lane_state"(
  "recorder" uuid, OUT "epoch" uuid, OUT "first_waiting" bigint
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  -- The lock comes first. Compaction empties the table and puts its rows back. A statement that
  -- waits for compaction has an older snapshot: it would find no rows and call every entry logged.
  lock table audit.audit_staging in access share mode;
  select
    (select s.epoch from audit.audit_sentinel as s),
    (select min(w.recorder_seq) from audit.audit_staging as w where w.recorder_id = recorder)
  into epoch, first_waiting;
end
$$;
--> statement-breakpoint
-- A row of a lane as the text of its dead letter. Who wrote it, and whether it is ours, stand in the
-- letter's own columns and not in the text, which an operator may hand out.
CREATE OR REPLACE FUNCTION "audit"."lane_text"(
  "id" uuid, "occurred_at" timestamptz, "user_id" uuid, "event_id" uuid, "target_id" uuid,
  "recorder_id" uuid, "recorder_seq" bigint, "action" text, "entity_type" text, "request_id" text,
  "metadata" jsonb, "context" jsonb
) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select row_to_json(r)::text
  from (
    select id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq,
      action, entity_type, request_id, metadata, context
  ) as r
$$;
--> statement-breakpoint
-- The smallest id that is too far ahead of the database's clock to be taken.
CREATE OR REPLACE FUNCTION "audit"."latest_id"() RETURNS uuid
LANGUAGE sql VOLATILE AS $$
  select rpad(lpad(to_hex(
    (extract(epoch from clock_timestamp()) * 1000)::bigint + audit.bound('ahead_ms')
  ), 12, '0'), 32, '0')::uuid
$$;
--> statement-breakpoint
-- The numbers of the dead letters behind one number, smallest first, at most max_letters.
CREATE OR REPLACE FUNCTION "audit"."letter_numbers"("after" bigint, "max_letters" integer)
RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select d.number from audit.audit_dead_letter as d
  where d.number > after order by d.number limit max_letters
$$;
--> statement-breakpoint
-- The newest dead letters, newest first, at most max_letters: why the log refused each, and how long
-- its entry is. What it says is left out, because that is personal and can be long.
CREATE OR REPLACE FUNCTION "audit"."list_letters"(
  "max_letters" integer, OUT "number" bigint, OUT "died_at" text, OUT "lane" text,
  OUT "sqlstate" text, OUT "reason" text, OUT "id" text, OUT "recorder_id" uuid,
  OUT "recorder_seq" bigint, OUT "entry_bytes" integer
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    d.number, to_json(d.died_at at time zone 'UTC') #>> '{}' || 'Z', d.lane, d.sqlstate, d.reason, left(d.id, 128), d.recorder_id,
    d.recorder_seq, coalesce(octet_length(d.entry), 0)
  from audit.audit_dead_letter as d order by d.number desc limit max_letters
$$;
--> statement-breakpoint
-- The places and ids of the next rows of a lane (at most max_rows), in no order. Rows that another
-- session holds are left out. The relay asks when the log refused a batch, to find the row at fault.
CREATE OR REPLACE FUNCTION "audit"."list_places"(
  "lane" text, "max_rows" integer, OUT "place" text, OUT "id" uuid
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  if lane is null or lane not in ('staging', 'outbox') then
    raise exception 'audit.list_places knows the lanes staging and outbox'
      using errcode = 'invalid_parameter_value';
  end if;
  return query execute format(
    'select l.ctid::text, l.id from audit.audit_%s as l limit $1 for update of l skip locked', lane)
  using max_rows;
end
$$;
--> statement-breakpoint
-- For the WHERE of a statement that puts entries into a lane: lets no entry through, and leaves a note
-- for the rest of the function that some entry was not fit. Only such entries pay for it.
CREATE OR REPLACE FUNCTION "audit"."mark_unfit"() RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  select set_config('audit.unfit', 'yes', true) is null
$$;
--> statement-breakpoint
-- Made from src/redact by "npm run schema:make".
-- Whether a JSON text may hold a key that names a secret. A key with an escape may be any.
CREATE OR REPLACE FUNCTION "audit"."may_hold_secret"("given" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select given ~* $re$(?:pass|pw|psw|secret|segret|token|cred|auth|cookie|key|pin|puk|otp|cv[vnc]|csc|code|jwt|jeton|bearer|sess|sid|saml|hmac|sas|geheim|contra|kennw|mdp|mot|senha|wacht|woord|seno|adgang|kodeo|hasl|hesl|parol|paro|jelsz|sala|sifre|slap|geslo|lozin|connect|number|clave|sandi|khau|mima|losen|kod|[^\u0001-\u007f]|\\u)(?:[^"\\]|\\.)*"[[:space:]]*:$re$ collate "C"
$$;
--> statement-breakpoint
-- Moves one batch out of the lane outbox, as the part of audit.move that takes the entries and appends
-- them to the log, in one statement. The other lane's function is the same but for the lane's name, so
-- change both. The log stands at head_before, and audit.move has seen to it that nobody else appends.
-- Returns also how many new entries each recorder has, and its greatest number among them, in the
-- order of their ids.
--
-- - "claimed" skips rows that another session holds, and never waits. It is not ordered: ordering a
--   backlog costs three times the move, and the log's order comes from the head. Rows are found by
--   their place, because a lane has no index to keep.
-- - "fresh" leaves out what is in the log already and all but one of what came twice in this batch.
-- - "logged" has no ON CONFLICT: a skipped row would leave a hole in seq. Where another session
--   logs one of the ids meanwhile, 23505 rolls all of it back, and the batch is moved again. The
--   rows are inserted in the order of their ids, so that two moves cannot deadlock.
-- - "parked" takes what the log's checks would refuse, and an id that came again with another
--   content. It looks only where some row was not fresh. An entry that was staged again is no
--   second letter, because its recorder's account would count it twice. A letter that cannot be
--   written for another reason fails the move, so no entry vanishes.
-- - It finds the row of "fresh" by a full join, although each of those rows is in "moved": Postgres
--   takes both for some ten rows, and would look through all of them for each row. Such a batch of
--   4,000 took 12 million looks, more than the statement's deadline on a busy server, at every try.
--   A full join is made by a hash or a merge.
-- - The statement is planned for its parameters each time. A kept plan that was made while a
--   partition was empty would read the whole partition from then on. It is static SQL, because to
--   parse it each time cost a tenth of a batch of 100.
CREATE OR REPLACE FUNCTION "audit"."take_from_outbox"(
  "batch_entries" integer, "from_place" tid, "places" tid[], "head_before" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "parked" integer, OUT "through" text,
  OUT "recorders" uuid[], OUT "entries" bigint[], OUT "last_numbers" bigint[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
begin
  with claimed as materialized (
    select l.ctid from audit.audit_outbox as l
    where (from_place is null or l.ctid >= from_place) and (places is null or l.ctid = any(places))
    limit batch_entries
    for update of l skip locked
  ),
  moved as (
    delete from audit.audit_outbox where ctid = any(array(select ctid from claimed))
    returning
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, written_by, ours
  ),
  fresh as materialized (
    select distinct on (m.id) m.* from moved as m
    where coalesce(char_length(m.action) between 1 and 128, false)
      and coalesce(char_length(m.entity_type) between 1 and 256, true)
      and coalesce(char_length(m.request_id) between 1 and 256, true)
      and coalesce(jsonb_typeof(m.metadata) = 'object', true)
      and coalesce(jsonb_typeof(m.context) = 'object', true)
      and not exists (select from audit.audit_log as l where l.id = m.id)
    order by m.id
  ),
  total as materialized (
    select (select count(*) from moved) as claimed, (select count(*) from fresh) as fresh
  ),
  logged as (
    insert into audit.audit_log (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, written_by, seq
    )
    select
      f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
      f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
      f.written_by, head_before + row_number() over (order by f.id)
    from fresh as f
    order by f.id
  ),
  parked as (
    insert into audit.audit_dead_letter (
      lane, origin, written_by, ours, sqlstate, reason, id, recorder_id, recorder_seq, entry
    )
    select
      'outbox', 'move', m.written_by, m.ours, case when c.fits_the_log then '23505' else '23514' end,
      case when c.fits_the_log
        then 'the id is in the log with another content'
        else 'a column breaks a check of the log'
      end,
      m.id::text, m.recorder_id, m.recorder_seq, audit.lane_text(m.id, m.occurred_at, m.user_id, m.event_id, m.target_id,
        m.recorder_id, m.recorder_seq, m.action, m.entity_type, m.request_id, m.metadata, m.context)
    from moved as m
    cross join lateral (
      select
        coalesce(char_length(m.action) between 1 and 128, false)
        and coalesce(char_length(m.entity_type) between 1 and 256, true)
        and coalesce(char_length(m.request_id) between 1 and 256, true)
        and coalesce(jsonb_typeof(m.metadata) = 'object', true)
        and coalesce(jsonb_typeof(m.context) = 'object', true) as fits_the_log
    ) as c
    left join audit.audit_log as l on l.id = m.id
    full join fresh as f on f.id = m.id
    where (select fresh < claimed from total)
      and (
        not c.fits_the_log
        or l.id is not null and (
          l.occurred_at, l.user_id, l.event_id, l.target_id, l.action, l.entity_type,
          l.request_id, coalesce(l.metadata, '{}'), coalesce(l.context, '{}')
        ) is distinct from (
          m.occurred_at, m.user_id, m.event_id, m.target_id, m.action, m.entity_type,
          m.request_id, coalesce(m.metadata, '{}'), coalesce(m.context, '{}')
        )
        or f.id is not null and (
          f.occurred_at, f.user_id, f.event_id, f.target_id, f.action, f.entity_type,
          f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}')
        ) is distinct from (
          m.occurred_at, m.user_id, m.event_id, m.target_id, m.action, m.entity_type,
          m.request_id, coalesce(m.metadata, '{}'), coalesce(m.context, '{}')
        )
      )
    on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0))
      where recorder_id is not null do nothing
    returning 1
  ),
  accounts as (
    select f.recorder_id, count(*) as entries, coalesce(max(f.recorder_seq), 0) as last_number
    from fresh as f where f.recorder_id is not null group by f.recorder_id
  )
  select
    (select claimed from total), (select fresh from total), (select count(*) from parked),
    (select max(ctid)::text from claimed),
    array_agg(a.recorder_id order by a.recorder_id),
    array_agg(a.entries order by a.recorder_id),
    array_agg(a.last_number order by a.recorder_id)
  into claimed, logged, parked, through, recorders, entries, last_numbers
  from accounts as a;
end
$$;
--> statement-breakpoint
-- Moves one batch out of the lane staging, as the part of audit.move that takes the entries and appends
-- them to the log, in one statement. The other lane's function is the same but for the lane's name, so
-- change both. The log stands at head_before, and audit.move has seen to it that nobody else appends.
-- Returns also how many new entries each recorder has, and its greatest number among them, in the
-- order of their ids.
--
-- - "claimed" skips rows that another session holds, and never waits. It is not ordered: ordering a
--   backlog costs three times the move, and the log's order comes from the head. Rows are found by
--   their place, because a lane has no index to keep.
-- - "fresh" leaves out what is in the log already and all but one of what came twice in this batch.
-- - "logged" has no ON CONFLICT: a skipped row would leave a hole in seq. Where another session
--   logs one of the ids meanwhile, 23505 rolls all of it back, and the batch is moved again. The
--   rows are inserted in the order of their ids, so that two moves cannot deadlock.
-- - "parked" takes what the log's checks would refuse, and an id that came again with another
--   content. It looks only where some row was not fresh. An entry that was staged again is no
--   second letter, because its recorder's account would count it twice. A letter that cannot be
--   written for another reason fails the move, so no entry vanishes.
-- - It finds the row of "fresh" by a full join, although each of those rows is in "moved": Postgres
--   takes both for some ten rows, and would look through all of them for each row. Such a batch of
--   4,000 took 12 million looks, more than the statement's deadline on a busy server, at every try.
--   A full join is made by a hash or a merge.
-- - The statement is planned for its parameters each time. A kept plan that was made while a
--   partition was empty would read the whole partition from then on. It is static SQL, because to
--   parse it each time cost a tenth of a batch of 100.
CREATE OR REPLACE FUNCTION "audit"."take_from_staging"(
  "batch_entries" integer, "from_place" tid, "places" tid[], "head_before" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "parked" integer, OUT "through" text,
  OUT "recorders" uuid[], OUT "entries" bigint[], OUT "last_numbers" bigint[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
begin
  with claimed as materialized (
    select l.ctid from audit.audit_staging as l
    where (from_place is null or l.ctid >= from_place) and (places is null or l.ctid = any(places))
    limit batch_entries
    for update of l skip locked
  ),
  moved as (
    delete from audit.audit_staging where ctid = any(array(select ctid from claimed))
    returning
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, written_by, ours
  ),
  fresh as materialized (
    select distinct on (m.id) m.* from moved as m
    where coalesce(char_length(m.action) between 1 and 128, false)
      and coalesce(char_length(m.entity_type) between 1 and 256, true)
      and coalesce(char_length(m.request_id) between 1 and 256, true)
      and coalesce(jsonb_typeof(m.metadata) = 'object', true)
      and coalesce(jsonb_typeof(m.context) = 'object', true)
      and not exists (select from audit.audit_log as l where l.id = m.id)
    order by m.id
  ),
  total as materialized (
    select (select count(*) from moved) as claimed, (select count(*) from fresh) as fresh
  ),
  logged as (
    insert into audit.audit_log (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, written_by, seq
    )
    select
      f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
      f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
      f.written_by, head_before + row_number() over (order by f.id)
    from fresh as f
    order by f.id
  ),
  parked as (
    insert into audit.audit_dead_letter (
      lane, origin, written_by, ours, sqlstate, reason, id, recorder_id, recorder_seq, entry
    )
    select
      'staging', 'move', m.written_by, m.ours, case when c.fits_the_log then '23505' else '23514' end,
      case when c.fits_the_log
        then 'the id is in the log with another content'
        else 'a column breaks a check of the log'
      end,
      m.id::text, m.recorder_id, m.recorder_seq, audit.lane_text(m.id, m.occurred_at, m.user_id, m.event_id, m.target_id,
        m.recorder_id, m.recorder_seq, m.action, m.entity_type, m.request_id, m.metadata, m.context)
    from moved as m
    cross join lateral (
      select
        coalesce(char_length(m.action) between 1 and 128, false)
        and coalesce(char_length(m.entity_type) between 1 and 256, true)
        and coalesce(char_length(m.request_id) between 1 and 256, true)
        and coalesce(jsonb_typeof(m.metadata) = 'object', true)
        and coalesce(jsonb_typeof(m.context) = 'object', true) as fits_the_log
    ) as c
    left join audit.audit_log as l on l.id = m.id
    full join fresh as f on f.id = m.id
    where (select fresh < claimed from total)
      and (
        not c.fits_the_log
        or l.id is not null and (
          l.occurred_at, l.user_id, l.event_id, l.target_id, l.action, l.entity_type,
          l.request_id, coalesce(l.metadata, '{}'), coalesce(l.context, '{}')
        ) is distinct from (
          m.occurred_at, m.user_id, m.event_id, m.target_id, m.action, m.entity_type,
          m.request_id, coalesce(m.metadata, '{}'), coalesce(m.context, '{}')
        )
        or f.id is not null and (
          f.occurred_at, f.user_id, f.event_id, f.target_id, f.action, f.entity_type,
          f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}')
        ) is distinct from (
          m.occurred_at, m.user_id, m.event_id, m.target_id, m.action, m.entity_type,
          m.request_id, coalesce(m.metadata, '{}'), coalesce(m.context, '{}')
        )
      )
    on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0))
      where recorder_id is not null do nothing
    returning 1
  ),
  accounts as (
    select f.recorder_id, count(*) as entries, coalesce(max(f.recorder_seq), 0) as last_number
    from fresh as f where f.recorder_id is not null group by f.recorder_id
  )
  select
    (select claimed from total), (select fresh from total), (select count(*) from parked),
    (select max(ctid)::text from claimed),
    array_agg(a.recorder_id order by a.recorder_id),
    array_agg(a.entries order by a.recorder_id),
    array_agg(a.last_number order by a.recorder_id)
  into claimed, logged, parked, through, recorders, entries, last_numbers
  from accounts as a;
end
$$;
--> statement-breakpoint
-- Takes the next entries from a lane and appends them to the log. The relay calls it in autocommit,
-- so no entry is ever in both or in neither, even if a process dies at any moment.
--
-- - lock_timeout_ms bounds each wait for a lock, in milliseconds.
-- - from_place: take only rows at this place in the lane or behind it. Each batch leaves dead rows
--   behind that every look at the lane steps over, so the next batch begins where this one ended.
-- - places: an array of places in the lane, as text. Take only the rows at these places.
-- - turn_head, turn_after: the place of a move among those of one relay that are under way at once.
--   It counts on the head to stand at turn_head when the move in front, whose own turn_head is
--   turn_after, has committed. The first move in turn has no turn_after.
--
-- It returns how many rows left the lane, how many entries are new in the log, how many became dead
-- letters, where it left the head of the log (null where nothing was logged), whether it stood back
-- because another relay moves, and the place of the last row that it took.
--
-- - An idle poll takes no transaction id: a lock of a row would take one, so the function looks
--   into the lane first. Behind a full batch it does not: as a rule there is more, and the look would
--   step over the dead rows of all batches before.
-- - An asynchronous commit could lose a batch on both sides: the fast lane is UNLOGGED, and the log
--   would not be flushed. A SET clause of the function would not do, because its setting ends with
--   the function, before the commit.
-- - One relay moves at a time, because two that meet at the head would only delay each other. The
--   relay that moves holds the row of audit_head, and of audit_turn row 0; both locks end with the
--   statement, so when a relay dies, another one goes on at its next poll. Moves in turn share row
--   0, and each takes the row of audit_turn that stands for its turn_head. They are locks of rows,
--   and not advisory locks, because everybody who may connect can take an advisory lock.
-- - Rows in places are moved while another relay moves, too: then the function waits for the head.
-- - The batch is moved by one statement, that of audit.take_from_staging or audit.take_from_outbox.
--   Its snapshot is newer than the lock of the head, so it sees every entry that any other relay has
--   logged.
-- - A move in turn has written its entries when it waits for the move in front, so that most of the
--   work of several moves is done at once. After the wait the head has to stand at turn_head. If
--   it stands elsewhere, the function fails and nothing was logged under a wrong number.
-- - The head's row is locked until the commit, which makes seq the commit order. A head that did
--   not change is not written. The recorders' accounts come after the head, in the order of their
--   ids, so that moves cannot deadlock there.
CREATE OR REPLACE FUNCTION "audit"."move"(
  "lane" text, "batch_entries" integer, "lock_timeout_ms" integer,
  "from_place" text, "places" text, "turn_head" bigint, "turn_after" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "parked" integer, OUT "head" bigint,
  OUT "stood_back" boolean, OUT "through" text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  is_waiting boolean;
  head_before bigint;
  recorders uuid[];
  entries bigint[];
  last_numbers bigint[];
begin
  if lane is null or lane not in ('staging', 'outbox') then
    raise exception 'audit.move knows the lanes staging and outbox'
      using errcode = 'invalid_parameter_value';
  end if;
  select 0, 0, 0, false into claimed, logged, parked, stood_back;
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  if from_place is null and lane = 'staging' then
    is_waiting := exists (select from audit.audit_staging);
  elsif from_place is null then
    is_waiting := exists (select from audit.audit_outbox);
  else
    is_waiting := true;
  end if;
  if not is_waiting then
    return;
  end if;

  if places is not null then
    select h.seq into head_before from audit.audit_head as h for no key update;
  elsif turn_head is null then
    select h.seq into head_before
    from audit.audit_head as h, audit.audit_turn as t
    where t.turn = 0
    for no key update skip locked;
  else
    select turn_head into head_before
    from audit.audit_turn as t where t.turn = 0 for share skip locked;
    if found then
      select turn_head into head_before
      from audit.audit_turn as t
      where t.turn = 1 + turn_head % 4093 for no key update skip locked;
    end if;
    if found and turn_after is null then
      select turn_head into head_before
      from audit.audit_head as h where h.seq = turn_head for no key update skip locked;
    elsif found then
      select turn_head into head_before from audit.audit_head as h where h.seq <= turn_head;
    end if;
  end if;
  if not found then
    if not exists (select from audit.audit_head)
      or (select count(*) from audit.audit_turn as t
          where t.turn = 0 or t.turn = 1 + coalesce(turn_head, 0) % 4093) < 2 then
      raise exception 'audit.audit_head or audit.audit_turn has lost its rows: nothing can be moved'
        using errcode = 'no_data_found', schema = 'audit', table = 'audit_head';
    end if;
    stood_back := true;
    return;
  end if;

  if lane = 'staging' then
    select t.* into claimed, logged, parked, through, recorders, entries, last_numbers
    from audit.take_from_staging(batch_entries, from_place::tid, places::tid[], head_before) as t;
  else
    select t.* into claimed, logged, parked, through, recorders, entries, last_numbers
    from audit.take_from_outbox(batch_entries, from_place::tid, places::tid[], head_before) as t;
  end if;
  if logged = 0 then
    return;
  end if;

  if turn_after is not null then
    perform 1 from audit.audit_turn as t where t.turn = 1 + turn_after % 4093 for share;
  end if;
  update audit.audit_head as h set seq = head_before + logged where h.seq = head_before
  returning h.seq into head;
  if not found then
    raise exception
      'audit-outbox: not an error; numbers up to % are taken, the batch is moved again',
      (select h.seq from audit.audit_head as h)
      using errcode = 'invalid_text_representation';
  end if;
  if recorders is not null then
    insert into audit.audit_recorder as r (id, logged, logged_through)
    select a.id, a.entries, a.last_number
    from unnest(recorders, entries, last_numbers) as a (id, entries, last_number)
    on conflict (id) do update set
      logged = r.logged + excluded.logged,
      logged_through = greatest(r.logged_through, excluded.logged_through);
  end if;
end
$$;
--> statement-breakpoint
-- Writes down that somebody read the log, as an entry "audit.read", or that somebody was refused, as
-- "audit.read_denied", in the outbox lane. "user_id" may be any text: one that is no UUID goes to
-- context.invalid. Metadata and context are bounded as those of any entry. It raises where they are
-- too large, so a reader that must be written down is not answered. Returns the entry's id.
CREATE OR REPLACE FUNCTION "audit"."note_read"(
  "denied" boolean, "user_id" text, "metadata" jsonb, "context" jsonb
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  given json := json_build_object(
    'action', 'log.read', 'user_id', user_id, 'metadata', metadata, 'context', context);
  seen record;
begin
  if denied is null then
    raise exception 'audit.note_read was not told whether reading was denied'
      using errcode = 'invalid_parameter_value';
  end if;
  seen := audit.examine(given, octet_length(given::text), null, null, true);
  if seen.refusal is not null then
    raise exception 'audit.note_read refused what was read: %', seen.reason
      using errcode = seen.refusal;
  end if;
  return audit.put_ours(
    case when denied then 'audit.read_denied' else 'audit.read' end,
    (seen.entry).user_id, (seen.entry).metadata, (seen.entry).context
  );
end
$$;
--> statement-breakpoint
-- One dead letter with what it says, as text. No row where there is no such letter.
CREATE OR REPLACE FUNCTION "audit"."open_letter"(
  "letter" bigint, OUT "number" bigint, OUT "died_at" text, OUT "lane" text,
  OUT "sqlstate" text, OUT "reason" text, OUT "id" text, OUT "recorder_id" uuid,
  OUT "recorder_seq" bigint, OUT "entry_bytes" integer, OUT "entry" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    d.number, to_json(d.died_at at time zone 'UTC') #>> '{}' || 'Z', d.lane, d.sqlstate, d.reason, left(d.id, 128), d.recorder_id,
    d.recorder_seq, coalesce(octet_length(d.entry), 0), d.entry
  from audit.audit_dead_letter as d where d.number = letter
$$;
--> statement-breakpoint
-- Moves one row from its lane to the dead letters, with the SQLSTATE with which the database refused
-- to log it. Returns how many rows left the lane and how many letters are new.
--
-- It finds the row by its place and its id: another relay may have moved it, and its place may hold
-- another row now. An entry that is a dead letter already leaves the lane and makes no second one. A
-- letter that cannot be written for another reason is an error, and the row stays in its lane.
CREATE OR REPLACE FUNCTION "audit"."park"(
  "lane" text, "place" text, "entry_id" uuid, "refused_with" text,
  OUT "claimed" integer, OUT "parked" integer
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
begin
  if lane is null or lane not in ('staging', 'outbox') then
    raise exception 'audit.park knows the lanes staging and outbox'
      using errcode = 'invalid_parameter_value';
  end if;
  execute format($park$
    with moved as (
      delete from audit.audit_%1$s where ctid = $1 and id = $2
      returning
        id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
        entity_type, request_id, metadata, context, written_by, ours
    ),
    parked as (
      insert into audit.audit_dead_letter (
        lane, origin, written_by, ours, sqlstate, reason, id, recorder_id, recorder_seq, entry
      )
      select
        '%1$s', 'move', m.written_by, m.ours, left($3, 5), 'the database refused to log it',
        m.id::text, m.recorder_id, m.recorder_seq, audit.lane_text(m.id, m.occurred_at, m.user_id,
          m.event_id, m.target_id, m.recorder_id, m.recorder_seq, m.action, m.entity_type,
          m.request_id, m.metadata, m.context)
      from moved as m
      on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0))
        where recorder_id is not null do nothing
      returning 1
    )
    select (select count(*) from moved), (select count(*) from parked)
    $park$, lane)
  into claimed, parked using place::tid, entry_id, refused_with;
end
$$;
--> statement-breakpoint
-- What a relay asks in each cycle: how many rows each lane holds (at most max_rows of each are
-- counted), where the head of the log stands (null where the log has lost its head), whether a
-- crash emptied the fast lane and no relay has declared it yet, whether nothing can be written, and
-- the version of the schema. It writes nothing and takes no transaction id.
CREATE OR REPLACE FUNCTION "audit"."peek"(
  "max_rows" integer, OUT "staging" integer, OUT "outbox" integer, OUT "head" bigint,
  OUT "was_emptied" boolean, OUT "is_read_only" boolean,
  OUT "version" integer, OUT "min_reader_version" integer
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    (select count(*) from (select from audit.audit_staging limit max_rows) as l)::integer,
    (select count(*) from (select from audit.audit_outbox limit max_rows) as l)::integer,
    (select h.seq from audit.audit_head as h),
    (select s.epoch from audit.audit_sentinel as s) is distinct from
      (select l.epoch from audit.audit_lane as l where l.lane = 'staging'),
    current_setting('transaction_read_only') = 'on',
    v.version::integer,
    v.min_reader_version::integer
  from audit.audit_schema_version as v
$$;
--> statement-breakpoint
-- Puts the entries of a JSON array into a lane one by one, each after a close look, and returns how
-- many it took. An entry that the lane can never take becomes a dead letter, or raises with its
-- SQLSTATE where "raises" is true, and so does one whose time cannot be read. Rows of the fast lane are arrays of values in the order of
-- typed_rows(), all others objects.
CREATE OR REPLACE FUNCTION "audit"."place_entries"(
  "target" text, "entries" json, "recorder" uuid, "oldest" uuid, "latest" uuid,
  "redacted" boolean, "raises" boolean
) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json;
  bytes integer;
  seen record;
  taken integer := 0;
begin
  for given in select e from json_array_elements(entries) with ordinality as t (e, n) order by n loop
    bytes := octet_length(given::text);
    if target = 'staging' and json_typeof(given) = 'array' then
      given := json_build_object(
        'id', given -> 0, 'occurred_at', given -> 1, 'recorder_seq', given -> 2,
        'user_id', given -> 3, 'event_id', given -> 4, 'target_id', given -> 5,
        'action', given -> 6, 'entity_type', given -> 7, 'request_id', given -> 8,
        'metadata', given -> 9, 'context', given -> 10
      );
    end if;
    seen := audit.examine(given, bytes, oldest, latest, redacted);
    if raises and coalesce(seen.refusal, seen.time_refusal) is not null then
      raise exception 'audit.record_in refused an entry: %', coalesce(seen.reason, seen.time_fault)
        using errcode = coalesce(seen.refusal, seen.time_refusal);
    end if;
    if seen.refusal is not null then
      perform audit.bury(
        target, case target when 'staging' then 'stage' else 'record' end, seen.refusal, seen.reason,
        seen.given_id, recorder, (seen.entry).recorder_seq, given::text
      );
      continue;
    end if;
    if target = 'staging' then
      seen.entry.recorder_id := recorder;
      insert into audit.audit_staging select (seen.entry).*;
    else
      seen.entry.recorder_seq := null;
      insert into audit.audit_outbox select (seen.entry).*;
    end if;
    taken := taken + 1;
  end loop;
  return taken;
end
$$;
--> statement-breakpoint
-- Entries of an array of objects with the columns' names, in the types of a lane's columns, and
-- whether the lane takes each as it is. It does not where an id is no UUID, or where a time has no
-- zone, unless the library has "redacted" the entries. An entry without an id or a time gets one. It
-- raises where a text is no time.
--
-- A statement that calls this function holds its text in its own plan. OFFSET 0 has each value read
-- once. One pattern over four ids would cost a tenth of the whole.
CREATE OR REPLACE FUNCTION "audit"."typed_entries"(
  "entries" jsonb, "redacted" boolean, "is_plain" boolean, "oldest" uuid, "latest" uuid
)
RETURNS TABLE (
  "fits" boolean, "id" uuid, "occurred_at" timestamptz,
  "user_id" uuid, "event_id" uuid, "target_id" uuid,
  "action" text, "entity_type" text, "request_id" text, "metadata" jsonb, "context" jsonb
)
LANGUAGE sql STABLE AS $$
  select
    r.are_uuids
      and r.is_time
      and audit.is_fit(r.id, r.occurred_at, r.action, r.entity_type, r.request_id, oldest, latest)
      and audit.is_document_fit(r.metadata, r.printed_metadata, is_plain)
      and audit.is_document_fit(r.context, r.printed_context, is_plain),
    r.id, r.occurred_at, r.user_id, r.event_id, r.target_id,
    r.action, r.entity_type, r.request_id, r.metadata, r.context
  from (
    select
      g.are_uuids,
      g.is_time,
      case when g.id is null then audit.new_id() when g.are_uuids then g.id::uuid end as id,
      case when g.occurred_at is null then clock_timestamp()
        when g.is_time then g.occurred_at::timestamptz end as occurred_at,
      case when g.are_uuids then g.user_id::uuid end as user_id,
      case when g.are_uuids then g.event_id::uuid end as event_id,
      case when g.are_uuids then g.target_id::uuid end as target_id,
      g.action, g.entity_type, g.request_id,
      coalesce(g.metadata, '{}') as metadata, coalesce(g.context, '{}') as context,
      case when not is_plain and pg_column_size(g.metadata) < 16384 then g.metadata::text
        when g.metadata is null then '{}' end as printed_metadata,
      case when not is_plain and pg_column_size(g.context) < 16384 then g.context::text
        when g.context is null then '{}' end as printed_context
    from (
      select
        e.*,
        (e.id is null or e.id like '________-____-____-____-____________')
          and (e.user_id is null or e.user_id like '________-____-____-____-____________')
          and (e.event_id is null or e.event_id like '________-____-____-____-____________')
          and (e.target_id is null or e.target_id like '________-____-____-____-____________')
          and octet_length(replace(e.ids, '-', ''))
            = 32 * num_nonnulls(e.id, e.user_id, e.event_id, e.target_id)
          and e.ids !~ '[^0-9A-Fa-f-]' collate "C"
          as are_uuids,
        redacted or e.occurred_at is null
          or e.occurred_at ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?([+-][0-9]{2}(:[0-9]{2})?|Z)$'
          as is_time
      from (
        select r.*, concat(r.id, r.user_id, r.event_id, r.target_id) as ids
        from jsonb_to_recordset(entries) as r (
          id text, occurred_at text, user_id text, event_id text, target_id text,
          action text, entity_type text, request_id text, metadata jsonb, context jsonb
        )
        offset 0
      ) as e
      offset 0
    ) as g
    offset 0
  ) as r
$$;
--> statement-breakpoint
-- Puts an array of entries, or one, into the outbox lane and returns how many it took. It raises
-- where the text is no JSON of entries or a time is none. An entry that the lane can never take
-- becomes a dead letter, or raises where "raises" is true. record() and record_in() share it.
--
-- One statement takes the entries that are fit as they are. Only where it met another one, or the
-- text is longer than one entry may be, examine() looks at each of those. It looks at all of them
-- where a key names a secret or is no column's, unless the library has "redacted" the entries.
CREATE OR REPLACE FUNCTION "audit"."put_entries"(
  "entries" text, "redacted" boolean, "raises" boolean
) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
declare
  oldest uuid;
  latest uuid := audit.latest_id();
  writer text := session_user;
  given jsonb;
  is_plain boolean;
  others json;
  taken integer := 0;
begin
  select l.oldest_id into oldest from audit.audit_lane as l where l.lane = 'outbox';
  if octet_length(entries) > audit.bound('entry_bytes') then
    return audit.place_entries(
      'outbox', audit.array_of(entries), null, oldest, latest, redacted, raises);
  end if;
  given := entries::jsonb;
  if jsonb_typeof(given) = 'object' then
    given := jsonb_build_array(given);
  end if;
  if not redacted and (
    audit.has_other_names(given)
    or (audit.may_hold_secret(entries) and audit.holds_secret(given))
  ) then
    return audit.place_entries(
      'outbox', audit.array_of(entries), null, oldest, latest, redacted, raises);
  end if;
  is_plain := audit.is_plain(entries, jsonb_array_length(given));
  insert into audit.audit_outbox (
    written_by, id, occurred_at, user_id, event_id, target_id,
    action, entity_type, request_id, metadata, context
  )
  select
    writer, e.id, e.occurred_at, e.user_id, e.event_id, e.target_id,
    e.action, e.entity_type, e.request_id, e.metadata, e.context
  from audit.typed_entries(given, redacted, is_plain, oldest, latest) as e
  where case when e.fits then true else audit.mark_unfit() end;
  get diagnostics taken = row_count;
  if current_setting('audit.unfit', true) = 'yes' then
    perform set_config('audit.unfit', '', true);
    -- By the same is_plain: an entry that it was decided about in another way would be lost or doubled.
    select json_agg(g order by n) into others
    from json_array_elements(audit.array_of(entries)) with ordinality as t (g, n)
    cross join lateral audit.typed_entries(
      jsonb_build_array(g::jsonb), redacted, is_plain, oldest, latest
    ) as e
    where e.fits is not true;
    taken := taken + audit.place_entries(
      'outbox', others, null, oldest, latest, redacted, raises);
  end if;
  return taken;
end
$$;
--> statement-breakpoint
-- Puts one entry, or an array of entries, into the outbox lane in the caller's own transaction. Any
-- language and any trigger can call it. The entries are JSON text with the columns' names as keys, or
-- those of the library: action, user_id, event_id, target_id, entity_type, request_id, metadata,
-- context, occurred_at, id, or userId and so on. What else is given is kept in the context. Values
-- whose key names a secret are censored. Returns how many entries the lane took.
--
-- "redacted" says that the library has made the entries: they are as the lane wants them, and their
-- secrets are censored already.
--
-- It never raises, so it never aborts the caller's transaction. plpgsql cannot catch a cancel, a
-- statement_timeout or a lost connection: those are the exceptions.
CREATE OR REPLACE FUNCTION "audit"."record"("entries" text, "redacted" boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
SET plan_cache_mode = force_generic_plan AS $$
begin
  begin
    return audit.put_entries(entries, redacted is true, false);
  exception
    when data_exception or integrity_constraint_violation
      or program_limit_exceeded or statement_too_complex
    then
      null; -- Postgres has undone it. Some entry is at fault: each gets a look of its own.
  end;
  begin
    return audit.place_entries(
      'outbox', audit.array_of(entries), null,
      (select l.oldest_id from audit.audit_lane as l where l.lane = 'outbox'),
      audit.latest_id(), redacted is true, false
    );
  exception
    when data_exception or integrity_constraint_violation
      or program_limit_exceeded or statement_too_complex
    then
      -- The text is not JSON of entries, so the dead letter keeps the text itself.
      perform audit.bury(
        'outbox', 'record', sqlstate, 'not an entry or an array of entries', null, null, null, entries
      );
      return 0;
  end;
exception when others then
  raise warning 'audit.record could not take the entries (SQLSTATE %)', sqlstate;
  return 0;
end
$$;
--> statement-breakpoint
-- Puts one entry, or an array of entries, into the outbox lane in the caller's own transaction: all
-- of them, or it raises, and the transaction cannot commit. It takes what record() takes and returns
-- how many entries that were. It also raises for an occurred_at that is no time, where record()
-- stores now.
CREATE OR REPLACE FUNCTION "audit"."record_in"("entries" text, "redacted" boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
begin
  if entries is null then
    raise exception 'neither an entry nor an array of entries'
      using errcode = 'null_value_not_allowed';
  end if;
  return audit.put_entries(entries, redacted is true, true);
end
$$;
--> statement-breakpoint
-- The account of each recorder that reported within a day, died, misses entries or has some on their
-- way; the newest first, at most 1,000. The accounts are exact, so the function reads both lanes
-- whole: with an estimate of what waits, a recorder that died would seem to have lost entries that
-- are only on their way.
CREATE OR REPLACE FUNCTION "audit"."recorder_accounts"(
  OUT "id" uuid, OUT "state" text, OUT "reported_at" text, OUT "accepted" bigint,
  OUT "logged" bigint, OUT "in_flight" bigint, OUT "dropped" jsonb, OUT "missing" bigint,
  OUT "declared" bigint
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  with in_lanes as (
    select w.recorder_id, count(*) as entries from (
      select s.recorder_id from audit.audit_staging as s
      union all
      select o.recorder_id from audit.audit_outbox as o
    ) as w
    where w.recorder_id is not null group by w.recorder_id
  ),
  letters as (
    select d.recorder_id, count(*) as entries from audit.audit_dead_letter as d
    where d.recorder_id is not null group by d.recorder_id
  ),
  known as (
    select coalesce(p.id, a.id) as id, p.started_at, p.seen_at, p.closed_at,
      coalesce(p.accepted, 0) as accepted, coalesce(p.staged, 0) as staged,
      coalesce(p.dropped, '{}') as dropped, coalesce(a.logged, 0) as logged,
      coalesce(a.gaps, 0) as gaps
    from audit.audit_report as p full join audit.audit_recorder as a on a.id = p.id
  ),
  owing as (
    select r.*,
      coalesce(w.entries, 0) as waiting,
      -- Of the reasons for a drop, these take an entry that had been accepted.
      r.accepted - r.logged - coalesce(d.entries, 0)
        - coalesce((r.dropped ->> 'timeout')::bigint, 0)
        - coalesce((r.dropped ->> 'refused')::bigint, 0)
        - coalesce((r.dropped ->> 'dead_letter')::bigint, 0) as owed,
      coalesce(r.seen_at, '-infinity') < clock_timestamp() - interval '30 seconds' as is_silent
    from known as r
    left join in_lanes as w on w.recorder_id = r.id
    left join letters as d on d.recorder_id = r.id
  ),
  judged as (
    select *,
      case
        when closed_at is not null then 'closed'
        when is_silent and (owed > waiting or logged > staged) then 'died'
        else 'live'
      end as state,
      greatest(0, owed - waiting) as unaccounted
    from owing
  )
  select
    j.id, j.state, to_char(j.seen_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), j.accepted, j.logged,
    case j.state
      when 'live' then greatest(j.owed, j.waiting)
      -- Not more than it owes: a row that was staged twice may wait although it is logged.
      when 'closed' then least(greatest(0, j.owed), j.waiting)
      else j.waiting
    end,
    j.dropped,
    case when j.state = 'live' then 0 else j.unaccounted end,
    case when j.state = 'live' or j.gaps = 0 then 0 else j.unaccounted end
  from judged as j
  where j.seen_at > clock_timestamp() - interval '1 day' or j.state = 'died' or j.waiting > 0
    or (j.state = 'closed' and j.unaccounted > 0)
  order by j.started_at desc nulls last
  limit 1000
$$;
--> statement-breakpoint
-- Stores a recorder's own counts. A recorder calls it about every ten seconds and when it closes,
-- with the key that only it knows. Counts only grow, so a report that arrives late changes nothing.
-- It raises for anything that is no report: an unknown reason, or a count that is no whole number
-- from 0 to audit.bound('count'). What was dropped since the last report is an entry "audit.drop" in
-- the log, in the same transaction.
CREATE OR REPLACE FUNCTION "audit"."report"(
  "recorder" uuid, "key" text, "started_at" timestamptz, "accepted" bigint, "staged" bigint,
  "dropped" jsonb, "closed" boolean
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  reasons constant text[] := array[
    'full', 'unshapable', 'reserved', 'closed', 'reentrant', 'disabled', 'timeout', 'refused'
  ];
  before jsonb;
  more jsonb;
begin
  if accepted is null or accepted not between 0 and audit.bound('count')
    or staged is null or staged not between 0 and audit.bound('count')
    or closed is null
    or started_at is null or started_at < '0001-01-01 00:00:00+00'
    or started_at >= '10000-01-01 00:00:00+00'
    or jsonb_typeof(dropped) is distinct from 'object'
    or pg_column_size(dropped) > 1024
  then
    raise exception 'audit.report was given something that is no report'
      using errcode = 'invalid_parameter_value';
  end if;
  if exists (
    select from jsonb_each(dropped) as d
    where not d.key = any (reasons) or case
      when jsonb_typeof(d.value) <> 'number' then true
      else d.value::numeric not between 0 and audit.bound('count')
        or d.value::numeric <> trunc(d.value::numeric)
    end
  ) then
    raise exception 'audit.report was given an unknown reason, or a count that is no count'
      using errcode = 'invalid_parameter_value';
  end if;
  perform audit.claim_recorder(recorder, key);
  select r.dropped into before from audit.audit_report as r where r.id = recorder for update;
  select coalesce(jsonb_object_agg(d.key, d.value::bigint - coalesce((before ->> d.key)::bigint, 0)), '{}')
  into more
  from jsonb_each(dropped) as d
  where d.value::bigint > coalesce((before ->> d.key)::bigint, 0);
  update audit.audit_report as r set
    started_at = report.started_at,
    seen_at = clock_timestamp(),
    closed_at = coalesce(r.closed_at, case when closed then clock_timestamp() end),
    accepted = greatest(r.accepted, report.accepted),
    staged = greatest(r.staged, report.staged),
    dropped = r.dropped || (
      select coalesce(jsonb_object_agg(d.key, d.value), '{}')
      from jsonb_each(report.dropped) as d where more ? d.key
    )
  where r.id = recorder;
  if more <> '{}' then
    perform audit.put_ours('audit.drop', null, jsonb_build_object('recorderId', recorder, 'dropped', more), '{}');
  end if;
end
$$;
--> statement-breakpoint
-- Puts a dead letter's entry back into a lane. Returns 'retried', or 'missing' where there is no
-- such letter. Where the lane refuses the entry again it returns the SQLSTATE, and the letter stays.
-- An entry that the log refuses again becomes a new letter.
--
-- Who wrote the entry, whether it is ours and which recorder it came from stand in the letter's own
-- columns. Its text could say anything.
--
-- It always uses the outbox lane. That lane is LOGGED, as the letter was, so a crash cannot take an
-- entry that it could not take before.
CREATE OR REPLACE FUNCTION "audit"."retry_dead_letter"("letter" bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  dead audit.audit_dead_letter;
  given json;
  seen record;
  entry audit.audit_outbox;
begin
  delete from audit.audit_dead_letter where number = letter returning * into dead;
  if not found then
    return 'missing';
  end if;
  if dead.origin = 'move' then
    -- A row that stood in a lane, and so was bounded there. It goes back as it was.
    entry := json_populate_record(null::audit.audit_outbox, dead.entry::json);
    if audit.is_reserved(entry.action) and not dead.ours then
      raise exception using errcode = 'insufficient_privilege';
    end if;
    entry.recorder_id := dead.recorder_id;
    entry.recorder_seq := dead.recorder_seq;
    entry.written_by := coalesce(dead.written_by, session_user);
    entry.ours := dead.ours;
    insert into audit.audit_outbox select entry.*;
    return 'retried';
  end if;
  given := dead.entry::json;
  if json_typeof(given) <> 'array' then
    given := json_build_array(given);
  end if;
  for given in select e from json_array_elements(given) as e loop
    seen := audit.examine(
      given, octet_length(given::text),
      (select l.oldest_id from audit.audit_lane as l where l.lane = 'outbox'), audit.latest_id(),
      dead.origin = 'stage'
    );
    if seen.refusal is not null then
      raise exception using errcode = seen.refusal;
    end if;
    entry := seen.entry;
    entry.recorder_id := dead.recorder_id;
    entry.recorder_seq := dead.recorder_seq;
    entry.written_by := coalesce(dead.written_by, session_user);
    insert into audit.audit_outbox select entry.*;
  end loop;
  return 'retried';
exception
  when data_exception or integrity_constraint_violation or program_limit_exceeded
    or statement_too_complex or insufficient_privilege
  then
    return sqlstate; -- Postgres has undone all of the above
end
$$;
--> statement-breakpoint
-- The rows of a slice as a recorder sends it, an array of arrays, in the types of a lane's columns,
-- and whether the lane takes each as it is. "is_plain" is what audit.is_plain() says of its text. It raises where a value is not of its column's type. A
-- statement that calls it holds its text in its own plan; OFFSET 0 has each value read once.
CREATE OR REPLACE FUNCTION "audit"."typed_rows"(
  "slice" jsonb, "is_plain" boolean, "oldest" uuid, "latest" uuid
)
RETURNS TABLE (
  "fits" boolean, "id" uuid, "occurred_at" timestamptz, "recorder_seq" bigint,
  "user_id" uuid, "event_id" uuid, "target_id" uuid,
  "action" text, "entity_type" text, "request_id" text, "metadata" jsonb, "context" jsonb
)
LANGUAGE sql STABLE AS $$
  select
    audit.is_fit(r.id, r.occurred_at, r.action, r.entity_type, r.request_id, oldest, latest)
      and audit.is_document_fit(r.metadata, r.printed_metadata, is_plain)
      and audit.is_document_fit(r.context, r.printed_context, is_plain),
    r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
    r.action, r.entity_type, r.request_id, r.metadata, r.context
  from (
    select
      (e ->> 0)::uuid as id, (e ->> 1)::timestamptz as occurred_at, (e ->> 2)::bigint as recorder_seq,
      (e ->> 3)::uuid as user_id, (e ->> 4)::uuid as event_id, (e ->> 5)::uuid as target_id,
      e ->> 6 as action, e ->> 7 as entity_type, e ->> 8 as request_id,
      e -> 9 as metadata, e -> 10 as context,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 9 end as printed_metadata,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 10 end as printed_context
    from jsonb_array_elements(slice) as e
    offset 0
  ) as r
$$;
--> statement-breakpoint
-- Puts a recorder's rows into the fast lane, and returns the lane's epoch. Each slice is a JSON array
-- of rows, a row an array of values in the order of typed_rows(). Only the holder of the recorder's
-- key may write in its name. A row that the lane can never take becomes a dead letter. The function
-- raises, and takes nothing, where a slice is no JSON array.
--
-- One statement takes the rows that are fit as they are. Only where it met another one, or a value
-- that the database cannot hold, examine() looks at each of those. Plans are kept, and do not depend
-- on the parameters: to plan the statement costs as much as to stage some forty rows.
CREATE OR REPLACE FUNCTION "audit"."stage"("recorder" uuid, "key" text, "slices" text[])
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
declare
  oldest uuid;
  latest uuid := audit.latest_id();
  writer text := session_user;
  others json;
begin
  perform audit.claim_recorder(recorder, key);
  select l.oldest_id into oldest from audit.audit_lane as l where l.lane = 'staging';
  begin
    insert into audit.audit_staging (
      recorder_id, written_by, id, occurred_at, recorder_seq, user_id, event_id, target_id,
      action, entity_type, request_id, metadata, context
    )
    select
      recorder, writer, r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
      r.action, r.entity_type, r.request_id, r.metadata, r.context
    from (
      select s.slice, audit.is_plain(s.given, jsonb_array_length(s.slice)) as is_plain
      from (select given, given::jsonb as slice from unnest(slices) as given offset 0) as s
      offset 0
    ) as s
    cross join lateral audit.typed_rows(s.slice, s.is_plain, oldest, latest) as r
    where case when r.fits then true else audit.mark_unfit() end;
    if current_setting('audit.unfit', true) = 'yes' then
      perform set_config('audit.unfit', '', true);
      -- By the same is_plain: an entry that it was decided about in another way would be lost or doubled.
      select json_agg(e) into others
      from (
        select given, audit.is_plain(given, jsonb_array_length(given::jsonb)) as is_plain
        from unnest(slices) as given
        offset 0
      ) as s
      cross join lateral json_array_elements(s.given::json) as e
      cross join lateral audit.typed_rows(
        jsonb_build_array(e::jsonb), s.is_plain, oldest, latest
      ) as r
      where r.fits is not true;
    end if;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    -- Postgres has undone the insert.
    select json_agg(e) into others
    from unnest(slices) as slice cross join lateral json_array_elements(slice::json) as e;
  end;
  if others is not null then
    perform audit.place_entries('staging', others, recorder, oldest, latest, true, false);
  end if;
  return (select s.epoch from audit.audit_sentinel as s);
end
$$;
--> statement-breakpoint
-- The figures of "audit-relay status": what waits in the lanes, the last seq, and how many dead
-- letters and declared gaps there are. These are counted exactly.
CREATE OR REPLACE FUNCTION "audit"."status"(
  OUT "staging_depth" double precision, OUT "staging_is_estimate" boolean,
  OUT "staging_age_ms" double precision,
  OUT "outbox_depth" double precision, OUT "outbox_is_estimate" boolean,
  OUT "outbox_age_ms" double precision,
  OUT "last_seq" bigint, OUT "dead_letters" bigint, OUT "gaps" bigint
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    staging.depth, staging.is_estimate, staging.age_ms,
    outbox.depth, outbox.is_estimate, outbox.age_ms,
    (select h.seq from audit.audit_head as h),
    (select count(*) from audit.audit_dead_letter),
    (
      select count(*) from audit.audit_log as l
      where split_part(l.action, '.', 1) = 'audit' and l.action = 'audit.gap'
    )
  from audit.lane_look('staging') as staging, audit.lane_look('outbox') as outbox
$$;
--> statement-breakpoint
-- Which of the small, busy tables are heavier than they should be, as audit.compact names them. Up to
-- such a size a table is left alone. It holds few live rows, so above that size it is mostly dead
-- rows, which every batch has to step over.
CREATE OR REPLACE FUNCTION "audit"."weigh"() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select l.target
  from (
    values ('staging', 4096), ('outbox', 4096), ('head', 128), ('recorder', 1024)
  ) as l (target, kilobytes)
  where pg_relation_size(('audit.audit_' || l.target)::regclass) > l.kilobytes * 1024
$$;
--> statement-breakpoint
-- The sessions behind which a relay stands back: those of this database that hold the head of the log
-- or a row of audit_turn. is_relay says whether a session's login is a member of audit_relay or
-- audit_owner, or is the caller. A session that is no relay stops the moves. transaction names the
-- session's transaction: a relay's transaction ends with its batch.
CREATE OR REPLACE FUNCTION "audit"."who_moves"(
  OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "transaction" text,
  OUT "is_relay" boolean
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  with recursive held as (
    select h.xmax as xid from audit.audit_head as h
    union
    select t.xmax from audit.audit_turn as t where t.xmax <> '0'
  ),
  relay as (
    select r.oid from pg_roles as r
    where r.rolname in ('audit_relay', 'audit_owner') or r.rolname = session_user
    union
    select m.member from pg_auth_members as m join relay on m.roleid = relay.oid
  )
  select
    l.pid, a.usename::text, a.application_name, l.transactionid::text,
    coalesce(a.usesysid in (select oid from relay), false)
  from held
  join pg_locks as l on l.locktype = 'transactionid' and l.transactionid = held.xid
  left join pg_stat_activity as a on a.pid = l.pid
  where l.granted and l.mode = 'ExclusiveLock' and l.pid is distinct from pg_backend_pid()
  order by 5, 1
$$;
