-- Lets readers of the log read a restored table, or no longer, where it becomes a partition.
CREATE OR REPLACE FUNCTION "audit"."grant_restored"("restored" text, "is_granted" boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  settings record;
begin
  select v.roles, v.role_prefix into settings from audit.audit_schema_version as v;
  if settings.roles = 'on' then
    execute format(
      case when is_granted then 'grant select on audit.%I to %I' else 'revoke select on audit.%I from %I' end,
      restored, settings.role_prefix || 'audit_reader');
  end if;
end
$$;
