-- Takes the words of these entries out of the search, with all of their runs, which are made again: nothing
-- in the log's tables tells then that an entry held a word. Where the entries came back, also when the
-- entries of these blocks were recorded is forgotten, so that each of them is looked at until then.
CREATE OR REPLACE FUNCTION "audit"."forget_words"("seqs" int8multirange, "came_back" boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  touched bigint[];
begin
  select array_agg(r.first_block) into touched from audit.audit_search_run as r
  where seqs && int8range(r.first_block * 4096 + 1, (r.first_block + r.blocks) * 4096 + 1);
  delete from audit.audit_search_slice as s where s.first_block = any(touched);
  update audit.audit_search_run as r set log2 = null,
    min_ms = case when came_back then 0 else r.min_ms end,
    max_ms = case when came_back then 281474976710655 else r.max_ms end
  where r.first_block = any(touched);
  if came_back then
    delete from audit.audit_search_block as b
    where seqs && int8range(b.block * 4096 + 1, (b.block + 1) * 4096 + 1);
  end if;
end
$$;
