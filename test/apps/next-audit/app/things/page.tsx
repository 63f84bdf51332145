import { rename } from './actions'

export const dynamic = 'force-dynamic'

export default function Things() {
  return (
    <form action={rename}>
      <input name="id" />
      <input name="name" />
      <button type="submit">Rename</button>
    </form>
  )
}
