import { createRoot } from 'react-dom/client'
import { Activity } from './activity.tsx'

const root = document.getElementById('root')
if (root) createRoot(root).render(<Activity />)
