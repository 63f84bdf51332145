import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common'
import { expressAudit } from 'audit-outbox/express'
import { Audit } from './audit'
import { GuestsController } from './guests.controller'

@Module({ controllers: [GuestsController], providers: [Audit] })
export class AppModule implements NestModule {
  constructor(private readonly audit: Audit) {}

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(expressAudit({ recorder: this.audit.recorder })).forRoutes('*path')
  }
}
