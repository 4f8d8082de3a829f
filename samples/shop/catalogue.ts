/** What the shop sells. Prices are whole cents, and the server's: a browser sends what it wants, never what it costs. */

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly about: string;
  readonly cents: number;
}

export const CATALOGUE: readonly Product[] = [
  { sku: 'sencha', name: 'Sencha', about: 'Green tea, first flush, 100\u00a0g', cents: 1_240 },
  { sku: 'assam', name: 'Assam', about: 'Black tea, malty, 100\u00a0g', cents: 890 },
  { sku: 'rooibos', name: 'Rooibos', about: 'Red bush, no caffeine, 100\u00a0g', cents: 760 },
  { sku: 'teapot', name: 'Teapot', about: 'Stoneware, six cups', cents: 4_800 },
  { sku: 'cup', name: 'Cup', about: 'Celadon, 180\u00a0ml', cents: 1_450 },
  { sku: 'whisk', name: 'Whisk', about: 'Bamboo, a hundred tines', cents: 1_900 },
];

/** The product, or `undefined` where the shop has none by that name. */
export function productOf(sku: unknown): Product | undefined {
  return CATALOGUE.find((product) => product.sku === sku);
}
