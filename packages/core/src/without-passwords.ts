// A port is a number; anything else in its place is the password of a URL whose "@host" is missing.
const NO_PORT = /\/\/[^\s/?#[\]:@]*:(?!\d{1,5}(?!\w))[^\s]+/g

/**
 * The text without what may be the user and password of a URL in it: all between the first `//` and the last `@`. Where a
 * URL is malformed, any piece of it may be the password; an address stays readable.
 */
export function withoutPasswords(text: string): string {
  const from = text.indexOf('//')
  if (from < 0) return text
  const to = text.lastIndexOf('@')
  const whole = to < from ? text : `${text.slice(0, from)}//***${text.slice(to)}`
  return whole.replace(NO_PORT, '//***')
}
