-- Takes apart what was written in one: accesstoken, passwordnew, apikey. As split() in
-- src/redact/secret-keys.ts does, with the lists of secret_words().
CREATE OR REPLACE FUNCTION "audit"."split_word"("word" text, "lists" jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  kinds constant jsonb := lists -> 'words';
  stem text;
  ending text;
  known jsonb;
  rest text;
  found_word text;
begin
  if length(word) <= 5 or word !~ (lists ->> 'parts') or kinds ->> word ~ '[PT]' then
    return array[word];
  end if;
  for stem in select s from jsonb_array_elements_text(lists -> 'stems') as s loop
    continue when length(stem) = length(word);
    if starts_with(word, stem) then
      rest := substr(word, length(stem) + 1);
      if coalesce(kinds ->> rest, '') ~ '[VD]' then
        return array[stem, rest];
      end if;
    end if;
    if length(word) > length(stem) and right(word, length(stem)) = stem then
      return audit.split_word(left(word, -length(stem)), lists) || stem;
    end if;
  end loop;
  for ending, known in
    select e ->> 0, e -> 1
    from jsonb_array_elements(lists -> 'ends') with ordinality as t (e, n) order by n
  loop
    continue when length(word) < length(ending) or right(word, length(ending)) <> ending;
    rest := left(word, -length(ending));
    if not known ? rest and coalesce(kinds ->> rest, '') !~ '[PT]' then
      -- dbaccesskey has a word more in front.
      select k into found_word
      from jsonb_array_elements_text(known) with ordinality as t (k, n)
      where length(k) > 3 and length(k) <= length(rest) and right(rest, length(k)) = k
      order by n limit 1;
      continue when found_word is null;
      return array[left(rest, length(rest) - length(found_word)), found_word, ending];
    end if;
    return case rest
      when 'creditcard' then array['credit', 'card', ending]
      when 'accesskey' then array['access', 'key', ending]
      else array[rest, ending]
    end;
  end loop;
  return array[word];
end
$$;
