-- The tables whose files may still hold what was erased since they were last rewritten: each place of the
-- log that has such an entry, the dead letters, the lanes, the names and the shared views; where the log is
-- sealed, also the salts of what was erased; where it is searched, the bits of its words.
CREATE OR REPLACE FUNCTION "audit"."scrub_places"(OUT "place" text, OUT "bytes" bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  is_touched boolean;
begin
  for place in select p.place::text from audit.log_places() as p order by 1 loop
    execute format(
      'select exists (select from audit.audit_erasure as e '
      'where e.scrubbed_at is null and exists (select from %s as r where r.id = e.id))', place)
    into is_touched;
    if is_touched then
      bytes := pg_total_relation_size(place::regclass);
      return next;
    end if;
  end loop;
  if exists (
    select from audit.audit_erasure as e where e.scrubbed_at is null and e.opening is not null
  ) then
    for place in select t from unnest(array['audit.audit_salt', 'audit.audit_erasure']) as t loop
      bytes := pg_total_relation_size(place::regclass);
      return next;
    end loop;
  end if;
  -- What was erased took its bits out of the search at once. Old versions of their rows are left.
  if pg_relation_size('audit.audit_search_slice') > 0
    and exists (select from audit.audit_erasure as e where e.scrubbed_at is null)
  then
    place := 'audit.audit_search_slice';
    bytes := pg_total_relation_size('audit.audit_search_slice');
    return next;
  end if;
  foreach place in array array['audit.audit_label', 'audit.audit_view'] loop
    if pg_relation_size(place::regclass) > 0 then
      bytes := pg_total_relation_size(place::regclass);
      return next;
    end if;
  end loop;
  foreach place in array array[
    'audit.audit_dead_letter', 'audit.audit_staging', 'audit.audit_outbox', 'audit.audit_import'
  ] loop
    bytes := pg_total_relation_size(place::regclass);
    return next;
  end loop;
end
$$;
