import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Credentials } from './credentials.ts'

test('what a server repeats is cleaned of user name and password, wherever they stand', () => {
  const credentials = new Credentials('wilhelmina', 'Zq9.*+?^$&{}()|[]')
  expect(credentials.scrub('user wilhelmina said Zq9.*+?^$&{}()|[], Zq9.*+?^$&{}()|[]')).toBe(
    'user *** said ***, ***',
  )
  expect(credentials.scrub('nothing of it')).toBe('nothing of it')
})

test('a password that holds the user name goes first, and leaves nothing', () => {
  expect(new Credentials('app', 'app-secret').scrub('AUTH app app-secret')).toBe('AUTH *** ***')
  expect(new Credentials('user', 'user-secret').scrub('AUTH user user-secret')).toBe('AUTH *** ***')
})

test('a secret so short that its gaps would tell it takes the whole text along', () => {
  expect(new Credentials(undefined, 'e').scrub('some text')).toBe('***')
  expect(new Credentials(undefined, 'e').scrub('a txt')).toBe('a txt')
})

test('a user who was not named is no secret, and no password is nothing to look for', () => {
  expect(new Credentials(undefined, 'hunter2').scrub('the default user')).toBe('the default user')
  expect(new Credentials('u', 'pass').scrub("User u may not 'run' u's")).toBe("User *** may not 'run' ***'s")
  expect(new Credentials('a-secret-b', 'secret').scrub('no a-secret-b here')).toBe('no *** here')
  expect(new Credentials('somebody', '').scrub('any text')).toBe('any text')
})

test('nothing that prints objects shows them', () => {
  const credentials = new Credentials('wilhelmina', 'hunter2')
  const shown =
    inspect(credentials, { depth: null, showHidden: true }) + JSON.stringify(credentials) + credentials
  expect(shown).not.toMatch(/wilhelmina|hunter2/)
})
