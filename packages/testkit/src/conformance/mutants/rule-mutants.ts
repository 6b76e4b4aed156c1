import type { MemoryCommands } from '../../memory-store/memory-commands.ts'
import { leaseMutants } from './lease-mutants.ts'
import { putMutants } from './put-mutants.ts'
import { quarantineMutants } from './quarantine-mutants.ts'
import { removalMutants } from './removal-mutants.ts'
import { storageMutants } from './storage-mutants.ts'
import { tokenMutants } from './token-mutants.ts'

/** The rules of the model, each broken. The key is the defect. */
export const ruleMutants: Readonly<Record<string, typeof MemoryCommands>> = {
  ...leaseMutants,
  ...tokenMutants,
  ...removalMutants,
  ...putMutants,
  ...quarantineMutants,
  ...storageMutants,
}
