import type { Mutant } from './mutant.ts'

const FOLD = 'src/timeline/fold-fields.ts'
const MOMENTS = 'src/timeline/moments.ts'
const READ = 'src/timeline/read-target.ts'
const RANDOM = {
  file: 'target-history.test.ts',
  test: 'the state of a thing is what it was, or it is in doubt',
} as const

export const HISTORY_MUTANTS: readonly Mutant[] = [
  {
    name: 'a write past the log is no doubt',
    edits: [
      {
        file: FOLD,
        find: "  return { doubt: doubtOf(path, 'past the log', last, found(step)) }",
        replace: '  return undefined',
      },
    ],
    ...RANDOM,
  },
  {
    name: 'what the next entry found is not looked at',
    edits: [
      {
        file: FOLD,
        find: 'next: isNextOfIt ? next : undefined })',
        replace: 'next: isNextOfIt ? undefined : undefined })',
      },
    ],
    ...RANDOM,
  },
  {
    name: 'a thing that was made again goes on from the earlier one',
    edits: [
      {
        file: FOLD,
        find: 'return (begins[Math.max(one, other)] ?? -1) > Math.min(one, other)',
        replace: 'return (begins[Math.max(one, other)] ?? -1) > Math.max(one, other)',
      },
    ],
    ...RANDOM,
  },
  {
    name: 'what was tried is taken for done',
    edits: [
      {
        file: FOLD,
        find: "const isAttempt = moment.kind === 'attempt'",
        replace: "const isAttempt = moment.kind === 'none'",
      },
    ],
    ...RANDOM,
  },
  {
    name: 'a value from before an erased entry is known',
    edits: [
      {
        file: FOLD,
        find: "if (blank && isErased(blank.entry)) return { state: 'erased', ...told }",
        replace: "if (blank && isErased(blank.entry)) return { state: 'known', ...told }",
      },
    ],
    ...RANDOM,
  },
  {
    name: 'what was denied changes the thing',
    edits: [
      {
        file: MOMENTS,
        find: "const didNotHappen = entry.outcome === 'denied' || entry.outcome === 'failed'",
        replace: "const didNotHappen = entry.outcome === 'failed'",
      },
    ],
    ...RANDOM,
  },
  {
    name: 'an entry of another entity tells of the thing',
    edits: [
      {
        file: MOMENTS,
        find: 'own.size === 0 || own.has(entityOf(entry))',
        replace: 'own.size >= 0 || own.has(entityOf(entry))',
      },
    ],
    file: 'target-history.test.ts',
    test: 'an entry that names a thing among others tells of it where it is of the same entity',
  },
  {
    name: 'changes far apart are turned around',
    edits: [
      {
        file: 'src/timeline/order-steps.ts',
        find: 'const SKEW_MS = 1_000',
        replace: 'const SKEW_MS = 3_000',
      },
    ],
    file: 'target-history.test.ts',
    test: 'changes of several servers within a second are taken in the order in which they fit',
  },
  {
    name: 'clocks that differ make doubt',
    edits: [
      {
        file: 'src/timeline/order-steps.ts',
        find: 'return search([], close) ?? found',
        replace: 'return close.length > 0 ? undefined : (search([], close) ?? found)',
      },
    ],
    file: 'target-history.test.ts',
    test: 'changes of several servers within a second are taken in the order in which they fit',
  },
  {
    name: 'an erasure of another event explains a contradiction',
    edits: [
      {
        file: 'src/timeline/lost-between.ts',
        find: 'if (erased?.eventId === found.eventId && entityOf(erased)',
        replace: 'if (erased !== undefined && entityOf(erased)',
      },
    ],
    file: 'target-history.test.ts',
    test: 'an erasure of another event or of another entity explains nothing',
  },
  {
    name: 'the moment that is asked for does not count itself',
    edits: [
      {
        file: READ,
        find: 'idFloor(Math.min(ms + 1, MAX_RECORDED_MS))',
        replace: 'idFloor(Math.min(ms, MAX_RECORDED_MS))',
      },
    ],
    file: 'target-history.test.ts',
    test: 'before its first change a field is unknown, and the next entry says what it found',
  },
  {
    name: 'the page shows a history to who may not see it',
    edits: [
      {
        file: 'src/page/requests/history-response.ts',
        find: 'const target = { targetId, seenBy: viewer.seenBy }',
        replace: 'const target = { targetId, seenBy: undefined }',
      },
    ],
    file: 'page-history.test.ts',
    test: 'a history shows a viewer of one event nothing of another one, and is written down',
  },
]
