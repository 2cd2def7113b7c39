// One GraphQL server of others, on a unix socket: node server.js NAME SOCKET
//
// The schema is the gateway's. The list is in memory; ids and cursors are made for each answer, as the gateway does.
import { existsSync, readFileSync, unlinkSync } from 'node:fs'
import { createServer } from 'node:http'

const [name, socket] = process.argv.slice(2)
const typeDefs = readFileSync(new URL('../../services/gateway/schema.graphql', import.meta.url), 'utf8')

const uuid = (number) => `00000000-0000-7000-0000-${number.toString(16).padStart(12, '0')}`
const base64 = (text) => Buffer.from(text).toString('base64')
const list = Array.from({ length: 200 }, (_, number) => ({
  uuid: uuid(number),
  name: `Bench ${number}`,
  kind: 'bench',
  processes: ['cutting', 'lockstitch'],
  terms: { pricePerUnit: { amount: 45, currency: 'EUR' }, minimumQuantity: 1 }
}))
const cursor = (one) => base64(JSON.stringify(['capacity.resource', one.uuid]))

const resolvers = {
  Query: {
    resources: async (_root, { first }) => {
      const edges = list.slice(0, first).map((node) => ({ node, cursor: cursor(node) }))
      return { edges, pageInfo: { hasNextPage: list.length > first, endCursor: edges.at(-1).cursor } }
    }
  },
  Resource: { id: (one) => base64(`Resource:${one.uuid}`) }
}

async function mercurius (jit) {
  const { default: fastify } = await import('fastify')
  const { default: plugin } = await import('mercurius')
  const app = fastify()
  app.register(plugin, { schema: typeDefs, resolvers, jit })
  await app.listen({ path: socket })
}

async function yoga (plugins) {
  const { createSchema, createYoga } = await import('graphql-yoga')
  const handler = createYoga({ schema: createSchema({ typeDefs, resolvers }), plugins, logging: false })
  createServer(handler).listen(socket)
}

async function apollo () {
  const { ApolloServer } = await import('@apollo/server')
  const { startStandaloneServer } = await import('@apollo/server/standalone')
  await startStandaloneServer(new ApolloServer({ typeDefs, resolvers }), { listen: { path: socket } })
}

const servers = {
  'mercurius': () => mercurius(0),
  'mercurius-jit': () => mercurius(1),
  'yoga': () => yoga([]),
  'yoga-jit': async () => yoga([(await import('@envelop/graphql-jit')).useGraphQlJit()]),
  'apollo': apollo
}

if (existsSync(socket)) unlinkSync(socket)
await servers[name]()
