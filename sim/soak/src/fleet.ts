import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Dice } from '@holdfast/race/dice'
import { hostNow } from '@holdfast/testkit'
import type { AppAnswer, Order } from './app-contract.ts'
import { AppProcess } from './app-process.ts'
import { every } from './clock.ts'
import { Database } from './database.ts'
import { JudgeThread } from './judge-thread.ts'
import type { Plan } from './plan.ts'
import { Scoreboard } from './scoreboard.ts'
import { SharedTier } from './shared-tier.ts'
import { WindowRecorder, type Windows } from './window-recorder.ts'

/** The name of the caches, and of their names in Redis. */
export const NAMESPACE = 'soak'

// Windows of a process that has nothing to record must end, too.
const TURN_MS = 100

/** All that takes part in a run: Redis behind its proxy, the database, the processes, and the judge. */
export class Fleet implements AsyncDisposable {
  readonly tier: SharedTier
  readonly database: Database
  readonly apps: readonly AppProcess[]
  readonly scoreboard: Scoreboard = new Scoreboard()
  readonly #judge: JudgeThread
  readonly #recorder: WindowRecorder
  readonly #folder: string
  readonly #mutation: Plan['mutation']
  readonly #stopTurning: () => void

  private constructor(tier: SharedTier, plan: Plan) {
    const { apps, seed, windowMs, mutation } = plan
    this.tier = tier
    this.#mutation = mutation
    this.#folder = mkdtempSync(join(tmpdir(), 'holdfast-soak-'))
    const windows: Windows = { folder: this.#folder, startMs: hostNow(), windowMs }
    this.#judge = new JudgeThread(windows, apps + 1, (verdict) => this.scoreboard.judged(verdict))
    this.#recorder = new WindowRecorder('database', windows, (file) => this.#judge.add(file))
    this.#stopTurning = every(TURN_MS, () => this.#recorder.turn(hostNow()))
    this.database = new Database(plan.keys, new Dice(seed, 'database'), this.#recorder)
    this.apps = Array.from({ length: apps }, (_, i) => this.#start(`app-${i + 1}`, plan, windows))
  }

  static async open(plan: Plan): Promise<Fleet> {
    const dice = new Dice(plan.seed, 'network')
    return new Fleet(await SharedTier.open(() => dice.next()), plan)
  }

  /** Where the history of violations is; undefined: there was none, or a rule was off. */
  get evidence(): string | undefined {
    const isWorthKeeping = this.scoreboard.violations > 0 && (this.#mutation ?? 'leak') === 'leak'
    return isWorthKeeping ? this.#folder : undefined
  }

  /** The same order to every process, at once. */
  async askAll(order: Order): Promise<readonly AppAnswer[]> {
    return await Promise.all(this.apps.map((app) => app.ask(order)))
  }

  /** Closes every process and judges what is left of the history. Answers what did not end as it should. */
  async finish(): Promise<readonly string[]> {
    const ended = await Promise.all(this.apps.map((app) => app.close()))
    this.#stopTurning()
    this.#recorder.close()
    await this.#judge.finish()
    return this.apps.flatMap(({ name, output }, i) => [
      ...(ended[i] === true ? [] : [`${name} was closed and did not end by itself`]),
      ...(output === '' ? [] : [`${name} printed: ${output}`]),
    ])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopTurning()
    for (const app of this.apps) app.kill()
    await this.#judge.close()
    await this.tier[Symbol.asyncDispose]()
    if (this.evidence === undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  #start(name: string, plan: Plan, windows: Windows): AppProcess {
    const { scoreboard } = this
    return new AppProcess(
      { name, plan, windows, url: this.tier.url, namespace: NAMESPACE },
      {
        query: (requests, answer) => this.database.ask(requests, answer),
        window: (file, progress) => {
          scoreboard.progressed(name, progress)
          this.#judge.add(file)
        },
        crashed: (why) => scoreboard.crashed(why),
      },
    )
  }
}
