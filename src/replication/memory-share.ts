/** How many bytes of sessions one replica may keep in memory; the node around it shares out what its process may. */
export interface MemoryShare {
  readonly bytesMax: number;
}

export const UNLIMITED: MemoryShare = { bytesMax: Infinity };

/** Of so many bytes, the same for each replica that is held at the moment. */
export function shareOf(bytesMax: number, replicas: { readonly size: number }): MemoryShare {
  return {
    get bytesMax() {
      return bytesMax / Math.max(1, replicas.size);
    },
  };
}
