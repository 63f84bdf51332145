export const MINE = '5a1f0c3e-90ab-4c2d-8e11-000000000e01'
const THEIRS = '5a1f0c3e-90ab-4c2d-8e11-000000000e02'
/** What some of the entries are about. */
export const TARGET = '5a1f0c3e-90ab-4c2d-8e11-0000000000a1'

/** 40 entries of the last hours: half of them mine, the others' with the guest Emeka. */
export function entries() {
  const nowMs = Date.now()
  return Array.from({ length: 40 }, (_, n) => ({
    ...{ ms: nowMs - (40 - n) * 400_000, action: n % 3 ? 'guest.check_in' : 'branding.update' },
    ...{ eventId: n % 2 ? MINE : THEIRS, requestId: `req-${n}` },
    ...(n % 6 === 3 ? { targetId: TARGET } : {}),
    metadata: n % 3 ? { guest: n % 2 ? 'Noor' : 'Emeka' } : { colour: { from: 'red', to: 'blue' } },
  }))
}
