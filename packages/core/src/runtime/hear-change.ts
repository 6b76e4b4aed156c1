import type { Change } from '../bus/frame.ts'
import type { Runtime } from './runtime.ts'

/** Another process says that this was invalidated or written: L1 lets go of it, and what is being read is not put there. */
export function hearChange(rt: Runtime, change: Change): void {
  if (change.kind === 'namespace') rt.namespaceChanged()
  else if (change.kind === 'tags') for (const tag of change.names) rt.tagChanged(tag)
  else for (const key of change.names) rt.keyChanged(key)
}
