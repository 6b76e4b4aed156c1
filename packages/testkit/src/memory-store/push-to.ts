import type { StoreWatcher } from 'holdfast/contracts'
import type { ServerName } from './model.ts'

/** Calls the watcher's method for a changed name. Names that no watcher hears of are passed over. */
export function pushTo(watcher: StoreWatcher, { kind, name }: ServerName): void {
  if (kind === 'value') watcher.keyChanged(name)
  else if (kind === 'lease') watcher.leaseChanged(name)
  else if (kind === 'tag') watcher.tagChanged(name)
  else if (kind === 'namespace') watcher.namespaceChanged()
}
