import { applyEdit, type Edit } from '../mutants/mutant.ts'

/** Something that is harder to read than it would have to be, because it is faster or smaller. */
export interface Trick {
  /** A comment at the trick names it: `hotpath-parts.md, "NAME"`. */
  readonly name: string
  /** What stands in its place where it is off. */
  readonly plainer: string
  /** What makes the plainer code of ours. */
  readonly edits: readonly Edit[]
  /** It is kept for the bytes that it saves, and need not save time. */
  readonly isForMemory?: true
}

/** Our code without a trick: the files that change, with their text. @throws where an edit has no place */
export function withoutTrick(
  { edits }: Trick,
  read: (file: string) => string,
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const edit of edits) {
    texts.set(edit.file, applyEdit(texts.get(edit.file) ?? read(edit.file), edit))
  }
  return texts
}

const CAPTURE = 'src/capture/capture.ts'
const COPIER = 'src/copy/copier.ts'
const COPY_EXOTIC = 'src/copy/copy-exotic.ts'
const JSON_OBJECT = 'src/copy/json-object.ts'
const ODD_IDS = 'src/encode/odd-ids.ts'
const ENCODER = 'src/encode/encoder.ts'
const ENTRY_TIME = 'src/encode/entry-time.ts'
const ENGINE_TEXT = 'src/engine-text.ts'
const BUFFER = 'src/flush/buffer.ts'
const UUID = 'src/ids/uuid.ts'
const UUID7 = 'src/ids/uuid7.ts'
const PATHS = 'src/redact/paths.ts'
const REDACTOR = 'src/redact/redactor.ts'
const SECRET_TEXTS = 'src/redact/secret-texts.ts'
const CARD_NUMBERS = 'src/redact/card-numbers.ts'
const SCOPE = 'src/context/scope.ts'

export const TRICKS: readonly Trick[] = [
  {
    name: 'ids checked at the flush',
    plainer: 'checked in the call',
    edits: [
      {
        file: CAPTURE,
        find: "return typeof given === 'string' && given.length === UUID_CHARACTERS",
        replace: "return typeof given === 'string' && isUuid(given)",
      },
      {
        file: CAPTURE,
        find: 'import { UUID_CHARACTERS }',
        replace: 'import { isUuid }',
      },
      {
        file: ODD_IDS,
        find: "typeof id === 'string' && !isUuid(id)",
        replace: "typeof id === 'string' && id.length !== UUID_CHARACTERS",
      },
      { file: ODD_IDS, find: 'import { isUuid }', replace: 'import { UUID_CHARACTERS }' },
      {
        file: ENCODER,
        find: '(requestId === undefined || isUuid(requestId)',
        replace: '(requestId === undefined || requestId.length === UUID_CHARACTERS',
      },
    ],
  },
  {
    name: 'short names seen by their length',
    plainer: 'each goes through `columnText`',
    edits: [
      {
        file: CAPTURE,
        find: "isShortName(entityType) ? entityType : textOf(copier, 'entityType', entityType)",
        replace: "textOf(copier, 'entityType', entityType)",
      },
    ],
  },
  {
    name: 'clean actions remembered',
    plainer: 'each action is looked into',
    edits: [
      {
        file: CAPTURE,
        find: 'cleanActions.has(action) ? action : actionOf(copier, action)',
        replace: 'actionOf(copier, action)',
      },
      {
        file: CAPTURE,
        find: '      cleanActions.add(internal(action))\n',
        replace: '',
      },
    ],
  },
  {
    name: 'one copier for all entries',
    plainer: 'a new one for each',
    edits: [
      {
        file: CAPTURE,
        find: 'spare ?? new Copier(redactor)',
        replace: 'new Copier(redactor)',
      },
    ],
  },
  {
    name: 'plain keys remembered',
    plainer: 'each key is decided about again',
    edits: [
      {
        file: REDACTOR,
        find: '      plain.set(key, internal(key))\n',
        replace: '',
      },
    ],
  },
  {
    name: 'slots in front of the plain keys',
    plainer: 'the Map alone',
    edits: [
      {
        file: REDACTOR,
        find: '    if (own !== undefined) {\n      known[slotOf(key)] = own\n      labels',
        replace: '    if (own !== undefined) {\n      labels',
      },
      { file: REDACTOR, find: 'const known = newSlots()', replace: 'const known = plain' },
      {
        file: REDACTOR,
        find: 'const knownWhenOff = newSlots()',
        replace: 'const knownWhenOff = new Map()',
      },
      {
        file: REDACTOR,
        find: 'knownWhenOff[slotOf(key)] = internal(key)',
        replace: 'knownWhenOff.set(key, key)',
      },
      { file: COPIER, find: 'known[slot] !== key', replace: '!known.has(key)' },
    ],
  },
  {
    name: 'keys looked up in the loop',
    plainer: 'by `putUnder`, as all others',
    edits: [
      {
        file: COPIER,
        find: 'if (known[slot] !== key || steps !== undefined) {',
        replace: 'if (true) {',
      },
    ],
  },
  {
    name: 'texts copied in the loop',
    plainer: 'by `value`, as all others',
    edits: [
      {
        file: COPIER,
        find: "      if (typeof value === 'string') {\n        const room",
        replace: '      if (false) {\n        const room',
      },
    ],
  },
  {
    name: 'no walk where no path is given',
    plainer: 'a walk along no path',
    edits: [
      {
        file: PATHS,
        find: 'return paths.length === 0 ? undefined : stepOf(paths)',
        replace: 'return stepOf(paths)',
      },
    ],
  },
  {
    name: 'containers remembered late',
    plainer: 'each is remembered',
    edits: [
      {
        file: COPIER,
        find: "if (typeof value === 'object') this.#inside(given, depth)",
        replace: '',
      },
      {
        file: COPIER,
        find: '    this.#room -= 2\n    if (depth > 0)',
        replace: '    this.#room -= 2\n    this.#inside(given, depth)\n    if (depth > 0)',
      },
    ],
  },
  {
    name: 'keys by for in',
    plainer: '`Object.keys`',
    edits: [
      {
        file: COPIER,
        find: 'for (const key in source) {\n      if (!hasOwn.call(source, key)) continue',
        replace: 'for (const key of Object.keys(source)) {',
      },
    ],
  },
  {
    name: 'plain objects by their constructor',
    plainer: 'by their prototype',
    edits: [
      {
        file: COPY_EXOTIC,
        find: 'const maker: unknown = given.constructor',
        replace: 'const maker: unknown = Object.getPrototypeOf(given)',
      },
      {
        file: COPY_EXOTIC,
        find: 'if (maker !== Object && maker !== JsonObject) return false',
        replace: 'if (maker !== Object.prototype && maker !== JsonObject.prototype) return false',
      },
    ],
  },
  {
    name: 'JsonObject',
    plainer: '`Object.create(null)`',
    edits: [
      {
        file: JSON_OBJECT,
        find: '  [key: string]: unknown\n}',
        replace:
          '  [key: string]: unknown\n  constructor() {\n    return Object.create(null)\n  }\n}',
      },
      {
        file: COPIER,
        find: 'if (copy instanceof JsonObject) return copy',
        replace:
          "if (typeof copy === 'object' && copy !== null && !Array.isArray(copy)) return copy",
      },
    ],
  },
  {
    name: 'internal names',
    plainer: 'kept as they were given',
    isForMemory: true,
    edits: [
      {
        file: ENGINE_TEXT,
        find: 'return Object.keys({ [text]: undefined })[0] ?? text',
        replace: 'return text',
      },
    ],
  },
  {
    name: 'internal names, not copies',
    plainer: '`ownCopy`',
    edits: [
      {
        file: ENGINE_TEXT,
        find: 'return Object.keys({ [text]: undefined })[0] ?? text',
        replace: 'return ownCopy(text)',
      },
    ],
  },
  {
    name: 'ownCopy',
    plainer: 'a slice',
    isForMemory: true,
    edits: [{ file: ENGINE_TEXT, find: `return \` \${text}\`.slice(1)`, replace: 'return text' }],
  },
  {
    name: 'a hint of a secret',
    plainer: 'all forms are looked for',
    edits: [
      {
        file: SECRET_TEXTS,
        find: 'const hinted = text.length > MAX_HINT_CHARACTERS || HINT.test(text)',
        replace: 'const hinted = true',
      },
    ],
  },
  {
    name: 'every 13th character for long numbers',
    plainer: 'a pattern',
    edits: [
      {
        file: CARD_NUMBERS,
        find: '  for (let at = MIN_CARD_DIGITS - 1; at < text.length; at += MIN_CARD_DIGITS) {',
        replace:
          '  return LONG_NUMBER.test(text)\n' +
          '  for (let at = MIN_CARD_DIGITS - 1; at < text.length; at += MIN_CARD_DIGITS) {',
      },
      {
        file: CARD_NUMBERS,
        find: 'const ZERO = 48',
        replace: 'const ZERO = 48\nconst LONG_NUMBER = /\\d(?:[ -]*\\d){12}/',
      },
    ],
  },
  {
    name: 'AsyncLocalStorage made on first use',
    plainer: 'made at once',
    edits: [
      {
        file: SCOPE,
        find: "const shared = processWide<Shared>('scope.1')",
        replace: 'const shared = { storage: new AsyncLocalStorage<Scope>() }',
      },
    ],
  },
  {
    name: 'the buffer is a ring',
    plainer: 'an array that is spliced',
    isForMemory: true,
    edits: [
      { file: BUFFER, find: 'new Array(MIN_SLOTS).fill(undefined)', replace: '[]' },
      {
        file: BUFFER,
        find: 'if (this.#waiting === this.#slots.length) this.#resize(2 * this.#waiting)',
        replace: '',
      },
      {
        file: BUFFER,
        find: 'this.#slots[(this.#head + this.#waiting) & (this.#slots.length - 1)] = entry',
        replace: 'this.#slots.push(entry)',
      },
      {
        file: BUFFER,
        find: 'const taken: Entry[] = []',
        replace: 'const taken = this.#slots.splice(0, maxEntries) as Entry[]',
      },
      {
        file: BUFFER,
        find: 'let left = Math.min(maxEntries, this.#waiting); left > 0;',
        replace: 'let left = 0; left > 0;',
      },
      {
        file: BUFFER,
        find: 'if (this.#waiting === 0 && this.#slots.length > MIN_SLOTS) this.#resize(MIN_SLOTS)',
        replace: '',
      },
    ],
  },
  {
    name: 'random words in batches',
    plainer: 'six words an id',
    edits: [
      { file: UUID7, find: 'const BATCHED_WORDS = 4_096', replace: 'const BATCHED_WORDS = 6' },
    ],
  },
  {
    name: 'isUuid by runs of digits',
    plainer: 'a pattern',
    edits: [
      {
        file: UUID,
        find: 'if (text.length !== UUID_CHARACTERS) return false',
        replace: 'return UUID_PATTERN.test(text)',
      },
      {
        file: UUID,
        find: 'const DASH = 45',
        replace:
          'const DASH = 45\n' +
          'const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i',
      },
    ],
  },
  {
    name: 'plain entries have a way of their own',
    plainer: 'each is written from its parts',
    edits: [
      {
        file: ENCODER,
        find: 'if (!isPlain(captured) || (isOdd && !hasPlainIds(captured))) {',
        replace: 'if (true) {',
      },
    ],
  },
  {
    name: 'plain rows stringified together',
    plainer: 'one by one',
    edits: [
      { file: ENCODER, find: 'isPlain ? stringified(rows) : undefined', replace: 'undefined' },
    ],
  },
  {
    name: "a millisecond's text made once",
    plainer: 'for each entry',
    edits: [{ file: ENTRY_TIME, find: 'if (ms !== knownMs) {', replace: 'if (true) {' }],
  },
]
