/** Tells listeners what a node reports: values from below become events, and only where somebody listens. */
import type { NodeEvent } from '../node/runtime.js';
import type { Events } from '../observe/events.js';

/** Makes the function that takes a node's reports. */
export function announcements(events: Events): (event: NodeEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'role': {
        const { partition, role, epoch, leader, reason, led, ms } = event;
        events.tell('role', () => ({ partition, role, epoch, leader, reason }));
        if (role === 'leading') events.tell('promoted', () => ({ partition, epoch, reason, ...(ms !== undefined && { ms }) }));
        else if (led) events.tell('demoted', () => ({ partition, epoch, reason, leader }));
        return;
      }
      case 'stored':
        return tellLives(events, event);
      case 'snapshot':
        return events.tell('snapshot', () => event);
      case 'passivation':
        return events.tell('passivation', () => event);
      case 'trim':
        return events.tell('trim', () => event);
      case 'link':
        return events.tell('link', () => event);
      case 'notice':
        return events.tell('notice', () => event);
      case 'malformed':
        return events.tell('malformed', () => event);
    }
  };
}

function tellLives(events: Events, { partition, entries, classOf }: Extract<NodeEvent, { type: 'stored' }>): void {
  if (!events.heard('created') && !events.heard('destroyed') && !events.heard('expired')) return;
  for (const { kind, session, to: version, reason = 'destroyed' } of entries) {
    if (kind === 'create') events.tell('created', () => ({ partition, session, class: classOf(session) }));
    else if (kind !== 'destroy') continue;
    else if (reason === 'destroyed') events.tell('destroyed', () => ({ partition, session, class: classOf(session), version }));
    else events.tell('expired', () => ({ partition, session, class: classOf(session), version, reason }));
  }
}
