import { type Command, Help } from 'commander'
import { treeOf } from './misuse.ts'
import { VARIABLES } from './variables.ts'

/** Terms and what they mean, a line or more each. */
export type HelpItems = Readonly<Record<string, string>>

/** What 4 means where a login lacks the role that a command is for. */
export const LACKS_KEEPER = 'refused: the login lacks the role audit_keeper; nothing was changed'

/** What the help of a command says, apart from its options and operands. */
export interface HelpTexts {
  /** In the list of commands: a few words without a capital or a full stop. */
  readonly summary: string
  /** Above its own help. Default: the summary. */
  readonly description?: string
  /** The heading of its group in the list of commands. */
  readonly group?: string
  /** Further lists, by heading. */
  readonly sections?: Readonly<Record<string, HelpItems>>
  /** What each example does, and the command line. */
  readonly examples?: HelpItems
  /** Names of the environment variables that it reads. */
  readonly variables?: readonly string[]
  /** Those besides 0, 1 and 2, or what one of these means here. */
  readonly exitCodes?: Readonly<Record<number, string>>
}

const EXIT_CODES: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'failed; the message says why',
  2: 'wrong options or settings; nothing was done',
}

const MAX_WIDTH = 100

/** @param columns of the terminal; undefined where it is a file or a pipe */
export function helpWidth(columns: number | undefined): number {
  return Math.min(columns || MAX_WIDTH, MAX_WIDTH)
}

/** Commander's help, followed by our sections, wrapped at the same width. */
export class CliHelp extends Help {
  override formatHelp(command: Command, helper: Help): string {
    const own = textsOf(command)
    const isRoot = command.parent === null
    const blocks = [
      ...Object.entries(own.sections ?? {}).map(([title, items]) => this.#list(title, items)),
      examples(own.examples ?? {}),
      ...(isRoot ? this.#variablesOfAll(command) : [this.#variables(own.variables ?? [])]),
      this.#list('Exit codes', isRoot ? exitCodesOfAll(command) : exitCodes(command)),
    ]
    return [super.formatHelp(command, helper), ...blocks.filter(Boolean)].join('\n')
  }

  /** Without `[options]`, which nearly all of them have. */
  override subcommandTerm(command: Command): string {
    return super.subcommandTerm(command).replace(' [options]', '')
  }

  #list(title: string, items: HelpItems): string {
    const entries = Object.entries(items)
    const width = Math.max(...entries.map(([term]) => term.length))
    const lines = entries.map(([term, says]) => this.formatItem(term, width, says, this))
    return lines.length === 0 ? '' : `${title}:\n${lines.join('\n')}\n`
  }

  #variables(names: readonly string[]): string {
    return this.#list('Environment', settings(names))
  }

  /** Those of several commands, with the commands; then those of each command alone. */
  #variablesOfAll(root: Command): readonly string[] {
    const usersOf = (name: string) =>
      root.commands.filter((command) =>
        treeOf(command).some((one) => textsOf(one).variables?.includes(name)),
      )
    const shared: Record<string, string> = {}
    const alone = new Map<string, Record<string, string>>()
    for (const [name, says] of Object.entries(VARIABLES)) {
      const users = usersOf(name).map((command) => command.name())
      const [first = '', ...more] = users
      if (more.length === 0) alone.set(first, { ...alone.get(first), [name]: says })
      else shared[name] = name === 'DATABASE_URL' ? says : `${users.join(', ')}: ${says}`
    }
    const lists = Array.from(alone, ([user, items]) => this.#list(`Environment of ${user}`, items))
    return [this.#list('Environment', shared), ...lists]
  }
}

function settings(names: readonly string[]): HelpItems {
  return Object.fromEntries(Object.entries(VARIABLES).filter(([name]) => names.includes(name)))
}

/** A comment and a line to paste for each. */
function examples(items: HelpItems): string {
  const lines = Object.entries(items).map(([says, line]) => `  # ${says}\n  ${line}`)
  return lines.length === 0 ? '' : `Examples:\n${lines.join('\n')}\n`
}

function exitCodes(command: Command): HelpItems {
  const own = textsOf(command).exitCodes
  return command.commands.length > 0 && !own ? {} : { ...EXIT_CODES, ...own }
}

/** 0 to 2, and each further one with the commands that use it. */
function exitCodesOfAll(root: Command): HelpItems {
  const all: Record<string, string> = { ...EXIT_CODES }
  for (const command of treeOf(root)) {
    for (const [code, says] of Object.entries(textsOf(command).exitCodes ?? {})) {
      if (code in EXIT_CODES) continue
      const said = `${nameOf(command)}: ${says}`
      all[code] = all[code] === undefined ? said : `${all[code]}; ${said}`
    }
  }
  return all
}

/** As it is typed: `archive run`, because `run` alone is another command. */
function nameOf(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name()
}

function textsOf(command: Command): Partial<HelpTexts> {
  const texts: unknown = Reflect.get(command, 'texts')
  return typeof texts === 'object' && texts !== null ? texts : {}
}
