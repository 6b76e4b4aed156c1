import type { Breach } from './breach.ts'

const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const
const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/
const CORE = 'packages/core/package.json'

/** Versions that are not exact, and anything that core would bring along. */
export function manifestBreaches(file: string, text: string): readonly Breach[] {
  const manifest: unknown = JSON.parse(text)
  const breach = (name: string, mend: string): Breach => {
    const at = text.indexOf(`"${name}"`)
    return { rule: 'manifests', file, line: text.slice(0, Math.max(0, at)).split('\n').length, mend }
  }
  return KINDS.flatMap((kind) =>
    entriesOf(manifest, kind).flatMap(([name, version]) => {
      if (file === CORE) return [breach(name, `core has no dependencies, got ${name} in ${kind}`)]
      const isExact = typeof version === 'string' && EXACT.test(version)
      return isExact ? [] : [breach(name, `pin ${name} to one exact version, got ${version}`)]
    }),
  )
}

function entriesOf(manifest: unknown, kind: string): readonly (readonly [string, unknown])[] {
  if (typeof manifest !== 'object' || manifest === null) return []
  const dependencies: unknown = Reflect.get(manifest, kind)
  return typeof dependencies === 'object' && dependencies !== null ? Object.entries(dependencies) : []
}
