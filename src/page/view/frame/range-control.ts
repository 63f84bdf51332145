import { html, type Html } from '../../http/html.ts'
import { filterHref } from '../../query/address.ts'
import type { Query } from '../../query/query.ts'
import { PRESETS, RANGE_FIELDS, rangeText } from '../../query/range.ts'
import type { Zone } from '../../../query/zone.ts'
import { ariaCurrent } from '../format.ts'
import type { TextKey } from '../../language/texts.ts'
import type { ViewState } from '../view-state.ts'

const TEXTS = {
  '-24h': 'lastDay',
  yesterday: 'yesterday',
  '-7d': 'sevenDays',
  '-30d': 'thirtyDays',
  '-90d': 'ninetyDays',
  'this month': 'thisMonth',
} as const satisfies Record<(typeof PRESETS)[number], TextKey>

/** The range as it was written, or as it can be written in the zone that is shown. */
export function shownRange({ given, filter }: Query, zone: Zone): string | undefined {
  const { from, to } = filter
  if (given['range'] !== undefined) return given['range']
  if (given['from'] === undefined && given['to'] === undefined) return undefined
  return rangeText(
    {
      ...(from === undefined ? {} : { fromMs: Number(from) }),
      ...(to === undefined ? {} : { toMs: Number(to) }),
    },
    zone,
  )
}

/** One field for any range. Its times are in the zone that is shown. */
export function rangeInput({ query, zone, words }: ViewState): Html {
  const wrong = RANGE_FIELDS.find((name) => query.problems.has(name))
  const value = shownRange(query, zone) ?? (wrong && query.given[wrong]) ?? ''
  const place = zone.name === 'UTC' ? 'UTC' : zone.name.replaceAll('_', ' ')
  const invalid =
    wrong === undefined ? '' : html` aria-invalid="true" aria-describedby="p-${wrong}"`
  return html`<input id="range" name="range" aria-label="${words.say('timeRange')}" value="${value}" placeholder="${words.say('rangeExample')}"
title="${words.say('rangeTitle', { zone: place })}" maxlength="100"${invalid}>`
}

/** Links to the ranges that are asked for most. */
export function presets({ query, words }: ViewState): Html {
  const { given } = query
  const hasRange = given['range'] ?? given['from'] ?? given['to']
  const link = (range: string | null, label: string, isOn: boolean) => {
    const address = filterHref(given, { range, from: null, to: null })
    return html`<a href="${address}"${ariaCurrent(isOn)}>${label}</a>`
  }
  const links = PRESETS.map((text) => link(text, words.say(TEXTS[text]), given['range'] === text))
  return html`<span class="switch" role="group" aria-label="${words.say('timeRange')}">
${link(null, words.say('allTime'), !hasRange)}${links}</span>`
}
