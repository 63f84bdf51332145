import { Command, type CommanderError, type OptionValues } from 'commander'
import type { Environment } from '../../config.ts'
import { CliHelp, type HelpTexts, helpWidth } from './help.ts'
import { asMisuse } from './misuse.ts'

/** What surrounds a command: where its settings come from, and where its exit code goes. */
export interface Host {
  readonly environment: Environment
  end(exitCode: number): void
}

/**
 * A command of `audit-relay`: commander's, with the help, the errors and the exit codes that all of
 * them share. A file that builds one imports nothing heavy: every command is built for every call,
 * and what a command does is imported when it runs.
 */
export class CliCommand extends Command {
  readonly texts: HelpTexts
  readonly #host: Host

  constructor(name: string, host: Host, texts: HelpTexts) {
    super(name)
    this.texts = texts
    this.#host = host
    this.summary(texts.summary)
    this.description(texts.description ?? sentence(texts.summary))
    if (texts.group) this.helpGroup(texts.group)
    this.helpOption('-h, --help', 'print this help')
    this.exitOverride((error: CommanderError) => {
      throw asMisuse(error, this)
    })
    this.configureOutput({
      getOutHelpWidth: () => helpWidth(process.stdout.columns),
      getErrHelpWidth: () => helpWidth(process.stderr.columns),
      outputError: () => {}, // the process prints what is thrown, once
    })
  }

  override createHelp(): CliHelp {
    return Object.assign(new CliHelp(), this.configureHelp())
  }

  /** Gives it commands of its own: then it does nothing itself. */
  holds(...commands: readonly CliCommand[]): this {
    this.helpCommand('help [command]', 'print the help of a command')
    for (const command of commands) this.addCommand(command)
    return this
  }

  /** @param act does what the command is for, and resolves with the exit code */
  runs<Options extends OptionValues, Operands extends unknown[] = []>(
    act: (options: Options, ...operands: Operands) => Promise<number>,
  ): this {
    return this.action(async () => {
      // An option that a command above has, too, is taken by that one, wherever it stands.
      const options = this.optsWithGlobals<Options>()
      this.#host.end(await act(options, ...(this.processedArgs as Operands)))
    })
  }
}

function sentence(summary: string): string {
  return `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`
}
