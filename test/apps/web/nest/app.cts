// tsc compiles this to CommonJS with metadata of decorators, as Nest's own template does. The test also
// runs a copy that tsx compiles, to an ES module without metadata.
import 'reflect-metadata'
import {
  Body,
  type CanActivate,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  Module,
  Param,
  Patch,
  Post,
  Req,
  Scope,
  UseGuards,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { createRecorder, record, type Recorder } from 'audit-outbox'
import {
  Audit,
  type AuditedCall,
  AuditModule,
  AuditRecorder,
  auditOf,
  RequestAuditRecorder,
} from 'audit-outbox/nest'
import { from } from 'rxjs'

interface AppRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly audit: Recorder
  userId?: string
  actorId?: string
}

@Injectable()
class SessionGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AppRequest>()
    const { 'x-test-user': user, 'x-test-actor': actor } = request.headers
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
    if (typeof user === 'string') request.userId = user
    if (typeof actor === 'string') request.actorId = actor
    if (user === 'banned') {
      auditOf(request)?.record({ action: 'nest.refuse' })
      throw new ForbiddenException()
    }
    return true
  }
}

@Injectable()
class ThingsService {
  constructor(@Inject(AuditRecorder) private readonly audit: AuditRecorder) {}

  async rename(targetId: string, name: string): Promise<{ id: string; name: string }> {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
    this.audit.record({ action: 'nest.index', targetId })
    record({ action: 'nest.package', targetId })
    return { id: targetId, name }
  }
}

@Injectable({ scope: Scope.REQUEST })
class OfRequest {
  constructor(@Inject(RequestAuditRecorder) readonly audit: RequestAuditRecorder) {}
}

@Controller('things')
@UseGuards(SessionGuard)
class ThingsController {
  constructor(
    @Inject(ThingsService) private readonly things: ThingsService,
    @Inject(OfRequest) private readonly ofRequest: OfRequest,
  ) {}

  @Audit('nest.rename', ({ params, body, result }: AuditedCall<{ name: string }>) => ({
    entityType: 'thing',
    targetId: params['id'],
    metadata: { name: body.name, result },
  }))
  @Patch(':id')
  async rename(@Param('id') id: string, @Body() body: { name: string }) {
    const renamed = await this.things.rename(id, body.name)
    this.ofRequest.audit.record({ action: 'nest.of_request', targetId: id })
    return renamed
  }
}

@Controller('failing')
class FailingController {
  @Audit('nest.plain')
  @Post('plain')
  plain(): never {
    throw new Error('its own')
  }

  @Audit('nest.try', undefined, { failures: true })
  @Post('try')
  tried(): never {
    throw new Error('its own')
  }

  @Audit('nest.enter', undefined, { failures: true })
  @Post('enter')
  enter(): never {
    throw new ForbiddenException()
  }

  @Audit('nest.broken', () => {
    throw new Error('a callback')
  })
  @Get('callback')
  callback() {
    return { ok: true }
  }

  @Audit('nest.stream')
  @Get('stream')
  stream() {
    return from([{ at: 1 }, { at: 2 }])
  }

  @Get('raw')
  raw(@Req() request: AppRequest) {
    return { recorded: request.audit.record({ action: 'nest.raw' }) }
  }
}

const options = () => ({
  recorder: createRecorder(),
  user: (request: AppRequest) => request.userId,
  actor: (request: AppRequest) => request.actorId,
})

@Module({
  imports: [AuditModule.forRoot(options())],
  controllers: [ThingsController, FailingController],
  providers: [ThingsService, OfRequest],
})
class AppModule {}

@Module({
  imports: [AuditModule.forRootAsync({ useFactory: async () => options() })],
  controllers: [ThingsController, FailingController],
  providers: [ThingsService, OfRequest],
})
class AsyncModule {}

export async function start(platform: string) {
  const logger = ['error', 'warn'] as ('error' | 'warn')[]
  const app =
    platform === 'fastify'
      ? await NestFactory.create<NestFastifyApplication>(AsyncModule, new FastifyAdapter(), {
          logger,
        })
      : await NestFactory.create<NestExpressApplication>(AppModule, { logger })
  app.enableShutdownHooks()
  app.setGlobalPrefix('api')
  await app.listen(0, '127.0.0.1')
  return { url: await app.getUrl(), close: () => app.close() }
}
