/**
 * Finds the visible texts of a page whose contrast (WCAG 2.2, 1.4.3) against the nearest opaque
 * background is less than 4.5. It is a text that runs in the page, because this project's types do
 * not include the browser's. It draws colours on a canvas to read them, because their notation
 * varies.
 */
export const POOR_CONTRASTS = `(() => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  const channels = (colour) => {
    pen.clearRect(0, 0, 1, 1)
    pen.fillStyle = colour
    pen.fillRect(0, 0, 1, 1)
    return [...pen.getImageData(0, 0, 1, 1).data]
  }
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b]
      .map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const ground = channels(getComputedStyle(at).backgroundColor)
      if (ground[3] === 255) return ground
    }
    return [255, 255, 255, 255]
  }
  const poor = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement
    if (node.textContent.trim() === '' || !element.checkVisibility()) continue
    if (element.closest('svg, .unseen, script')) continue
    const [one, other] = [channels(getComputedStyle(element).color), groundOf(element)]
      .map(luminance)
      .sort((a, b) => b - a)
    const contrast = (one + 0.05) / (other + 0.05)
    if (contrast < 4.5) poor.push(contrast.toFixed(2) + ' ' + node.textContent.trim().slice(0, 40))
  }
  return [...new Set(poor)]
})()`
