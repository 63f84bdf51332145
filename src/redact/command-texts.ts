import type { Search } from './search.ts'

/** Looking through the rest of a command's line counts as so many names. */
const COMMAND_LOOK_UPS = 8
/** How far behind its command an option may stand. */
const MAX_LINE_CHARACTERS = 400

const VALUE = `("[^"]*"|'[^']*'|[^\\s"'|;&]+)`
const option = (options: string) => new RegExp(`(\\s(?:${options})["']?)${VALUE}`, 'g')

/**
 * Options of well-known commands whose value is a secret, although their name does not say so. Each
 * pattern is for the rest of the command's line.
 */
const OPTIONS: readonly (readonly [command: RegExp, option: RegExp])[] = [
  [
    /^(?:curl|wget|xh|https?|hurl)$/,
    option(`(?:-u|--user|-U|--proxy-user|-a|--auth)[ =]?["']?[^\\s:"']{1,128}:`),
  ],
  [/^(?:mysql|mariadb|mycli)/, option('-p ?')],
  [/^(?:sshpass|mongo|rdesktop)/, option('-p ?')],
  [/^(?:docker|podman|helm|oras|az|nerdctl|buildah|skopeo)$/, option('login\\b[^\\n]{0,200}? -p ')],
  [/^(?:redis|valkey)-cli$/, option('-a ')],
  [/^ldap/, option('-w ?')],
  [/^(?:sqlcmd|bcp|osql|zip|unzip)$/, option('-P ?')],
  [/^(?:smbclient|rpcclient|winexe|smbmap)$/, option(`-U ?["']?[^\\s%"']{1,128}%`)],
  [/^x?freerdp$/, option('/p:')],
  [/^7z/, option('-p')],
  [/^openssl$/, option('-pass(?:in|out)? pass:|-k ')],
  [/^htpasswd$/, option('-[a-zA-Z]*b[a-zA-Z]* \\S+ \\S+ ')],
  [/^net$/, option('use [^\\n]{0,200}/user:\\S+ ')],
]
const COMMANDS =
  /\b(?:curl|wget|xh|https?|hurl|mysql\w*|mariadb\w*|mycli|sshpass|mongo\w*|rdesktop|docker|podman|helm|oras|az|nerdctl|buildah|skopeo|redis-cli|valkey-cli|ldap\w+|sqlcmd|bcp|osql|zip|unzip|smbclient|rpcclient|winexe|smbmap|x?freerdp|7z\w?|openssl|htpasswd|net)(?=[ \t])/g

export function mayHoldCommand(text: string): boolean {
  if (!/ [-/][\w-]/.test(text)) return false
  COMMANDS.lastIndex = 0
  return COMMANDS.test(text)
}

export function replaceInCommands(text: string, search: Search): string {
  if (!mayHoldCommand(text)) return text
  let clean = ''
  let done = 0
  COMMANDS.lastIndex = 0
  for (const found of text.matchAll(COMMANDS)) {
    if (found.index < done) continue
    const known = OPTIONS.find(([command]) => command.test(found[0]))
    const start = found.index + found[0].length
    const line = /^[^\r\n|;]*/.exec(text.slice(start, start + MAX_LINE_CHARACTERS))?.[0] ?? ''
    search.left -= COMMAND_LOOK_UPS
    if (search.left < 0) break
    if (known === undefined) continue
    const kept = line.replace(known[1], (whole, before: string, value: string) => {
      if (value.startsWith('-')) return whole
      const quote = /^["']/.exec(value)?.[0] ?? ''
      return before + quote + search.replace(quote === '' ? value : value.slice(1, -1)) + quote
    })
    clean += text.slice(done, start) + kept
    done = start + line.length
  }
  return search.left < 0 ? clean + search.replace(text.slice(done)) : clean + text.slice(done)
}
