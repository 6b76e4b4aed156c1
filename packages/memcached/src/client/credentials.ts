/** A user name and password that nothing prints. NOT THERE YET: scrub, and what the handshake sends. */
export class Credentials {
  readonly #user: string
  readonly #password: string

  constructor(user: string, password: string) {
    this.#user = user
    this.#password = password
  }

  /** `user password`, as text authentication wants it. */
  authText(): string {
    return `${this.#user} ${this.#password}`
  }
}
