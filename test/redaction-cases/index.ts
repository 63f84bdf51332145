import type { RedactionCase } from './case.ts'
import { KEYS } from './keys.ts'
import { LATER } from './later.ts'
import { NEARBY } from './nearby.ts'
import { PAIRS } from './pairs.ts'
import { TEXTS } from './texts.ts'
import { KNOWN_TOKENS } from './tokens.ts'

/** Written from the public documentation of the systems that they name. */
export const REDACTION_CASES: readonly RedactionCase[] = [
  ...KEYS,
  ...PAIRS,
  ...TEXTS,
  ...KNOWN_TOKENS,
  ...LATER,
  ...NEARBY,
]
