import type { Mutant } from './mutant.ts'

const LINK = 'src/page/auth/viewer-link.ts'
const OTHER_LINK = 'a link of another secret, path or time is refused'

const OPENS_IN_SIGHT = 'an entry opens in the part of the page that the window shows'

export const EMBED_MUTANTS: readonly Mutant[] = [
  {
    name: 'two links for one viewer say by what they are alike that they are',
    edits: [{ file: LINK, find: 'randomBytes(IV_BYTES)', replace: 'Buffer.alloc(IV_BYTES)' }],
    file: 'viewer-link.test.ts',
    test: 'a link does not tell who has it what is hidden from them',
  },
  {
    name: 'a signed link opens every path',
    edits: [{ file: LINK, find: 'link 1\\0${path}\\0', replace: 'link 1\\0' }],
    file: 'viewer-link.test.ts',
    test: OTHER_LINK,
  },
  {
    name: 'a signed link never ends',
    edits: [{ file: LINK, find: 'if (!(leftMs > 0)) return', replace: 'if (!leftMs) return' }],
    file: 'viewer-link.test.ts',
    test: OTHER_LINK,
  },
  {
    name: 'a signed link holds for as long as it says',
    edits: [{ file: LINK, find: 'leftMs > maxAgeMs + CLOCK_SKEW_MS', replace: 'leftMs < 0' }],
    file: 'viewer-link.test.ts',
    test: OTHER_LINK,
  },
  {
    name: 'a signature of any bytes is taken',
    edits: [{ file: LINK, find: ' && timingSafeEqual(own, given)', replace: '' }],
    file: 'viewer-link.test.ts',
    test: OTHER_LINK,
  },
  {
    name: 'a short secret signs',
    edits: [
      { file: LINK, find: 'one.length >= MIN_SECRET_CHARACTERS &&', replace: 'one.length > 0 &&' },
    ],
    file: 'viewer-link.test.ts',
    test: 'a link that would be none is refused when it is made, and no secret is quoted',
  },
  {
    name: 'a star alone is an origin',
    edits: [
      {
        file: 'src/page/embed/embed-options.ts',
        find: "if (origin === 'self')",
        replace: "if (origin === '*') return '*'\n    if (origin === 'self')",
      },
    ],
    file: 'page-embed.test.ts',
    test: 'colours that are none, or that nobody can read on each other, are refused',
  },
  {
    name: 'a page that nobody may frame loses its older header',
    edits: [
      {
        file: 'src/page/http/responses.ts',
        find: 'ancestors.length === 0 || policy',
        replace: 'policy',
      },
    ],
    file: 'page-embed.test.ts',
    test: 'only the named sites may frame the page, and each answer says so',
  },
  {
    name: 'the browser’s language wins over the viewer’s',
    edits: [
      {
        file: 'src/page/requests/preferences.ts',
        find: 'isLanguage(language) ? language : ',
        replace: '',
      },
    ],
    file: 'page-language.test.ts',
    test: 'the language is the viewer’s choice, else the browser’s',
  },
  {
    name: 'a short message is found in a longer one',
    edits: [
      {
        file: 'src/page/language/messages.ts',
        find: 'other.en.length - one.en.length',
        replace: 'one.en.length - other.en.length',
      },
    ],
    file: 'page-language.test.ts',
    test: 'what is wrong with a filter or a query line is told in the language of the page',
  },
  {
    name: 'a French line may end in front of a colon',
    edits: [
      {
        file: 'src/page/language/french-spaces.ts',
        find: 'text.replaceAll(BEFORE_A_SIGN, NO_BREAK_SPACE)',
        replace: "text.replaceAll('', '')",
      },
    ],
    file: 'page-language.test.ts',
    test: 'each language has its own quotes, apostrophes and spaces',
  },
  {
    name: 'a page behind a signed link offers the link',
    edits: [
      {
        file: 'src/page/view/entry-detail.ts',
        find: "if (isSignedLink) return ''",
        replace: "if (words.language !== 'en' && isSignedLink) return ''",
      },
    ],
    file: 'page-framed.test.ts',
    test: 'a page behind a signed link offers no link to pass on',
  },
  {
    name: 'an open entry scrolls away with the list',
    edits: [
      {
        file: 'src/page/client/entry-list.css',
        find: 'align-self: stretch;',
        replace: 'align-self: start;',
      },
    ],
    file: 'page-framed.test.ts',
    test: OPENS_IN_SIGHT,
  },
  {
    name: 'an entry opens at the top of a high frame',
    edits: [
      {
        file: 'src/page/client/page.js',
        find: 'if (top > 0) detail.style.top',
        replace: 'if (top < 0) detail.style.top',
      },
    ],
    file: 'page-framed.test.ts',
    test: OPENS_IN_SIGHT,
  },
  {
    name: 'the frame is in a sandbox before it has a page',
    edits: [
      {
        file: 'src/page/client/audit-timeline.js',
        find: "frame.referrerPolicy = 'no-referrer'",
        replace: "frame.setAttribute('sandbox', SANDBOX)",
      },
    ],
    file: 'page-framed.test.ts',
    test: 'plain HTML frames the page of another site under a strict policy',
  },
]
