-- What was taken out of the log and waits for its drop, the oldest first: when it will be dropped, and
-- how many of its entries a hold keeps that was placed since.
CREATE OR REPLACE FUNCTION "audit"."retention_waits"(
  OUT "partition" text, OUT "swap" bigint, OUT "removed" bigint, OUT "swapped_at" timestamptz,
  OUT "drop_at" timestamptz, OUT "is_due" boolean, OUT "held_since" bigint, OUT "bytes" bigint
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
begin
  for partition, swap, removed, swapped_at, drop_at, bytes in
    select s.partition, s.swap, s.removed, s.swapped_at,
      s.swapped_at + (select r.undo from audit.audit_retention as r),
      pg_total_relation_size(to_regclass(format('audit.%I', s.detached)))
    from audit.audit_swap as s where s.state = 'swapped' order by s.swap
  loop
    is_due := drop_at <= now();
    held_since := audit.held_since(swap);
    return next;
  end loop;
end
$$;
