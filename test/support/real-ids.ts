/** An id as an application has it. */
export interface RealId {
  readonly kind: string
  readonly given: string | number | bigint
  /** As text columns hold it. */
  readonly text: string
  /** As uuid columns hold it; null where it is no UUID. */
  readonly uuid: string | null
}

function id(kind: string, given: string | number | bigint, uuid: string | null = null): RealId {
  return { kind, given, text: String(given), uuid }
}

/** Ids of the kinds that applications have. */
export const REAL_IDS: readonly RealId[] = [
  id('Clerk', 'user_2abcDEFghiJKLmnoPQRstuVWXyz'),
  id('Auth0', 'auth0|5f7c8ec7c33c6c004bbafe82'),
  id('Auth0 by Google', 'google-oauth2|103547991597142817347'),
  id('better-auth', 'hV3kq9Zt0bXw2LrN8sYpQ4mJcGdA7eFu'),
  id('cuid', 'cjld2cjxh0000qzrmn831i7rn'),
  id('cuid2', 'tz4a98xxat96iws9zmbrgj3a'),
  id('nanoid', 'V1StGXR8_Z5jdHi6B-myT'),
  id('nanoid with _ first', '_4f90d13a42XkQ1oT-vLw'),
  id('nanoid with - first', '-kP3xR9bQ0_mZ2cV7tYwE'),
  id('ULID', '01ARZ3NDEKTSV4RRFFQ69G5FAV'),
  id('KSUID', '0ujtsYcgvSTl8PAuAdqWYSMnLOv'),
  id('Stripe', 'cus_NffrFeUfNV2Hib'),
  id('an ObjectId', '507f1f77bcf86cd799439011'),
  id('a Snowflake', '175928847299117063'),
  id('a number', 42),
  id('zero', 0),
  id('a number below zero', -7),
  id('the greatest number', Number.MAX_SAFE_INTEGER),
  id('a bigint', 9223372036854775807n),
  id('a number as text', '42'),
  id('a number with zeros in front', '0042'),
  id('like an email', "o'brien+audit@example.org"),
  id('a DN', 'CN=Ada Lovelace,OU=Users,DC=example,DC=org'),
  id('a UUID', '0190a0a0-1111-7222-8333-444455556666', '0190a0a0-1111-7222-8333-444455556666'),
  id(
    'a UUID in capitals',
    'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  ),
  id('a UUID in braces', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'),
  id('with spaces', 'ada lovelace of london'),
  id('with a percent sign', '100%_sure%'),
  id('with quotes', `"ada" 'l' \\ <script>alert(1)</script>`),
  id('of another alphabet', 'użytkownik-Ωμέγα-ユーザー'),
  id('of 36 characters', 'org_abcdefghijklmnopqrstuvwxyz012345'),
  id('of 256 characters', `x${'é'.repeat(255)}`),
]
