/** A value that a handler may pass to `record()`, and what must become of it. */
export interface BadEntry {
  readonly name: string
  /** Makes a new value for each call, because some values cannot be used twice. */
  readonly make: () => unknown
  /** What the stored entry says in `context.degraded`. `dropped`: the entry is only counted. */
  readonly becomes: readonly string[] | 'dropped'
  /** The expected metadata in the log, if the test checks it. */
  readonly metadata?: unknown
  /** What the caller does to the entry after the call has returned. */
  readonly afterwards?: (entry: unknown) => void
}

/** A secret that some entries hold. */
export const PLANTED = 'zQ7PLANTEDx9Kz'

function throwing(): never {
  throw new RangeError(PLANTED)
}

function circular(): object {
  const loop: Record<string, unknown> = {}
  loop['self'] = { loop: [loop] }
  return loop
}

function deep(levels: number): object {
  let nested: object = {}
  for (let level = 0; level < levels; level += 1) nested = { nested }
  return nested
}

/** Made only once, because a million keys take longer to make than to record. */
let manyKeys: object | undefined
function millionKeys(): object {
  manyKeys ??= Object.fromEntries(Array.from({ length: 1_000_000 }, (_, n) => [`key${n}`, n]))
  return manyKeys
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** A text that no index takes. It cannot be compressed, because nothing in it repeats. */
function randomText(characters: number): string {
  let state = 1
  const next = () => {
    state = (state * 48_271) % 2_147_483_647
    return String.fromCharCode(0x3400 + (state % 0x5000))
  }
  return Array.from({ length: characters }, next).join('')
}

const stored = (name: string, metadata: () => unknown, ...becomes: string[]): BadEntry => ({
  name,
  make: () => ({ action: 'bad.one', metadata: metadata() }),
  becomes,
})

/** Stored exactly. */
const kept = (name: string, metadata: unknown): BadEntry => ({
  ...stored(name, () => metadata),
  metadata,
})

const column = (name: string, field: string, value: unknown, ...becomes: string[]): BadEntry => ({
  name,
  make: () => ({ action: 'bad.one', [field]: value }),
  becomes,
})

const dropped = (name: string, make: () => unknown): BadEntry => ({
  name,
  make,
  becomes: 'dropped',
})

export const BAD_ENTRIES: readonly BadEntry[] = [
  // Values that Postgres refuses in a text or in jsonb.
  stored('NUL in metadata', () => ({ a: 'x\u0000y', '\u0000': 1 }), 'metadata.characters'),
  column('NUL in the action', 'action', 'bad\u0000.one', 'action.malformed', 'action.characters'),
  column('NUL in the request id', 'requestId', 'r\u0000', 'requestId.characters'),
  column('NUL in the entity type', 'entityType', '\u0000', 'entityType.characters'),
  column('NUL in the context', 'context', { ip: '\u0000' }, 'context.characters'),
  stored(
    'half of a pair',
    () => ({ a: '\ud800', '\udc00': 'x\udc00\ud800' }),
    'metadata.characters',
  ),
  column('half of a pair in a name', 'entityType', '\ud800', 'entityType.characters'),
  kept('what looks like an escape', { a: '\\u0000', b: '\\\\u0000', c: '\\ud800' }),

  // Values that JSON cannot hold.
  stored('a circle', circular, 'metadata.circular'),
  stored('a BigInt', () => ({ big: 2n ** 200n }), 'metadata.bigint'),
  stored('an integer beyond 2^53', () => ({ n: 2 ** 60 }), 'metadata.number'),
  stored('numbers that are none', () => ({ a: Number.NaN, b: -1 / 0, c: -0 }), 'metadata.number'),
  stored(
    'a getter that throws',
    () => ({
      get a() {
        return throwing()
      },
    }),
    'metadata.throws',
  ),
  stored('a toJSON that throws', () => ({ a: { toJSON: throwing } }), 'metadata.throws'),
  stored('a function', () => throwing, 'metadata.wrapped', 'metadata.function'),
  stored('a symbol', () => Symbol('s'), 'metadata.wrapped', 'metadata.symbol'),
  { ...stored('undefined', () => undefined), metadata: {} },
  { ...stored('null', () => null), metadata: {} },
  stored('a number', () => 7, 'metadata.wrapped'),
  stored('a text', () => 'text', 'metadata.wrapped'),
  stored('JSON text', () => '{"a":1,"a":2}', 'metadata.wrapped'),
  stored(
    'JSON text, nested',
    () => `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    'metadata.wrapped',
    'metadata.truncated',
  ),
  stored('an array', () => [1, [2]], 'metadata.wrapped'),
  stored('a Map, a Set, an Error, a RegExp', () => ({
    m: new Map([['k', 1]]),
    s: new Set([1]),
    e: new Error('x'),
    r: /x/g,
  })),
  stored('Headers', () => ({ headers: new Headers({ accept: '*/*' }) })),
  stored('a Date that is none', () => ({ at: new Date(Number.NaN) }), 'metadata.date'),
  stored('a Proxy that was revoked', () => ({ a: revoked() }), 'metadata.throws'),
  kept('a key __proto__', JSON.parse('{"__proto__":{"a":1}}')),

  // Values that are too large.
  stored('5,000 deep', () => deep(5_000), 'metadata.depth'),
  stored('300 MB', () => ({ a: 'x'.repeat(300_000_000) }), 'metadata.truncated'),
  stored('a million keys', millionKeys, 'metadata.truncated'),
  stored('a megabyte of emoji', () => ({ a: '😀'.repeat(250_000) }), 'metadata.truncated'),

  // Columns.
  column('a time that is none', 'occurredAt', new Date(Number.NaN), 'occurredAt.invalid'),
  column('a time as text', 'occurredAt', '2024-02-30T00:00:00Z', 'occurredAt.invalid'),
  column('a time far ahead', 'occurredAt', new Date(8.64e15), 'occurredAt.skewed'),
  column('a time long ago', 'occurredAt', -8.64e15, 'occurredAt.skewed'),
  column('a time in the year 1', 'occurredAt', -62_135_596_800_000),
  column('a user that is no UUID', 'userId', 'user-7', 'userId.invalid'),
  column(
    'a UUID in brackets',
    'eventId',
    '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}',
    'eventId.invalid',
  ),
  column('36 characters that are no UUID', 'targetId', 'x'.repeat(36), 'targetId.invalid'),
  column('a UUID in capitals', 'targetId', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'),
  column('a number for a user', 'userId', 7, 'userId.invalid'),
  column('a long action', 'action', `bad.${'x'.repeat(9_000)}`, 'action.truncated'),
  column('an action without a verb', 'action', 'bad one', 'action.malformed'),
  column('a long random entity type', 'entityType', randomText(20_000), 'entityType.truncated'),
  column('a long random request id', 'requestId', randomText(20_000), 'requestId.truncated'),
  column('a context of texts', 'context', 'ip', 'context.wrapped'),
  column('marks of its own', 'context', { degraded: 'no', redacted: 1 }, 'context.reserved'),
  column('an address with a zone', 'context', { ip: '::ffff:1.2.3.4%eth0, 10.0.0.1' }),

  // Values that are dangerous for readers are stored unchanged.
  kept('markup', {
    a: '</script><script>alert(1)</script><!--\u2028',
    href: 'javascript:alert(1)',
  }),
  kept('formulas', { a: '=cmd|x', b: '\t-1', c: '\u00a0@x', d: 'a\n=1' }),
  kept('SQL', { "a' ->> 'x') is not null or true --": '{"' }),
  stored('secrets', () => ({ users: [{ PassWord: PLANTED, note: `Bearer ${PLANTED}` }] })),
  {
    ...stored('metadata that is changed after the call', () => ({ a: { b: 'before' } })),
    metadata: { a: { b: 'before' } },
    afterwards: (entry) => {
      const { metadata } = entry as { metadata: { a: object } }
      Object.assign(metadata.a, { b: 'after' })
      Object.assign(entry as object, { action: 'bad.changed', requestId: 'after' })
    },
  },

  // Values that are not entries.
  dropped('null', () => null),
  dropped('nothing', () => undefined),
  dropped('a text', () => 'bad.one'),
  dropped('a revoked Proxy', revoked),
  dropped('no action', () => ({ metadata: { a: 1 } })),
  dropped('an empty action', () => ({ action: '' })),
  dropped('an action that is no text', () => ({ action: { toString: () => 'bad.one' } })),
  dropped('an action that throws', () => ({
    get action() {
      return throwing()
    },
  })),
]
