/**
 * A Nest application as people write it: a store that its services are given, and express-session on the same store.
 *
 * It runs in a test's own process, and as a process of its own (`nest-server.ts`).
 */
import 'reflect-metadata';
import { Controller, Get, Inject, Injectable, Module, Param, Req, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request } from 'express';
import session from 'express-session';
import { Mutable, Session, SessionStore } from '../../src/index.js';
import { express, HttpSession } from '../../src/integrations/express.js';
import { InjectStore, TwinstateModule, type TwinstateModuleOptions } from '../../src/integrations/nest.js';

@Session({ name: 'tally' })
export class Tally {
  @Mutable({ merge: 'union' }) tokens = new Set<string>();
}

/** In a second store, by name, which is given by a factory from another module's provider. */
@Session({ name: 'note' })
export class Note {
  @Mutable() text = '';
}

@Injectable()
export class Tallies {
  constructor(
    // by its class alone
    readonly store: SessionStore,
    @InjectStore('notes') readonly notes: SessionStore,
  ) {}

  add(token: string): Promise<number> {
    return this.store.update(Tally, 'all', ({ tokens }) => tokens.add(token).size, { create: {} });
  }
}

@Controller()
class TallyController {
  constructor(private readonly tallies: Tallies) {}

  @Get('add/:token')
  async add(@Param('token') token: string, @Req() { session: mine }: Request): Promise<object> {
    Object.assign(mine, { [token]: true });
    return { size: await this.tallies.add(token) };
  }

  @Get('tokens')
  async tokens(@Req() { session: mine }: Request): Promise<object> {
    const tally = await this.tallies.store.open(Tally, 'all', { consistency: 'strong' });
    return { all: [...(tally?.tokens ?? [])], mine: Object.keys(mine).filter((key) => key !== 'cookie') };
  }

  @Get('note')
  async note(): Promise<object> {
    const { notes } = this.tallies;
    return { text: (await notes.create(Note, { text: `in ${notes.status().partitions} partitions` })).text };
  }
}

/** As a configuration's module would say. */
export const NOTES_PARTITIONS = 'partitions of the notes';
@Module({ providers: [{ provide: NOTES_PARTITIONS, useValue: 2 }], exports: [NOTES_PARTITIONS] })
class Configuration {}

@Module({})
class AppModule {
  static with(options: Omit<TwinstateModuleOptions, 'sessions'>): DynamicModule {
    return {
      module: AppModule,
      imports: [
        TwinstateModule.forRoot({ ...options, sessions: [HttpSession, Tally] }),
        TwinstateModule.forRootAsync({
          name: 'notes',
          imports: [Configuration],
          inject: [NOTES_PARTITIONS],
          useFactory: (partitions: number) => ({ sessions: [Note], partitions }),
        }),
      ],
      controllers: [TallyController],
      providers: [Tallies],
    };
  }
}

export async function makeApp(options: Omit<TwinstateModuleOptions, 'sessions'>): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(options), {
    logger: ['error'],
    abortOnError: false,
  });
  const store = express({ store: app.get(SessionStore) });
  app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }));
  app.enableShutdownHooks();
  // Nest ends when the last connection has: clients that know how soon an idle one is closed do not keep it
  app.getHttpServer().keepAliveTimeout = 1_000;
  await app.listen(0, '127.0.0.1');
  return app;
}

/** What only a module that imports it may see. */
@Injectable()
class Stranger {
  constructor(@Inject(SessionStore) readonly store: SessionStore) {}
}
@Module({ providers: [Stranger] })
class Strangers {}
@Module({})
export class PrivateModule {
  static with(global: boolean): DynamicModule {
    const shared = TwinstateModule.forRoot({ sessions: [Note] });
    // it never connects: of an application that cannot begin nobody could close the store
    const own = TwinstateModule.forRootAsync({ global: false, useFactory: () => new Promise<never>(() => undefined) });
    return { module: PrivateModule, imports: [global ? shared : own, Strangers] };
  }
}
