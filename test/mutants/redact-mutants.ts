import type { Mutant } from './mutant.ts'

const TEXTS = 'src/redact/secret-texts.ts'
const REDACTOR = 'src/redact/redactor.ts'
const file = 'redact.test.ts'

export const REDACT_MUTANTS: readonly Mutant[] = [
  {
    name: 'card numbers are not censored',
    edits: [{ file: TEXTS, find: 'return sum % 10 === 0', replace: 'return sum < 0' }],
    file,
    test: 'secrets are found by their form in any text',
  },
  {
    name: 'a secret key is known only as it is written in the list',
    edits: [{ file: 'src/redact/secret-keys.ts', find: '    .toLowerCase()\n', replace: '' }],
    file,
    test: 'a secret key hides its value at any depth, however it is written',
  },
  {
    name: 'a key that only ends like a secret one is left alone',
    edits: [
      {
        file: 'src/redact/secret-keys.ts',
        find: 'SECRET_ENDINGS.some((ending) => bare.endsWith(ending))',
        replace: 'SECRET_ENDINGS.includes(bare)',
      },
    ],
    file,
    test: 'a secret key hides its value at any depth, however it is written',
  },
  {
    name: 'the password of a URL is left in a text',
    edits: [
      {
        file: TEXTS,
        find: 'if (hasUserInfo(clean)) clean =',
        replace: 'if (hasUserInfo(clean) && clean.length === 0) clean =',
      },
    ],
    file,
    test: 'secrets are found by their form in any text',
  },
  {
    name: 'the quick look passes over texts without an equals sign',
    edits: [
      {
        file: TEXTS,
        find: 'return (hinted && hasForm(text)) || hasLongNumber(text)',
        replace: "return (hinted && text.includes('=')) || hasLongNumber(text)",
      },
    ],
    file,
    test: 'the quick look never misses what the careful one finds',
  },
  {
    name: 'what a censor throws reaches the caller',
    edits: [
      {
        file: REDACTOR,
        find: '    } catch {\n      return CENSOR\n    }',
        replace: '    } finally {\n      // nothing\n    }',
      },
    ],
    file,
    test: 'a censor that throws, or answers with secrets without end, hides all the same',
  },
  {
    name: 'paths take the place of the defaults',
    edits: [
      {
        file: REDACTOR,
        find: 'anywhere.has(key) || isSecretKey(key)',
        replace: 'anywhere.has(key) || (paths.length === 0 && isSecretKey(key))',
      },
    ],
    file,
    test: 'paths add to the defaults',
  },
  {
    name: 'a star of a path stands for the keys that no path names',
    edits: [
      {
        file: 'src/redact/paths.ts',
        find: '.filter(([first]) => first?.any || (name',
        replace: '.filter(([first]) => (first?.any && name === undefined) || (name',
      },
    ],
    file,
    test: 'paths add to the defaults',
  },
  {
    name: 'a UUID whose digits pass for a card number is cut in two',
    edits: [{ file: TEXTS, find: '!isInUuid(whole, at, match.length)', replace: 'true' }],
    file,
    test: 'a UUID is an id, whatever its digits pass for',
  },
]
