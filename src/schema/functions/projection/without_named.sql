-- A part of a document, for without_changes() alone; null where nothing is left of it. "ends" are the last
-- keys of the hidden paths, "open" is as in name_step(). In a side of a change, and in what is called changes,
-- each value is left out whose name is hidden, elsewhere changes alone are. An empty object stays in a side,
-- because there it says that something was not there before, or is not there any more.
CREATE OR REPLACE FUNCTION "audit"."without_named"(
  "given" jsonb, "hidden" text[], "ends" text[], "open" text[], "in_side" boolean,
  "in_changes" boolean, "is_whole" boolean
) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
declare
  side constant text := audit.side_pattern();
  -- { "changes": { "card": ["old", "new"] } }, "$set": { "card": "new" }
  list_of_changes constant text :=
    '^[$_]*([a-z]+[_-])?(changes|changed|changeset|diffs?|deltas?|updates|modifi(ed|cations)|patch|set|unset)$';
  label constant text :=
    '^(field|path|key|name|property|prop|column|attribute|attr|pointer|label)([_-]?(name|path|key))?$';
  sides text[];
  labels text[];
  form text;
  step record;
  child record;
  kept jsonb;
  made jsonb;
  open_in_sides text[] := open;
  is_told boolean := false;
begin
  if jsonb_typeof(given) not in ('object', 'array') or not audit.names_any(given, ends) then
    return given;
  end if;
  if jsonb_typeof(given) = 'array' then
    select coalesce(jsonb_agg(kept_item.value order by item.n), '[]') into made
    from jsonb_array_elements(given) with ordinality as item (value, n),
      lateral (
        select audit.without_named(item.value, hidden, ends, open, in_side, in_changes, false)
        offset 0
      ) as kept_item (value)
    where kept_item.value is not null;
    return case when made <> '[]' or in_side then made end;
  end if;
  sides := array(select k from jsonb_object_keys(given) as k where k ~* side);
  labels := array(
    select k from jsonb_object_keys(given) as k
    where k ~* label and jsonb_typeof(given -> k) in ('string', 'array'));
  if labels <> '{}' then
    sides := sides || array(
      select k from jsonb_object_keys(given) as k where k ~* '^(value|current)$');
  end if;
  if sides <> '{}' then
    -- A label is a text, "card.number", "card[0].number" or "/card/0/number", or the list of the keys.
    for form in
      select case when jsonb_typeof(given -> k) = 'string' then given ->> k else array_to_string(
        array(select jsonb_array_elements_text(given -> k)), '.') end
      from unnest(labels) as k
    loop
      for step in
        select s.open, s.is_hidden
        from (
          values (string_to_array(left(form, 2000), '.')),
            (array_remove(regexp_split_to_array(
              regexp_replace(left(form, 2000), '[./\[\]"''$]+([0-9]+(?=[./\[\]"''$]|$))?', '.', 'g'),
              '[.]+'), ''))
        ) as forms (keys),
          audit.name_step(hidden, forms.keys, open) as s
      loop
        is_told := is_told or step.is_hidden;
        open_in_sides := open_in_sides || step.open;
      end loop;
    end loop;
    if is_told and not is_whole then
      return null;
    end if;
    open_in_sides := array(select distinct o from unnest(open_in_sides) as o);
  end if;
  made := '{}';
  for child in select e.key, e.value from jsonb_each(given) as e loop
    if child.key = any (sides) then
      continue when is_told;
      kept := audit.without_named(child.value, hidden, ends, open_in_sides, true, false, false);
    else
      continue when is_told and child.key = any (labels);
      select s.open, s.is_hidden into step
      from audit.name_step(
        hidden, case child.key when '' then array[''] else string_to_array(child.key, '.') end, open) as s;
      if not step.is_hidden then
        kept := audit.without_named(
          child.value, hidden, ends, step.open, in_side,
          in_changes or child.key ~* list_of_changes, false);
      elsif in_side or in_changes or audit.tells_change(child.value) then
        continue;
      else
        kept := child.value;
      end if;
    end if;
    if kept is not null then
      made := made || jsonb_build_object(child.key, kept);
    end if;
  end loop;
  return case when made <> '{}' or in_side then made end;
end
$$;
