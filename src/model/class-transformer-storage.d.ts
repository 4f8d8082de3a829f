/** class-transformer ships no types for this deep path: it is the storage that its main entry fills, in `import` and `require`. */
declare module 'class-transformer/cjs/storage.js' {
  import type { TypeMetadata } from 'class-transformer';

  export const defaultMetadataStorage: {
    findTypeMetadata(target: object, property: string): TypeMetadata | undefined;
  };
}
