/** The words of names, in lower case. `secret-keys.ts` takes a name apart and looks them up here. */

function words(...lines: string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split(' ')))
}

/** A person chose it, and it opens by itself. Also in other languages. */
export const PASSWORDS = words(
  'password passwd passphrase passcode passw passwrd pword',
  'pwd pswd psw pw passwort kennwort contrasena',
  'contrasenha motdepasse mdp senha wachtwoord losenord adgangskode',
  'passord haslo hasla heslo hesla parola parole jelszo salasana parool sifre slaptazodis geslo',
  'lozinka parolata kodeord wwoord requirepass masterauth contrasenia clave sandi khau mima katasandi',
  'losen jelszava motpasse senhas2 passwortneu',
)

/** Several of them, or a count. */
export const PASSWORD_PLURALS = words(
  'passwords passwds passphrases passcodes pwds pws passworter passwoerter kennworter contrasenas',
  'motsdepasse senhas wachtwoorden',
)

/** Parts of names in scripts that do not separate words. */
export const FOREIGN_PASSWORD =
  /парол|секрет|токен|密码|密碼|口令|令牌|密钥|密鑰|パスワード|暗証番号|秘密|비밀번호|암호|토큰|סיסמ|كلمة|รหัสผ่าน|κωδικ|συνθηματικ/

/** A short number that opens. */
export const CODES = words(
  'pin pins otp otps totp hotp cvv cvc cvn csc pincode puk mpin geheimzahl geheimcode tpin',
)

/** Before `code`: what opens. `statusCode`, `countryCode` and `promoCode` open nothing. */
export const OPENING_CODES = words(
  'verification security backup recovery access reset auth authorization authentication mfa fa tfa',
  'otp totp login signin activation sms pin pass cvv cvc unlock confirmation device scratch',
  'authorisation time passwordreset twofactor factor rescue emergency',
)

/** It opens, and a machine made it. */
export const TOKENS = words(
  'token secret credential authorization authorisation jwt bearer phpsessid jsessionid sessid',
  'hmac segreto secreto geheimnis geheim jeton apitoken sas',
)

/** Several, or a count of them. */
export const PLURALS = words('tokens secrets credentials creds cred jwts secretos jetons')

/** Before `key`: what opens. `publicKey`, `sortKey` and `cacheKey` open nothing. */
export const OPENING_KEYS = words(
  'api access secret private priv signing sign signature encryption encrypt encrypting decryption decrypt',
  'master hmac ssh account auth authorization authentication subscription shared webhook symmetric aes',
  'des rsa wrapping cipher crypto security admin app application bot deploy service server storage',
  'functions session license licence integration write role data backup recovery unlock consumer client',
  'vault seal root provisioning enrollment registration instrumentation ingest license2 wifi wpa psk',
  'preshared unseal pre sas transfer jwt cookie token totp otp card host gpg pgp tls ssl developer dev',
  'merchant partner streaming stream google maps stripe openai sendgrid twilio mailgun anthropic',
)

/** Before `pass` or `auth`: whose. */
export const OWNERS = words(
  'db database user usr admin adm login smtp ftp sftp mail email imap mysql pg pgsql postgres redis',
  'mongo mongodb root my new old current prev confirm wifi wlan ssh sudo http proxy ldap rabbitmq ci',
  'app api sql ora oracle key keystore truststore cert ssl tls amqp broker master account basic rpc',
)

/** Before `token`: it marks a place or a call and opens nothing. */
export const HARMLESS_TOKENS = words(
  'next page prev previous continuation pagination paging idempotency idempotent cursor starting start',
  'sync max min total input output prompt completion cached reasoning num count limit used budget design',
  'syntax lexer parser dedup deduplication creation stop eos bos pad cancellation marker skip change',
  'elevated audio text image thinking usage remaining estimated target consistency concurrency lock',
  'position resume progress sequence erc erc20 nft',
)

/** Before `token`, where it is the whole name: those of calls to AWS. */
export const CALL_TOKENS = words('client request')

/** After the secret word: they describe the secret and do not hold it. They also identify. */
export const DESCRIBING = words(
  'id ids uid uuid guid name names names type types kind class count counts number total length len size',
  'at on date time times timestamp datetime expiry expires expire expired expiration expiring exp ttl age',
  'created updated changed modified deleted revoked rotated rotation used issued last since until valid',
  'policy policies strength score complexity rule rules requirement requirements required requires',
  'enabled disabled active status state states version versions url urls uri uris link endpoint endpoints',
  'path paths file files filename dir hint hints attempts attempt tries retries failures errors error',
  'manager provider providers issuer iss issuers limit limits usage source scope scopes method methods',
  'prefix suffix last4 four arn index ref refs reference reset resets changes change set needs format',
  'label title description desc reason message summary comment note notes category group owner owners',
  'user users username userid email mail login role roles permission permissions action actions region',
  'account tenant project resource service consent banner notice settings preferences preference domain',
  'algorithm alg algo fingerprint thumbprint thumb sub aud jti azp subject audience principal actor',
  'principalid entity evidence host hostname port protocol ip address symbol decimals balance supply',
  'price amount cost rate quota budget remaining used bucket days hours minutes seconds ms duration',
  'interval window lifetime maxage decision allowed denied granted supported visible optional exists',
  'accepted present missing verified validated generator validator validation check checker checks generation',
  'storage store backend engine vault location env environment database db table column field',
  'fields key2 digits min max quality level minimum maximum history behaviour behavior mode flow',
  'grant grants challenge review santa board point points value_id public pub created_by by via success',
  'audit event events request requests response responses info details metadata client platform device',
  'enabledat bearer_type network chain chainid contract standard brand last exp_month month year country',
)

/** After the secret word: what is under the name is still the secret. */
export const VALUES = words(
  'value values val new old current previous prev next plain plaintext cleartext clear text raw string str',
  'hash hashed hashes digest salt salted encrypted enc encoded confirm confirmation confirmed again repeat',
  'repeated verify retype pem base64 b64 base hex bytes data content body input str json original temp',
  'binary temporary tmp initial default header cookie auxiliary prod production staging dev test live sandbox',
  'primary secondary main backup file64 the a b x v literal copy local remote der pkcs8 pkcs12 jks',
  'bcrypt md5 sha1 sha256 sha512 argon2 scrypt hmac reset2 first second third one two three to from for',
  'alt neu neue neues altes atual antiga nova novo nueva nuevo ancien nouveau actual oud nieuw',
  'before after was is unhashed unencrypted decrypted dec field_value github gitlab slack stripe aws',
)

/** At the beginning: the value says whether, and not what. */
export const ASKING = words(
  'has have is are was were must should need needs require requires required allow allows enable enables',
  'disable use uses show shows can did does forgot hide no without skip if when',
)

/** Before the secret word: what is under the name opens nothing. */
export const HARMLESS = words(
  'public publishable pub masked hidden redacted invalid wrong missing foreign',
)

/**
 * Under a secret name the values of these stay. They are fewer than those of `DESCRIBING`, because
 * the keys under `passwords` may be the names of what they open.
 */
export const IDENTIFYING = words(
  'in last id ids uid uuid guid jti sub iss aud azp alg kid name names type kind class status state version title',
  'label description at on date time timestamp expiry expires expired expiration exp iat nbf ttl created',
  'updated changed modified deleted revoked rotated used issued enabled disabled active valid count total',
  'length size limit username email mail role roles scope scopes permission permissions policy policies',
  'action actions region arn last4 four prefix suffix fingerprint thumbprint algorithm provider issuer',
  'issuers principal principalid actor entity evidence owner tenant url uri endpoint path format strength',
  'required domain host hostname port address symbol decimals balance brand month year reason message',
  'display creator by accessor renewable orphan namespace metadata annotations labels tags environment',
  'subject audience purpose usage source method client category level displayname network',
)
