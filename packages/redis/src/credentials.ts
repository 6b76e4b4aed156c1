// Cut out of a text, a shorter secret would be told by what is missing.
const CUT_CHARS_MIN = 4

/** A user name and password that nothing prints: they leave only as the arguments of AUTH. */
export class Credentials {
  readonly #user: string
  readonly #password: string
  readonly #secrets: readonly string[]

  /** `user` undefined: the server's default user. */
  constructor(user: string | undefined, password: string) {
    this.#user = user ?? 'default'
    this.#password = password
    // The longer one first: it may hold the other.
    this.#secrets = [user ?? '', password]
      .filter((secret) => secret !== '')
      .sort((a, b) => b.length - a.length)
  }

  /** `AUTH user password`, as a part of HELLO. */
  authArguments(): readonly string[] {
    return ['AUTH', this.#user, this.#password]
  }

  /** A text of the server's, which may repeat what it was sent, without user name and password. */
  scrub(text: string): string {
    let clean = text
    for (const secret of this.#secrets) {
      if (!clean.includes(secret)) continue
      if (secret.length < CUT_CHARS_MIN) return '***'
      clean = clean.replaceAll(secret, '***')
    }
    return clean
  }
}
