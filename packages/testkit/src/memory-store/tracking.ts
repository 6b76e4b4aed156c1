import type { ServerName, Session } from './model.ts'

interface Tracked {
  readonly name: ServerName
  readonly sessions: Set<Session>
}

/**
 * Who has read which name, as Redis' tracking table in default mode: a change is pushed once to every session
 * that read the name, which must read again to be told again; a session's own change reaches it after the
 * reply of the command that made it. Bounded by the names that open sessions have read.
 */
export class Tracking {
  readonly #table = new Map<string, Tracked>()
  #writer: Session | undefined
  #ownChanges: ServerName[] = []

  remember(session: Session, name: ServerName): void {
    if (!session.open || (session.tracking === 'tokens' && !isToken(name))) return
    const id = idOf(name)
    const tracked = this.#table.get(id)
    if (tracked === undefined) this.#table.set(id, { name, sessions: new Set([session]) })
    else tracked.sessions.add(session)
  }

  forget(session: Session, name: ServerName): void {
    this.#table.get(idOf(name))?.sessions.delete(session)
  }

  forgetSession(session: Session): void {
    for (const [id, { sessions }] of this.#table) {
      sessions.delete(session)
      if (sessions.size === 0) this.#table.delete(id)
    }
  }

  changed(name: ServerName): void {
    const id = idOf(name)
    const tracked = this.#table.get(id)
    if (tracked === undefined) return
    this.#table.delete(id)
    for (const session of tracked.sessions) {
      if (session === this.#writer) this.#ownChanges.push(name)
      else session.receive(session.pushOf(name))
    }
  }

  everythingChanged(): void {
    const sessions = new Set<Session>()
    for (const tracked of this.#table.values()) for (const session of tracked.sessions) sessions.add(session)
    this.#table.clear()
    for (const session of sessions) session.receive(session.pushOf('everything'))
  }

  /** Runs one command of `session`, sends its reply, then the pushes of what it changed itself. */
  during(session: Session, perform: () => () => void): void {
    this.#writer = session
    this.#ownChanges = []
    try {
      session.receive(perform())
    } finally {
      this.#writer = undefined
      for (const name of this.#ownChanges) session.receive(session.pushOf(name))
    }
  }
}

function isToken({ kind }: ServerName): boolean {
  return kind !== 'value' && kind !== 'lease'
}

function idOf(name: ServerName): string {
  return `${name.kind} ${name.namespace.length}:${name.namespace}${name.name}`
}
