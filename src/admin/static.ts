import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { PAGE_HEADERS } from './headers.ts'

/** Vite names a file by its content: such a name never means anything else. */
const HASHED = /^assets\/.+-[\w-]{8,}\.\w+$/
const FOR_EVER = 'public, max-age=31536000, immutable'

const NOT_BUILT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Edgeways</title>
<h1>The pages of the web admin are not built</h1>
<p>Edgeways itself runs, and so does its <a href="api/health">API</a>. In the folder of Edgeways run</p>
<pre>npx vite build web-admin</pre>
<p>and load this page again. <code>npm start</code> does it by itself.</p>
</html>
`

/**
 * The pages: files of a folder, as Vite makes it. Looked at when they are asked for, so they can be built while we run.
 * @param folder absolute
 */
export const addPages = (app: FastifyInstance, folder: string): void => {
  app.register(fastifyStatic, { root: folder, serve: false, cacheControl: false, dotfiles: 'ignore', index: false, preCompressed: true })
  app.get<{ Params: { '*': string } }>('/*', { config: { open: true }, schema: { hide: true } }, (request, reply) => {
    const path = request.params['*']
    if (/^(?:api|metrics)(?:\/|$)/.test(path)) return reply.callNotFound()
    if (path === '' || path === 'index.html' || isPage(path, request)) return sendIndex(reply, folder)
    reply.headers(HASHED.test(path) ? { ...PAGE_HEADERS, 'cache-control': FOR_EVER } : PAGE_HEADERS)
    return reply.sendFile(path)
  })
}

/** A path of the page's own, which the page shows what it means: no file, and asked for by a person. */
const isPage = (path: string, { headers }: FastifyRequest): boolean => !/\.\w+$/.test(path) && (headers.accept ?? '').includes('text/html')

const sendIndex = (reply: FastifyReply, folder: string): FastifyReply => {
  reply.headers(PAGE_HEADERS)
  if (!existsSync(join(folder, 'index.html'))) return reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT)
  return reply.sendFile('index.html')
}
