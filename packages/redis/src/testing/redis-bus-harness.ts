import type { BusHarness, RedisServer } from '@holdfast/testkit'
import type { Bus } from 'holdfast/contracts'
import { channelOf } from '../bus/channel.ts'

// A server that was killed is found again within the longest pause between two attempts, of a second.
const PATIENCE_MS = 5000

/** The bus suite's hands on a Redis; both are asked for when a case runs, as cases are made before a server can be. */
export function redisBusHarness(server: () => RedisServer, bus: () => Bus): BusHarness {
  return {
    bus: { open: (environment, listener) => bus().open(environment, listener) },
    patienceMs: PATIENCE_MS,
    cut: async () => void (await server().cli('CLIENT', 'KILL', 'TYPE', 'pubsub')),
    stop: async () => await server().kill(),
    start: async () => await server().restart(),
    stall: async () => server().pause(),
    resume: async () => server().resume(),
    plant: async (topic, frame) => void (await server().cli('PUBLISH', channelOf(0, topic), frame)),
  }
}
