import { describe, expect, test } from 'vitest'
import { asCommonJs, readmeSnippet } from './readme-snippet.ts'

const block = (code: string): string => `\`\`\`ts\n${code}\n\`\`\`\n`

describe('the snippet of a README', () => {
  test('is the first TypeScript block under "## Use"', () => {
    const readme = `# X\n\n${block('no')}\n## Use\n\n\`\`\`sh\nno\n\`\`\`\n\n${block('yes')}\n${block('no')}\n## Next\n`
    expect(readmeSnippet(readme)).toBe('yes\n')
  })

  test('is not taken from a later section', () => {
    expect(() => readmeSnippet(`## Use\n\nwords\n\n## Next\n\n${block('no')}`)).toThrow('## Use')
  })

  test('becomes CommonJS with its names, without its types', () => {
    const code = [
      `import type { T } from 't'`,
      `import { a, b as c, type D } from 'x'`,
      `import {`,
      `  e,`,
      `} from '@y/z'`,
      `import * as f from 'node:fs'`,
      `await a()`,
    ]
    expect(asCommonJs(code.join('\n')).split('\n')).toEqual([
      `const { a, b: c,  } = require('x')`,
      `const {`,
      `  e,`,
      `} = require('@y/z')`,
      `const f = require('node:fs')`,
      `;(async () => {`,
      `await a()`,
      `})()`,
      ``,
    ])
  })
})
