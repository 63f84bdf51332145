import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportManifest,
  verifyExport,
} from '../../src/export/index.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Tells what its process took at most; loaded before the command, it costs a megabyte itself. */
const PEAK = `data:text/javascript,${encodeURIComponent(`
  import fs from 'node:fs'
  process.on('exit', () => fs.writeSync(3, String(process.resourceUsage().maxRSS)))`)}`

export interface MeasuredExport {
  readonly format: string
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly megabytes: number
  readonly peakRssMegabytes: number
  readonly verifySeconds: number
}

/**
 * The built command as users run it, a process of its own for each.
 *
 * @param names formats; `csv.gz` is a compressed CSV
 */
export async function measureExports(
  databaseUrl: string,
  names: readonly string[],
): Promise<readonly MeasuredExport[]> {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' })
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-exported-'))
  const results: MeasuredExport[] = []
  try {
    for (const name of names) {
      const [given = '', suffix] = name.split('.')
      const format = EXPORT_FORMATS.find((known) => known === given)
      if (!format) throw new Error(`There is no format ${given}.`)
      const out = path.join(folder, 'log')
      results.push(await measureExport(databaseUrl, out, format, suffix === 'gz'))
      console.log(results.at(-1))
    }
    return results
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function measureExport(
  databaseUrl: string,
  out: string,
  format: ExportFormat,
  gzip: boolean,
): Promise<MeasuredExport> {
  const startMs = performance.now()
  const command = ['dist/relay/main.js', 'export', '--quiet', '--out', out, '--format', format]
  const child = spawn(
    process.execPath,
    ['--import', PEAK, ...command, ...(gzip ? ['--gzip'] : [])],
    {
      cwd: ROOT,
      env: { ...process.env, AUDIT_READER_DATABASE_URL: databaseUrl },
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    },
  )
  let peakKibibytes = ''
  child.stdio[3]?.on('data', (chunk) => {
    peakKibibytes += String(chunk)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`The export ended with ${code}.`)
  const seconds = secondsSince(startMs)
  const manifest = JSON.parse(fs.readFileSync(`${out}.manifest.json`, 'utf8')) as ExportManifest
  const verifyStartMs = performance.now()
  const { problems } = await verifyExport(out)
  if (problems.length > 0) throw new Error(problems.join(' '))
  const verifySeconds = secondsSince(verifyStartMs)
  for (const name of [out, `${out}.manifest.json`]) fs.rmSync(name)
  return {
    format: gzip ? `${format}, gzip` : format,
    seconds,
    rowsPerSecond: Math.round(manifest.rows / seconds),
    megabytes: Math.round(manifest.bytes / 1e6),
    peakRssMegabytes: Math.round((Number(peakKibibytes) * 1_024) / 1e6),
    verifySeconds,
  }
}

function secondsSince(startMs: number): number {
  return Number(((performance.now() - startMs) / 1_000).toFixed(1))
}
