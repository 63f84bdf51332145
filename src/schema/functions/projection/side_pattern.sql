-- What a side of a change is called: "from", "old_value", "before", "oldValues", "was".
CREATE OR REPLACE FUNCTION "audit"."side_pattern"() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select '^_*(from|to|before|after|old|new|prev|previous|original|updated|was|now|lhs|rhs)'
    || '([_-]?(values?|vals?|state|data|row|record|object|attributes|version|document|doc))?$'
$$;
