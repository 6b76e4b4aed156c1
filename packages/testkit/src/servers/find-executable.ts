import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * The path of a program: `name` itself when it is a path, else the first match in PATH and then in `folders`.
 * Undefined: no such executable file.
 */
export function findExecutable(name: string, folders: readonly string[] = []): string | undefined {
  if (name.includes('/')) return isExecutableFile(name) ? name : undefined
  const inPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...inPath, ...folders].map((folder) => join(folder, name)).find(isExecutableFile)
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
