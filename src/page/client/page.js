// What the timeline page can do beyond a page without a script: keys, opening an entry in place,
// new entries as they come, a range drawn over the bars. Everything it inserts was drawn by the
// server, where every value is escaped; it makes no HTML of its own.

const MAX_ROWS = 500
const HISTOGRAM_EVERY_MS = 30_000
const NEWS_AFTER_MS = 700

const byId = (id) => document.getElementById(id)
const main = byId('page')
const days = byId('days')
const news = byId('news')

const rows = () => [...document.querySelectorAll('.entry')]

/** Elements that the server drew. A parsed document runs no script and loads no image. */
function drawn(html) {
  const parsed = new DOMParser().parseFromString(html, 'text/html')
  return [...parsed.body.children].map((element) => document.importNode(element, true))
}

async function fetchPart(part, search) {
  const parameters = new URLSearchParams(search)
  parameters.set('part', part)
  const response = await fetch(`?${parameters}`, { headers: { accept: 'text/html' } })
  if (!response.ok && response.status !== 404) throw new Error(`answered ${response.status}`)
  return drawn(await response.text())
}

// An entry beside the list

let opening = 0
let openedFrom

async function openEntry(href, { isNew = true } = {}) {
  const ticket = ++opening
  const address = new URL(href, location.href)
  let parts
  try {
    parts = await fetchPart('entry', address.search)
  } catch {
    location.href = address // the whole page knows how to say what is wrong
    return
  }
  if (ticket !== opening) return // another one was opened meanwhile
  byId('aside').replaceChildren(...parts)
  main.classList.add('with-detail')
  const id = address.searchParams.get('entry')
  markRow(id)
  if (isNew) history.pushState(null, '', address)
  prepareDetail()
  keepTheirPlace(id)
  // On a narrow window it lies over the list: then the keyboard goes there, too.
  if (getComputedStyle(byId('detail')).position === 'fixed') byId('detail-heading').focus()
}

function markRow(id) {
  for (const row of rows()) {
    if (row.dataset.id === id) row.setAttribute('aria-current', 'true')
    else row.removeAttribute('aria-current')
  }
}

function keepTheirPlace(id) {
  openedFrom = byId(`e-${id}`)?.querySelector('.open') ?? openedFrom
}

function closeEntry({ isNew = true } = {}) {
  opening += 1
  const close = byId('close')
  if (!close) return
  if (isNew) history.pushState(null, '', close.href)
  byId('aside').replaceChildren()
  main.classList.remove('with-detail')
  markRow(undefined)
  openedFrom?.focus()
}

function prepareDetail() {
  const copy = byId('copy')
  if (!copy) return
  copy.hidden = false
  copy.addEventListener('click', async () => {
    const text = byId('json').textContent
    try {
      await navigator.clipboard.writeText(text)
      copy.textContent = 'Copied'
    } catch {
      // Not over plain HTTP from another machine: then it is selected, to be copied by hand.
      byId('json').closest('details').open = true
      getSelection().selectAllChildren(byId('json'))
      copy.textContent = 'Selected: copy it with your keyboard'
    }
    setTimeout(() => {
      copy.textContent = 'Copy as JSON'
    }, 2_000)
  })
}

document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  const link = event.target.closest('a')
  const row = event.target.closest('.entry')
  if (link?.id === 'close') {
    event.preventDefault()
    closeEntry()
  } else if (row && (!link || link.classList.contains('open'))) {
    if (!link && String(getSelection()) !== '') return // they are marking text
    event.preventDefault()
    openEntry(row.querySelector('.open').href)
  }
})

addEventListener('popstate', () => {
  const { searchParams, href } = new URL(location.href)
  if (searchParams.has('entry')) openEntry(href, { isNew: false })
  else closeEntry({ isNew: false })
})

// Keys

let following

function move(step) {
  const all = rows()
  const here =
    document.activeElement?.closest('.entry') ?? document.querySelector('.entry[aria-current]')
  const at = here ? all.indexOf(here) + step : step > 0 ? 0 : all.length - 1
  const row = all[at]
  if (!row) return
  row.querySelector('.open').focus()
  row.scrollIntoView({ block: 'nearest' })
  if (!byId('close')) return
  clearTimeout(following) // held down, it opens only where it stops
  following = setTimeout(() => openEntry(row.querySelector('.open').href), 120)
}

function focusFilter() {
  byId('filters').open = true
  const field = byId('f-action')
  field.focus()
  field.select()
}

const KEYS = {
  '/': focusFilter,
  j: () => move(1),
  k: () => move(-1),
  l: () => byId('live').click(),
  '?': () => byId('help').toggleAttribute('open'),
}

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const isTyping = event.target.closest?.('input, textarea, select')
  if (event.key === 'Escape') {
    if (isTyping) event.target.blur()
    else if (byId('help').open) byId('help').open = false
    else closeEntry()
    return
  }
  if (isTyping || !Object.hasOwn(KEYS, event.key)) return
  event.preventDefault()
  KEYS[event.key]()
})

// New entries

let unseen = 0
let isTelling = false
let grewSince = false

function tell(text, isLost = false) {
  news.textContent = text
  news.classList.toggle('lost', isLost)
}

/** Once for some that came together: a screen reader is to say a number and not a hundred rows. */
function tellNews() {
  tell(unseen === 1 ? '1 new entry' : `${unseen} new entries`)
  isTelling = false
}

function insert(row) {
  if (byId(row.id)) return
  const oldest = rows().at(-1)
  const isOldestPage = document.querySelector('.pager [rel=next]') === null
  if (oldest && row.dataset.id < oldest.dataset.id && !isOldestPage) return // on another page
  row.classList.add('new')
  const day = [...days.querySelectorAll('.day')].find(
    ({ dataset }) => dataset.day <= row.dataset.day,
  )
  const list = day?.dataset.day === row.dataset.day ? day.querySelector('ol') : addDay(row, day)
  const after = [...list.children].find(({ dataset }) => dataset.id < row.dataset.id)
  list.insertBefore(row, after ?? null)
  for (const surplus of rows().slice(MAX_ROWS)) surplus.remove()
  unseen += 1
  grewSince = true
  if (isTelling) return
  isTelling = true
  setTimeout(tellNews, NEWS_AFTER_MS)
}

function addDay(row, before) {
  const section = document.createElement('section')
  section.className = 'day'
  section.dataset.day = row.dataset.day
  section.setAttribute('aria-label', row.dataset.dayName)
  const heading = document.createElement('h3')
  heading.textContent = row.dataset.dayName
  const list = document.createElement('ol')
  section.append(heading, list)
  days.querySelector('.state')?.remove()
  if (before) before.before(section)
  else days.append(section)
  return list
}

function follow(address) {
  const live = byId('live')
  const source = new EventSource(address)
  const show = (state, word) => {
    live.dataset.on = state
    live.querySelector('b').textContent = word
  }
  source.addEventListener('open', () => {
    show('yes', 'on')
    if (news.classList.contains('lost')) tell('')
  })
  source.addEventListener('entry', ({ data }) => drawn(data).forEach(insert))
  source.addEventListener('state', ({ data }) => {
    const isLost = data === 'lost'
    show(isLost ? 'lost' : 'yes', isLost ? 'waiting' : 'on')
    tell(isLost ? 'The log cannot be read right now; trying again.' : '', isLost)
  })
  source.addEventListener('error', () => {
    const isOver = source.readyState === EventSource.CLOSED
    show('lost', isOver ? 'ended' : 'waiting')
    tell(
      isOver ? 'The live view has ended: load the page again.' : 'Connection lost; trying again.',
      true,
    )
  })
  addEventListener('pagehide', () => source.close())
  setInterval(async () => {
    if (!grewSince || document.hidden) return
    grewSince = false
    const [figure] = await fetchPart('histogram', location.search).catch(() => [])
    if (!figure) return
    byId('histogram').replaceWith(figure)
    prepareHistogram()
  }, HISTOGRAM_EVERY_MS)
}

// A range over the bars

function prepareHistogram() {
  const figure = byId('histogram')
  const svg = figure?.querySelector('.bars')
  if (!svg) return
  const selection = svg.querySelector('.selection')
  const fromMs = Number(figure.dataset.from)
  const spanMs = Number(figure.dataset.to) - fromMs
  let start
  let wasDragged = false
  const at = (event) => {
    const { left, width } = svg.getBoundingClientRect()
    return Math.min(1, Math.max(0, (event.clientX - left) / width))
  }
  const said = figure.querySelector('.by')
  const saidFirst = [...said.childNodes]
  const { format } = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone: figure.dataset.zone, day: 'numeric', month: 'short', hourCycle: 'h23' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  })
  const show = (one, other) => {
    const [first, last] = [Math.min(one, other), Math.max(one, other)]
    selection.setAttribute('x', String(first * 1_000))
    selection.setAttribute('width', String((last - first) * 1_000))
    if (first === last) said.replaceChildren(...saidFirst)
    else said.textContent = [first, last].map((at) => format(fromMs + at * spanMs)).join(' – ')
  }
  // Bars are links: pressed, they would take the focus, or be dragged away themselves.
  svg.addEventListener('mousedown', (event) => event.preventDefault())
  svg.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return
    start = at(event)
    wasDragged = false
  })
  svg.addEventListener('pointermove', (event) => {
    if (start === undefined) return
    if (!wasDragged && Math.abs(at(event) - start) < 0.005) return
    if (!wasDragged) svg.setPointerCapture(event.pointerId)
    wasDragged = true
    show(start, at(event))
  })
  const end = (event) => {
    if (start === undefined) return
    const [one, other] = [start, at(event)].sort((a, b) => a - b)
    start = undefined
    if (!wasDragged || event.type === 'pointercancel') return show(0, 0)
    // To whole seconds, as the form's own fields hold them, and one of them at least.
    const from = Math.floor((fromMs + one * spanMs) / 1_000) * 1_000
    const to = Math.max(from + 1_000, Math.ceil((fromMs + other * spanMs) / 1_000) * 1_000)
    const address = new URL(figure.dataset.href, location.href)
    address.searchParams.set('from', new Date(from).toISOString())
    address.searchParams.set('to', new Date(to).toISOString())
    location.href = address
  }
  svg.addEventListener('pointerup', end)
  svg.addEventListener('pointercancel', end)
  // The click that ends a drag is not a click on a bar.
  svg.addEventListener('click', (event) => wasDragged && event.preventDefault(), true)
}

// What only the browser knows: its time zone, and how wide it is

function prepareZone() {
  const link = byId('local-zone')
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  if (!link || !timeZone || timeZone === 'UTC') return
  const address = new URL(link.href)
  address.searchParams.set('zone', timeZone)
  link.href = address.search
  link.title = timeZone
  link.hidden = false
}

if (main) {
  const isNarrow = matchMedia('(max-width: 46rem)').matches
  if (isNarrow && !document.querySelector('[aria-invalid]')) byId('filters').open = false
  prepareZone()
  prepareHistogram()
  prepareDetail()
  if (byId('detail')) keepTheirPlace(byId('detail').dataset.id)
  if (main.dataset.stream) follow(main.dataset.stream)
}
