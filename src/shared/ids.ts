/**
 * Branded numbers and strings, so that a version is never passed where a sequence is meant.
 *
 * Invariant: every branded value was either checked by the function here that makes it, or read from a record that was.
 */

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** Per-session counter of commits, from 1. It never goes back. */
export type Version = Branded<number, 'Version'>;
/** A position in a partition's log, from 1; 0 means "before the first record". */
export type Sequence = Branded<number, 'Sequence'>;
/** A primary's term for a partition: the sequence of the `LEAD` record that began it; 0 means "none yet". */
export type Epoch = Branded<number, 'Epoch'>;
/** The revision of a stored snapshot; 0 means "not stored yet". */
export type Revision = Branded<number, 'Revision'>;
/** The number of a partition, from 0. */
export type Partition = Branded<number, 'Partition'>;
/** A session's id: any non-empty string of well-formed Unicode, at most 512 bytes of UTF-8. */
export type SessionId = Branded<string, 'SessionId'>;
/** A node's name and incarnation, `name~incarnation`: a restarted process is somebody new. */
export type NodeId = Branded<string, 'NodeId'>;

export const version = (n: number): Version => n as Version;
export const sequence = (n: number): Sequence => n as Sequence;
export const epoch = (n: number): Epoch => n as Epoch;
export const revision = (n: number): Revision => n as Revision;
export const partition = (n: number): Partition => n as Partition;
export const nodeId = (s: string): NodeId => s as NodeId;
export const sessionId = (s: string): SessionId => s as SessionId;
