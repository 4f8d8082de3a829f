/** A room in which players chase a coin. Tracked: twenty times a second a commit looks only at what was written. */
import { Immutable, Mutable, Session } from 'twinstate';

const WIDTH = 40;
const HEIGHT = 6;

export class Player {
  @Immutable() name!: string;
  @Mutable() x = 0;
  @Mutable() y = 0;
  @Mutable() score = 0;
}

@Session({ name: 'room', diff: 'tracked' })
export class Room {
  @Mutable(() => Player) players = ['Ada', 'Bo', 'Cy', 'Di'].map((name, i) =>
    Object.assign(new Player(), { name, x: i * 13, y: i }),
  );
  @Mutable() coin = { x: 20, y: 3 };
  @Mutable() tick = 0;
  /** Who moved last. */
  @Mutable() server = '';

  /** Everybody goes a step towards the coin; who reaches it scores, and it turns up elsewhere. */
  step(server: string): void {
    this.tick++;
    this.server = server;
    for (const player of this.players) {
      player.x += Math.sign(this.coin.x - player.x);
      player.y += Math.sign(this.coin.y - player.y);
    }
    const winner = this.players.find(({ x, y }) => x === this.coin.x && y === this.coin.y);
    if (winner === undefined) return;
    winner.score++;
    this.coin = { x: (this.coin.x * 7 + this.tick) % WIDTH, y: (this.coin.y * 5 + this.tick) % HEIGHT };
  }

  toString(): string {
    const at = (x: number, y: number): string => this.players.find((each) => each.x === x && each.y === y)?.name[0] ?? '·';
    const rows = Array.from({ length: HEIGHT }, (_, y) => Array.from({ length: WIDTH }, (__, x) => at(x, y)).join(''));
    return (
      [`tick ${this.tick} on ${this.server}`, ...this.players.map(({ name, score }) => `${name} ${score}`)].join('   ') +
      `\n${rows.join('\n')}`
    );
  }
}
