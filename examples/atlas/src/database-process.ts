/**
 * PostgreSQL in a process of its own: PGlite blocks the event loop it runs on. Started by embedded-database.ts
 * with the base of the data folders as its argument; tells its parent where it listens, and ends with it.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import type { ChildMessage } from './child.ts'
import { claimDataFolder } from './data-folder.ts'
import type { EmbeddedDatabase } from './embedded-database.ts'
import { endWithParent } from './end-with-parent.ts'
import { seedCities } from './seed.ts'

// Two nodes with pools of 8, a supervisor, and a visitor's psql.
const CONNECTIONS_MAX = 32

const [base] = process.argv.slice(2)
if (base === undefined) throw new Error('database-process.ts: expected the base of the data folders')

const folder = claimDataFolder(base)
process.once('exit', () => folder.release())
const database = await openFilled(join(folder.path, 'pgdata'), join(folder.path, 'filled'))
const server = new PGLiteSocketServer({
  db: database,
  host: '127.0.0.1',
  port: 0,
  maxConnections: CONNECTIONS_MAX,
})
await server.start()
endWithParent(async () => {
  await server.stop()
  await database.close()
})
const url = `postgres://postgres@${server.getServerConn()}/postgres`
tell({ ready: { url, slot: folder.slot } })

/** Opens the folder; one that was never finished, or cannot be opened, is made anew. `mark` says "finished". */
async function openFilled(path: string, mark: string): Promise<PGlite> {
  if (existsSync(mark)) {
    try {
      return await openAndSeed(path)
    } catch {
      // Killed in the middle of a write, or written by another version of PGlite: it holds nothing that the
      // npm package does not, save what visitors wrote.
    }
  }
  tell({ told: 'filling' })
  rmSync(mark, { force: true })
  rmSync(path, { recursive: true, force: true })
  const database = await openAndSeed(path)
  writeFileSync(mark, '')
  return database
}

async function openAndSeed(path: string): Promise<PGlite> {
  const database = await PGlite.create(path)
  await seedCities(database)
  return database
}

function tell(message: ChildMessage<EmbeddedDatabase, 'filling'>): void {
  if (process.connected) process.send?.(message)
}
