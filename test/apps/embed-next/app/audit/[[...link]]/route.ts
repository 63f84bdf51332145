import { page } from '@/lib/audit'

export const GET = (request: Request): Promise<Response> => page.fetch(request)
