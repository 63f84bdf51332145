import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign as signWith,
  verify as verifyWith,
} from 'node:crypto'
import { optionInvalid } from '../errors.ts'
import { base64 } from './base64.ts'
import { unproved } from './not-proved.ts'

/** Signs what it is given by Ed25519: a key of this process, or a KMS. */
export interface Signer {
  /** The key's name, which is the log's origin. */
  readonly name: string
  /** 32 bytes. */
  readonly publicKey: Buffer
  /** @returns the signature in 64 bytes */
  sign(bytes: Buffer): Promise<Buffer>
}

/** What a key signs: notes by themselves, or the cosignature of a witness with its time. */
export const NOTE_KEY = 0x01
export const WITNESS_KEY = 0x04

/** A key that checks signatures, as a vkey of c2sp.org/signed-note says it. */
export interface VerifierKey {
  readonly name: string
  /** Eight digits of hex. */
  readonly id: string
  readonly type: number
  /** 32 bytes. */
  readonly publicKey: Buffer
}

const KEY_BYTES = 32
// What stands before the 32 bytes of an Ed25519 key in PKCS #8 and in SPKI.
const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex')
// The names go into lines of notes, whose parts are told apart by spaces and pluses.
const NAME = /^[^\s+\p{Cc}]{1,255}$/u
const PRIVATE = /^PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)\n?$/u

/**
 * A new Ed25519 key.
 *
 * @param name the log's origin: 1 to 255 characters without spaces and pluses, as a rule a URL without
 * its scheme
 * @returns the text of the key file, which is a secret, and the key that checks its signatures
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function newKey(name: string): { readonly key: string; readonly vkey: string } {
  checkName(name)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PRIVATE_DER.length)
  const bytes = rawPublicKey(publicKey)
  const id = keyId(name, NOTE_KEY, bytes)
  const encoded = Buffer.concat([Buffer.of(NOTE_KEY), seed]).toString('base64')
  return { key: `PRIVATE+KEY+${name}+${id}+${encoded}\n`, vkey: vkeyOf(name, bytes) }
}

/**
 * The signer of a key file's text.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`; the message quotes nothing of the key
 */
export function signerOfKey(text: string): Signer {
  const [, name = '', id, encoded = ''] = PRIVATE.exec(text) ?? []
  const bytes = base64(encoded)
  if (id === undefined || bytes?.length !== KEY_BYTES + 1 || bytes[0] !== NOTE_KEY) {
    throw optionInvalid('The seal key is no key that "audit-relay keys new" wrote.')
  }
  const key = createPrivateKey({
    key: Buffer.concat([PRIVATE_DER, bytes.subarray(1)]),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = rawPublicKey(createPublicKey(key))
  if (keyId(name, NOTE_KEY, publicKey) !== id) {
    throw optionInvalid('The seal key is damaged: its id is not that of its name and its bytes.')
  }
  return { name, publicKey, sign: async (message) => signWith(null, message, key) }
}

/** @param publicKey 32 bytes. @throws {AuditError} `AUDIT_OPTION_INVALID` */
export function vkeyOf(name: string, publicKey: Buffer, type = NOTE_KEY): string {
  checkName(name)
  if (publicKey.length !== KEY_BYTES) {
    throw optionInvalid(`A public key must have ${KEY_BYTES} bytes, got ${publicKey.length}.`)
  }
  const encoded = Buffer.concat([Buffer.of(type), publicKey]).toString('base64')
  return `${name}+${keyId(name, type, publicKey)}+${encoded}`
}

/** @throws {NotProvedError} `AUDIT_NOT_PROVED` where the text is no vkey of an Ed25519 key */
export function parseVkey(vkey: string): VerifierKey {
  const [, name = '', id, encoded = ''] =
    /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u.exec(vkey) ?? []
  const bytes = base64(encoded)
  if (id === undefined || bytes === undefined || !NAME.test(name)) {
    throw unproved(`"${vkey.slice(0, 300)}" is no key: name+id+base64 was expected.`)
  }
  const [type = 0] = bytes
  const publicKey = bytes.subarray(1)
  if (keyId(name, type, publicKey) !== id) {
    throw unproved(`The id of the key ${name}+${id} is not that of its name and its bytes.`)
  }
  if (publicKey.length !== KEY_BYTES || (type !== NOTE_KEY && type !== WITNESS_KEY)) {
    throw unproved(`The key ${name}+${id} is no Ed25519 key, and this program knows no other.`)
  }
  return { name, id, type, publicKey }
}

/** The first four bytes of SHA-256 over the name, a line feed, the type and the key, as hex. */
export function keyId(name: string, type: number, publicKey: Buffer): string {
  const named = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), publicKey])
  return hash('sha256', named, 'hex').slice(0, 8)
}

export function isSignature(publicKey: Buffer, message: Buffer, signature: Buffer): boolean {
  const key = createPublicKey({
    key: Buffer.concat([PUBLIC_DER, publicKey]),
    format: 'der',
    type: 'spki',
  })
  return verifyWith(null, message, key, signature)
}

function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_DER.length))
}

function checkName(name: string): void {
  if (NAME.test(name)) return
  throw optionInvalid(
    `The name of a seal key must be 1 to 255 characters without spaces and pluses, such as ` +
      `example.com/audit, got ${JSON.stringify(name).slice(0, 300)}.`,
  )
}
