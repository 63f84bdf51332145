-- The greatest id of an entry with a smaller number. Null where there is none. It looks through one partition
-- after the other, the newest first, so it may take seconds.
CREATE OR REPLACE FUNCTION "audit"."greatest_id_before"("number" bigint) RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  part record;
  found_id uuid;
  of_default uuid;
begin
  if number <= 1 then
    return null;
  end if;
  select l.id into of_default from audit.audit_log_default as l
  where l.seq < number order by l.id desc limit 1;
  for part in
    select p.name from audit.audit_partition as p
    where coalesce(p.min_seq < number, true) order by p.from_id desc
  loop
    execute format('select l.id from audit.%I as l where l.seq < $1 order by l.id desc limit 1', part.name)
    into found_id using number;
    exit when found_id is not null;
  end loop;
  return nullif(greatest(coalesce(found_id::text, ''), coalesce(of_default::text, '')), '')::uuid;
end
$$;
