/** A loader's answer that ends a reservation without a value: whoever shared the flight loads for himself. */
export const GIVEN_BACK: unique symbol = Symbol('given back')
