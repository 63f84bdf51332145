import { FURTHER_QUESTIONS } from './further-questions.ts'
import { QUESTIONS } from './questions.ts'

/** The questions as a page for people, with what answers each. */
export function questionTable(): string {
  const lines = QUESTIONS.map(({ line, ...one }) => ({
    ...one,
    address: `?q=${encoded(line)}`,
    steps: ['type the line'],
  }))
  const further = FURTHER_QUESTIONS.map(({ address, ...one }) => ({
    ...one,
    address: address((label) => `<${label}>`).replace(/q=([^&]*)/, (_, q: string) => {
      return `q=${encoded(decodeURIComponent(q))}`
    }),
  }))
  const all = [...lines, ...further]
  const counts = all.map(({ steps }) => steps.length).sort((one, other) => one - other)
  const rows = all.map(({ by, asked, seenIn, address, steps }, at) => {
    const cells = [at + 1, by, asked, `\`${address}\``, steps.join('; '), seenIn]
    return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  })
  return `${HEAD}
${all.length} questions take ${counts[counts.length >> 1]} step in the median, and ${counts.at(-1)} at most. A step is an address that
is typed, a click, or a command.

| | by | question | address of the page | steps | asked in |
|---:|---|---|---|---|---|
${rows.join('\n')}
`
}

const HEAD = `# Seventy questions

As support, admins of customers and auditors ask them, written down from public documentation and issue threads. The
[small log](small-log.ts) has an answer to each, and [a test](../page-questions.test.ts) opens the addresses. This page is
made from [questions.ts](questions.ts), [as-typed.ts](as-typed.ts) and
[further-questions.ts](further-questions.ts).
`

/** As a person types it: a browser encodes the rest. */
function encoded(line: string): string {
  return line.replaceAll('%', '%25').replaceAll('&', '%26').replaceAll('#', '%23')
}
