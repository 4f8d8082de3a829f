/** Every duration and bound of the protocol in one place, so that a simulated world, a test and a slow network can set them. */
export interface Timing {
  /** How long a primary answers reads from memory after it sent its last confirmed append. */
  readonly leaseMs: number;
  /** Wait before a record whose fate is unknown is sent again at the same position. */
  readonly resendMs: number;
  /** Longest wait between two such sendings. */
  readonly resendMaxMs: number;
  /** A follower tells the primary its position this often, and at once where a record asks for it. */
  readonly reportMs: number;
  /** Backup number k waits k times as long before it claims. */
  readonly rankMs: number;
  /** A new partition's first leader waits so long for others to be heard of. */
  readonly settleMs: number;
  /** Between two heartbeats of a process. */
  readonly heartbeatMs: number;
  /** A process that was not heard for so long is gone. */
  readonly absentMs: number;
  /** Between two probes of a primary. */
  readonly probeMs: number;
  /** A probe without an answer counts as one after so long. */
  readonly probeTimeoutMs: number;
  /** "Nobody listens there" must be heard over at least so long: longer than a reconnect takes. */
  readonly suspectMs: number;
  /** A primary that neither answers nor refuses is suspected after so long. */
  readonly silenceMs: number;
  /** A node trusts its suspicions only if its own link stood for so long. */
  readonly stableMs: number;
  /** Between two looks at what may be trimmed. */
  readonly snapshotMs: number;
  /** Snapshots being written at once for one partition; more where the log outgrows its bound. */
  readonly snapshotsAtOnce: number;
  /** Bytes of them at once, about: one is always written, however large it is. */
  readonly snapshotBytesAtOnce: number;
  /** How many records one partition's log holds, at most, while snapshots can be stored as fast as sessions change. */
  readonly checkpointRecords: number;
  /** How many bytes of records, about. */
  readonly checkpointBytes: number;
  /** A partition that rests for so long is checkpointed although it has fewer records. */
  readonly checkpointIdleMs: number;
  /** A log that reads shorter than it was known to be, for so long, is lost; a stream election takes up to 9 s. */
  readonly lostMs: number;
  /** A primary that hands over waits so long for its successor, and then goes on itself. */
  readonly handoverMs: number;
  /** After nodes came or went nothing is moved for so long: whoever restarts finds its place as it was. */
  readonly calmMs: number;
  /** Between two looks at what should be moved to another node. */
  readonly moveMs: number;
  /** Partitions that one node hands over at once. */
  readonly movesMax: number;
  /** Who is about to claim waits so long for those who remember more. */
  readonly consultMs: number;
  /** Between two times that a replica without its log tells the others what it remembers. */
  readonly recallMs: number;
  /** A backup waits so long for the last primary before it begins a lost log anew. */
  readonly seedWaitMs: number;
  /** Wait before a join is tried again. */
  readonly joinRetryMs: number;
  /**
   * Sessions of one partition that stay objects although nobody asks for them; all others are bytes. Where more are in turn, each
   * commit packs one and unpacks another, which costs several times the commit itself.
   */
  readonly hotSessionsMax: number;
  /** A session that was not touched for so long becomes one snapshot: its last deltas, for bases that lag, are given up. */
  readonly historyMs: number;
  /** How much the wall clocks of two nodes may differ: a session is granted it after a takeover, so that it does not expire early. */
  readonly clockSkewMs: number;
  /**
   * A tombstone ends after so long: longer than any retry lives, and than a process may stand still with an old snapshot of the
   * session on its way.
   */
  readonly tombstoneMs: number;
  /** How often a partition looks at its timers. */
  readonly tickMs: number;
}

export const DEFAULT_TIMING: Timing = {
  leaseMs: 500,
  resendMs: 10,
  resendMaxMs: 200,
  reportMs: 200,
  rankMs: 150,
  settleMs: 100,
  heartbeatMs: 200,
  absentMs: 1_500,
  probeMs: 50,
  probeTimeoutMs: 400,
  suspectMs: 120,
  silenceMs: 1_000,
  stableMs: 500,
  snapshotMs: 250,
  snapshotsAtOnce: 8,
  snapshotBytesAtOnce: 1_048_576,
  checkpointRecords: 4_096,
  checkpointBytes: 4_194_304,
  checkpointIdleMs: 10_000,
  lostMs: 12_000,
  handoverMs: 200,
  calmMs: 1_000,
  moveMs: 100,
  movesMax: 2,
  consultMs: 20,
  recallMs: 100,
  seedWaitMs: 1_500,
  joinRetryMs: 50,
  hotSessionsMax: 1_024,
  historyMs: 60_000,
  clockSkewMs: 5_000,
  tombstoneMs: 86_400_000,
  tickMs: 15,
};
