-- Refuses what a table of the seal does not do: it grows. A tile gets hashes at its end, a checkpoint
-- stands on the newest one, and of a salt the 16 bytes of an entry become zero, or come back with an
-- archive. The triggers that call it are ENABLE ALWAYS.
CREATE OR REPLACE FUNCTION "audit"."guard_seal"() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  wrong text;
begin
  if tg_table_name = 'audit_tile' and tg_op in ('INSERT', 'UPDATE') then
    if octet_length(new.hashes) % 32 <> 0 or octet_length(new.hashes) not between 32 and 8192 then
      wrong := 'a tile holds 1 to 256 hashes';
    elsif tg_op = 'UPDATE' and (
      (new.origin, new.level, new.n) is distinct from (old.origin, old.level, old.n)
      or substr(new.hashes, 1, octet_length(old.hashes)) <> old.hashes
    ) then
      wrong := 'a tile grows at its end';
    end if;
  elsif tg_table_name = 'audit_salt' and tg_op in ('INSERT', 'UPDATE') then
    if octet_length(new.salts) <> 4096 then
      wrong := 'there are 256 salts to a row';
    elsif tg_op = 'UPDATE' and (new.n <> old.n or exists (
      select from generate_series(1, 4081, 16) as place
      where substr(new.salts, place, 16) <> substr(old.salts, place, 16)
        and decode(repeat('00', 16), 'hex')
          not in (substr(new.salts, place, 16), substr(old.salts, place, 16))
    )) then
      wrong := 'a salt is kept or becomes zero';
    end if;
  elsif tg_table_name = 'audit_checkpoint' and tg_op = 'INSERT' then
    if new.previous <> coalesce(
      (select max(c.size) from audit.audit_checkpoint as c where c.origin = new.origin), 0)
    then
      wrong := 'a checkpoint stands on the newest one';
    end if;
  elsif tg_op <> 'INSERT' then
    wrong := 'rows are only added';
  end if;
  if wrong is not null then
    raise exception '% on %.% refused: %', tg_op, tg_table_schema, tg_table_name, wrong
      using errcode = 'insufficient_privilege',
        hint = '"audit-relay verify" tells whether the log is still what was sealed.';
  end if;
  return new;
end
$$;
