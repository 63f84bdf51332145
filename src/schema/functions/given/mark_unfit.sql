-- For the WHERE of a statement that puts entries into a lane: lets no entry through, and leaves a note
-- for the rest of the function that some entry was not fit. Only such entries pay for it.
CREATE OR REPLACE FUNCTION "audit"."mark_unfit"() RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  select set_config('audit.unfit', 'yes', true) is null
$$;
