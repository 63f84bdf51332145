-- Says to what follows the log that these entries were emptied or removed, or with "back_to" that they came
-- back, all of them with smaller ids: nothing that was read of them before is written any more, and what was
-- made of them is forgotten.
CREATE OR REPLACE FUNCTION "audit"."changed_behind"(
  "seqs" int8multirange, "back_to" uuid DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
begin
  if isempty(seqs) then
    return;
  end if;
  -- First, because it waits for those who write what they made, and who wait for it then see it.
  update audit.audit_follow as f set changes = f.changes + 1,
    before_id = case when back_to is not null and lower(seqs) < f.since_seq
        and back_to > coalesce(f.before_id, '00000000-0000-0000-0000-000000000000')
      then back_to else f.before_id end;
  if found then
    perform audit.forget_words(seqs, back_to is not null);
  end if;
end
$$;
