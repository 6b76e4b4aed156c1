/** The channel of a topic. Channels know no databases: caches of one name that use different ones do not hear each other. */
export function channelOf(db: number, topic: string): string {
  return `holdfast:bus:${db}:${topic}`
}
