import { isLanguage, type Language, LANGUAGES } from '../../actions/language.ts'
import { optionInvalid } from '../../errors.ts'
import { refuseUnknownOptions } from '../../options.ts'
import { UTC, zoneNamed } from '../../query/zone.ts'
import { COLUMNS, type Column, type Look, PLAIN_LOOK, THEMES, type Theme } from '../view/look.ts'
import { type Colours, coloursCss } from './colours.ts'

export interface EmbedTheme extends Colours {
  /** @default 'auto' */
  readonly base?: Theme | undefined
}

/** How the page looks inside of another one. */
export interface EmbedOptions {
  /**
   * Who may frame the page: origins such as `https://app.example.com`, `https://*.example.com`, and
   * `'self'` for the page's own. `'any'` alone lets every site frame it. Default: nobody.
   */
  readonly ancestors?: readonly string[] | 'any' | undefined
  /** Whether the page has its bar at the top, with the live view, the zone, the colours and the help. @default true */
  readonly header?: boolean | undefined
  /** Colours until the viewer chooses others: `'light'`, `'dark'`, `'auto'`, or your own. @default 'auto' */
  readonly theme?: Theme | EmbedTheme | undefined
  /** The language until the viewer chooses another. Default: the first that the browser asks for. */
  readonly lang?: Language | undefined
  /** In the place of "Audit log". 1 to 100 characters. */
  readonly title?: string | undefined
  /** What stands next to the time and the sentence of an entry. @default ['action', 'request'] */
  readonly columns?: readonly Column[] | undefined
  /** The time zone until the viewer chooses another, such as `Europe/Berlin`. @default 'UTC' */
  readonly zone?: string | undefined
}

const OPTION_NAMES = ['ancestors', 'header', 'theme', 'lang', 'title', 'columns', 'zone']
const MOST_ANCESTORS = 50
const MAX_TITLE_CHARACTERS = 100

/** @throws {AuditError} `AUDIT_OPTION_INVALID` */
export function lookOf(embed: EmbedOptions | undefined): Look {
  if (embed === undefined) return PLAIN_LOOK
  if (typeof embed !== 'object' || embed === null) throw optionInvalid('embed must be an object.')
  refuseUnknownOptions(embed, OPTION_NAMES)
  const { ancestors, header = true, theme = 'auto', lang, title, columns = COLUMNS, zone } = embed
  if (typeof header !== 'boolean') throw optionInvalid('embed.header must be true or false.')
  if (lang !== undefined && !isLanguage(lang)) {
    throw optionInvalid(`embed.lang must be one of ${LANGUAGES.join(', ')}.`)
  }
  const isTitle = typeof title === 'string' && title !== '' && title.length <= MAX_TITLE_CHARACTERS
  if (title !== undefined && !isTitle) {
    throw optionInvalid(`embed.title must have 1 to ${MAX_TITLE_CHARACTERS} characters.`)
  }
  if (!Array.isArray(columns) || !columns.every((one) => COLUMNS.includes(one))) {
    throw optionInvalid(`embed.columns must be some of ${COLUMNS.join(', ')}.`)
  }
  const known = zone === undefined ? UTC : zoneNamed(String(zone))
  if (known === undefined) throw optionInvalid('embed.zone must be a zone such as Europe/Berlin.')
  const { base = 'auto', ...colours } = typeof theme === 'string' ? { base: theme } : theme
  if (!THEMES.includes(base)) throw optionInvalid(`embed.theme must be ${THEMES.join(', ')}.`)
  return {
    ...{ hasHeader: header, title, columns: new Set(columns) },
    defaults: { theme: base, zone: known, language: lang },
    css: Object.keys(colours).length === 0 ? undefined : coloursCss(colours),
    ancestors: ancestorsOf(ancestors),
  }
}

/** As `frame-ancestors` takes them. */
function ancestorsOf(given: EmbedOptions['ancestors']): readonly string[] {
  if (given === undefined) return []
  if (given === 'any') return ['*']
  if (!Array.isArray(given) || given.length > MOST_ANCESTORS) {
    throw optionInvalid(`embed.ancestors must be up to ${MOST_ANCESTORS} origins, or 'any'.`)
  }
  return given.map((origin: unknown) => {
    if (origin === 'self') return "'self'"
    if (typeof origin === 'string' && isOrigin(origin)) return origin
    throw optionInvalid(
      'embed.ancestors must be origins such as https://app.example.com, without a path. Every site is ' +
        "ancestors: 'any'.",
    )
  })
}

/** Over TLS, except on this machine. A star stands for what is in front of a domain of two parts. */
function isOrigin(text: string): boolean {
  if (text.length > 256) return false
  if (/^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/.test(text)) return true
  return /^https:\/\/(?:\*(?:\.[a-z\d-]+){2,}|[a-z\d-]+(?:\.[a-z\d-]+)*)(?::\d{1,5})?$/.test(text)
}
