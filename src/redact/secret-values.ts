import type { SecretKind } from './secret-keys.ts'

/** Texts that say that there is no secret, or that somebody masked it already. */
const SAYS_NONE =
  /^(?:yes|no|true|false|null|nil|none|undefined|n\/a|on|off|unset|empty|optional|required|enabled|disabled|allowed|denied|-)$/i
const MASKED =
  /^(?:[*•·…#.x_-]{3,}|[[<({*]*(?:hidden|masked|redacted|filtered|removed|omitted|censored|sanitized|scrubbed)(?:_[A-Z_]+)?[\])>}*]*|.{0,6}[*•]{4,}.{0,6})$/i
/** It names where the secret is kept. */
const REFERENCE =
  /^(?:(?:AKIA|ASIA|AROA|AIDA)[A-Z\d]+(?:\/|%2F|$)|arn:|projects\/|vault:|op:\/\/|secretref:|ssm:|keyvault:|\$\{\{?[^}]*\}?\}$|\$[A-Z_]+$|\{\{[^}]*\}\}$|process\.env\.|env[.:]|ssh-(?:rsa|ed25519|dss) |ecdsa-sha2-|-----BEGIN (?:PUBLIC KEY|CERTIFICATE|RSA PUBLIC)|https?:\/\/[^?@]*$|urn:)/
const LETTERS = /^\p{L}+$/u
/** Three words or more with blanks between them, as people write. */
const PROSE = /^[\p{L}'’-]+(?:[ ,.]+[\p{L}'’-]+){2,}[.!?]?$/u
const PERMISSION =
  /^(?:read|write|admin|none|all|view|edit|list|get|full|owner|read[_ -]?only|read[_ -]?write)$/i
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

const MAX_HARMLESS_CHARACTERS = 1_024

/** Whether this text under a name of this kind has to be hidden. */
export function hidesText(kind: SecretKind, given: string): boolean {
  // No harmless value is that long, and reading the first character of a text can cost much.
  if (given.length > MAX_HARMLESS_CHARACTERS) return true
  const text = given.trim()
  if (text === '' || SAYS_NONE.test(text) || MASKED.test(text)) return false
  switch (kind) {
    case 'password':
    case 'passwords':
      return !REFERENCE.test(text)
    case 'code':
      return !(text.length >= 3 && /^(?:[a-z]+|[A-Z][a-z]+)$/.test(text)) && !PROSE.test(text)
    case 'token':
      return !(REFERENCE.test(text) || PROSE.test(text) || /^\d{1,3}$/.test(text))
    case 'many':
      return !(
        REFERENCE.test(text) ||
        PROSE.test(text) ||
        /^\d+$/.test(text) ||
        PERMISSION.test(text) ||
        (text.length >= 3 && text.length <= 6 && /^[A-Z]+$/.test(text))
      )
    case 'pass':
      return !/\s/.test(text) && !/^\d{1,3}$|^[A-Z]\p{Ll}*$|^[A-Z]{2,5}$/u.test(text)
    case 'cookie':
      return !(text.length >= 3 && LETTERS.test(text)) && !(PROSE.test(text) && !text.includes('='))
    case 'session':
      return opensSession(text)
    case 'maybe':
      return looksMade(text, 12)
  }
}

/** Whether this number under a name of this kind has to be hidden. Counts stay, and 0 says none. */
export function hidesNumber(kind: SecretKind, value: number | bigint): boolean {
  if (value === 0 || value === 0n) return false
  if (typeof value === 'number' && !Number.isInteger(value)) return kind === 'password'
  if (kind === 'password' || kind === 'code') return true
  return kind === 'token' && (value > 999 || value < 0)
}

/**
 * A session's id is what an auditor looks for in the events of other systems, where it opens
 * nothing. What web servers put into cookies is longer, or signed.
 */
function opensSession(text: string): boolean {
  if (UUID.test(text) || text.startsWith('arn:')) return false
  return (
    /^s(?::|%3A)/.test(text) || (text.length >= 26 && /^[\w+/=.%~-]+$/.test(text) && !hasId(text))
  )
}

/** `user-07a16060613c408b5`, `web-42-2024`: a name and a number. */
function hasId(text: string): boolean {
  return /^[A-Za-z@.]+[-_.][\da-f]{8,20}$/.test(text) || /[\da-f]{8}-[\da-f]{4}-/i.test(text)
}

/** Whether a machine made it at random: letters and digits in turn, and none of the usual ids. */
export function looksMade(text: string, atLeast: number): boolean {
  if (text.length < atLeast || !/^[\w+/=.%~!@#$^&*:-]+$/.test(text)) return false
  if (UUID.test(text) || hasId(text) || REFERENCE.test(text)) return false
  if (/^\d{4}-\d\d-\d\d|^\d+(?:\.\d+)+$|@[\w-]+\.|^#[\da-f]{3,8}$/i.test(text)) return false
  const turns = text.match(/[A-Za-z]\d|\d[A-Za-z]|[a-z][A-Z]/g)?.length ?? 0
  return turns >= 3 && /\d/.test(text) && /[A-Za-z]/.test(text)
}
