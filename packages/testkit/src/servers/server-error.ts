/** Why a server of a test is not there. A code is stable; a message is not. */
export type ServerErrorCode =
  | 'missing' // no such program on this machine: the message says how to install it
  | 'not_started' // it ended, or did not answer in time: the message ends with the last lines of its log
  | 'not_running' // it was asked for something after it ended

/** The error of `startRedis`, `startPostgres` and of what they return. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly code: ServerErrorCode

  constructor(code: ServerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
