import type { Language } from '../../actions/language.ts'
import { withFrenchSpaces } from './french-spaces.ts'

type Message = Readonly<Record<Language, string>>

/**
 * What is wrong with a filter or a query line, as the library says it, and in the other languages.
 * `{…}` stands for what differs. Messages of the database stay English: they are for its operators.
 */
const MESSAGES: readonly Message[] = [
  {
    en: 'a query has at most {n} characters, this one {m}.',
    de: 'eine Suche hat höchstens {n} Zeichen, diese {m}.',
    es: 'una búsqueda tiene como máximo {n} caracteres, esta {m}.',
    fr: 'une recherche compte au plus {n} caractères, celle-ci {m}.',
  },
  {
    en: 'a query has at most {n} parts.',
    de: 'eine Suche hat höchstens {n} Teile.',
    es: 'una búsqueda tiene como máximo {n} partes.',
    fr: 'une recherche compte au plus {n} parties.',
  },
  {
    en: '"or" needs a part on both sides.',
    de: '„or“ braucht auf beiden Seiten einen Teil.',
    es: '«or» necesita una parte a cada lado.',
    fr: '« or » demande une partie de chaque côté.',
  },
  {
    en: 'the quote has no end.',
    de: 'das Anführungszeichen hat kein Ende.',
    es: 'las comillas no se cierran.',
    fr: 'le guillemet n’est pas fermé.',
  },
  {
    en: 'behind "or" there is no minus. In front of the first part it is for all of them: -a or b.',
    de: 'nach „or“ steht kein Minus. Vor dem ersten Teil gilt es für alle: -a or b.',
    es: 'después de «or» no va un signo menos. Delante de la primera parte vale para todas: -a or b.',
    fr: 'après « or », il n’y a pas de signe moins. Devant la première partie, il vaut pour toutes : -a or b.',
  },
  {
    en: '{name}: takes {takes}.',
    de: 'nach {name}: fehlt der Wert.',
    es: 'después de {name}: falta el valor.',
    fr: 'après {name}: il manque la valeur.',
  },
  {
    en: 'there is nothing between the quotes.',
    de: 'zwischen den Anführungszeichen steht nichts.',
    es: 'no hay nada entre las comillas.',
    fr: 'il n’y a rien entre les guillemets.',
  },
  {
    en: 'a star stands in a word, or in an action such as *.update.',
    de: 'ein Sternchen steht in einem Wort oder in einer Aktion wie *.update.',
    es: 'un asterisco va en una palabra, o en una acción como *.update.',
    fr: 'un astérisque se place dans un mot, ou dans une action comme *.update.',
  },
  {
    en: 'parentheses are not understood here. All parts must hold, and "or" joins the two parts next to it.',
    de: 'Klammern sind hier nicht möglich. Alle Teile müssen zutreffen, und „or“ verbindet die zwei Teile daneben.',
    es: 'aquí no se admiten paréntesis. Deben cumplirse todas las partes, y «or» une las dos partes contiguas.',
    fr: 'les parenthèses ne sont pas admises ici. Toutes les parties doivent correspondre, et « or » relie les deux parties voisines.',
  },
  {
    en: 'there is no "{name}". To look for the text itself, put it in quotes.',
    de: '„{name}“ gibt es nicht. Um den Text selbst zu suchen, setzen Sie ihn in Anführungszeichen.',
    es: 'no existe «{name}». Para buscar el texto mismo, póngalo entre comillas.',
    fr: '« {name} » n’existe pas. Pour chercher le texte même, mettez-le entre guillemets.',
  },
  {
    en: 'write {name}: and the value. To leave it out, put a minus in front.',
    de: 'schreiben Sie {name}: und den Wert. Um ihn auszuschließen, setzen Sie ein Minus davor.',
    es: 'escriba {name}: y el valor. Para excluirlo, ponga un signo menos delante.',
    fr: 'écrivez {name}: et la valeur. Pour l’exclure, mettez un signe moins devant.',
  },
  {
    en: 'it has more than {n} characters.',
    de: 'der Wert hat mehr als {n} Zeichen.',
    es: 'tiene más de {n} caracteres.',
    fr: 'la valeur a plus de {n} caractères.',
  },
  {
    en: 'an action is refund.issue; refund.* and *.issue are several.',
    de: 'eine Aktion ist refund.issue; refund.* und *.issue sind mehrere.',
    es: 'una acción es refund.issue; refund.* y *.issue son varias.',
    fr: 'une action est refund.issue ; refund.* et *.issue sont plusieurs.',
  },
  {
    en: 'an outcome is {words}.',
    de: 'ein Ergebnis ist {words}.',
    es: 'un resultado es {words}.',
    fr: 'un résultat est {words}.',
  },
  {
    en: 'an entry is {words}.',
    de: 'ein Eintrag ist {words}.',
    es: 'una entrada es {words}.',
    fr: 'une entrée est {words}.',
  },
  {
    en: 'the id of an entry is a UUID. Its number is found by seq:.',
    de: 'die ID eines Eintrags ist eine UUID. Seine Nummer findet seq:.',
    es: 'el ID de una entrada es un UUID. Su número se busca con seq:.',
    fr: 'l’identifiant d’une entrée est un UUID. Son numéro se cherche avec seq:.',
  },
  {
    en: 'a line says which entries. Below the list are links to the newest and the oldest ones.',
    de: 'die Suche sagt, welche Einträge. Unter der Liste führen Links zu den neuesten und den ältesten.',
    es: 'la búsqueda dice qué entradas. Debajo de la lista hay enlaces a las más recientes y a las más antiguas.',
    fr: 'la recherche dit quelles entrées. Sous la liste, des liens mènent aux plus récentes et aux plus anciennes.',
  },
  {
    en: 'a kind is {words}.',
    de: 'eine Art ist {words}.',
    es: 'un tipo es {words}.',
    fr: 'un type est {words}.',
  },
  {
    en: 'an address is 10.0.0.5, a range is 10.0.0.0/8 or 10.0.*.',
    de: 'eine Adresse ist 10.0.0.5, ein Bereich ist 10.0.0.0/8 oder 10.0.*.',
    es: 'una dirección es 10.0.0.5, un rango es 10.0.0.0/8 o 10.0.*.',
    fr: 'une adresse est 10.0.0.5, une plage est 10.0.0.0/8 ou 10.0.*.',
  },
  {
    en: 'a field is email or settings.mfa, in at most {n} levels.',
    de: 'ein Feld ist email oder settings.mfa, mit höchstens {n} Ebenen.',
    es: 'un campo es email o settings.mfa, con {n} niveles como máximo.',
    fr: 'un champ est email ou settings.mfa, sur {n} niveaux au plus.',
  },
  {
    en: 'put a minus in front of it, and write = or :.',
    de: 'setzen Sie ein Minus davor und schreiben Sie = oder :.',
    es: 'ponga un signo menos delante y escriba = o :.',
    fr: 'mettez un signe moins devant et écrivez = ou :.',
  },
  {
    en: 'only a number can be larger or smaller, such as 1000 or 2.5.',
    de: 'nur eine Zahl kann größer oder kleiner sein, etwa 1000 oder 2.5.',
    es: 'solo un número puede ser mayor o menor, como 1000 o 2.5.',
    fr: 'seul un nombre peut être plus grand ou plus petit, comme 1000 ou 2.5.',
  },
  {
    en: 'a time is {examples}.',
    de: 'ein Zeitpunkt ist etwa gestern, letzte Woche, „3. Mai“, {examples}.',
    es: 'un momento es por ejemplo ayer, semana pasada, «3 mayo», {examples}.',
    fr: 'un moment est par exemple hier, semaine dernière, « 3 mai », {examples}.',
  },
  {
    en: 'Is it {readings}? Write the month as a word, or 2026-05-03.',
    de: 'Ist es {readings}? Schreiben Sie den Monat als Wort oder 2026-05-03.',
    es: '¿Es {readings}? Escriba el mes con letras, o bien 2026-05-03.',
    fr: 'Est-ce {readings} ? Écrivez le mois en toutes lettres, ou 2026-05-03.',
  },
  {
    en: 'Is it {readings}? Write the month as a word, or 2026-05-03. Got {value}.',
    de: 'Ist es {readings}? Schreiben Sie den Monat als Wort oder 2026-05-03.',
    es: '¿Es {readings}? Escriba el mes con letras, o bien 2026-05-03.',
    fr: 'Est-ce {readings} ? Écrivez le mois en toutes lettres, ou 2026-05-03.',
  },
  {
    en: 'Must be a time such as {examples}. Got {value}.',
    de: 'Muss ein Zeitpunkt sein, etwa gestern, „3. Mai“, {examples}. Angegeben ist {value}.',
    es: 'Debe ser un momento, como ayer, «3 mayo», {examples}. Se ha dado {value}.',
    fr: 'Doit être un moment, comme hier, « 3 mai », {examples}. La valeur donnée est {value}.',
  },
  {
    en: 'The range ends before it begins. Got {value}.',
    de: 'Der Zeitraum endet, bevor er beginnt: {value}.',
    es: 'El periodo termina antes de empezar: {value}.',
    fr: 'La période se termine avant de commencer : {value}.',
  },
  {
    en: 'the range ends before it begins.',
    de: 'der Zeitraum endet, bevor er beginnt.',
    es: 'el periodo termina antes de empezar.',
    fr: 'la période se termine avant de commencer.',
  },
  {
    en: 'a number is 4711, a range is 4700..4800.',
    de: 'eine Nummer ist 4711, ein Bereich ist 4700..4800.',
    es: 'un número es 4711, un rango es 4700..4800.',
    fr: 'un numéro est 4711, une plage est 4700..4800.',
  },
  {
    en: 'more than {n} are called {name}: write more of the name.',
    de: 'mehr als {n} heißen {name}: Geben Sie mehr vom Namen ein.',
    es: 'más de {n} se llaman {name}: escriba una parte mayor del nombre.',
    fr: 'plus de {n} s’appellent {name} : écrivez une plus grande partie du nom.',
  },
  {
    en: '{id} is no id of this log, which are UUIDs, and no name that the application finds.',
    de: '{id} ist keine ID dieses Protokolls (das sind UUIDs) und kein Name, den die Anwendung findet.',
    es: '{id} no es un ID de este registro (son UUID) ni un nombre que la aplicación encuentre.',
    fr: '{id} n’est pas un identifiant de ce journal (ce sont des UUID) ni un nom que l’application trouve.',
  },
  {
    en: 'it asks for what you may not see, so there is nothing that it could find.',
    de: 'dieser Teil fragt nach etwas, das Sie nicht sehen dürfen, und kann daher nichts finden.',
    es: 'esta parte pide algo que usted no puede ver, así que no puede encontrar nada.',
    fr: 'cette partie demande ce que vous n’êtes pas autorisé à voir ; elle ne peut donc rien trouver.',
  },
  {
    en: 'Must be a UUID, got {value}.',
    de: 'Muss eine UUID sein, ist aber {value}.',
    es: 'Debe ser un UUID, no {value}.',
    fr: 'Doit être un UUID, et non {value}.',
  },
  {
    en: 'Must be a UUID, got {value}. The ids of this database are UUIDs: "audit-relay migrate --ids text" makes them text.',
    de: 'Muss eine UUID sein, ist aber {value}.',
    es: 'Debe ser un UUID, no {value}.',
    fr: 'Doit être un UUID, et non {value}.',
  },
  {
    en: 'Must be 1 to {n} characters of one line, got {value}.',
    de: 'Muss 1 bis {n} Zeichen in einer Zeile haben, ist aber {value}.',
    es: 'Debe tener de 1 a {n} caracteres en una línea, no {value}.',
    fr: 'Doit avoir de 1 à {n} caractères sur une ligne, et non {value}.',
  },
  {
    en: 'Must be one action, such as branding.update, or branding.*, got {value}.',
    de: 'Muss eine Aktion sein, etwa branding.update oder branding.*, ist aber {value}.',
    es: 'Debe ser una acción, como branding.update o branding.*, no {value}.',
    fr: 'Doit être une action, comme branding.update ou branding.*, et non {value}.',
  },
  {
    en: 'Must be line or proof.',
    de: 'Muss line oder proof sein.',
    es: 'Debe ser line o proof.',
    fr: 'Doit être line ou proof.',
  },
  {
    en: 'Must be one of {words}, got {value}.',
    de: 'Muss einer dieser Werte sein: {words}. Angegeben ist {value}.',
    es: 'Debe ser uno de estos valores: {words}. Se ha dado {value}.',
    fr: 'Doit être l’une de ces valeurs : {words}. La valeur donnée est {value}.',
  },
  {
    en: 'Must be a time such as 2026-11-22T14:05, got {value}.',
    de: 'Muss ein Zeitpunkt wie 2026-11-22T14:05 sein, ist aber {value}.',
    es: 'Debe ser un momento como 2026-11-22T14:05, no {value}.',
    fr: 'Doit être un moment comme 2026-11-22T14:05, et non {value}.',
  },
  {
    en: 'Must be a whole number from 1 to 500, got {value}.',
    de: 'Muss eine ganze Zahl von 1 bis 500 sein, ist aber {value}.',
    es: 'Debe ser un número entero de 1 a 500, no {value}.',
    fr: 'Doit être un nombre entier de 1 à 500, et non {value}.',
  },
  {
    en: 'Must be {words} or {last}, got {value}.',
    de: 'Muss {words} oder {last} sein, ist aber {value}.',
    es: 'Debe ser {words} o {last}, no {value}.',
    fr: 'Doit être {words} ou {last}, et non {value}.',
  },
  {
    en: 'Must be later than From.',
    de: 'Muss später als „Von“ sein.',
    es: 'Debe ser posterior a «Desde».',
    fr: 'Doit être après « De ».',
  },
  {
    en: 'Must be given only once.',
    de: 'Darf nur einmal angegeben sein.',
    es: 'Solo puede darse una vez.',
    fr: 'Ne peut être donné qu’une fois.',
  },
  {
    en: 'Must be 1 or left out.',
    de: 'Muss 1 sein oder fehlen.',
    es: 'Debe ser 1 o faltar.',
    fr: 'Doit être 1 ou absent.',
  },
  {
    en: 'Must be the sequence number of an entry.',
    de: 'Muss die laufende Nummer eines Eintrags sein.',
    es: 'Debe ser el número de orden de una entrada.',
    fr: 'Doit être le numéro d’ordre d’une entrée.',
  },
  {
    en: 'Unknown parameter {name}.',
    de: 'Unbekannter Parameter {name}.',
    es: 'Parámetro desconocido {name}.',
    fr: 'Paramètre inconnu {name}.',
  },
  {
    en: 'The address is longer than {n} characters.',
    de: 'Die Adresse ist länger als {n} Zeichen.',
    es: 'La dirección tiene más de {n} caracteres.',
    fr: 'L’adresse compte plus de {n} caractères.',
  },
  {
    en: 'You may not ask for this.',
    de: 'Danach dürfen Sie nicht fragen.',
    es: 'No tiene permiso para consultar esto.',
    fr: 'Vous n’êtes pas autorisé à demander ceci.',
  },
  {
    en: 'You may not read this event.',
    de: 'Sie dürfen dieses Event nicht lesen.',
    es: 'No tiene permiso para leer este evento.',
    fr: 'Vous n’êtes pas autorisé à lire cet événement.',
  },
  {
    en: 'save must be a name of 1 to {n} characters.',
    de: 'Der Name braucht 1 bis {n} Zeichen.',
    es: 'El nombre debe tener de 1 a {n} caracteres.',
    fr: 'Le nom doit avoir de 1 à {n} caractères.',
  },
  {
    en: 'There is nothing to save: the page shows all entries.',
    de: 'Es gibt nichts zu speichern: Die Seite zeigt alle Einträge.',
    es: 'No hay nada que guardar: la página muestra todas las entradas.',
    fr: 'Il n’y a rien à enregistrer : la page montre toutes les entrées.',
  },
  {
    en: 'A view is saved with the form of this page.',
    de: 'Eine Ansicht wird mit dem Formular dieser Seite gespeichert.',
    es: 'Una vista se guarda con el formulario de esta página.',
    fr: 'Une vue s’enregistre avec le formulaire de cette page.',
  },
  {
    en: 'A browser keeps {n} views, and 3,500 characters of them. Remove one first.',
    de: 'Ein Browser behält {n} Ansichten und 3.500 Zeichen davon. Entfernen Sie zuerst eine.',
    es: 'Un navegador guarda {n} vistas, y 3500 caracteres de ellas. Quite una primero.',
    fr: 'Un navigateur garde {n} vues, et 3 500 caractères en tout. Retirez-en d’abord une.',
  },
  {
    en: 'This view asks for what you may not see.',
    de: 'Diese Ansicht fragt nach etwas, das Sie nicht sehen dürfen.',
    es: 'Esta vista pide lo que usted no puede ver.',
    fr: 'Cette vue demande ce que vous ne pouvez pas voir.',
  },
  {
    en: 'There are {n} shared views, which is the most. Remove one first.',
    de: 'Es gibt {n} geteilte Ansichten, mehr geht nicht. Entfernen Sie zuerst eine.',
    es: 'Hay {n} vistas compartidas, que es el máximo. Quite una primero.',
    fr: 'Il y a {n} vues partagées, c’est le maximum. Retirez-en d’abord une.',
  },
  {
    en: 'Somebody else shares a view of this name. Choose another name, or remove that view first.',
    de: 'Jemand anderes teilt eine Ansicht dieses Namens. Wählen Sie einen anderen Namen, oder entfernen Sie zuerst jene Ansicht.',
    es: 'Otra persona comparte una vista con este nombre. Elija otro nombre, o quite antes esa vista.',
    fr: 'Quelqu’un d’autre partage une vue de ce nom. Choisissez un autre nom, ou retirez d’abord cette vue.',
  },
  {
    en: '{name} shares a view of this name. Choose another name, or remove that view first.',
    de: '{name} teilt eine Ansicht dieses Namens. Wählen Sie einen anderen Namen, oder entfernen Sie zuerst jene Ansicht.',
    es: '{name} comparte una vista con este nombre. Elija otro nombre, o quite antes esa vista.',
    fr: '{name} partage une vue de ce nom. Choisissez un autre nom, ou retirez d’abord cette vue.',
  },
  {
    en: 'This database keeps no shared views. Save it in your browser.',
    de: 'Diese Datenbank hat keine geteilten Ansichten. Speichern Sie sie in Ihrem Browser.',
    es: 'Esta base de datos no guarda vistas compartidas. Guárdela en su navegador.',
    fr: 'Cette base de données ne garde pas de vues partagées. Enregistrez-la dans votre navigateur.',
  },
]

const NAME = /\{(\w+)\}/g
/** Longer than each of them, with what is put in. */
const MAX_CHARACTERS = 2_000

interface Known {
  readonly message: Message
  readonly pattern: RegExp
  readonly names: readonly string[]
}

/** The longest first, because a short one may fit a long one, too. */
const KNOWN: readonly Known[] = [...MESSAGES].sort(byLength).map((message) => {
  const names = Array.from(message.en.matchAll(NAME), ([, name = '']) => name)
  const literals = message.en
    .split(/\{\w+\}/)
    .map((text) => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&'))
  return { message, names, pattern: new RegExp(`^${literals.join('([^]+?)')}$`) }
})

function byLength(one: Message, other: Message): number {
  return other.en.length - one.en.length
}

/** A message in another language; as it is where it is none of those above. */
export function messageIn(language: Language, english: string): string {
  if (language === 'en' || english.length > MAX_CHARACTERS) return english
  for (const { message, names, pattern } of KNOWN) {
    const found = pattern.exec(english)
    if (found === null) continue
    const values = new Map(names.map((name, at) => [name, found[at + 1] ?? '']))
    const own = language === 'fr' ? withFrenchSpaces(message.fr) : message[language]
    return own.replaceAll(NAME, (_, name: string) => values.get(name) ?? '')
  }
  return english
}
