// A record of a server on this machine. Addresses are made of integers only.

import { floats, type Address, type Described, type Header, type Overview, type Place, type Tile, type Top, type Tracks } from './source'

async function answered(path: string): Promise<Response> {
  const reply = await fetch(path)
  if (!reply.ok) throw new Error(`${reply.status}: ${await reply.text()}`)
  return reply
}

const json = async <T>(path: string): Promise<T> => (await answered(path)).json() as Promise<T>

async function numbers(path: string): Promise<[Float32Array, number[]]> {
  const reply = await answered(path)
  const shape = (reply.headers.get('X-Shape') ?? '').split(',').map(Number)
  return [new Float32Array(await reply.arrayBuffer()), shape]
}

const where = (at: Place): string => `${at.layer}/${at.head}/${at.batch}`

async function tile(what: string, at: Address): Promise<Tile> {
  const place = `${where(at)}/${at.zoom}/${at.down}/${at.across}`
  const [values, [rows, columns]] = await numbers(`${what}/${place}?pooling=${at.pooling}&sinks=${at.sinks}`)
  return { rows, columns, values }
}

/** The record that answers under `/api`, or the one beside it under `/other`. */
export function served(root: '/api' | '/other'): Described {
  return {
    note: '',
    has: () => true,
    record: () => json<Header>(`${root}/record`),
    async overview(layer, batch, sinks) {
      const found = await json<Omit<Overview, 'thumbnail'> & { thumbnail: string }>(`${root}/overview/${layer}/${batch}?sinks=${sinks}`)
      return { ...found, thumbnail: floats(found.thumbnail) } as Overview
    },
    tile: (at) => tile(`${root}/tile`, at),
    glance: (at) => tile(`${root}/glance`, at),
    row: (at, query, top) => json<Top>(`${root}/row/${where(at)}/${query}?top=${top}&sinks=${at.sinks}`),
    column: (at, key, top) => json<Top>(`${root}/column/${where(at)}/${key}?top=${top}&sinks=${at.sinks}`),
    reads: async (at, query) => (await numbers(`${root}/reads/${where(at)}/${query}?sinks=${at.sinks}`))[0],
    readers: async (at, key) => (await numbers(`${root}/readers/${where(at)}/${key}?sinks=${at.sinks}`))[0],
    async tracks(at): Promise<Tracks> {
      const [values, [queries]] = await numbers(`${root}/tracks/${where(at)}?sinks=${at.sinks}`)
      return { entropy: values.slice(0, queries), mass: values.slice(queries) }
    },
    async variation(layer, batch, sinks) {
      return (await json<{ variation: number[] }>(`${root}/variation/${layer}/${batch}?sinks=${sinks}`)).variation
    },
  }
}
