import type { Command, CommanderError } from 'commander'
import { AuditError } from '../../../src/errors.ts'

/** Wrong options or operands: the process exits with 2. */
export function misuse(message: string): AuditError {
  return new AuditError('AUDIT_OPTION_INVALID', message)
}

/**
 * What commander refuses, in the words of all our errors. Printed help and `--version` come this
 * way, too, and stay what they are.
 */
export function asMisuse(error: CommanderError, command: Command): Error {
  if (error.exitCode === 0 || error.code === 'commander.help') return error
  return misuse(fitToShow(explain(error, command)))
}

function explain({ code, message }: CommanderError, command: Command): string {
  if (code === 'commander.unknownOption') return explainUnknownOption(message, command)
  if (code === 'commander.excessArguments') {
    const surplus = command.args[command.registeredArguments.length] ?? ''
    return `Unexpected "${surplus}": ${operandsOf(command)}.`
  }
  if (code === 'commander.missingArgument') {
    return `"${command.name()}" needs an operand: ${operandsOf(command)}.`
  }
  if (code === 'commander.unknownCommand' && !message.includes('\n')) {
    const known = command.commands.map((one) => one.name()).join(', ')
    return `${plain(message)} Commands: ${known}.`
  }
  const [, valueless] = /^error: option '(.+)' argument missing$/.exec(message) ?? []
  if (valueless) return `${longOf(valueless)} needs a value: ${valueless}.`
  return plain(message)
}

function explainUnknownOption(message: string, command: Command): string {
  const [, given = ''] = /^error: unknown option '([\s\S]*)'(?:\n|$)/.exec(message) ?? []
  // What follows "=" may be a secret, and is never the mistake.
  const flag = given.split('=', 1)[0] ?? given
  if (hasOption(command, flag)) return `${flag} takes no value.`
  const isOwner = (other: Command) => hasOption(other, flag)
  const [inner] = treeOf(command).filter(isOwner)
  if (inner) {
    return `${flag} goes after the name of a command: "${pathOf(inner)} ${flag}".`
  }
  const owners = treeOf(rootOf(command)).filter(isOwner)
  if (owners.length > 0) {
    return `${flag} does not go with "${pathOf(command)}": it is an option of ${named(owners)}.`
  }
  const suggestion = /\n\(Did you mean [\s\S]*$/.exec(message)?.[0] ?? ''
  return plain(`unknown option '${flag}'${suggestion}`)
}

const NAMED_OWNERS = 3

function named(owners: readonly Command[]): string {
  const names = owners.slice(0, NAMED_OWNERS).map((owner) => `"${pathOf(owner)}"`)
  const more = owners.length - names.length
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ')
}

/** `error: unknown x 'y'\n(Did you mean z?)` is `Unknown x "y". Did you mean "z"?`. */
function plain(message: string): string {
  const [said = '', suggestion] = message.replace(/^error: /, '').split('\n(Did you mean ')
  const quoted = said
    .replaceAll(/(^|with )option '(--[\w-]+)[^']*'/g, '$1$2')
    .replaceAll(/'([^']*)'/g, '"$1"')
    .replace(/\.?$/, '.')
  const sentence = quoted.startsWith('-') ? quoted : quoted[0]?.toUpperCase() + quoted.slice(1)
  if (!suggestion) return sentence
  const names = suggestion.replace(/^one of /, '').replace(/\?\)$/, '')
  return `${sentence} Did you mean ${names.replaceAll(/[^\s,]+/g, '"$&"').replaceAll(', ', ' or ')}?`
}

function operandsOf(command: Command): string {
  const words = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name()
    return argument.required ? `<${name}>` : `[${name}]`
  })
  const name = pathOf(command)
  return words.length === 0 ? `"${name}" takes options only` : `${name} ${words.join(' ')}`
}

/** `dead-letters list`, without the name of the program. */
export function pathOf(command: Command): string {
  const names: string[] = []
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name())
  return names.join(' ')
}

function rootOf(command: Command): Command {
  return command.parent ? rootOf(command.parent) : command
}

export function treeOf(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(treeOf)]
}

function hasOption(command: Command, flag: string): boolean {
  return command.options.some(({ long, short }) => long === flag || short === flag)
}

function longOf(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags
}

/** A URL is shown without its login, and a long word not whole. */
function fitToShow(message: string): string {
  return message.replaceAll(/\/\/[^\s"]*@/g, '//...@').replaceAll(/"([^"]{80})[^"]+"/g, '"$1..."')
}
