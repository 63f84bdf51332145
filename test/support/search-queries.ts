import { NAMES, oneOf, type Random, SURNAMES, USERS } from './search-log.ts'

function randomWord(random: Random): string {
  const whole = oneOf(random, [
    ...[...NAMES, ...SURNAMES, ...USERS.slice(0, 3)],
    ...[
      '"gonzález"',
      'gold',
      '4711',
      '77',
      '-5',
      'INV-2026-00',
      'example',
      '"left \\"the"',
      'req-7',
    ],
    `${oneOf(random, NAMES)}.${oneOf(random, SURNAMES)}@x${Math.floor(random() * 45)}.example`,
    `"${oneOf(random, NAMES)} ${oneOf(random, SURNAMES)}"`,
    `INV-2026-${String(Math.floor(random() * 12_000)).padStart(6, '0')}`,
    String(Math.floor(random() * 5_000)),
    `10.${Math.floor(random() * 3)}.0.${Math.floor(random() * 250)}`,
  ])
  const bare = whole.replaceAll(/["\\]/g, '')
  if (random() < 0.3) {
    const from = Math.floor(random() * bare.length)
    const part = bare.slice(from, from + 2 + Math.floor(random() * 9))
    if (/^[\p{L}\p{N}.@]{2,}$/u.test(part)) return part
  }
  // ASCII alone: whether Í is a capital of í is up to the locale of the server.
  const capitals = whole.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase())
  return random() < 0.2 ? capitals : whole
}

/** A query of words, ids and fields of the log that `fillLog` makes. */
export function randomQuery(random: Random): string {
  const part = () =>
    oneOf(random, [
      () => randomWord(random),
      () => randomWord(random),
      () => `${randomWord(random)} or ${randomWord(random)}`,
      () => `-${randomWord(random)}`,
      () => `by:${oneOf(random, USERS)}`,
      () => 'action:*.update',
      () => 'action:refund.*',
      () => `meta.cents=${Math.floor(random() * 3_000)}`,
      () => `meta.plan=${oneOf(random, ['gold', 'true', 'Gold*', '*member'])}`,
      () => `ip:10.1.0.${Math.floor(random() * 250)}`,
      () => 'type:Invoice',
      () => `request:req-${Math.floor(random() * 99)}`,
    ])()
  return Array.from({ length: 1 + Math.floor(random() * 2.5) }, part).join(' ')
}
