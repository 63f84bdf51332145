/**
 * Keys whose value is a secret, in lower case and without `_`, `-`, spaces.
 *
 * Some keys are missing on purpose. `secretId`, `secretName`, `tokenId`, `tokenType`,
 * `accessKeyId`, `keyId`, `publicKey` and `passwordChangedAt` describe a secret without holding it,
 * and an auditor needs them. `sid`, `code`, `key` and `auth` mostly mean something else.
 */
const SECRET_KEYS: ReadonlySet<string> = new Set(
  words([
    // A session's id gives access to the session, so it is a credential and not a name.
    'sessionid sessionkey phpsessid jsessionid connect.sid',
    // A one-time code gives access while the entry is fresh, and a `pin` never expires.
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

/**
 * Ends of keys whose value is a secret: `accessToken`, `x-api-key`, `old_password`, `Set-Cookie`.
 */
const SECRET_ENDINGS: readonly string[] = words([
  'password passwd passphrase token secret authorization cookie',
  'apikey accesskey secretkey privatekey credential credentials',
])

function words(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.split(' '))
}

/** Whether the value under this key is a secret, whatever the value looks like. */
export function isSecretKey(key: string): boolean {
  // Every name above is much shorter than 64 characters, and a key may be as long as the entry.
  const bare = key
    .slice(-64)
    .toLowerCase()
    .replaceAll(/[\s_-]/g, '')
  return SECRET_KEYS.has(bare) || SECRET_ENDINGS.some((ending) => bare.endsWith(ending))
}
