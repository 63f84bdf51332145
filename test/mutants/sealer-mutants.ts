import type { Mutant } from './mutant.ts'

const LOCK = 'relay/seal/folder-lock.ts'
const HEALTH = 'relay/http/seal-health.ts'
const DOCTOR = 'relay/doctor/seal.ts'
const CRON = 'relay/doctor/catalogue/cron-logins.ts'

const SECOND = 'one of two has the folder, and the other one when that has released it'
const OTHER = 'a lock of another machine, or half a lock, is taken over after a minute of silence'
const LOST = 'a sealer whose lock was taken over writes nothing any more'
const SEALS = 'a process is healthy that seals, and neither refuses nor is forked'
const ERASER = "the eraser's login is looked at where it has a URL of its own"
const DISABLED = 'a guard of the seal that is disabled is found, and a migration puts it back'
const LATE = 'an entry that waits too long to be sealed is found, and sealing it helps'

type Row = readonly [name: string, place: string, find: string, replace: string, test: string]

const ROWS: readonly Row[] = [
  ['a folder is open to two sealers', LOCK, "flag: 'wx'", "flag: 'w'", SECOND],
  [
    'a sealer that has no lock removes that of another one',
    LOCK,
    'if (holder?.token === this.#token) await',
    'await',
    'a sealer that ends removes no lock of another one',
  ],
  [
    'a process takes the lock of the one before for its own',
    LOCK,
    'return held.has(token)',
    'return true',
    'a lock with our own number that we do not hold is of the process before us',
  ],
  [
    'a process that is gone holds its folder for a minute',
    LOCK,
    "=== 'EPERM' // it runs",
    "!== 'EPERM' // it runs",
    'the lock of a process that is gone is taken over, and that of one that runs is not',
  ],
  [
    'a machine that is silent holds its folder forever',
    LOCK,
    'silentMs < SILENT_MS && ',
    '',
    OTHER,
  ],
  [
    'a machine that lives loses its folder',
    LOCK,
    'if (host !== os.hostname()) return true',
    'if (host !== os.hostname()) return false',
    OTHER,
  ],
  [
    'half a lock is none',
    LOCK,
    'holder === undefined || isAlive(holder)',
    'holder !== undefined && isAlive(holder)',
    OTHER,
  ],
  [
    'a holder says too late that it lives',
    LOCK,
    'const BEAT_MS = 10_000',
    'const BEAT_MS = 10_001',
    'a holder says that it lives every ten seconds',
  ],
  [
    'a sealer does not look whether it still has its folder',
    LOCK,
    'if (holder?.token === this.#token) return\n',
    'return\n',
    LOST,
  ],
  [
    'a sealer that refuses is healthy',
    HEALTH,
    'report.refusal !== null',
    "report.refusal === ''",
    SEALS,
  ],
  [
    'an anchor that knows another log is healthy',
    HEALTH,
    'isForked }) => isForked',
    'isForked }) => isForked && false',
    SEALS,
  ],
  [
    'a process without a key seals',
    HEALTH,
    "{ sealing: false, reason: 'off', hint: OFF }",
    '{ sealing: true, reason: undefined, hint: OFF }',
    SEALS,
  ],
  [
    "doctor overlooks the eraser's right",
    CRON,
    "functionName: 'erase'",
    "functionName: 'status'",
    ERASER,
  ],
  [
    'doctor takes any trigger of the seal for its guard',
    DOCTOR,
    "and g.tgenabled = 'A' ",
    '',
    DISABLED,
  ],
  [
    'doctor waits longer for the seal',
    DOCTOR,
    'const LATE_MS = 120_000',
    'const LATE_MS = 180_000',
    LATE,
  ],
  [
    'doctor does not wait for the seal',
    DOCTOR,
    'const LATE_MS = 120_000',
    'const LATE_MS = 100_000',
    LATE,
  ],
  [
    'doctor overlooks a new history',
    DOCTOR,
    "found['is_other_history'] === true",
    "found['is_other_history'] === 'true'",
    'a new history that nobody declared is found, and "restored" helps',
  ],
]

const FILES: Readonly<Record<string, string>> = {
  [LOCK]: 'folder-lock.test.ts',
  [HEALTH]: 'seal-health.test.ts',
  [DOCTOR]: 'doctor-seal.test.ts',
  [CRON]: 'doctor.test.ts',
}

export const SEALER_MUTANTS: readonly Mutant[] = ROWS.map(([name, place, find, replace, test]) => ({
  ...{ name: `sealer: ${name}`, file: FILES[place] ?? '', test },
  edits: [{ file: place, find, replace }],
}))
