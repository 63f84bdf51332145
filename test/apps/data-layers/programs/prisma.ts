import { PrismaPg } from '@prisma/adapter-pg'
import { fromPrisma } from 'audit-outbox'
import { PrismaClient } from './generated/client.js'
import { databaseUrl, tryLayer } from './layer.js'

const adapter = new PrismaPg({ connectionString: databaseUrl, max: 1 })
const prisma = new PrismaClient({ adapter })

await tryLayer(() => ({
  name: 'Prisma',
  outside: fromPrisma(prisma),
  transaction: (work) =>
    prisma.$transaction((tx) =>
      work({ given: fromPrisma(tx), add: (name) => tx.guest.create({ data: { name } }) }),
    ),
  asTheyAre: [[prisma, /fromPrisma\(tx\)/]],
  transactionAsItIs: (look) => prisma.$transaction((tx) => look(tx)),
  close: () => prisma.$disconnect(),
}))
