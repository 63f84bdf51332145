-- The id of the entry with this number, or null where there is none.
CREATE OR REPLACE FUNCTION "audit"."id_of_seq"("number" bigint) RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  range record;
  found_id uuid;
begin
  for range in select r.from_id, r.to_id from audit.ranges_of_seqs(number, number) as r
  loop
    -- With its values the statement is planned for this range alone. A plan that is kept locks all.
    execute 'select l.id from audit.audit_log as l where l.seq = $1 and l.id >= $2 '
      'and ($3 is null or l.id < $3) limit 1'
    into found_id using number, range.from_id, range.to_id;
    if found_id is not null then
      return found_id;
    end if;
  end loop;
  return null;
end
$$;
