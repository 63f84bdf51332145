-- Says that this database was restored from a copy of an earlier time. It declares a gap in the fast
-- lane, because a dump holds the lane and its sentinel together and so looks as if nothing had been
-- staged since. And it begins a new history, and a new tree of the seal where there is one: what was
-- sealed after the copy was made may have been published. Returns the new history.
CREATE OR REPLACE FUNCTION "audit"."declare_restored"() RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  new_history uuid;
begin
  -- As after a crash: without it declare_gap() takes the lane for the one that it knows.
  delete from audit.audit_sentinel;
  delete from audit.audit_import_sentinel;
  perform audit.declare_gap();
  new_history := audit.begin_history('audit-relay restored');
  update audit.audit_history as h set is_declared = true where h.history = new_history;
  insert into audit.audit_origin (origin, name, first_seq, history)
  select o.origin + 1,
    case when o.origin = 1 then o.name else left(o.name, -length('/' || o.origin)) end
      || '/' || (o.origin + 1),
    least(audit.sealed_through(), h.seq) + 1, new_history
  from audit.audit_origin as o cross join audit.audit_head as h
  order by o.origin desc limit 1;
  return new_history;
end
$$;
