import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Versions by package: of the peers that must be there, or of those that some machines have no program for. */
export function pinnedPeers(kind: 'dependencies' | 'optionalDependencies'): Readonly<Record<string, string>> {
  const manifest: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'))
  const pinned: unknown =
    typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, kind) : undefined
  if (typeof pinned !== 'object' || pinned === null) return {}
  return Object.fromEntries(Object.entries(pinned).map(([name, version]) => [name, String(version)]))
}
