/** `LONG=1`: tests of faults last as long as the promise says; else long enough for every mechanism to take part. */
export const LONG: boolean = process.env.LONG === '1'

/** How long a test with a long form may take. */
export const LONG_TEST_MS: number = LONG ? 900_000 : 30_000
