/** What is cached: 850 bytes as JSON, of the shapes that API answers have. */
export interface Product {
  readonly id: string
  readonly version: number
  readonly stock: number
  readonly name: string
  readonly description: string
  readonly price: { readonly amount: number; readonly currency: string }
  readonly tags: readonly string[]
  readonly isListed: boolean
  readonly variants: readonly { readonly sku: string; readonly size: string; readonly left: number }[]
}

const DESCRIPTION =
  'Woven from long-staple cotton and finished by hand. Machine wash cold with like colours, tumble dry low, ' +
  'and iron while damp. Each piece is inspected twice before it leaves the mill, and carries a guarantee of ten years '

/** The product of a key; `version` tells an old value from a new one. */
export function productOf(key: string, version = 1): Product {
  const number = Number(key.slice(key.lastIndexOf(':') + 1))
  return {
    id: key,
    version,
    stock: number % 100,
    name: `Blanket, herringbone, ${number}`,
    description: DESCRIPTION + DESCRIPTION.slice(0, 150),
    price: { amount: 129.5 + number, currency: 'EUR' },
    tags: ['home', 'wool', 'autumn', `shelf-${number % 17}`],
    isListed: true,
    variants: [
      { sku: `${number}-s`, size: '130 x 180', left: 4 },
      { sku: `${number}-m`, size: '150 x 200', left: 11 },
      { sku: `${number}-l`, size: '240 x 260', left: 2 },
    ],
  }
}

/** Throws unless this is the product of the key. */
export function checkProduct(product: Product | null | undefined, key: string): void {
  if (product?.id !== key || product.variants[2]?.size !== '240 x 260') {
    throw new Error(`${key}: a wrong answer: ${JSON.stringify(product)?.slice(0, 200)}`)
  }
}

export function keysOf(count: number, kind = 'product'): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${kind}:${i}`)
}

/** The key of a turn. Callers begin apart from each other, so that no two read one key at once. */
export function keyAt(keys: readonly string[], caller: number, turn: number): string {
  const key = keys[(caller * 15 + turn) % keys.length]
  if (key === undefined) throw new Error('there are no keys')
  return key
}
