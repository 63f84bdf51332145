-- Whether an action belongs to the product itself: its entity is "audit", in capitals or not, with
-- anything before it that is no letter and no digit. Such a text looks like one of ours to a person.
-- Most actions begin with another letter, so only few are matched with the pattern.
CREATE OR REPLACE FUNCTION "audit"."is_reserved"("action" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select case
    when ascii(action) between 98 and 122 then false
    when action ~* '^[^[:alnum:]]*audit[^[:alnum:]]*([.]|$)' then true
    when octet_length(action) = length(action) then false
    else audit.is_lookalike(action)
  end
$$;
