import { findExecutable } from './find-executable.ts'
import { ServerError } from './server-error.ts'

/** A program, the environment variable that names another one, and the Debian package that brings it. */
export interface Program {
  readonly variable: string
  readonly name: string
  readonly aptPackage: string
}

/** The path of a program. Throws ServerError 'missing', with the line that installs it. */
export function requireExecutable({ variable, name, aptPackage }: Program): string {
  const named = process.env[variable] || name
  const found = findExecutable(named)
  if (found !== undefined) return found
  throw new ServerError(
    'missing',
    `${named} is not on this machine. Set ${variable}, or type:\n  sudo apt-get install -y ${aptPackage}`,
  )
}
