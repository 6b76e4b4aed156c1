// Cut out of a text, a shorter password would be told by what is missing.
const CUT_CHARS_MIN = 4

/** A user name and password that nothing prints: they leave only where a protocol sends them. */
export class Credentials {
  readonly #user: string | undefined
  readonly #password: string
  /** The user's name where the server tells it: as a word of its own. A short one is a part of many words. */
  readonly #userWord: RegExp | undefined

  /** `user` undefined: none was named. */
  constructor(user: string | undefined, password: string) {
    this.#user = user
    this.#password = password
    this.#userWord = user === undefined || user === '' ? undefined : wordOf(user)
  }

  /** For the bytes of a command, and for nothing else. */
  reveal(): { readonly user: string | undefined; readonly password: string } {
    return { user: this.#user, password: this.#password }
  }

  /** A text of the server's, which may repeat what it was sent, without user name and password. */
  scrub(text: string): string {
    // The longer one first: it may hold the other.
    if ((this.#user?.length ?? 0) > this.#password.length) return this.#cutPassword(this.#cutUser(text))
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
