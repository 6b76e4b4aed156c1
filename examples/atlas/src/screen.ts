import { styleText } from 'node:util'

/** Where a person reads: lines that stay, and below them one line that is redrawn in place. */
export interface Screen {
  say(line: string): void
  /** Replaces the live line; without a terminal each one is printed as a line of its own. */
  live(line: string): void
  /** Leaves the live line behind: what is printed next, by whomever, starts on a line of its own. */
  leave(): void
}

const ERASE_LINE = '\r\u001b[2K'

/** A screen on this stream. */
export function createScreen(output: NodeJS.WriteStream): Screen {
  let drawn = ''
  return {
    say: (line) => {
      output.write(drawn === '' ? `${line}\n` : `${ERASE_LINE}${line}\n${drawn}`)
    },
    live: (line) => {
      if (!output.isTTY) {
        output.write(`${line}\n`)
        return
      }
      // A line that wraps could not be erased. The last column stays free, as some terminals wrap at it.
      drawn = styleText('cyan', line.slice(0, Math.max(20, (output.columns || 80) - 1)), { stream: output })
      output.write(ERASE_LINE + drawn)
    },
    leave: () => {
      if (drawn !== '') output.write('\n')
      drawn = ''
    },
  }
}
