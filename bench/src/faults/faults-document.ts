import { ANSWER_MS, DELTA_MS, L2_TIMEOUT_MS, LOADER_MS, SLACK_MS } from './bounds.ts'
import type { FaultContender } from './contender.ts'
import { type FaultTable, tableMarkdown } from './fault-table.ts'

/** The page of docs/concepts that shows the table: what `npm run faults -- --docs` writes. */
export function faultsDocument(headLines: readonly string[], table: FaultTable, byGuide: FaultTable): string {
  return `# When something breaks

The same faults, injected by the same driver, into Holdfast and its peers. This page is written by
\`npm run faults -- --docs\`; nothing in it is typed by hand.

${headLines.map((line) => `- ${line}`).join('\n')}

## How it is judged

Each contender runs in fresh processes, on a Redis of its own behind a proxy that can be told to behave like a bad
network. What counts is what a caller sees: whether an answer comes within its bound, whether it is the right value,
how often the loader was called, and whether the process is still there. An unhandled rejection or an uncaught
exception ends a process, and with it the promise. Loaders take ${LOADER_MS} ms unless a row says otherwise. The answer bound of
${ANSWER_MS} ms is the ${L2_TIMEOUT_MS} ms that a call may wait for Redis, the loader, and ${SLACK_MS} ms of slack, since all processes share one
machine. A dash stands where a library has nothing that a row is about; it is not counted.

✓ the promise was kept, **✗** it was not, – it does not apply. A call is waited for at most 6 s.

${tableMarkdown(table)}

## How they are set up

Every library is set up with all that its documents, or those of its Redis client, offer against faults, so that the
table tells what can be had with it and not what comes first.

${settingsOf(table.contenders)}

An invalidation of another process may take Δ = ${DELTA_MS / 1000} s to be seen in Holdfast's default mode; rows with several
processes allow everyone that long.

## Set up as the guides begin

The same rows with each peer as its guide first shows it, without a setting against faults.

${tableMarkdown(byGuide)}

${settingsOf(byGuide.contenders)}
`
}

function settingsOf(contenders: readonly FaultContender[]): string {
  return contenders.map(({ name, settings }) => `- **${name}**: ${settings}.`).join('\n')
}
