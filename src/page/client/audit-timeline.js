// @ts-check
// <audit-timeline src="/audit/~…"> shows the timeline page in a frame that is as high as what it shows.
// It works under a policy that allows no inline script or style: it needs script-src for this file and
// frame-src for the page's origin.

const MIN_HEIGHT = 320
const MAX_HEIGHT = 1_600
/** What the frame may do. It is another site's page or the same one's: its own policy holds beside this. */
const SANDBOX =
  'allow-scripts allow-same-origin allow-forms allow-downloads allow-popups allow-popups-to-escape-sandbox'

const STYLE = `:host { display: block } :host([hidden]) { display: none }
iframe { display: block; width: 100%; border: 0 }`

// On a server there are no elements; importing this file does nothing there.
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {})

/**
 * Attributes: `src`, the page's address; `label`, what the frame is called for screen readers;
 * `min-height` and `max-height` in pixels, beyond which the frame scrolls.
 *
 * Event `audit-closed`: the page lets this viewer in no more, as when a signed link has ended. Give the
 * element a new `src`.
 */
export class AuditTimeline extends Base {
  static observedAttributes = ['src', 'label']

  /** @type {HTMLIFrameElement | undefined} */
  #frame
  #listening = new AbortController()

  connectedCallback() {
    this.#listening = new AbortController()
    this.#frame ??= this.#makeFrame()
    this.#load()
    addEventListener('message', (event) => this.#hear(event), { signal: this.#listening.signal })
  }

  disconnectedCallback() {
    this.#listening.abort()
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#load()
  }

  #makeFrame() {
    const frame = document.createElement('iframe')
    frame.referrerPolicy = 'no-referrer'
    frame.height = String(this.#bound('min-height', MIN_HEIGHT))
    // In a shadow, so that a server's HTML is what the browser's is, and no style of the site reaches it.
    const shadow = this.attachShadow({ mode: 'open' })
    const sheet = new CSSStyleSheet() // which a policy against inline styles allows
    sheet.replaceSync(STYLE)
    shadow.adoptedStyleSheets = [sheet]
    shadow.append(frame)
    return frame
  }

  #load() {
    const frame = this.#frame
    const address = this.#address()
    if (!frame) return
    frame.title = this.getAttribute('label') ?? 'Audit log'
    if (!address) frame.removeAttribute('src')
    else if (frame.src !== address.href) {
      // A frame of this page's own origin could leave its sandbox, which browsers warn of.
      if (address.origin === location.origin) frame.removeAttribute('sandbox')
      else frame.setAttribute('sandbox', SANDBOX)
      frame.src = address.href
    }
  }

  /** Only a page: no `javascript:`, no `data:`. */
  #address() {
    const src = this.getAttribute('src')
    if (!src || !URL.canParse(src, document.baseURI)) return undefined
    const address = new URL(src, document.baseURI)
    return /^https?:$/.test(address.protocol) ? address : undefined
  }

  /** @param {MessageEvent} event */
  #hear({ source, origin, data }) {
    if (!this.#frame || source !== this.#frame.contentWindow) return
    if (origin !== this.#address()?.origin || data?.type !== 'audit-timeline') return
    if (data.state === 'closed') this.dispatchEvent(new Event('audit-closed'))
    if (!Number.isFinite(data.height)) return
    const [least, most] = [
      this.#bound('min-height', MIN_HEIGHT),
      this.#bound('max-height', MAX_HEIGHT),
    ]
    this.#frame.height = String(Math.ceil(Math.min(most, Math.max(least, data.height))))
  }

  /**
   * @param {string} name
   * @param {number} fallback
   */
  #bound(name, fallback) {
    const pixels = Number(this.getAttribute(name) ?? fallback)
    return Number.isFinite(pixels) && pixels > 0 ? pixels : fallback
  }
}

const elements = globalThis.customElements
if (elements && !elements.get('audit-timeline')) elements.define('audit-timeline', AuditTimeline)
