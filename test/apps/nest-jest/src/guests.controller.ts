import { Body, Controller, Post, Req } from '@nestjs/common'
import type { Request } from 'express'
import { Audit } from './audit'

@Controller('guests')
export class GuestsController {
  constructor(private readonly audit: Audit) {}

  @Post()
  async checkIn(@Req() request: Request, @Body('id') id: string): Promise<{ id: string }> {
    request.audit.record({ action: 'nest.record', targetId: id, metadata: { password: 'hunter2' } })
    await this.audit.db.transaction((tx) =>
      request.audit.recordIn(tx, { action: 'nest.record_in', targetId: id }),
    )
    return { id }
  }
}
