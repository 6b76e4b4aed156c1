import { parseArgs } from 'node:util'
import type { FaultContender } from './contender.ts'
import { contenderOf, contenders } from './contenders.ts'
import type { FaultRow } from './fault-row.ts'
import { faultRows } from './fault-rows.ts'
import type { Scale } from './stage.ts'

/** What the command line asks for. */
export interface FaultOptions {
  readonly rows: readonly FaultRow[]
  readonly contenders: readonly FaultContender[]
  readonly scale: Scale
  readonly isSmoke: boolean
  readonly isJson: boolean
  /** Whether the document is written. */
  readonly isDocumented: boolean
}

const FULL: Scale = { processes: 8, callers: 100, floodedKeys: 5000, patience: 1 }
/** Whether everything runs, in little time. */
export const SMOKE: Scale = { processes: 2, callers: 10, floodedKeys: 500, patience: 0.2 }

/** Reads the command line. Throws for an option, a row or a contender that it does not know. */
export function readFaultOptions(args: readonly string[]): FaultOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      contenders: { type: 'string' },
      smoke: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
    },
  })
  const isPart = values.only !== undefined || values.contenders !== undefined || values.smoke
  if (values.docs && isPart)
    throw new TypeError('--docs writes the whole table: leave out what picks a part of it')
  return {
    rows: values.only === undefined ? faultRows : namesOf(values.only).map(rowOf),
    contenders: values.contenders === undefined ? contenders : namesOf(values.contenders).map(contenderOf),
    scale: values.smoke ? SMOKE : FULL,
    isSmoke: values.smoke,
    isJson: values.json,
    isDocumented: values.docs,
  }
}

function namesOf(list: string): readonly string[] {
  return list.split(',').map((name) => name.trim())
}

function rowOf(id: string): FaultRow {
  const found = faultRows.find((row) => row.id.toLowerCase() === id.toLowerCase())
  if (found !== undefined) return found
  throw new TypeError(`--only: no such row: ${id}; known are ${faultRows.map((row) => row.id).join(', ')}`)
}
