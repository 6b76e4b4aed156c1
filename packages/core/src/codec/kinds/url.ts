import type { Kind } from '../kind.ts'

/** `["URL", href]`. Its setters write private fields, which no freezing reaches: copied on each hit. */
export const urlKind: Kind<URL> = {
  tag: 'URL',
  prototypes: [URL.prototype],
  has: isURL,
  flaw: () => undefined,
  // The object, its context of 9 numbers and the href.
  weightBytes: (value) => 240 + value.href.length,
  isSealable: () => false,
  write: (value) => [value.href],
  create([href]) {
    if (typeof href !== 'string') throw new TypeError('a URL without href')
    return new URL(href)
  },
}

function isURL(value: object): value is URL {
  try {
    // Throws on an object that only borrows the prototype.
    return Reflect.get(URL.prototype, 'href', value) !== undefined
  } catch {
    return false
  }
}
