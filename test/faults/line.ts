/**
 * The wire between one process and one server: a proxy on a port of its own, which can be cut, held up in one direction, slowed
 * down, or torn.
 *
 * Invariant: bytes of a connection come in order or not at all; what was held up arrives when the line is whole again, as a network
 * would send it again.
 */
import { createServer, connect as dial } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export type LineState = 'whole' | 'cut' | 'to server cut' | 'from server cut' | 'torn';

interface Wire {
  readonly from: Socket;
  readonly to: Socket;
  readonly toServer: boolean;
}

export class Line {
  readonly #server: Server;
  readonly #target: number;
  readonly #wires = new Set<Wire>();
  #state: LineState = 'whole';
  #delayMs = 0;
  port = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async open(target: number): Promise<Line> {
    const line = new Line(target);
    await new Promise<void>((resolve, reject) => {
      line.#server.once('error', reject);
      line.#server.listen(0, '127.0.0.1', resolve);
    });
    line.port = (line.#server.address() as AddressInfo).port;
    return line;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** `torn`: every connection is reset, and so is each new one. */
  set(state: LineState): void {
    this.#state = state;
    for (const wire of this.#wires) {
      if (state === 'torn') tear(wire);
      else if (this.#isHeldUp(wire)) wire.from.pause();
      else wire.from.resume();
    }
  }

  /** Every piece arrives so much later. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  close(): Promise<void> {
    this.set('torn');
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.#state === 'torn') return void socket.resetAndDestroy();
    const server = dial({ port: this.#target, host: '127.0.0.1', noDelay: true });
    server.on('error', () => undefined);
    this.#join({ from: socket, to: server, toServer: true });
    this.#join({ from: server, to: socket, toServer: false });
  }

  #join(wire: Wire): void {
    const { from, to } = wire;
    this.#wires.add(wire);
    from.on('data', (bytes) => {
      if (this.#delayMs === 0) to.write(bytes);
      // timers of one length fire in the order in which they were set; a change of it only lets pieces of the end of a slow time wait
      else setTimeout(() => to.write(bytes), this.#delayMs);
    });
    from.once('close', () => {
      this.#wires.delete(wire);
      // what was on its way is lost with the connection
      if (!to.destroyed) to.resetAndDestroy();
    });
    if (this.#isHeldUp(wire)) from.pause();
  }

  #isHeldUp({ toServer }: Wire): boolean {
    return this.#state === 'cut' || this.#state === (toServer ? 'to server cut' : 'from server cut');
  }
}

function tear({ from, to }: Wire): void {
  from.resetAndDestroy();
  to.resetAndDestroy();
}
