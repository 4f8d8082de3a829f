/**
 * `twinstate/nest`: stores that a Nest application is given.
 *
 * Invariant: a store is connected before anything that needs it is made, and is drained once the application's servers have ended their
 * last request: Nest calls `onApplicationShutdown` after them. So no request meets a store that has left, and no commit is lost.
 */
import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, FactoryProvider, InjectionToken, ModuleMetadata, OnApplicationShutdown } from '@nestjs/common';
import { connect, SessionStore, TwinstateError, type ConnectOptions } from '../index.js';

export interface TwinstateOptions extends ConnectOptions {
  /** How long the application's end waits for others to take over, in milliseconds (default 10 s). */
  readonly drainMs?: number;
}

interface Placing {
  /** Tells this store from others of the application; the one without a name is injected by its class. */
  readonly name?: string;
  /** Whether all modules see it (default), or only those that import this one. */
  readonly global?: boolean;
}

export interface TwinstateModuleOptions extends TwinstateOptions, Placing {}

export interface TwinstateModuleAsyncOptions<A extends readonly unknown[] = readonly never[]> extends Placing {
  /** What the factory needs, in order. */
  readonly inject?: FactoryProvider['inject'];
  /** The modules that have it. */
  readonly imports?: ModuleMetadata['imports'];
  readonly useFactory: (...needed: A) => TwinstateOptions | Promise<TwinstateOptions>;
}

/** Gives the token of a store, for `app.get` and for providers: `SessionStore` itself where it has no name. */
export function storeToken(name?: string): InjectionToken<SessionStore> {
  return name === undefined ? SessionStore : `twinstate store ${name}`;
}

/** Injects a store: `constructor(@InjectStore() private readonly store: SessionStore)`. Needs no emitted metadata. */
export function InjectStore(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(storeToken(name));
}

/** A store for as long as the application lives. */
class StoreLife implements OnApplicationShutdown {
  constructor(
    readonly store: SessionStore,
    readonly drainMs: number | undefined,
  ) {}

  /** @throws {TwinstateError} where it could not be drained; it is closed then, and its backups take over */
  async onApplicationShutdown(): Promise<void> {
    try {
      await this.store.drain(this.drainMs === undefined ? {} : { timeoutMs: this.drainMs });
    } catch (error) {
      // somebody has closed it before
      if (error instanceof TwinstateError && error.code === 'CLOSED') return;
      await this.store.close();
      throw error;
    }
  }
}

/** Connects stores and drains them: `imports: [TwinstateModule.forRoot({ sessions: [Cart], engine, cluster })]`. */
@Module({})
export class TwinstateModule {
  /** Connects with these options. */
  static forRoot({ name, global, ...options }: TwinstateModuleOptions): DynamicModule {
    return TwinstateModule.forRootAsync({ ...placing(name, global), useFactory: () => options });
  }

  /** Connects with the options that a factory makes of other providers. */
  static forRootAsync<A extends readonly unknown[]>(options: TwinstateModuleAsyncOptions<A>): DynamicModule {
    const { name, global = true, imports = [], inject = [], useFactory } = options;
    const life = `twinstate life ${name ?? ''}`;
    const token = storeToken(name);
    return {
      module: TwinstateModule,
      global,
      imports,
      providers: [
        {
          provide: life,
          inject,
          useFactory: async (...needed: unknown[]) => {
            const { drainMs, ...rest } = await useFactory(...(needed as unknown as A));
            return new StoreLife(await connect(rest), drainMs);
          },
        },
        { provide: token, inject: [life], useFactory: (alive: StoreLife) => alive.store },
      ],
      exports: [token],
    };
  }
}

function placing(name: string | undefined, global: boolean | undefined): Placing {
  return { ...(name === undefined ? {} : { name }), ...(global === undefined ? {} : { global }) };
}
