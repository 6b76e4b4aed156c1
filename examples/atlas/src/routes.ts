import { CacheError } from 'holdfast'
import type { Atlas } from './atlas.ts'
import { INTEGER_MAX } from './city.ts'

/** A request, as far as the routes look at it. */
export interface Question {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Reads the body; rejects with a Refusal where it is too long. */
  body(): Promise<string>
}

export interface Reply {
  readonly status: number
  /** Sent as JSON. */
  readonly body: unknown
  /** Methods that this path has; set with 405. */
  readonly allow?: string
}

/** Ends a request with a status and a reason that the caller can act on. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly allow: string | undefined

  constructor(status: number, reason: string, allow?: string) {
    super(reason)
    this.status = status
    this.allow = allow
  }
}

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 1_000

/** Answers one request. Never rejects: what goes wrong is a reply with the reason in `error`. */
export async function answer(question: Question, atlas: Atlas, stats: () => unknown): Promise<Reply> {
  try {
    return { status: 200, body: await route(question, atlas, stats) }
  } catch (error) {
    const reply = refusal(error)
    const body = { error: reply.message }
    return reply.allow === undefined
      ? { status: reply.status, body }
      : { status: reply.status, body, allow: reply.allow }
  }
}

async function route(question: Question, atlas: Atlas, stats: () => unknown): Promise<unknown> {
  const [path = '', query = ''] = question.target.split('?', 2)
  const [, first, second, third, ...rest] = path.split('/')
  if (first === 'cities' && second !== undefined && third === undefined) {
    only(question, 'GET', 'PUT')
    return question.method === 'PUT' ? putCity(question, atlas, second) : getCity(atlas, second)
  }
  if (first === 'countries' && second !== undefined && third === 'cities' && rest.length === 0) {
    only(question, 'GET')
    return getCountryCities(atlas, second, new URLSearchParams(query).get('limit'))
  }
  if (first === 'stats' && second === undefined) {
    only(question, 'GET')
    return stats()
  }
  throw new Refusal(404, 'no such path; there are /cities/:id, /countries/:code/cities and /stats')
}

async function getCity(atlas: Atlas, idText: string): Promise<unknown> {
  const id = readId(idText)
  return (await atlas.city(id)) ?? unknownCity(id)
}

async function putCity(question: Question, atlas: Atlas, idText: string): Promise<unknown> {
  const id = readId(idText)
  const population = readPopulation(await question.body())
  return (await atlas.setPopulation(id, population)) ?? unknownCity(id)
}

async function getCountryCities(atlas: Atlas, codeText: string, limitText: string | null): Promise<unknown> {
  if (!/^[a-z]{2}$/i.test(codeText)) {
    throw new Refusal(400, `country: expected two letters such as FR, got ${shown(codeText)}`)
  }
  const code = codeText.toUpperCase()
  const cities = await atlas.countryCities(code, readLimit(limitText))
  if (cities === null) throw new Refusal(404, `country: no cities of ${code} are known`)
  return cities
}

function unknownCity(id: number): never {
  throw new Refusal(404, `city: ${id} is unknown`)
}

function readId(text: string): number {
  if (!/^\d+$/.test(text)) throw new Refusal(400, `id: expected a whole number, got ${shown(text)}`)
  const id = Number(text)
  // Beyond the column's range nothing can be there: not worth a question to the database.
  return id <= INTEGER_MAX ? id : unknownCity(id)
}

/** More than there is to have is not a mistake: it is cut to the most. */
function readLimit(text: string | null): number {
  if (text === null) return LIMIT_DEFAULT
  const limit = Number(text)
  if (/^\d+$/.test(text) && limit >= 1) return Math.min(limit, LIMIT_MAX)
  throw new Refusal(400, `limit: expected a whole number from 1 to ${LIMIT_MAX}, got ${shown(text)}`)
}

function readPopulation(text: string): number {
  const body = parseJson(text)
  if (typeof body !== 'object' || body === null || !('population' in body)) {
    throw new Refusal(400, `body: expected { "population": n }, got ${shown(text)}`)
  }
  const other = Object.keys(body).find((name) => name !== 'population')
  if (other !== undefined) throw new Refusal(400, `body: only population can be written, got ${shown(other)}`)
  const population = body.population
  if (typeof population === 'number' && Number.isInteger(population)) {
    if (population >= 0 && population <= INTEGER_MAX) return population
  }
  // It is JSON already: text is quoted in it, and a number is not.
  const got = cut(JSON.stringify(population))
  throw new Refusal(400, `population: expected a whole number from 0 to ${INTEGER_MAX}, got ${got}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Refusal(400, `body: expected JSON, got ${shown(text)}`)
  }
}

// Longest piece of a request that a reason repeats.
const SHOWN_CHARS_MAX = 60

function shown(text: string): string {
  return JSON.stringify(cut(text))
}

function cut(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text
}

/** HEAD is a GET whose body is not sent: the server sees to that. */
function only(question: Question, ...methods: readonly string[]): void {
  if (methods.includes(question.method === 'HEAD' ? 'GET' : question.method)) return
  const allowed = methods.join(', ').replace('GET', 'GET, HEAD')
  throw new Refusal(405, `method: expected ${allowed}, got ${shown(question.method)}`, allowed)
}

function refusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof CacheError) return new Refusal(503, `cache: ${error.message}`)
  return new Refusal(503, 'the database did not answer')
}
