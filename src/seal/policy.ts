import { parseVkey, NOTE_KEY, type VerifierKey, WITNESS_KEY } from './key.ts'
import { type Checkpoint, cosignedAt, isSignedBy, openNote, parseCheckpoint } from './note.ts'
import { unproved } from './not-proved.ts'

/**
 * Whom somebody trusts who checks proofs: a file in the form of c2sp.org/tlog-policy. It has one line
 * of our own, `ended`, where a key or an origin is no longer used.
 */
export interface Policy {
  /** The logs' keys. An origin has more than one after a rotation. */
  readonly logs: readonly PolicyLog[]
  /** The last size of each origin, and of each key, that is no longer used. */
  readonly ended: readonly PolicyEnd[]
  readonly witnesses: readonly PolicyWitness[]
  /** Each names witnesses and groups that stand before it. */
  readonly groups: readonly PolicyGroup[]
  /** The witness or the group that must have cosigned, or `none`. */
  readonly quorum: string
}

export interface PolicyLog {
  /** `name+id+base64`. The name is the log's origin. */
  readonly vkey: string
  readonly url?: string
}

export interface PolicyEnd {
  /** An origin, or `name+id`, which is a key of it. */
  readonly of: string
  /** The greatest size that it signed for. A checkpoint of a greater one is refused. */
  readonly lastSize: number
}

export interface PolicyWitness {
  /** What groups and the quorum call it. */
  readonly name: string
  readonly vkey: string
  readonly url?: string
}

export interface PolicyGroup {
  readonly name: string
  /** How many of the members must have cosigned. */
  readonly needed: number
  readonly members: readonly string[]
}

const NONE = 'none'
const COUNT = /^(?:0|[1-9]\d{0,15})$/

/** @throws {NotProvedError} `AUDIT_NOT_PROVED` where the text is no policy; it names the line */
export function parsePolicy(text: string): Policy {
  if (/[^\t\n\x20-\x7e\x80-\uffff]/.test(text)) {
    throw unproved('The policy holds a control character: its lines must end in line feeds alone.')
  }
  const parser = new PolicyParser()
  for (const [at, line] of text.split('\n').entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== '')
    if (words.length > 0 && !words[0]?.startsWith('#')) parser.take(words, at + 1)
  }
  return parser.policy()
}

/** The policy's text. `parsePolicy` reads it back. */
export function printPolicy({ logs, ended, witnesses, groups, quorum }: Policy): string {
  const ofUrl = (url: string | undefined) => (url === undefined ? '' : ` ${url}`)
  const lines = [
    ...logs.map(({ vkey, url }) => `log ${vkey}${ofUrl(url)}`),
    ...ended.map(({ of, lastSize }) => `ended ${of} ${lastSize}`),
    ...witnesses.map(({ name, vkey, url }) => `witness ${name} ${vkey}${ofUrl(url)}`),
    ...groups.map(({ name, needed, members }) => `group ${name} ${needed} ${members.join(' ')}`),
    `quorum ${quorum}`,
  ]
  return `${lines.join('\n')}\n`
}

/** The greatest size that a checkpoint of an origin, or of `name+id`, may have. Default: no bound. */
export function lastSizeOf({ ended }: Policy, of: string): number {
  return ended.find((end) => end.of === of)?.lastSize ?? Number.POSITIVE_INFINITY
}

/**
 * A checkpoint that the policy trusts: a key of its origin signed it, neither key nor origin had ended
 * before, and enough witnesses cosigned it.
 *
 * @throws {NotProvedError} `AUDIT_NOT_PROVED`
 */
export function openByPolicy(note: string, policy: Policy): Checkpoint {
  const opened = openNote(note)
  const checkpoint = parseCheckpoint(opened.text)
  const { origin, size } = checkpoint
  const keys = policy.logs.map(({ vkey }) => parseVkey(vkey)).filter(({ name }) => name === origin)
  const signed = keys.filter((key) => isSignedBy(opened, key))
  if (signed.length === 0) {
    throw unproved(`No key of the policy signed the checkpoint of ${origin}.`)
  }
  if (lastSizeOf(policy, origin) < size) {
    throw unproved(
      `${origin} ended at ${lastSizeOf(policy, origin)}: the checkpoint is of ${size}.`,
    )
  }
  if (!signed.some(({ name, id }) => size <= lastSizeOf(policy, `${name}+${id}`))) {
    throw unproved(`The key that signed the checkpoint of ${origin} had ended before ${size}.`)
  }
  const cosigned = policy.witnesses
    .filter(({ vkey }) => cosignedAt(opened, parseVkey(vkey)) !== undefined)
    .map(({ name }) => name)
  if (isQuorum(policy, cosigned)) return checkpoint
  const who = cosigned.length === 0 ? 'no witness did' : `only ${cosigned.join(', ')} did`
  throw unproved(`The policy wants the cosignature of ${policy.quorum}, and ${who}.`)
}

function isQuorum({ groups, quorum }: Policy, cosigned: readonly string[]): boolean {
  const met = new Set(cosigned)
  for (const { name, needed, members } of groups) {
    if (members.filter((member) => met.has(member)).length >= needed) met.add(name)
  }
  return quorum === NONE || met.has(quorum)
}

/** Reads one line after the other: a name must be defined before it is used. */
class PolicyParser {
  readonly #logs: PolicyLog[] = []
  readonly #ended: PolicyEnd[] = []
  readonly #witnesses: PolicyWitness[] = []
  readonly #groups: PolicyGroup[] = []
  readonly #names = new Set<string>()
  readonly #members = new Set<string>()
  readonly #keys = new Set<string>()
  #quorum: string | undefined

  take(words: readonly string[], line: number): void {
    const [keyword, ...rest] = words
    const isTaken =
      (keyword === 'log' && this.#log(rest, line)) ||
      (keyword === 'ended' && this.#end(rest)) ||
      (keyword === 'witness' && this.#witness(rest, line)) ||
      (keyword === 'group' && this.#group(rest)) ||
      (keyword === 'quorum' && this.#setQuorum(rest))
    if (!isTaken) throw unproved(`Line ${line} of the policy is none of a policy.`)
  }

  policy(): Policy {
    const [logs, ended, witnesses, groups] = [
      this.#logs,
      this.#ended,
      this.#witnesses,
      this.#groups,
    ]
    if (this.#quorum === undefined) {
      throw unproved('The policy has no quorum. Where no witness is needed, write "quorum none".')
    }
    return { logs, ended, witnesses, groups, quorum: this.#quorum }
  }

  #log([vkey, url, ...more]: readonly string[], line: number): boolean {
    if (vkey === undefined || more.length > 0) return false
    // The specification wants each key once. A new origin of the same log may keep its key.
    const { name, id } = this.#key(vkey, { type: NOTE_KEY, line })
    if (this.#keys.has(`log ${name}+${id}`)) return false
    this.#keys.add(`log ${name}+${id}`)
    this.#logs.push({ vkey, ...(url === undefined ? {} : { url }) })
    return true
  }

  #end([of, size = '', ...more]: readonly string[]): boolean {
    if (of === undefined || !COUNT.test(size) || more.length > 0) return false
    if (this.#ended.some((end) => end.of === of)) return false
    this.#ended.push({ of, lastSize: Number(size) })
    return true
  }

  #witness([name, vkey, url, ...more]: readonly string[], line: number): boolean {
    if (name === undefined || vkey === undefined || more.length > 0) return false
    // A witness that is listed twice would count twice.
    const { publicKey } = this.#key(vkey, { type: WITNESS_KEY, line })
    const key = `witness ${publicKey.toString('hex')}`
    if (this.#keys.has(key) || !this.#define(name)) return false
    this.#keys.add(key)
    this.#witnesses.push({ name, vkey, ...(url === undefined ? {} : { url }) })
    return true
  }

  #group([name, threshold = '', ...members]: readonly string[]): boolean {
    const words = new Map([
      ['all', members.length],
      ['any', 1],
    ])
    const needed = words.get(threshold) ?? (COUNT.test(threshold) ? Number(threshold) : 0)
    if (name === undefined || needed < 1 || needed > members.length) return false
    for (const member of members) {
      if (!this.#names.has(member) || this.#members.has(member)) return false
      this.#members.add(member)
    }
    if (!this.#define(name)) return false
    this.#groups.push({ name, needed, members })
    return true
  }

  #setQuorum([name, ...more]: readonly string[]): boolean {
    if (name === undefined || more.length > 0 || this.#quorum !== undefined) return false
    if (name !== NONE && !this.#names.has(name)) return false
    this.#quorum = name
    return true
  }

  #define(name: string): boolean {
    if (name === NONE || this.#names.has(name)) return false
    this.#names.add(name)
    return true
  }

  #key(
    vkey: string,
    { type, line }: { readonly type: number; readonly line: number },
  ): VerifierKey {
    const key = parseVkey(vkey)
    if (key.type === type) return key
    const what = type === NOTE_KEY ? 'a log' : 'a witness'
    throw unproved(`Line ${line} of the policy has a key that is not for ${what}.`)
  }
}
