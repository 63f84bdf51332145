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
