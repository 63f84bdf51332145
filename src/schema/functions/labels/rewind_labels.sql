-- Forgets what was taken of entries with this number or a greater one, which a restore has taken back.
-- Returns how many names it changed.
CREATE OR REPLACE FUNCTION "audit"."rewind_labels"("from_seq" bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  label audit.audit_label;
  changed bigint := 0;
begin
  for label in
    select * from audit.audit_label as k where k.last_seq >= from_seq
    order by k.subject, k.event, k.name for update
  loop
    if label.first_seq >= from_seq then
      delete from audit.audit_label as k
      where k.subject = label.subject and k.event = label.event and k.name = label.name;
    else
      update audit.audit_label as k set last_seq = from_seq - 1
      where k.subject = label.subject and k.event = label.event and k.name = label.name;
    end if;
    changed := changed + 1;
  end loop;
  return changed;
end
$$;
