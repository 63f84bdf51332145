// What people call times in German, Spanish and French, as the English words that are read.

const WORDS: Readonly<Record<string, string>> = {
  // German
  ...{ heute: 'today', gestern: 'yesterday', vorgestern: 'day before yesterday', jetzt: 'now' },
  ...{ januar: 'january', februar: 'february', marz: 'march', maerz: 'march', mai: 'may' },
  ...{ juni: 'june', juli: 'july', oktober: 'october', dezember: 'december' },
  ...{ montag: 'monday', dienstag: 'tuesday', mittwoch: 'wednesday', donnerstag: 'thursday' },
  ...{ freitag: 'friday', samstag: 'saturday', sonntag: 'sunday', mittag: 'noon' },
  ...{ letzte: 'last', letzten: 'last', letzter: 'last', letztes: 'last', letztem: 'last' },
  ...{ diese: 'this', diesen: 'this', dieser: 'this', dieses: 'this', diesem: 'this' },
  ...{ woche: 'week', wochen: 'weeks', monat: 'month', monate: 'months', monaten: 'months' },
  ...{ jahr: 'year', jahre: 'years', jahren: 'years', quartal: 'quarter', wochenende: 'weekend' },
  ...{ tag: 'day', tage: 'days', tagen: 'days', stunde: 'hour', stunden: 'hours' },
  ...{ minuten: 'minutes', nacht: 'night', kw: 'week', abend: 'evening', nachmittag: 'afternoon' },
  // Spanish
  ...{ hoy: 'today', ayer: 'yesterday', anteayer: 'day before yesterday', ahora: 'now' },
  ...{ enero: 'january', febrero: 'february', marzo: 'march', abril: 'april', mayo: 'may' },
  ...{ junio: 'june', julio: 'july', agosto: 'august', septiembre: 'september' },
  ...{ octubre: 'october', noviembre: 'november', diciembre: 'december' },
  ...{ lunes: 'monday', martes: 'tuesday', miercoles: 'wednesday', jueves: 'thursday' },
  ...{ viernes: 'friday', sabado: 'saturday', domingo: 'sunday', mediodia: 'noon' },
  ...{ este: 'this', esta: 'this', pasado: 'last', pasada: 'last', ultimos: 'last' },
  ...{ ultimas: 'last', ultimo: 'last', ultima: 'last', semana: 'week', semanas: 'weeks' },
  ...{ mes: 'month', meses: 'months', ano: 'year', anos: 'years', trimestre: 'quarter' },
  ...{ dia: 'day', dias: 'days', hora: 'hour', horas: 'hours', minutos: 'minutes' },
  // French
  ...{ "aujourd'hui": 'today', hier: 'yesterday', 'avant-hier': 'day before yesterday' },
  ...{ maintenant: 'now', janvier: 'january', fevrier: 'february', mars: 'march', avril: 'april' },
  ...{ juin: 'june', juillet: 'july', aout: 'august', septembre: 'september' },
  ...{ octobre: 'october', novembre: 'november', decembre: 'december', midi: 'noon' },
  ...{ lundi: 'monday', mardi: 'tuesday', mercredi: 'wednesday', jeudi: 'thursday' },
  ...{ vendredi: 'friday', samedi: 'saturday', dimanche: 'sunday', ce: 'this', cet: 'this' },
  ...{ cette: 'this', dernier: 'last', derniere: 'last', derniers: 'last', dernieres: 'last' },
  ...{ semaine: 'week', semaines: 'weeks', mois: 'month', annee: 'year', annees: 'years' },
  ...{ an: 'year', ans: 'years', jour: 'day', jours: 'days', heure: 'hour', heures: 'hours' },
}
/** Words that say nothing more. */
const EMPTY = new Set(['the', 'of', 'at', 'a', 'an', 'um', 'am', 'der', 'die', 'den', 'dem', 'im'])
for (const word of ['la', 'el', 'las', 'los', 'de', 'del', 'le', 'les', 'du', 'des', 'l']) {
  EMPTY.add(word)
}
const NUMBERS = 'one two three four five six seven eight nine ten eleven twelve'.split(' ')
/** "two may" is no day. */
const NUMBER_WORD =
  /\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) (?=(?:second|minute|hour|day|week|month|year)s?\b)/
const numberOf = (_: string, word: string) => `${NUMBERS.indexOf(word) + 1} `
const AGO = /^(?:vor|hace|il y a) (\d{1,5} [a-z]+)$/
/** As "semana pasada" and "semaine derniere" say it. */
const LAST_BEHIND = /^(week|month|year|quarter|weekend|[a-z]+day) last$/
/** As "dernieres 24 heures" and "24 dernieres heures" say it. */
const LAST_BETWEEN = /^(\d{1,5}) last ([a-z]+)$/

/** A time in lower case, with the English words for those of the other languages of the page. */
export function inEnglish(text: string): string {
  const plain = text.normalize('NFD').replaceAll(/\p{M}/gu, '').replaceAll('’', "'")
  const words = plain
    .replace(NUMBER_WORD, numberOf)
    .split(' ')
    .map((word) => {
      const bare = word.replace(/[,.]$/, '')
      return Object.hasOwn(WORDS, bare) ? `${WORDS[bare]}` : word
    })
  const ago = AGO.exec(words.join(' '))?.[1]
  if (ago !== undefined) return `${ago} ago`
  return clockText(words.join(' '))
    .split(' ')
    .filter((word) => !EMPTY.has(word) && word !== '')
    .join(' ')
    .replace(LAST_BEHIND, 'last $1')
    .replace(LAST_BETWEEN, 'last $1 $2')
}

/** `2pm`, `2:30 pm`, `14 Uhr`, `14h30`, `noon` and `midnight` as `14:00`. */
function clockText(text: string): string {
  return text
    .replace(/\bnoon\b/, '12:00')
    .replace(/\bmidnight\b/, '00:00')
    .replace(/(?<!\d)(\d{1,2})(?::(\d{2}))? ?([ap])\.?m\b\.?/, (whole, hours, minutes, half) => {
      const hour = Number(hours)
      if (hour < 1 || hour > 12) return whole
      const of24 = (hour % 12) + (half === 'p' ? 12 : 0)
      return `${String(of24).padStart(2, '0')}:${minutes ?? '00'}`
    })
    .replace(/(?<![\d.])(\d{1,2})(?::(\d{2}))? uhr$/, (_, hours, minutes) => {
      return `${hours}:${minutes ?? '00'}`
    })
}
