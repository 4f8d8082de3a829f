/** What an operator can do to a stream from outside, by mistake or on purpose. */
import { connect } from 'nats';

async function call(url: string, api: string): Promise<void> {
  const nc = await connect({ servers: url });
  try {
    const answer = await nc.request(`$JS.API.${api}`, new Uint8Array(0), { timeout: 10_000 });
    const { error } = answer.json<{ error?: { description: string } }>();
    if (error !== undefined) throw new Error(`${api}: ${error.description}`);
  } finally {
    await nc.close();
  }
}

export const deleteStream = (url: string, name: string): Promise<void> => call(url, `STREAM.DELETE.${name}`);
export const purgeStream = (url: string, name: string): Promise<void> => call(url, `STREAM.PURGE.${name}`);
