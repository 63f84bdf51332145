import type { FindingKind } from '../../seal/verify/finding.ts'
import type { VerifyReport } from '../../seal/verify/verify-report.ts'

const VERDICTS: Readonly<Record<number, string>> = {
  0: 'Proved',
  1: 'Not finished',
  3: 'Sealed too late',
  5: 'Tampered with',
  6: 'Not proved',
}

/** What a run found, a line for each finding, and what it comes to. */
export function verdictLines(report: VerifyReport): readonly string[] {
  const { findings, counts, code } = report
  const shown = new Map<FindingKind, number>()
  for (const { kind } of findings) shown.set(kind, (shown.get(kind) ?? 0) + 1)
  const more = Object.entries(counts).flatMap(([kind, count]) => {
    const left = count - (shown.get(kind as FindingKind) ?? 0)
    return left > 0 ? [`${kind}: ${left} more`] : []
  })
  return [
    ...findings.map(({ kind, text }) => `${kind}: ${text}`),
    ...more,
    `${VERDICTS[code]}: ${sentence(report)}`,
  ]
}

function sentence(report: VerifyReport): string {
  const { size, rows, expired, erased, pending, unsealed, anchored, cosigned, unopened, scope } =
    report
  const parts = [
    `${rows} of ${size} sealed entries are as they were sealed`,
    ...(scope === 'whole' ? [] : [`only those were read that are ${scope}`]),
    ...(expired > 0 ? [`${expired} were removed by policy`] : []),
    ...(erased > 0 ? [`${erased} have fields that were erased`] : []),
    ...(pending > 0 ? [`${pending} removals or erasures wait for their seal`] : []),
    ...sizesOf(anchored, 'is known outside'),
    ...sizesOf(cosigned, 'has its cosignatures'),
    ...(unopened > 0 ? [`${unopened} checkpoints of the anchor are by no known key`] : []),
    ...(unsealed > 0 ? [`${unsealed} entries are not sealed yet`] : []),
  ]
  return `${parts.join('; ')}.`
}

function sizesOf(sizes: Readonly<Record<string, number>>, what: string): readonly string[] {
  return Object.entries(sizes).map(
    ([name, size]) => `the checkpoint of ${name} for ${size} ${what}`,
  )
}
