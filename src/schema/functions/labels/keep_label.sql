-- Looks whether an entry of the log still has a name whose last entry is gone or empty, and deletes the
-- name where none has it.
CREATE OR REPLACE FUNCTION "audit"."keep_label"("label" audit.audit_label) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  newest constant bigint := audit.labelled_seq(
    label.subject, label.event, label.name, label.first_seq, label.last_seq);
begin
  if newest is null then
    delete from audit.audit_label as k
    where k.subject = label.subject and k.event = label.event and k.name = label.name;
  else
    update audit.audit_label as k set last_seq = newest
    where k.subject = label.subject and k.event = label.event and k.name = label.name;
  end if;
end
$$;
