/**
 * Keys whose value is a secret, in lower case and without `_`, `-`, spaces.
 *
 * Left alone on purpose, because they name a secret without being one and an auditor needs them:
 * `secretId`, `secretName`, `tokenId`, `tokenType`, `accessKeyId`, `keyId`, `publicKey`,
 * `passwordChangedAt`; and `sid`, `code`, `key`, `auth`, which mostly mean something else.
 */
const SECRET_KEYS: ReadonlySet<string> = new Set(
  words([
    // Whoever has the session's id is the session: it is a credential, not a name.
    'sessionid sessionkey phpsessid jsessionid connect.sid',
    // What is sent once is still a way in while the entry is fresh, and `pin` is for ever.
    'pin pincode otp otpcode totp totpcode mfacode verificationcode',
    'backupcode backupcodes recoverycode recoverycodes',
    'cvv cvv2 cvc cvc2 securitycode cardnumber creditcardnumber',
    'pwd pass passcode passwords password1 password2 passwordconfirm',
    'passwordconfirmation passwordhash passworddigest passwordsalt',
    'tokens jwt authcode authorizationcode codeverifier samlresponse',
    'secrets secretstring secretbinary secretvalue cookies setcookie2',
    'apikeys signingkey encryptionkey masterkey hmackey sshkey',
  ]),
)

/** The same with anything before it: `accessToken`, `x-api-key`, `old_password`, `Set-Cookie`. */
const SECRET_ENDINGS: readonly string[] = words([
  'password passwd passphrase token secret authorization cookie',
  'apikey accesskey secretkey privatekey credential credentials',
])

function words(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.split(' '))
}

/** Whether what stands under this key is a secret, whatever it looks like. */
export function isSecretKey(key: string): boolean {
  // The longest name above is not near this long, and a key may be as long as the entry.
  const bare = key
    .slice(-64)
    .toLowerCase()
    .replaceAll(/[\s_-]/g, '')
  return SECRET_KEYS.has(bare) || SECRET_ENDINGS.some((ending) => bare.endsWith(ending))
}
