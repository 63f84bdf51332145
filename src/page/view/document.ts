import { assetHref, ownCssHref } from '../http/assets.ts'
import { html, type Html } from '../http/html.ts'
import type { Words } from '../language/words.ts'
import type { Look, Theme } from './look.ts'

export interface DocumentParts {
  readonly title: string
  readonly theme: Theme
  readonly words: Words
  readonly look: Look
  /** The browser loads the address again after this many seconds. */
  readonly refreshAfterS?: number | undefined
}

/** The HTML document around every page. It has no inline script or style; all are files. */
export function document(
  { title, theme, words, look, refreshAfterS }: DocumentParts,
  body: Html,
): Html {
  return html`<!doctype html>
<html lang="${words.language}" data-theme="${theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refreshAfterS === undefined ? '' : html`<meta http-equiv="refresh" content="${refreshAfterS}">`}
<title>${title}</title>
<link rel="icon" href="${assetHref('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${assetHref('page.css')}">${
    look.css === undefined
      ? ''
      : html`
<link rel="stylesheet" href="${ownCssHref(look.css)}">`
  }
<script type="module" src="${assetHref('page.js')}"></script>
</head>
<body>
${body}
</body>
</html>
`
}
