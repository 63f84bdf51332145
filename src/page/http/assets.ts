import { createHash } from 'node:crypto'
import { clientFiles } from './client-files.ts'

interface AssetSource {
  readonly type: string
  /** Files in `client/`, joined in this order. */
  readonly files: readonly string[]
}

const SOURCES = {
  'page.css': {
    type: 'text/css; charset=utf-8',
    files: [
      'base.css',
      'top-bar.css',
      'filter-form.css',
      'saved-views.css',
      'histogram.css',
      'entry-list.css',
      'entry-row.css',
      'entry-detail.css',
      'change-table.css',
      'target.css',
      'json-tree.css',
      'messages.css',
      'embed.css',
      'print.css',
    ],
  },
  'page.js': { type: 'text/javascript; charset=utf-8', files: ['page.js'] },
  'audit-timeline.js': { type: 'text/javascript; charset=utf-8', files: ['audit-timeline.js'] },
  'icon.svg': { type: 'image/svg+xml; charset=utf-8', files: ['icon.svg'] },
} as const satisfies Record<string, AssetSource>

export type AssetName = keyof typeof SOURCES

interface Asset {
  readonly type: string
  readonly text: string
  readonly hash: string
}

const OWN_CSS = 'own.css'
const ELEMENT: AssetName = 'audit-timeline.js'
/** A page of another site loads the element that frames this one. */
const FOR_EVERYBODY = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
}

const loadedAssets = new Map<AssetName, Asset>()

/** The files as they are written; no build step packs them. Each is read once. */
function loadAsset(name: AssetName): Asset {
  const loaded = loadedAssets.get(name)
  if (loaded) return loaded
  const all = clientFiles()
  const texts = SOURCES[name].files.map((file) => {
    const text = all[file]
    if (text === undefined) throw new Error(`There is no file src/page/client/${file}.`)
    return text
  })
  const text = name === 'page.css' ? joinStyles(texts) : texts.join('\n')
  const asset = { type: SOURCES[name].type, text, hash: hashOf(text) }
  loadedAssets.set(name, asset)
  return asset
}

/** Without indentation, which is a sixth of the stylesheet. */
function joinStyles(texts: readonly string[]): string {
  return texts.join('\n').replaceAll(/^ +/gm, '')
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}

/** The address of a stylesheet of the application's own. */
export function ownCssHref(css: string): string {
  return `?${new URLSearchParams({ asset: OWN_CSS, v: hashOf(css) })}`
}

/** The asset's address. It contains the hash, so browsers cache it for a year and see changes. */
export function assetHref(name: AssetName): string {
  return `?${new URLSearchParams({ asset: name, v: loadAsset(name).hash })}`
}

/** @returns undefined where the request is not for an asset */
export function assetResponse(
  request: Request,
  parameters: URLSearchParams,
  ownCss?: string,
): Response | undefined {
  const name = parameters.get('asset')
  if (name === null) return undefined
  const isOwn = name === OWN_CSS && ownCss !== undefined
  if (!isOwn && !isAssetName(name)) return new Response('No such file.\n', { status: 404 })
  const { text, hash, type } = isOwn ? ownAsset(ownCss) : loadAsset(name as AssetName)
  const isCurrent = parameters.get('v') === hash
  const etag = `"${hash}"`
  const headers = {
    'content-type': type,
    'x-content-type-options': 'nosniff',
    ...(name === ELEMENT ? FOR_EVERYBODY : { 'cross-origin-resource-policy': 'same-origin' }),
    etag,
    // Assets hold nothing secret. A request with an old hash gets the current file.
    'cache-control': isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache',
  }
  const isUnchanged = request.headers.get('if-none-match')?.includes(etag) === true
  return new Response(isUnchanged ? null : text, { status: isUnchanged ? 304 : 200, headers })
}

function ownAsset(text: string): Asset {
  return { type: SOURCES['page.css'].type, text, hash: hashOf(text) }
}

function isAssetName(name: string): name is AssetName {
  return Object.hasOwn(SOURCES, name)
}
