import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that systems give to outgoing connections: one of those could take a server's place while it is down. */
const [FIRST, LAST] = [20_000, 32_000];
const ATTEMPTS = 100;

/**
 * Finds a port of this machine that nobody listens on, yet: any, so that processes side by side hardly ever find the same.
 *
 * @throws {Error} of the system, where a hundred are taken or none may be had
 */
export async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(FIRST, LAST);
    const server = createServer();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', resolve);
      });
    } catch (error) {
      if (attempt === ATTEMPTS || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      continue;
    }
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return port;
  }
}
