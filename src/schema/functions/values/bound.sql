-- What the lanes take at most. Every bound is here and nowhere else in the database. A number of
-- digits counts those that Postgres prints, so 1e1000 has 1,001. A constant argument makes a call
-- of it a constant of the plan.
CREATE OR REPLACE FUNCTION "audit"."bound"("name" text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case name
    when 'entry_bytes' then 1048576 -- of an entry's text as it was given
    when 'number_digits' then 1000
    when 'more_targets' then 100 -- targets beyond the first
    when 'levels' then 32 -- of objects and arrays in one another; metadata itself is the first
    when 'action_characters' then 128
    when 'text_characters' then 256 -- of entity_type, request_id and a kept invalid id
    when 'letter_characters' then 65536 -- kept of an entry that is longer than entry_bytes
    when 'ahead_ms' then 86400000 -- by which an id's time may be later than the database's clock
    when 'count' then 9007199254740991 -- a recorder's numbers: JavaScript counts no further
  end
$$;
