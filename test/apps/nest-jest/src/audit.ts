import { Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { createRecorder } from 'audit-outbox'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'

/** One recorder for the application, closed when it shuts down. */
@Injectable()
export class Audit implements OnApplicationShutdown {
  readonly recorder = createRecorder()
  readonly #client = postgres(process.env.DATABASE_URL ?? '', { max: 2, onnotice: () => {} })
  readonly db = drizzle(this.#client)

  async onApplicationShutdown(): Promise<void> {
    await this.recorder.close()
    await this.#client.end()
  }
}
