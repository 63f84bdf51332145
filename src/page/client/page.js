// @ts-check
// What the timeline page adds where scripts run: keys, opening an entry next to the list, new
// entries as they come, choosing a range on the histogram. It inserts only HTML that the server
// rendered, where every value is escaped; it builds no HTML from text.

const MAX_ROWS = 500
const HISTOGRAM_REFRESH_MS = 30_000
const NEWS_DELAY_MS = 700
const OPEN_DELAY_MS = 120

/**
 * What the script says, in the language of the page.
 * @type {Readonly<Record<string, string>>}
 */
const texts = JSON.parse(document.getElementById('page')?.dataset['words'] ?? '{}')
/** @param {string} name */
const say = (name) => texts[name] ?? ''
const { lang } = document.documentElement
const plural = new Intl.PluralRules(lang)

/** @param {string} id */
const find = (id) => document.getElementById(id)

/**
 * An element that every page has.
 * @param {string} id
 */
function need(id) {
  const element = find(id)
  if (!element) throw new Error(`The page has no element "${id}".`)
  return element
}

/**
 * The first match inside an element that always holds one.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {ParentNode} parent
 * @param {Tag} tag
 * @param {string} [rest] the rest of the selector
 */
function needIn(parent, tag, rest = '') {
  const element = /** @type {HTMLElementTagNameMap[Tag] | null} */ (
    parent.querySelector(tag + rest)
  )
  if (!element) throw new Error(`The page has no element "${tag}${rest}" there.`)
  return element
}

/** @returns {HTMLElement[]} */
const rows = () =>
  [...document.querySelectorAll('.entry')]
    .filter((row) => row instanceof HTMLElement)
    .filter((row) => !row.closest('details:not([open])'))

/** @param {string} id */
const rowOf = (id) => rows().find((row) => idOf(row) === id)

/** @param {Element} row */
const linkOf = (row) => needIn(row, 'a', '.open')

/**
 * The id of a row's entry, or of the newest one where reads are folded.
 * @param {Element} row
 */
const idOf = (row) => /[?&]entry=([^&]+)/.exec(linkOf(row).search)?.[1] ?? ''

/**
 * Puts a long filter into the links of rows, which leave it out. The list tells how: what follows
 * `?q=user:` takes the place of `{}` in the form of that name.
 * @param {ParentNode} parent
 */
function completeLinks(parent) {
  const forms = Object.entries(JSON.parse(find('days')?.dataset['links'] ?? '{}'))
  if (forms.length === 0) return
  for (const link of parent.querySelectorAll('.entry a')) {
    const short = link.getAttribute('href') ?? ''
    const [begin = '', form] = forms.find(([begin]) => short.startsWith(begin)) ?? []
    const value = short.slice(begin.length)
    // A whole link may begin as a short one does, and goes on behind its first value.
    if (form && !/[&+]/.test(value))
      link.setAttribute(
        'href',
        form.replace('{}', () => value),
      )
  }
}

/**
 * Elements from HTML of the server. A document that is parsed runs no scripts and loads no images.
 * @param {string} html
 */
function parse(html) {
  const { body } = new DOMParser().parseFromString(html, 'text/html')
  return [...body.children].map((element) => document.importNode(element, true))
}

/**
 * @param {'entry' | 'histogram'} part
 * @param {string} search
 */
async function fetchPart(part, search) {
  const parameters = new URLSearchParams(search)
  parameters.set('part', part)
  const response = await fetch(`?${parameters}`, { headers: { accept: 'text/html' } })
  if (!response.ok && response.status !== 404)
    throw new Error(`The server sent ${response.status}.`)
  return parse(await response.text())
}

// An open entry

let openCount = 0
/** @type {HTMLElement | undefined} */
let openedFrom

/**
 * @param {string} href
 * @param {{ addToHistory?: boolean }} [options]
 */
async function openEntry(href, { addToHistory = true } = {}) {
  openCount += 1
  const thisOpen = openCount
  const address = new URL(href, location.href)
  let parts
  try {
    parts = await fetchPart('entry', address.search)
  } catch {
    location.href = address.href // the whole page explains what is wrong
    return
  }
  if (thisOpen !== openCount) return // another entry was opened or closed meanwhile
  need('aside').replaceChildren(...parts)
  need('page').classList.add('with-detail')
  const id = address.searchParams.get('entry')
  markRow(id)
  if (addToHistory) history.pushState(null, '', address)
  prepareDetail()
  keepInSight(need('detail'))
  rememberRow(id)
  // On a narrow window the entry covers the list, so the focus moves to it.
  if (getComputedStyle(need('detail')).position === 'fixed') need('detail-heading').focus()
}

/**
 * A frame can be higher than the window around it, which then shows a part of the frame. The entry opens in
 * that part.
 * @param {HTMLElement} detail
 */
function keepInSight(detail) {
  if (parent === window) return
  const observer = new IntersectionObserver(([seen]) => {
    observer.disconnect()
    if (!seen || seen.intersectionRect.height === innerHeight) return
    const { top, height } = seen.intersectionRect
    if (top > 0) detail.style.top = `calc(${top}px + 0.7rem)`
    detail.style.maxHeight = `max(20rem, ${height}px - 1.4rem)`
  })
  observer.observe(document.documentElement)
}

/** @param {string | null} id */
function markRow(id) {
  for (const row of rows()) {
    if (idOf(row) === id) row.setAttribute('aria-current', 'true')
    else row.removeAttribute('aria-current')
  }
}

/**
 * The focus returns to this row when the entry is closed.
 * @param {string | null | undefined} id
 */
function rememberRow(id) {
  const row = id ? rowOf(id) : undefined
  if (row) openedFrom = linkOf(row)
}

/** @param {{ addToHistory?: boolean }} [options] */
function closeEntry({ addToHistory = true } = {}) {
  openCount += 1
  const close = find('close')
  if (!(close instanceof HTMLAnchorElement)) return
  if (addToHistory) history.pushState(null, '', close.href)
  need('aside').replaceChildren()
  need('page').classList.remove('with-detail')
  markRow(null)
  openedFrom?.focus()
}

function prepareDetail() {
  const id = find('detail')?.dataset['id']
  const all = rows()
  const at = all.findIndex((row) => idOf(row) === id)
  for (const [name, row] of /** @type {const} */ ([
    ['newer', all[at - 1]],
    ['older', all[at + 1]],
  ])) {
    const link = find(name)
    if (!(link instanceof HTMLAnchorElement)) continue
    link.hidden = at < 0 || !row
    if (at >= 0 && row) link.href = linkOf(row).href
  }
  const json = find('json')
  if (json) prepareCopy('copy', 'copyJson', json, () => json.textContent ?? '')
  const permalink = find('permalink')
  if (permalink instanceof HTMLAnchorElement) {
    prepareCopy('copy-link', 'copyLink', permalink, () => permalink.href)
  }
}

/**
 * A button that copies a text, which stands in `source`.
 * @param {string} id
 * @param {string} label
 * @param {HTMLElement} source
 * @param {() => string} textOf
 */
function prepareCopy(id, label, source, textOf) {
  const copy = find(id)
  if (!copy) return
  copy.hidden = false
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(textOf())
      copy.textContent = say('copied')
    } catch {
      // Over plain HTTP browsers have no clipboard. The text is selected, to be copied by hand.
      source.closest('details')?.setAttribute('open', '')
      getSelection()?.selectAllChildren(source)
      copy.textContent = say('selected')
    }
    setTimeout(() => {
      copy.textContent = say(label)
    }, 2_000)
  })
}

/** @param {MouseEvent} event */
function onClick(event) {
  if (event.defaultPrevented || event.button !== 0 || !(event.target instanceof Element)) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  const link = event.target.closest('a')
  const row = event.target.closest('.entry')
  if (link?.id === 'close') {
    event.preventDefault()
    closeEntry()
  } else if (link?.closest('.steps')) {
    event.preventDefault()
    openEntry(link.href)
  } else if (row instanceof HTMLElement && (!link || link.classList.contains('open'))) {
    if (!link && String(getSelection()) !== '') return // the click ended a selection of text
    event.preventDefault()
    openEntry(linkOf(row).href)
  }
}

function onPopState() {
  const { searchParams, href } = new URL(location.href)
  if (searchParams.has('entry')) openEntry(href, { addToHistory: false })
  else closeEntry({ addToHistory: false })
}

// Keys

/** @type {number | undefined} */
let openTimer

/** @param {1 | -1} step */
function move(step) {
  const all = rows()
  const from =
    document.activeElement?.closest('.entry') ?? document.querySelector('.entry[aria-current]')
  const start = step > 0 ? 0 : all.length - 1
  const row = all[from instanceof HTMLElement ? all.indexOf(from) + step : start]
  if (!row) return
  linkOf(row).focus()
  row.scrollIntoView({ block: 'nearest' })
  if (!find('close')) return
  clearTimeout(openTimer) // while the key is held down, only the last row is opened
  openTimer = setTimeout(() => openEntry(linkOf(row).href), OPEN_DELAY_MS)
}

function focusFilter() {
  const field = needIn(need('page'), 'input', '#q')
  field.focus()
  field.select()
}

/** @type {Readonly<Record<string, () => void>>} */
const KEYS = {
  '/': focusFilter,
  j: () => move(1),
  k: () => move(-1),
  l: () => find('live')?.click(),
  '?': () => find('help')?.toggleAttribute('open'),
}

/** @param {KeyboardEvent} event */
function onKeyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const { target } = event
  const isTyping = target instanceof HTMLElement && target.matches('input, textarea, select')
  if (event.key === 'Escape') {
    if (isTyping) target.blur()
    else if (find('help')?.hasAttribute('open')) need('help').removeAttribute('open')
    else closeEntry()
    return
  }
  if (isTyping || !Object.hasOwn(KEYS, event.key)) return
  event.preventDefault()
  KEYS[event.key]?.()
}

// New entries

let newCount = 0
let newsIsDue = false
let histogramIsStale = false

function showNews(text = '', isLost = false) {
  need('news').textContent = text
  need('news').classList.toggle('lost', isLost)
}

/** @param {HTMLElement} row */
function insertRow(row) {
  const days = need('days')
  const { day = '' } = row.dataset
  const id = idOf(row)
  if ([...days.querySelectorAll('.entry')].some((one) => idOf(one) === id)) return
  const oldest = rows().at(-1)
  const isLastPage = document.querySelector('.pager [rel=next]') === null
  if (oldest && id < idOf(oldest) && !isLastPage) return // it is on an older page
  row.classList.add('new')
  const sections = [...days.querySelectorAll('section')]
  const section = sections.find(({ dataset }) => (dataset['day'] ?? '') <= day)
  const isSameDay = section?.dataset['day'] === day
  const list = isSameDay ? needIn(section, 'ol') : insertDay(row, section)
  // A run of reads that is folded is one item.
  const older = [...list.children].find((item) => idOf(item) < id)
  list.insertBefore(row, older ?? null)
  completeLinks(row)
  for (const surplus of rows().slice(MAX_ROWS)) surplus.remove()
  newCount += 1
  histogramIsStale = true
  if (newsIsDue) return
  // Entries that come together are announced once, so that a screen reader says one number.
  newsIsDue = true
  setTimeout(() => {
    const [one = '', several = ''] = say('newEntries').split('|')
    const form = plural.select(newCount) === 'one' ? one : several
    showNews(form.replace('{count}', String(newCount)))
    newsIsDue = false
  }, NEWS_DELAY_MS)
}

/**
 * @param {HTMLElement} row
 * @param {HTMLElement | undefined} before
 */
function insertDay({ dataset: { day = '', dayName = '' } }, before) {
  const section = document.createElement('section')
  section.className = 'day'
  section.dataset['day'] = day
  section.setAttribute('aria-label', dayName)
  const heading = document.createElement('h3')
  heading.textContent = dayName
  const list = document.createElement('ol')
  section.append(heading, list)
  const days = need('days')
  days.querySelector('.message')?.remove()
  days.insertBefore(section, before ?? null)
  return list
}

/** @param {string} address */
function followLog(address) {
  const live = find('live') // not there without the bar at the top
  const source = new EventSource(address)
  /** @param {'yes' | 'lost'} on @param {string} word */
  const showLive = (on, word) => {
    if (!live) return
    live.dataset['on'] = on
    needIn(live, 'b').textContent = word
  }
  source.addEventListener('open', () => {
    showLive('yes', say('liveOn'))
    if (need('news').classList.contains('lost')) showNews()
  })
  source.addEventListener('entry', ({ data }) => {
    for (const row of parse(data)) if (row instanceof HTMLElement) insertRow(row)
  })
  source.addEventListener('state', ({ data }) => {
    const isLost = data === 'lost'
    showLive(isLost ? 'lost' : 'yes', say(isLost ? 'liveWaiting' : 'liveOn'))
    showNews(isLost ? say('lostLog') : '', isLost)
  })
  source.addEventListener('error', () => {
    const isOver = source.readyState === EventSource.CLOSED
    showLive('lost', say(isOver ? 'liveEnded' : 'liveWaiting'))
    showNews(say(isOver ? 'liveIsOver' : 'lostConnection'), true)
  })
  addEventListener('pagehide', () => source.close())
  setInterval(refreshHistogram, HISTOGRAM_REFRESH_MS)
}

async function refreshHistogram() {
  if (!histogramIsStale || document.hidden) return
  histogramIsStale = false
  const [figure] = await fetchPart('histogram', location.search).catch(() => [])
  if (!figure) return
  need('histogram').replaceWith(figure)
  prepareHistogram()
}

// A bar that is pointed at, and a range dragged over several

const DRAWING_WIDTH = 2_000

function prepareHistogram() {
  const figure = find('histogram')
  const svg = figure?.querySelector('svg')
  if (!figure || !svg) return
  const selection = svg.querySelector('.selection')
  const range = needIn(figure, 'span', '.range')
  const rangeBefore = [...range.childNodes]
  const fromMs = Number(figure.dataset['from'])
  const spanMs = Number(figure.dataset['to']) - fromMs
  const { first, step } = figure.dataset
  /** The bars are equally wide, but for the first and the last one. */
  const edges = [0]
  for (let at = Number(first); at < spanMs; at += Number(step) || spanMs) edges.push(at)
  edges.push(spanMs)
  const counts = [...svg.querySelectorAll('path')].map((path) => ({
    kind: figure.querySelector(`.kind.${path.classList[0]}`)?.textContent ?? '',
    of: (path.dataset['n'] ?? '').split(','),
  }))
  const { format } = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, {
    timeZone: figure.dataset['zone'] ?? 'UTC',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  /** @type {number | undefined} */
  let start
  let wasDragged = false

  /**
   * Where the pointer is, from 0 at the left end to 1 at the right end.
   * @param {MouseEvent} event
   */
  const shareAt = (event) => {
    const { left, width } = svg.getBoundingClientRect()
    return Math.min(1, Math.max(0, (event.clientX - left) / width))
  }
  /** @param {number} share */
  const barAt = (share) => {
    const next = edges.findIndex((edge) => edge > share * spanMs)
    return Math.max(0, (next < 0 ? edges.length - 1 : next) - 1)
  }
  /** @param {number} bar */
  const sharesOf = (bar) => [(edges[bar] ?? 0) / spanMs, (edges[bar + 1] ?? 0) / spanMs]
  /** @param {number} first @param {number} last */
  const show = (first, last, more = '') => {
    selection?.setAttribute('x', String(first * DRAWING_WIDTH))
    selection?.setAttribute('width', String((last - first) * DRAWING_WIDTH))
    if (first === last) range.replaceChildren(...rangeBefore)
    else {
      const ends = [first, last].map((share) => format(fromMs + share * spanMs))
      range.textContent = ends.join(' – ') + more
    }
  }
  /** @param {MouseEvent} event */
  const showBar = (event) => {
    const bar = barAt(shareAt(event))
    const [first = 0, last = 0] = sharesOf(bar)
    const parts = counts.flatMap(({ kind, of }) => (of[bar] ? [`${kind} ${of[bar]}`] : []))
    show(first, last, `: ${parts.join(', ') || '0'}`)
  }
  /** @param {number} first @param {number} last */
  const go = (first, last) => {
    // To whole seconds, and at least one.
    const from = Math.floor((fromMs + first * spanMs) / 1_000) * 1_000
    const to = Math.max(from + 1_000, Math.ceil((fromMs + last * spanMs) / 1_000) * 1_000)
    const address = new URL(figure.dataset['href'] ?? '', location.href)
    address.searchParams.set('from', new Date(from).toISOString())
    address.searchParams.set('to', new Date(to).toISOString())
    location.href = address.href
  }
  /** @param {PointerEvent} event */
  const end = (event) => {
    if (start === undefined) return
    const [first, last] = inOrder(start, shareAt(event))
    start = undefined
    if (!wasDragged || event.type === 'pointercancel') return show(0, 0)
    go(first, last)
  }
  // The bars are in a link, which otherwise takes the focus or is dragged itself.
  svg.addEventListener('mousedown', (event) => event.preventDefault())
  svg.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return
    start = shareAt(event)
    wasDragged = false
  })
  svg.addEventListener('pointermove', (event) => {
    if (start === undefined) return showBar(event)
    if (!wasDragged && Math.abs(shareAt(event) - start) < 0.005) return
    if (!wasDragged) svg.setPointerCapture(event.pointerId)
    wasDragged = true
    show(...inOrder(start, shareAt(event)))
  })
  svg.addEventListener('pointerup', end)
  svg.addEventListener('pointercancel', end)
  svg.addEventListener('pointerleave', () => start === undefined && show(0, 0))
  // The link is for those without this script. The click at the end of a drag opens no bar.
  svg.addEventListener('click', (event) => {
    event.preventDefault()
    if (wasDragged) return
    const [first = 0, last = 0] = sharesOf(barAt(shareAt(event)))
    go(first, last)
  })
}

/**
 * @param {number} one
 * @param {number} other
 * @returns {[number, number]}
 */
function inOrder(one, other) {
  return [Math.min(one, other), Math.max(one, other)]
}

// The browser's time zone

function prepareZone() {
  const link = find('local-zone')
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  if (!(link instanceof HTMLAnchorElement) || !timeZone || timeZone === 'UTC') return
  const address = new URL(link.href)
  address.searchParams.set('zone', timeZone)
  link.href = address.search
  link.title = timeZone
  link.hidden = false
}

/** @param {HTMLElement} page */
function start(page) {
  document.addEventListener('click', onClick)
  addEventListener('popstate', onPopState)
  addEventListener('keydown', onKeyDown)
  completeLinks(document)
  prepareZone()
  prepareHistogram()
  prepareDetail()
  rememberRow(find('detail')?.dataset['id'])
  const { stream } = page.dataset
  if (stream) followLog(stream)
}

// A notice, such as the one before signing in, has nothing to listen for.
const page = find('page')
if (page) start(page)

// In a frame: how high the page is, and whether it is a notice in the place of the log. Its policy says who
// may frame it, so that this reaches nobody else, and neither is a secret.
if (parent !== window) {
  const state = page ? 'open' : 'closed'
  const tell = () =>
    parent.postMessage({ type: 'audit-timeline', state, height: document.body.offsetHeight }, '*')
  new ResizeObserver(tell).observe(document.body)
}
