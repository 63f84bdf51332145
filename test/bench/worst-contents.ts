import { slotOf } from '../../src/redact/redactor.ts'

/** Content that costs `record()` more than others do. */
export interface WorstCall {
  readonly name: string
  readonly make: () => unknown
  /** JSON.stringify writes it as `{}`, so what it would say is stringified in its place. */
  readonly asJson?: (made: never) => unknown
}

export const KIB = 1_024
const fill = (part: string, characters: number) =>
  part.repeat(Math.ceil(characters / part.length)).slice(0, characters)
export const listOf = <Item>(count: number, make: (n: number) => Item) =>
  Array.from({ length: count }, (_, n) => make(n))
const objectOf = (count: number, key: (n: number) => string, value: (n: number) => unknown) =>
  Object.fromEntries(listOf(count, (n) => [key(n), value(n)]))

/** Keys that all fall into the slot of `seat-aaa1`. */
function keysOfOneSlot(count: number): string[] {
  const slot = slotOf('seat-aaaa1')
  const keys: string[] = []
  for (let n = 0; keys.length < count; n += 1) {
    const key = `seat-${n.toString(36).padStart(4, 'a')}1`
    if (slotOf(key) === slot) keys.push(key)
  }
  return keys
}

let uuids = 0
function nextUuid(): string {
  uuids += 1
  return `${(0x10000000 + uuids).toString(16)}-7c3a-4b21-9f10-2f6f1a5c9d3e`
}

function causes(levels: number): Error {
  let error = new Error('the last one')
  for (let n = 0; n < levels; n += 1) error = new Error(`because of ${n}`, { cause: error })
  return error
}

function pairs<Pairs extends URLSearchParams | FormData>(into: Pairs, count: number): Pairs {
  for (let n = 0; n < count; n += 1) into.append('same', String(n))
  return into
}

const errorJson = (error: Error): unknown => ({
  name: error.name,
  message: error.message,
  cause: error.cause instanceof Error ? errorJson(error.cause) : undefined,
})

const oneSlot = keysOfOneSlot(4_096)

const TEXTS: readonly (readonly [string, string])[] = [
  ['prose', 'The quick brown fox jumps over the lazy dog, and runs away from it. '],
  ['a=', 'a='],
  ['key=v ', 'key=v '],
  ['password=x&', 'password=x&'],
  ['"token":"x",', '"token":"x",'],
  ['password', 'password'],
  ['token: ', 'token: '],
  ['secret {', 'secret={"a":{'],
  ['://a:b@', '://a:b@ '],
  ['Bearer abc12345', 'Bearer abc12345 '],
  ['Basic YTpiYTpi', 'Basic YTpiYTpi '],
  ['eyJ', 'eyJ'],
  ['ghp_ tokens', `gh${'p_'}${'a1B2'.repeat(9)} `],
  ['card numbers', '4111 1111 1111 1111 '],
  ['digits', '4111111'],
  ['quotes and backslashes', '\\"'],
  ['<password>', '<password>x</password>'],
  ['curl -u', 'curl -u a:b -u '],
  ['mysql', 'mysql -p'],
  ['PRIVATE KEY', '-----BEGIN PRIVATE KEY-----'],
  ['-', '- -- '],
  ['identified by', 'identified by '],
  ['{"password":', '{"password":'],
  ['percent-encoded', '%3Ftoken%3Dx%26'],
]

export const WORST_CALLS: readonly WorstCall[] = [
  { name: 'small entry', make: () => ({ field: 'colour', before: 'red', after: 'blue' }) },
  ...TEXTS.map(([name, part]) => ({
    name: `text of 30 KiB: ${name}`,
    make: () => ({ text: fill(part, 30 * KIB) }),
  })),
  ...TEXTS.slice(0, 6).map(([name, part]) => ({
    name: `text of 1 MiB: ${name}`,
    make: () => ({ text: fill(part, KIB * KIB) }),
  })),
  {
    name: '300 texts with pairs',
    make: () => ({ texts: listOf(300, (n) => `key=${n} token=x${n} "pin": 4711 a=b`) }),
  },
  {
    name: '2,000 short texts',
    make: () => ({ texts: listOf(2_000, (n) => `v${n}=x`) }),
  },
  {
    name: '50 texts of 40 KB, hashed',
    make: () => ({ texts: listOf(50, () => fill('some words in it ', 40_000)) }),
  },
  {
    name: '300 keys of one slot',
    make: () =>
      objectOf(
        300,
        (n) => oneSlot[n] ?? '',
        (n) => n,
      ),
  },
  {
    name: '4,096 keys of one slot',
    make: () =>
      objectOf(
        4_096,
        (n) => oneSlot[n] ?? '',
        (n) => n,
      ),
  },
  { name: '300 keys that are new UUIDs', make: () => objectOf(300, nextUuid, (n) => n) },
  {
    name: '1,000 keys',
    make: () =>
      objectOf(
        1_000,
        (n) => `key ${n}`,
        (n) => n,
      ),
  },
  {
    name: '10,000 keys',
    make: () =>
      objectOf(
        10_000,
        (n) => `key ${n}`,
        (n) => n,
      ),
  },
  {
    name: '2,000 secret keys',
    make: () =>
      objectOf(
        2_000,
        (n) => `token${n}`,
        () => 'x',
      ),
  },
  {
    name: '100 keys of 1,000 characters',
    make: () =>
      objectOf(
        100,
        (n) => `${n}${fill('long', 1_000)}`,
        (n) => n,
      ),
  },
  {
    name: '500 objects about secrets',
    make: () => ({ list: listOf(500, (n) => ({ field: 'password', from: `a${n}`, to: `b${n}` })) }),
  },
  {
    name: 'object under a secret name',
    make: () => ({
      secrets: objectOf(
        1_000,
        (n) => `entry${n}`,
        (n) => `x${n}y`,
      ),
    }),
  },
  {
    name: 'URLSearchParams, 8,000 of one name',
    make: () => ({ query: pairs(new URLSearchParams(), 8_000) }),
    asJson: ({ query }: { query: URLSearchParams }) => ({ same: query.getAll('same') }),
  },
  {
    name: 'FormData, 8,000 of one name',
    make: () => ({ form: pairs(new FormData(), 8_000) }),
    asJson: ({ form }: { form: FormData }) => ({ same: form.getAll('same') }),
  },
  {
    name: 'Map of 10,000',
    make: () => ({ map: new Map(listOf(10_000, (n) => [`key ${n}`, n])) }),
    asJson: ({ map }: { map: Map<string, number> }) => Object.fromEntries(map),
  },
  {
    name: 'Set of 100,000',
    make: () => ({ set: new Set(listOf(100_000, (n) => n)) }),
    asJson: ({ set }: { set: Set<number> }) => [...set],
  },
  {
    name: 'Float64Array of 100,000',
    make: () => ({ values: Float64Array.from(listOf(100_000, (n) => n / 3)) }),
    asJson: ({ values }: { values: Float64Array }) => [...values],
  },
  { name: 'array of 100,000', make: () => ({ list: listOf(100_000, (n) => n) }) },
  {
    name: 'nested arrays',
    make: () => {
      let nested: unknown = 1
      for (let n = 0; n < 10; n += 1) nested = [nested, nested, nested]
      return { nested }
    },
  },
  {
    name: 'errors, 30 causes deep',
    make: () => ({ errors: listOf(20, () => causes(30)) }),
    asJson: ({ errors }: { errors: Error[] }) => errors.map(errorJson),
  },
  {
    name: 'marks: 3,000 odd numbers',
    make: () => ({ list: listOf(3_000, (n) => (n % 2 ? Number.NaN : 2 ** 60 + n)) }),
  },
  { name: 'NUL characters, 30 KiB', make: () => ({ text: fill('\0', 30 * KIB) }) },
  { name: 'control characters, 30 KiB', make: () => ({ text: fill('\u001b[1m', 30 * KIB) }) },
  { name: 'Chinese characters, 30 KiB', make: () => ({ text: fill('漢字', 30 * KIB) }) },
]
