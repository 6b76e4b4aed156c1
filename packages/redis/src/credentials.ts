// Cut out of a text, a shorter password would be told by what is missing.
const CUT_CHARS_MIN = 4

/** A user name and password that nothing prints: they leave only as the arguments of AUTH. */
export class Credentials {
  readonly #user: string
  readonly #password: string
  /** The user's name where the server tells it: as a word of its own. A short one is a part of many words. */
  readonly #userWord: RegExp | undefined

  /** `user` undefined: the server's default user. */
  constructor(user: string | undefined, password: string) {
    this.#user = user ?? 'default'
    this.#password = password
    this.#userWord = user === undefined || user === '' ? undefined : wordOf(user)
  }

  /** `AUTH user password`, as a part of HELLO. */
  authArguments(): readonly string[] {
    return ['AUTH', this.#user, this.#password]
  }

  /** A text of the server's, which may repeat what it was sent, without user name and password. */
  scrub(text: string): string {
    // The longer one first: it may hold the other.
    if (this.#user.length > this.#password.length) return this.#cutPassword(this.#cutUser(text))
    return this.#cutUser(this.#cutPassword(text))
  }

  #cutPassword(text: string): string {
    if (this.#password === '' || !text.includes(this.#password)) return text
    return this.#password.length < CUT_CHARS_MIN ? '***' : text.replaceAll(this.#password, '***')
  }

  #cutUser(text: string): string {
    return this.#userWord === undefined ? text : text.replaceAll(this.#userWord, '***')
  }
}

function wordOf(name: string): RegExp {
  const literal = name.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
  return new RegExp(`(?<![\\w])${literal}(?![\\w])`, 'g')
}
