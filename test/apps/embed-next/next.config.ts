import type { NextConfig } from 'next'

// As `create-next-app` writes it: the package asks for no setting.
const nextConfig: NextConfig = {}

export default nextConfig
