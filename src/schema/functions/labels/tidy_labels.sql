-- Forgets names that no entry has any more, because a policy removed the last one: it looks at this many
-- names at most, and returns how many it has looked at.
CREATE OR REPLACE FUNCTION "audit"."tidy_labels"("max_rows" integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  label audit.audit_label;
  looked integer := 0;
begin
  for label in
    select k.* from audit.audit_label as k
    where k.last_seq <= (
      select r.last_seq from audit.audit_removed as r
      where r.first_seq <= k.last_seq order by r.first_seq desc limit 1)
    order by k.subject, k.event, k.name limit max_rows for update
  loop
    perform audit.keep_label(label);
    looked := looked + 1;
  end loop;
  return looked;
end
$$;
