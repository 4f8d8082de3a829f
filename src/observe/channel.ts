/**
 * Says what happens, to whoever listens: one `node:diagnostics_channel` for each kind of event, named `twinstate:<kind>`.
 *
 * Invariant: an event costs nothing while nobody listens, changes nothing, and holds no attribute's value.
 */
import diagnostics from 'node:diagnostics_channel';

const channels = new Map<string, diagnostics.Channel>();

/** Publishes what `make` returns on `twinstate:<kind>`; `make` runs only if somebody listens. */
export function publish(kind: string, make: () => object): void {
  let channel = channels.get(kind);
  if (channel === undefined) {
    channel = diagnostics.channel(`twinstate:${kind}`);
    channels.set(kind, channel);
  }
  if (channel.hasSubscribers) channel.publish(make());
}
