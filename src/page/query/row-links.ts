import { href } from './address.ts'
import { type LinkedQualifier, narrowHref, onlyHref } from './narrow.ts'
import type { Query } from './query.ts'

// Each row has some links, and each of them would repeat the filter. So the links of rows leave out a long
// filter, and the page's script puts it back from the forms that the list tells once. Where no script runs,
// they lead to the same thing without the filter.

/** The longest filter that each link to a value repeats, in characters of an address. */
const MOST_REPEATED = 20
/** And each link to an entry. It is longer, because such a link should not change the list. */
const MOST_REPEATED_BY_ENTRIES = 100

type Forms = Readonly<Record<string, string>>
/** They are made once for a page. */
const known = new WeakMap<Asked, Forms>()

type Asked = Pick<Query, 'given' | 'line'>

/** Stands for the value in a form. It is an id and an action. */
const VALUE = '00000000-0000-4000-8000-000000000000'
/** Nothing in an address looks like it, because addresses escape it. */
const PLACE = '{}'
const QUALIFIERS = ['user', 'actor', 'on', 'event', 'action'] as const

/** A link of a row that asks for one value next to what is asked for now. */
export function rowHref(query: Asked, name: LinkedQualifier, value: string): string | undefined {
  const whole = narrowHref(query, name, value)
  if (whole === undefined || !isLong(query, MOST_REPEATED)) return whole
  const own = onlyHref(name, value)
  return completed(rowForms(query), own) === whole ? own : whole
}

/** A link of a row that opens its entry. */
export function rowEntryHref(query: Asked, id: string): string {
  return isLong(query, MOST_REPEATED_BY_ENTRIES) ? entryHref(id) : href(query.given, { entry: id })
}

/**
 * What the script makes of the links that leave out the filter, by how they begin: `?q=user:` becomes the
 * form, in which what follows takes the place of `{}`. Empty where no link leaves it out.
 */
export function rowForms(query: Asked): Forms {
  const before = known.get(query)
  if (before !== undefined) return before
  const forms: Record<string, string> = {}
  const add = (short: string, whole: string | undefined) => {
    const [begin = ''] = short.split(VALUE)
    if (whole !== undefined) forms[begin] = whole.replace(VALUE, PLACE)
  }
  if (isLong(query, MOST_REPEATED)) {
    for (const name of QUALIFIERS) add(onlyHref(name, VALUE), narrowHref(query, name, VALUE))
  }
  if (isLong(query, MOST_REPEATED_BY_ENTRIES)) {
    add(entryHref(VALUE), href(query.given, { entry: VALUE }))
  }
  known.set(query, forms)
  return forms
}

/** As the script does it. A whole link may begin as a short one does, and goes on behind its first value. */
function completed(forms: Forms, link: string): string {
  const begin = Object.keys(forms).find((one) => link.startsWith(one))
  const value = link.slice(begin?.length)
  if (begin === undefined || /[&+]/.test(value)) return link
  return String(forms[begin]).replace(PLACE, () => value)
}

function entryHref(id: string): string {
  return href({}, { entry: id })
}

function isLong({ given }: Asked, most: number): boolean {
  return href(given, { cursor: null, entry: null }).length > most
}
