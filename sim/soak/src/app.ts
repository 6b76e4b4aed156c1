/** The inside of an application process: answers the parent's orders, one after the other. */
import type { AppSetup } from './app-contract.ts'
import { type FromApp, isToApp } from './messages.ts'
import { SoakedApp } from './soaked-app.ts'

const setup: AppSetup = JSON.parse(process.argv[2] ?? '{}')
const app = new SoakedApp(setup, send)

process.on('message', (message: unknown) => {
  if (!isToApp(message)) return
  if (message.kind === 'database') return app.database.settle(message.answers)
  const { id, order } = message
  app.obey(order).then(
    (answer) => {
      send({ kind: 'answer', id, answer })
      if (order.order === 'close') end()
    },
    (error: unknown) => send({ kind: 'failed', id, error: String(error) }),
  )
})
// The parent has gone before it said so.
process.on('disconnect', leave)

function leave(): void {
  process.exit(1)
}

/** Whatever still keeps this process alive is a leak, and the parent tells. */
function end(): void {
  process.off('disconnect', leave)
  process.disconnect()
}

function send(message: FromApp): void {
  if (process.connected) process.send?.(message)
}
