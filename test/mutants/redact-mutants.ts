import type { Mutant } from './mutant.ts'

const TEXTS = 'src/redact/secret-texts.ts'
const CARDS = 'src/redact/card-numbers.ts'
const NAMED = 'src/redact/named-texts.ts'
const COPIER = 'src/copy/copier.ts'
const rates = 'redaction-rates.test.ts'
const REDACTOR = 'src/redact/redactor.ts'
const file = 'redact.test.ts'

export const REDACT_MUTANTS: readonly Mutant[] = [
  {
    name: 'card numbers are not censored',
    edits: [{ file: CARDS, find: 'return sum % 10 === 0', replace: 'return sum < 0' }],
    file,
    test: 'secrets are found by their form in any text',
  },
  {
    name: 'a secret key is known only as it is written in the list',
    edits: [
      {
        file: 'src/redact/secret-keys.ts',
        find: 'split(part.toLowerCase(), words)',
        replace: 'split(part, words)',
      },
    ],
    file,
    test: 'a secret key hides its value at any depth, however it is written',
  },
  {
    name: 'a key that only ends like a secret one is left alone',
    edits: [
      {
        file: 'src/redact/secret-keys.ts',
        find: 'if (word.endsWith(stem)) {',
        replace: 'if (word === stem) {',
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
        find: 'if (!hasUserInfo(text)) return text',
        replace: 'if (text.length > 0) return text',
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
        find: '(hinted && hasForm(text, stem))',
        replace: "(hinted && text.includes('='))",
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
        find: 'spared.has(key) ? undefined : secretKindOf(key),',
        replace: 'paths.length > 0 ? undefined : secretKindOf(key),',
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
        find: '.filter(({ keys: [first] }) => first?.any || (name',
        replace: '.filter(({ keys: [first] }) => (first?.any && name === undefined) || (name',
      },
    ],
    file,
    test: 'paths add to the defaults',
  },
  {
    name: 'a UUID whose digits pass for a card number is cut in two',
    edits: [{ file: CARDS, find: '!isInUuid(text, index, match.length)', replace: 'true' }],
    file,
    test: 'a UUID is an id, whatever its digits pass for',
  },
  {
    name: 'the values next to the name of a secret are kept',
    edits: [
      {
        file: COPIER,
        find: 'if (this.#labelled !== 0) this.#hideLabelled(copy, depth)',
        replace: '',
      },
    ],
    file: rates,
    test: 'at most 2 % of the secrets get through',
  },
  {
    name: 'what a list says about its next item is not heard',
    edits: [{ file: COPIER, find: 'isNextFlag ? undefined : kind', replace: 'undefined' }],
    file: rates,
    test: 'at most 2 % of the secrets get through',
  },
  {
    name: 'a name inside of another value is not looked at',
    edits: [
      { file: NAMED, find: 'next = Math.max(end, stem.index + 1)', replace: 'next = text.length' },
    ],
    file: rates,
    test: 'at most 2 % of the secrets get through',
  },
  {
    name: 'tokens with a known beginning are kept',
    edits: [
      {
        file: TEXTS,
        find: 'hasLongRun(text) ? replaceTokens(text, search) : text',
        replace: 'text',
      },
    ],
    file: rates,
    test: 'at most 2 % of the secrets get through',
  },
  {
    name: 'words after the secret word do not count',
    edits: [
      {
        file: 'src/redact/secret-keys.ts',
        find: 'return afterCore(core, words, at)',
        replace: 'return core',
      },
    ],
    file: rates,
    test: 'at most 3 % of the harmless values are censored',
  },
  {
    name: 'under a secret name what identifies is censored too',
    edits: [
      {
        file: COPIER,
        find: 'if (identifies(given)) next = next?.under',
        replace: 'if (identifies(given) && depth < 0) next = next?.under',
      },
    ],
    file: rates,
    test: 'at most 3 % of the harmless values are censored',
  },
  {
    name: 'an id whose digits pass for a card number is censored',
    edits: [
      {
        file: 'src/copy/copy-text.ts',
        find: 'namesId(key)) return text',
        replace: 'namesId(key) && depth < 0) return text',
      },
    ],
    file,
    test: 'a number under the name of an id is no card number',
  },
  {
    name: 'what except names is redacted all the same',
    edits: [
      {
        file: COPIER,
        find: 'if (next?.spares) return this.#spared(value, key, depth)',
        replace: '',
      },
    ],
    file,
    test: 'except keeps what a path names, and what is in it',
  },
]
