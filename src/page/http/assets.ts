import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const TYPES = {
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml; charset=utf-8',
} as const

export type AssetName = keyof typeof TYPES

interface Asset {
  readonly text: string
  readonly hash: string
}

const read = new Map<AssetName, Asset>()

/** Files of their own, as they are written: there is nothing that builds or packs them. */
function asset(name: AssetName): Asset {
  const known = read.get(name)
  if (known) return known
  const text = readFileSync(new URL(`../client/${name}`, import.meta.url), 'utf8')
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 16)
  const found = { text, hash }
  read.set(name, found)
  return found
}

/** Its address: with the hash in it, so that it may be kept for ever and still be replaced. */
export function assetHref(name: AssetName): string {
  return `?${new URLSearchParams({ asset: name, v: asset(name).hash })}`
}

/** @returns undefined where the address asks for no file */
export function assetResponse(request: Request, parameters: URLSearchParams): Response | undefined {
  const name = parameters.get('asset')
  if (name === null) return undefined
  if (!isAsset(name)) return new Response('No such file.\n', { status: 404 })
  const { text, hash } = asset(name)
  const isCurrent = parameters.get('v') === hash
  const etag = `"${hash}"`
  const headers = {
    'content-type': TYPES[name],
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    etag,
    // Nothing secret is in them, and who asks with another hash gets what there is now.
    'cache-control': isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache',
  }
  const isKept = request.headers.get('if-none-match')?.includes(etag) === true
  return new Response(isKept ? null : text, { status: isKept ? 304 : 200, headers })
}

function isAsset(name: string): name is AssetName {
  return Object.hasOwn(TYPES, name)
}
