-- Forgets the names that only these entries had, of which something was erased.
CREATE OR REPLACE FUNCTION "audit"."forget_labels"("seqs" bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  label audit.audit_label;
begin
  for label in
    select * from audit.audit_label as k where k.last_seq = any(seqs)
    order by k.subject, k.event, k.name for update
  loop
    perform audit.keep_label(label);
  end loop;
end
$$;
