/** A support call: nested classes, a map of them, dates, and references that are shared. */
import { Immutable, Mutable, Session } from 'twinstate';

export class Participant {
  @Immutable() readonly name!: string;
  @Immutable() readonly joinedAt!: Date;
  @Mutable() muted = false;
}

export class Remark {
  @Immutable() text!: string;
  @Mutable(() => Participant) by!: Participant;
}

@Session({ name: 'call' })
export class Call {
  @Immutable() readonly topic!: string;
  @Mutable(() => Participant) participants = new Map<string, Participant>();
  @Mutable(() => Remark) remarks: Remark[] = [];
  @Mutable(() => Participant) speaker?: Participant;
  @Mutable() lastHeardAt = new Date(0);
}
