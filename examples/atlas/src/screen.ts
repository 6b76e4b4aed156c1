import { styleText } from 'node:util'

/** Where a person reads: lines that stay, and below them a few that are redrawn in place. */
export interface Screen {
  say(line: string): void
  /** Replaces the live lines; without a terminal they are printed as lines of their own. */
  live(lines: readonly string[]): void
  /** Leaves the live lines behind: what is printed next, by whomever, starts on a line of its own. */
  leave(): void
}

/** What a screen is made on: a terminal, or any other stream. */
export type ScreenOutput = NodeJS.WritableStream & Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>

const ERASE_LINE = '\r\u001b[2K'
const LINE_UP = '\u001b[1A'

/** A screen on this stream. */
export function createScreen(output: ScreenOutput): Screen {
  let drawn: readonly string[] = []
  const erase = (): string => ERASE_LINE + (LINE_UP + ERASE_LINE).repeat(Math.max(0, drawn.length - 1))
  // A line that wraps could not be erased. The last column stays free, as some terminals wrap at it.
  const cut = (line: string): string => line.slice(0, Math.max(20, (output.columns || 80) - 1))
  return {
    say: (line) => {
      output.write(drawn.length === 0 ? `${line}\n` : `${erase()}${line}\n${drawn.join('\n')}`)
    },
    live: (lines) => {
      if (!output.isTTY) {
        output.write(`${lines.join('\n')}\n`)
        return
      }
      const next = lines.map((line) => styleText('cyan', cut(line), { stream: output }))
      output.write(erase() + next.join('\n'))
      drawn = next
    },
    leave: () => {
      if (drawn.length > 0) output.write('\n')
      drawn = []
    },
  }
}
