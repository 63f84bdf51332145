import type { Mutant } from './mutant.ts'

const PARSER = 'src/query/parse-query.ts'
const TERMS = 'src/query/statements/term-conditions.ts'
const QUERY = 'src/query/statements/query-conditions.ts'
const JSON_CONDITIONS = 'src/query/statements/json-conditions.ts'
const THROUGH = 'src/read/read-through.ts'
const RANDOM = {
  file: 'query-answers.test.ts',
  test: 'random queries find what a naive evaluation finds',
} as const
const QUESTIONS = {
  file: 'query-answers.test.ts',
  test: 'the questions have the answers that they should have',
} as const

export const QUERY_MUTANTS: readonly Mutant[] = [
  {
    name: 'a minus takes out the first alternative alone',
    edits: [
      {
        file: QUERY,
        find: 'others.push(sql`(${anyOf(all)}) is not true`)',
        replace: 'others.push(sql`(${anyOf(all.slice(0, 1))}) is not true`)',
      },
    ],
    ...RANDOM,
  },
  {
    name: 'what is null is taken out by a minus',
    edits: [
      {
        file: QUERY,
        find: 'others.push(sql`(${anyOf(all)}) is not true`)',
        replace: 'others.push(sql`not (${anyOf(all)})`)',
      },
    ],
    ...RANDOM,
  },
  {
    name: 'an underscore in an action stands for any character',
    edits: [{ file: TERMS, find: 'replaceAll(/[\\\\_%]/g', replace: 'replaceAll(/[\\\\%]/g' }],
    file: 'query-answers.test.ts',
    test: 'a star is the only wildcard of an action',
  },
  {
    name: 'an IPv4 address that is written as IPv6 is in no range',
    edits: [{ file: TERMS, find: '`^(::ffff:)?(${OCTET}', replace: '`^(${OCTET}' }],
    ...QUESTIONS,
  },
  {
    name: 'who acted for the user is not found by "by"',
    edits: [
      {
        file: 'src/query/log-query.ts',
        find: "by: ['userId', 'actorId']",
        replace: "by: ['userId']",
      },
    ],
    ...QUESTIONS,
  },
  {
    name: 'a pair of objects changed all of their fields',
    edits: [
      {
        file: JSON_CONDITIONS,
        find: '(${from} operator(pg_catalog.=) ${to}) is not true and not',
        replace: '(${from} operator(pg_catalog.=) ${to}) is not null or not',
      },
    ],
    ...RANDOM,
  },
  {
    name: 'alternatives are shown further than the first of them was read',
    edits: [
      {
        file: THROUGH,
        find: 'isBefore(id, end.id)',
        replace: 'isBefore(end.id, id)',
      },
    ],
    file: 'query-answers.test.ts',
    test: 'alternatives that end at different places leave nothing out',
  },
  {
    name: 'an entry that two alternatives find is shown twice',
    edits: [
      {
        file: THROUGH,
        find: 'for (const row of own) rows.set(idOf(row), row)',
        replace: 'for (const row of own) rows.set(`${rows.size}`, row)',
      },
    ],
    ...RANDOM,
  },
  {
    name: 'a page gives up after the first 5,000 entries',
    edits: [{ file: THROUGH, find: '> SEARCH_MS', replace: '> 0' }],
    file: 'query-answers.test.ts',
    test: 'a page says how far it has looked, and goes on from there',
  },
  {
    name: 'an export takes a query that it does not understand',
    edits: [
      {
        file: 'src/read/filter.ts',
        find: 'if (problem === undefined) return query',
        replace: 'if (problem !== null) return query',
      },
    ],
    file: 'query-answers.test.ts',
    test: 'what is not understood does not empty a page, and nothing else reads it',
  },
  {
    name: 'a word behind "or" has no qualifier',
    edits: [
      {
        file: PARSER,
        find: 'const inherited = isNoAction',
        replace: 'const inherited = chain',
      },
    ],
    file: 'query.test.ts',
    test: 'a word behind or has the qualifier in front of it, if it can',
  },
  {
    name: 'a misspelt alternative is looked for as a word',
    edits: [{ file: PARSER, find: ' || inherited.near?.length', replace: '' }],
    file: 'query.test.ts',
    test: 'a word behind or has the qualifier in front of it, if it can',
  },
  {
    name: 'a query has no bound',
    edits: [
      {
        file: PARSER,
        find: 'line.length > MAX_QUERY_CHARACTERS',
        replace: 'line.length > 10 ** 9',
      },
    ],
    file: 'query.test.ts',
    test: 'a query has at most so many characters and parts',
  },
  {
    name: 'a time behind "after" is left out',
    edits: [
      {
        file: 'src/query/qualifier-values.ts',
        find: "return { kind: 'time', fromMs: span.fromMs }\n    return",
        replace: "return { kind: 'time', fromMs: span.toMs }\n    return",
      },
    ],
    file: 'query.test.ts',
    test: 'after holds the time itself, before does not, until holds all of it',
  },
  {
    name: 'a viewer of one event is told what a name stands for',
    edits: [
      {
        file: 'src/page/view/frame/filter-form.ts',
        find: 'if (seenBy?.onlyEventId !== undefined || seenBy?.staffAs !== undefined) return []',
        replace: 'if (seenBy?.staffAs !== undefined) return []',
      },
    ],
    file: 'page-query.test.ts',
    test: 'a viewer of one event is told nothing of the names of others',
  },
  {
    name: 'an export leaves out reads, as the list does',
    edits: [
      {
        file: 'src/page/requests/export-response.ts',
        find: 'filter: query.filter,',
        replace: "filter: { ...query.filter, query: '-action:audit.read' },",
      },
    ],
    file: 'page-query.test.ts',
    test: 'reads are left out until somebody asks for them',
  },
  {
    name: 'reads are shown to everybody',
    edits: [
      {
        file: 'src/page/query/hidden-reads.ts',
        find: 'if (!hidesReads(query)) return filter',
        replace: 'if (query) return filter',
      },
    ],
    file: 'page-query.test.ts',
    test: 'reads are left out until somebody asks for them',
  },
  {
    name: 'a field is found by its exact name alone',
    edits: [
      {
        file: JSON_CONDITIONS,
        find: '`${keyPattern(name)}${KEY_ENDS}`',
        replace: '`${keyPattern(name)}`',
      },
    ],
    file: 'query-answers.test.ts',
    test: 'a field is found by its name, however it is written',
  },
  {
    name: 'figures of a field are found inside of longer ones',
    edits: [{ file: JSON_CONDITIONS, find: ' : isDigits ? [', replace: ' : !value ? [' }],
    file: 'query-answers.test.ts',
    test: 'a field is found by its name, however it is written',
  },
  {
    name: 'a word of an action is found in the middle of another one',
    edits: [{ file: TERMS, find: '`(^|[._:/ -]|', replace: '`(|' }],
    file: 'query-answers.test.ts',
    test: 'a word finds actions that are told by it',
  },
  {
    name: 'a person who acts is nobody who impersonates',
    edits: [
      {
        file: TERMS,
        find: '${actor} is not null and ${kind} is null',
        replace: '${actor} is not null and ${kind} is not null',
      },
    ],
    ...QUESTIONS,
  },
  {
    name: 'staff is found by the hidden name, too',
    edits: [
      {
        file: 'src/projection/log-view.ts',
        find: "hides.includes('actorId') ? sql`false` : isActor",
        replace: 'isActor',
      },
    ],
    file: 'page-query.test.ts',
    test: 'a customer who may not see who acted finds nothing by the name of staff',
  },
  {
    name: 'the hours of a range are those of today',
    edits: [
      {
        file: 'src/query/time-range.ts',
        find: 'isOfDay ? { ...clock, nowMs: begin.fromMs } : clock',
        replace: 'clock',
      },
    ],
    file: 'query.test.ts',
    test: 'ranges may say once what both sides have',
  },
  {
    name: 'the words of a question are looked for',
    edits: [
      {
        file: 'src/query/phrases.ts',
        find: 'return SAID.has(word)',
        replace: 'return word === SAID.size.toString()',
      },
    ],
    file: 'query.test.ts',
    test: 'what people and other tools write is read as what it means',
  },
  {
    name: 'the oldest page is shown upside down',
    edits: [
      {
        file: 'src/page/requests/page-response.ts',
        find: 'entries: entries.toReversed()',
        replace: 'entries: entries.toSorted()',
      },
    ],
    file: 'page-query.test.ts',
    test: 'the oldest entries are a page of their own, from which newer ones follow',
  },
]
