-- Sets the retention line, and with it the smallest id that the lanes take, to what the swaps say: the
-- line is the end of the newest partition of which a policy has removed something. The move refuses
-- what waits in a lane below it.
CREATE OR REPLACE FUNCTION "audit"."set_retention_line"() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  line uuid;
  oldest uuid;
begin
  select s.to_id into line from audit.audit_swap as s
  where s.state in ('swapped', 'dropped') order by s.to_id desc limit 1;
  select s.oldest_before into oldest from audit.audit_swap as s
  where s.oldest_before is not null order by s.oldest_before limit 1;
  update audit.audit_retention as r set line_id = line;
  update audit.audit_lane as l
  set oldest_id = case when line > oldest then line else oldest end
  where l.lane in ('staging', 'outbox');
end
$$;
