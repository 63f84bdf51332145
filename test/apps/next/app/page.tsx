import { checkIn } from './actions'

export default async function Page({
  searchParams,
}: {
  searchParams: Promise<{ guest?: string }>
}) {
  const { guest } = await searchParams
  return (
    <form action={checkIn}>
      <input name="guest" defaultValue={guest} />
      <input name="password" defaultValue="hunter2" />
      <button type="submit">Check in</button>
    </form>
  )
}
