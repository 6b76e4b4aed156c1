/** A user name and password that nothing prints: they leave only as the arguments of AUTH. */
export class Credentials {
  readonly #user: string
  readonly #password: string

  /** `user` undefined: the server's default user. */
  constructor(user: string | undefined, password: string) {
    this.#user = user ?? 'default'
    this.#password = password
  }

  /** `AUTH user password`, as a part of HELLO. */
  authArguments(): readonly string[] {
    return ['AUTH', this.#user, this.#password]
  }

  /** A text of someone else's, with the password taken out. */
  scrub(text: string): string {
    return this.#password === '' ? text : text.replaceAll(this.#password, '***')
  }
}
