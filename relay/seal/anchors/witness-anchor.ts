import { AuditError, optionInvalid } from '../../../src/errors.ts'
import { parseVkey, type VerifierKey, WITNESS_KEY } from '../../../src/seal/key.ts'
import { cosignedAt, openNote, parseCheckpoint, parseSignature } from '../../../src/seal/note.ts'
import type { Anchor, ProofFrom } from './anchor.ts'
import { anchorFailed, inSomeAttempts } from './attempts.ts'
import { post, type WitnessAnswer } from './witness-request.ts'

export interface WitnessAnchorOptions {
  /** Where the witness takes submissions, such as `https://witness.example.com/submit`. */
  readonly url: string
  /** Its key, as it stands in a policy: a cosignature by another one is not taken. */
  readonly vkey: string
  /** How long one request may take, in milliseconds. Default: 10 s. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 10_000
/** How often in a row a witness may have seen more than it is shown: another relay may be faster. */
const MOST_TIMES_BEHIND = 3
/** What the protocol allows of a consistency proof. */
const MAX_PROOF_HASHES = 63

/** What went wrong and no second attempt can mend, by the status of the answer. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: 'it took the request for none of its protocol',
  403: 'it does not know the key that signed; give its operator the key of the log',
  404: 'it does not know this log; give its operator the name and the key of the log',
}

/**
 * Has checkpoints cosigned by a witness (c2sp.org/tlog-witness): somebody else's server that signs
 * the newest state of a log that it has seen, and never two that do not fit each other.
 */
export function witnessAnchor(options: WitnessAnchorOptions): Anchor {
  const { timeoutMs = TIMEOUT_MS } = options
  const url = submission(options.url)
  const witness = parseVkey(options.vkey)
  if (witness.type !== WITNESS_KEY) {
    throw optionInvalid(`The key of the witness ${witness.name} is not one for cosignatures.`)
  }
  // What the witness has seen last: it says so itself where this is wrong.
  let seenSize = 0
  let cosigned: string | undefined
  let timesBehind = 0
  return {
    name: `witness ${witness.name}`,
    async publish(note, proofFrom) {
      const { size } = parseCheckpoint(openNote(note).text)
      const { seen, lines } = await inSomeAttempts(async () => {
        const ask = (from: number) => send(url, { note, from, size, proofFrom, timeoutMs })
        let answer = await ask(Math.min(seenSize, size))
        const theirs = sizeIn(answer)
        if (theirs !== undefined && theirs !== seenSize && theirs <= size)
          answer = await ask(theirs)
        const seen = sizeIn(answer) ?? 0
        if (seen > size) return { seen, lines: [] }
        return { seen, lines: cosignaturesIn(answer, { note, size, witness }) }
      })
      if (seen > size) {
        timesBehind += 1
        throw behind({ seen, size, witness, isForked: timesBehind >= MOST_TIMES_BEHIND })
      }
      timesBehind = 0
      seenSize = size
      cosigned = note + lines.join('')
      return lines.map((line) => line.trimEnd())
    },
    newest: async () => cosigned,
  }
}

function submission(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol === 'https:' || parsed?.protocol === 'http:') {
    return new URL(`${parsed.pathname.replace(/\/$/, '')}/add-checkpoint`, parsed)
  }
  throw optionInvalid('The URL of a witness must begin with https:// or http://.')
}

interface Submitted {
  readonly note: string
  readonly from: number
  readonly size: number
  readonly proofFrom: ProofFrom
  readonly timeoutMs: number
}

async function send(
  url: URL,
  { note, from, size, proofFrom, timeoutMs }: Submitted,
): Promise<WitnessAnswer> {
  const path = from === 0 || from === size ? [] : await proofFrom(from)
  const hashes = path.slice(0, MAX_PROOF_HASHES).map((one) => `${one.toString('base64')}\n`)
  return await post(url, `old ${from}\n${hashes.join('')}\n${note}`, timeoutMs)
}

/** The size of the newest tree that the witness has cosigned, where it says that it is another one. */
function sizeIn({ status, type, text }: WitnessAnswer): number | undefined {
  if (status !== 409 || type !== 'text/x.tlog.size') return undefined
  const size = /^(?:0|[1-9]\d{0,15})\n$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(size) ? size : undefined
}

interface Expected {
  readonly note: string
  readonly size: number
  readonly witness: VerifierKey
}

/** @returns the lines of this witness, once its signature was found to be true */
function cosignaturesIn(answer: WitnessAnswer, { note, size, witness }: Expected): string[] {
  const { status, text } = answer
  const who = `The witness ${witness.name}`
  if (status === 200) {
    const lines = text.split('\n').filter((line) => isOf(line, witness))
    const own = lines.map((line) => `${line}\n`)
    if (own.length > 0 && isTrue(note + own.join(''), witness)) return own
    throw anchorFailed(`${who} answered without a true cosignature of its own.`)
  }
  if (status === 422 || status === 409) {
    throw forked(
      `${who} has seen another log under this name: the checkpoint of ${size} is a fork.`,
    )
  }
  const why = REFUSALS[status] ?? `it answered with status ${status}`
  throw anchorFailed(`${who} did not take the checkpoint of ${size}: ${why}.`)
}

function isOf(line: string, { name, id }: VerifierKey): boolean {
  try {
    const signature = parseSignature(line)
    return signature.name === name && signature.keyId === id
  } catch {
    return false // a line that is no signature, or of a kind that nobody knows yet
  }
}

function isTrue(note: string, witness: VerifierKey): boolean {
  try {
    return cosignedAt(openNote(note), witness) !== undefined
  } catch {
    return false
  }
}

function behind({
  seen,
  size,
  witness,
  isForked,
}: {
  readonly seen: number
  readonly size: number
  readonly witness: VerifierKey
  readonly isForked: boolean
}): AuditError {
  const what = `The witness ${witness.name} has seen ${seen} entries of this log, and was shown ${size}`
  if (isForked) return forked(`${what}: it was cut, or it is an earlier copy.`)
  return anchorFailed(`${what}: another relay may have been faster.`)
}

function forked(message: string): AuditError {
  const hint = 'Keep the database as it is, and compare it by "audit-relay verify".'
  return new AuditError('AUDIT_SEAL_FORKED', message, undefined, hint)
}
