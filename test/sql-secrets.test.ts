import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identifies, MAY_NAME, secretKindOf } from '../src/redact/secret-keys.ts'
import { hidesNumber, hidesText } from '../src/redact/secret-values.ts'
import * as words from '../src/redact/secret-words.ts'
import { scratchDatabase } from './support/database.ts'
import { REDACTION_CASES } from './redaction-cases/index.ts'

const KINDS = [
  ...(['password', 'passwords', 'code', 'token', 'many', 'pass', 'cookie', 'session'] as const),
  'maybe' as const,
]

const LISTS: readonly (readonly string[])[] = Object.values(words).flatMap((list) =>
  list instanceof Set ? [[...list]] : [],
)
const ALL = [...new Set(LISTS.flat())]
const at = <T>(list: readonly T[], n: number): T => list[n % list.length] as T
const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1)

/** Names as people write them: each word of the lists alone, and before and after each secret word. */
function names(): readonly string[] {
  const cores = ['password', 'passwords', 'pin', 'token', 'tokens', 'secret', 'apiKey', 'api_keys']
  const more = [
    'pass',
    'cookie',
    'session',
    'sid',
    'auth',
    'code',
    'key',
    'session_id',
    'samlResponse',
  ]
  const all = [...cores, ...more]
  const made = ALL.flatMap((word, n) => {
    const [core, other] = [at(all, n), at(all, n + 7)]
    return [
      ...[word, word.toUpperCase(), capital(word), `${word}s`, `my_${word}`, `${word}-2`],
      ...[
        `${word}_${core}`,
        `${core}_${word}`,
        `${word}${capital(core)}`,
        `${core}${capital(word)}`,
      ],
      ...[`${word}${core}`, `${core}${word}`, `${other}.${word}.${core}`, `x-${word}-${other}`],
      ...[`${other}_${core}_${word}`, `${at(ALL, n * 31 + 5)}_${core}_${at(ALL, n * 17 + 3)}`],
    ]
  })
  const odd = [
    ...['', ' ', '-', '_', '0', 'ÄÖÜ', 'pässwörd', 'p\u200bassword', 'PASSWORT', 'mot de passe'],
    ...[
      'contraseña',
      'motDePasse',
      'пароль',
      'ПАРОЛЬ',
      'Пароль2',
      'pаssword',
      'ТОКЕН',
      '密码',
      'パスワード',
    ],
    ...[
      '비밀번호',
      'κωδικός',
      'ΚΩΔΙΚΟΣ',
      'passwоrd',
      'ﬀtoken',
      'ｐａｓｓｗｏｒｄ',
      'hasło',
      'straße_pin',
      'ıd_token',
    ],
    ...[
      'XMLHttpRequest',
      'HTTPSKey',
      'APIKey',
      'aPIKey',
      'XSRF-TOKEN',
      'client_token',
      'clientToken',
    ],
    ...['x'.repeat(200), `${'x'.repeat(200)}password`, `password${'x'.repeat(200)}`, '😀password'],
    ...[
      'secretsKey',
      'dbaccesskey',
      'awssecretkey',
      'preshared_key',
      'presharedkey',
      'authorizationkey',
    ],
    ...['status_code', 'country_code', 'shipping', 'monkey', 'keyboard', 'tokenizer', 'author'],
  ]
  const ofCases = REDACTION_CASES.flatMap(({ given }) => keysOf(given))
  return [...new Set([...made, ...odd, ...ofCases])].filter((name) => !name.includes('\0'))
}

function keysOf(given: unknown): readonly string[] {
  if (typeof given !== 'object' || given === null) return []
  if (Array.isArray(given)) return given.flatMap(keysOf)
  return Object.entries(given).flatMap(([key, value]) => [key, ...keysOf(value)])
}

function textsOf(given: unknown): readonly string[] {
  if (typeof given === 'string') return [given]
  return typeof given === 'object' && given !== null ? Object.values(given).flatMap(textsOf) : []
}

// Goal: what is a secret in the library is one in SQL.
// Method: the same names, of every word of the lists in every place, decided by both.
test('the library and SQL decide each name in the same way', async (t) => {
  const { sql } = await scratchDatabase(t)
  const given = names()
  assert.ok(given.length > 10_000, `${given.length} names`)
  const rows = await sql`
    select audit.secret_kind(name) as kind, audit.names_identity(name) as identifies,
      audit.may_name_secret(name) as may, audit.may_hold_secret(to_jsonb(name)::text || ': 1') as gate
    from unnest(${given as string[]}::text[]) with ordinality as t (name, n) order by n`
  const differ = given.flatMap((name, n) => {
    const { kind, identifies: does, may, gate } = rows[n] ?? {}
    const own = secretKindOf(name) ?? null
    const isSame = kind === own && does === identifies(name) && may === MAY_NAME.test(name)
    return isSame && (gate || !may)
      ? []
      : [`${name}: ${own} ${identifies(name)}, SQL ${kind} ${does} ${may} ${gate}`]
  })
  assert.deepEqual(differ.slice(0, 20), [], `${differ.length} of ${given.length}`)
  const found = rows.filter(({ kind }) => kind !== null).length
  assert.ok(found > 2_000 && found < given.length - 2_000, `${found} are secrets`)
})

test('the library and SQL decide each value under each kind of name in the same way', async (t) => {
  const { sql } = await scratchDatabase(t)
  const texts = [
    ...new Set([
      ...REDACTION_CASES.flatMap(({ given }) => textsOf(given)),
      ...[
        '',
        ' ',
        'yes',
        'TRUE',
        'n/a',
        '-',
        '***',
        '••••',
        'xxx',
        '[HIDDEN_DUE_TO_X]',
        '<redacted>',
      ],
      ...['arn:aws:x', 'vault:x', '$HOME', 'https://x.example/', 'https://a:b@x', 'sms'],
      ...[
        'hello there you',
        'read-only',
        'USDC',
        '42',
        '1234',
        'VIP weekend',
        'Basic',
        'necessary',
      ],
      ...[
        'a=b',
        's:abc',
        'x'.repeat(30),
        `${'x'.repeat(1_025)}`,
        'aB3dE5gH7jK9',
        '2026-01-01T00:00:00Z',
      ],
      ...['0f8fad5b-d9cb-469f-a165-70867728950e', 'user-07a16060613c408b5', '10.0.0.1', '#aabbcc'],
    ]),
  ].filter((text) => text.length < 5_000 && !text.includes('\0'))
  const numbers = [0, 1, -1, 42, 999, 1_000, 1.5, -0.5, 123_456, 2 ** 53]
  const rows = await sql`
    select k as kind, value, audit.hides_text(k, value) as hides
    from unnest(${KINDS as unknown as string[]}::text[]) as k, unnest(${texts}::text[]) as value`
  assert.equal(rows.length, KINDS.length * texts.length)
  const differ = rows.flatMap(({ kind, value, hides }) =>
    hidesText(kind, value) === hides ? [] : [`${kind} ${value}: SQL ${hides}`],
  )
  assert.deepEqual(differ.slice(0, 20), [], `${differ.length} of ${rows.length}`)
  const ofNumbers = await sql`
    select k as kind, value, audit.hides_number(k, value::numeric) as hides
    from unnest(${KINDS as unknown as string[]}::text[]) as k, unnest(${numbers.map(String)}::text[]) as value`
  for (const { kind, value, hides } of ofNumbers) {
    assert.equal(hides, hidesNumber(kind, Number(value)), `${kind} ${value}`)
  }
})
