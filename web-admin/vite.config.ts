import { join } from 'node:path'
import { defineConfig } from 'vite'

/** Where `vite web-admin` (for those who work on the pages) finds an edge. */
const EDGE = process.env.EDGEWAYS_ADMIN ?? 'https://127.0.0.1:8443'

/** Everything stands in files of its own: the page's Content-Security-Policy allows nothing inline. */
export default defineConfig({
  root: import.meta.dirname,
  // A reverse proxy may put the admin under any path
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: join(import.meta.dirname, 'dist'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { '/api': { target: EDGE, secure: false }, '/metrics': { target: EDGE, secure: false } } },
})
