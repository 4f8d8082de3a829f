/**
 * The two ways to run a server of the shop: as a process of its own on NATS, or inside this process.
 *
 * Invariant: no server process outlives this one: whoever is still there when this process exits is killed, by its own id.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { memoryEngine } from 'twinstate';
import { nodeId, type MemoryCluster } from 'twinstate/testing';
import type { Launch } from './fleet.js';
import type { FromServer } from './messages.js';
import { openServer, type ShopServer } from './shop-server.js';

const SCRIPT = fileURLToPath(new URL('./server-process.js', import.meta.url));
const LEAVE_MS_MAX = 3_000;
const running = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Each server is a process, which `kill -9` ends. */
export function asProcesses(natsUrl: string, secret: string): Launch {
  return (name, tell, gone) => {
    const child = fork(SCRIPT, [name, natsUrl], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, SHOP_SECRET: secret },
    });
    running.add(child);
    child.on('message', (message: FromServer) => tell(message));
    child.once('exit', () => {
      running.delete(child);
      gone();
    });
    // where it could not be started at all there is no exit
    child.once('error', gone);
    return {
      kill: () => void child.kill('SIGKILL'),
      leave: async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        const hard = setTimeout(() => child.kill('SIGKILL'), LEAVE_MS_MAX);
        await ended;
        clearTimeout(hard);
      },
    };
  };
}

/** All servers in this process; `kill` takes one away as abruptly as the memory engine can: nobody hears a farewell. */
export function asGuests(world: MemoryCluster, secret: string): Launch {
  return (name, tell, gone) => {
    let isOver = false;
    const opening: Promise<ShopServer> = openServer({
      engine: memoryEngine({ cluster: world }),
      name,
      secret,
      tell: (message) => isOver || tell(message),
    });
    opening.catch((error: unknown) => {
      if (isOver) return;
      console.error(error);
      gone();
    });
    return {
      kill: () => {
        isOver = true;
        const crashed = opening.then((server) => {
          world.crash(nodeId(server.node));
          return server.leave();
        });
        // one that could not even be opened has nothing to lose
        crashed.catch(() => undefined);
      },
      leave: async () => {
        isOver = true;
        await opening.then(
          (server) => server.leave(),
          () => undefined,
        );
      },
    };
  };
}
