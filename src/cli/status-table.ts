/** A cluster's status as text: who is there, and who holds which partition. */
import type { ClusterStatus, NodeStatus, ReplicaStatus } from '../index.js';

interface Held {
  readonly node: string;
  readonly replica: ReplicaStatus;
}

/** Every member answered, and every partition has one primary that nobody knows a later one than. */
export function isHealthy(status: ClusterStatus): boolean {
  return (
    status.members.every((member) => member.status !== undefined) &&
    partitionsOf(status).every(({ leader }) => leader !== undefined)
  );
}

export function statusTable(status: ClusterStatus): string {
  const members = status.members.map(({ node, role, status: said }) => [
    node,
    role,
    said === undefined ? 'silent' : said.link.up ? 'up' : 'cut off',
    ...(said === undefined ? ['', '', '', '', '', ''] : totals(said)),
  ]);
  const partitions = partitionsOf(status).map(({ partition, leader, followers, others }) => {
    const replica = leader?.replica;
    return [
      String(partition),
      leader?.node ?? 'nobody',
      String(replica?.epoch ?? ''),
      followers.map(({ node, lag }) => `${node} (${lag === undefined ? 'not heard' : lag})`).join(', '),
      replica === undefined ? '' : `${replica.sessions}${replica.loading ? ', loading' : ''}`,
      replica === undefined ? '' : `${replica.logRecords} (${bytes(replica.logBytes)})`,
      others,
    ];
  });
  const generation = status.members.find((member) => member.status !== undefined)?.status?.generation;
  return [
    `cluster ${status.cluster}${generation === undefined ? '' : `, generation ${generation}`}`,
    '',
    table(['member', 'role', 'state', 'leads', 'follows', 'joining', 'sessions', 'at rest', 'memory'], members),
    '',
    table(['partition', 'primary', 'epoch', 'backups (records behind)', 'sessions', 'log records', ''], partitions),
    '',
  ].join('\n');
}

function totals({ replicas }: NodeStatus): string[] {
  const count = (role: ReplicaStatus['role']): string => String(replicas.filter((each) => each.role === role).length);
  const sum = (of: (each: ReplicaStatus) => number): number => replicas.reduce((total, each) => total + of(each), 0);
  return [
    count('leading'),
    count('following'),
    count('joining'),
    String(sum(({ sessions }) => sessions)),
    String(sum(({ passive }) => passive)),
    bytes(sum(({ memoryBytes }) => memoryBytes)),
  ];
}

interface Row {
  readonly partition: number;
  readonly leader: Held | undefined;
  /** `lag` as the primary has heard it. */
  readonly followers: readonly { readonly node: string; readonly lag: number | undefined }[];
  /** Who neither leads nor follows it, and what it does. */
  readonly others: string;
}

function partitionsOf({ members }: ClusterStatus): Row[] {
  const said = members.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const count = Math.max(0, ...said.map(({ partitions }) => partitions));
  return Array.from({ length: count }, (_, partition) => {
    const held: Held[] = said.flatMap(({ node, replicas }) =>
      replicas.filter((replica) => replica.partition === partition).map((replica) => ({ node, replica })),
    );
    // one that was replaced and has not heard of it yet says that it leads, in an older term
    const newest = Math.max(0, ...held.map(({ replica }) => replica.epoch));
    const leader = held.find(({ replica }) => replica.role === 'leading' && replica.epoch === newest);
    const followers = held
      .filter((each) => each !== leader)
      .map(({ node }) => ({ node, lag: leader?.replica.backups.find((backup) => backup.node === node)?.lag }));
    const at = ['leading', 'following'];
    const others = held.filter(({ replica }) => !at.includes(replica.role)).map(({ node, replica }) => `${node} ${replica.role}`);
    return { partition, leader, followers, others: others.join(', ') };
  });
}

function bytes(count: number): string {
  if (count < 1_024) return `${count} B`;
  const [value, unit] =
    count < 1_024 ** 2 ? [count / 1_024, 'KiB'] : count < 1_024 ** 3 ? [count / 1_024 ** 2, 'MiB'] : [count / 1_024 ** 3, 'GiB'];
  return `${value.toFixed(1)} ${unit}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Names come from the bus: what would move a terminal's cursor is shown as a question mark. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
