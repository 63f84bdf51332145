-- What a sealer asks before it works: how far the log is and in which history, the newest tree of the
-- seal and its newest checkpoint (null where there is none), whether a person declared the history by
-- "audit-relay restored", and how many rows wait in the lanes (at most max_waiting are counted). It
-- writes nothing.
CREATE OR REPLACE FUNCTION "audit"."seal_state"(
  "max_waiting" integer,
  OUT "head" bigint, OUT "history" uuid, OUT "is_declared" boolean,
  OUT "origin" smallint, OUT "name" text, OUT "first_seq" bigint, OUT "origin_history" uuid,
  OUT "size" bigint, OUT "root" bytea, OUT "note" text, OUT "waiting" integer
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.seq, h.history, coalesce(y.is_declared, false),
    o.origin, o.name, o.first_seq, o.history, c.size, c.root, c.note,
    (
      select count(*) from (
        (select from audit.audit_staging limit max_waiting)
        union all
        (select from audit.audit_outbox limit max_waiting)
      ) as waits
    )::integer
  from audit.audit_head as h
  left join audit.audit_history as y on y.history = h.history
  left join lateral (
    select t.* from audit.audit_origin as t order by t.origin desc limit 1
  ) as o on true
  left join lateral (
    select p.* from audit.audit_checkpoint as p where p.origin = o.origin order by p.size desc limit 1
  ) as c on true
$$;
