// The record of the file that this page stands in: tiles are worked out here, from queries, keys and row numbers.

import { column, line, strongest, tile, type Recorded } from './arithmetic'
import { bytes, floats, type Address, type Described, type Header, type Overview, type Place, type Sinks, type Tile } from './source'

interface Blob64 { id: string; kind: 'f32' | 'bf16' | 'f16' | 'i32'; packed: boolean }

interface Embedded {
  layer: number
  head: number
  batch: number
  size: number
  scale: number
  softcap: number | null
  query: Blob64
  key: Blob64
  first: Record<Sinks, Blob64>
  end: Blob64
  position: Blob64
  relative: Blob64 | null
  nearest: number
  prior: Blob64 | null
  lse: Record<Sinks, Blob64>
  entropy: Record<Sinks, Blob64>
  mass: Record<Sinks, Blob64>
  /** Coarse tiles that would take long to work out, by sinks, pooling and zoom: "kept/sum/5/0/0". */
  tiles: Record<string, { rows: number; columns: number; values: Blob64 }>
}

interface Contents extends Header {
  overviews: Record<string, Omit<Overview, 'thumbnail'> & { thumbnail: string }>
  heads: Embedded[]
  variation?: Record<string, number[]>
  note: string
}

const KEPT = 4

export async function embedded(text: string): Promise<Described> {
  const contents = JSON.parse(text) as Contents
  const named = new Map(contents.heads.map((one) => [`${one.layer}/${one.head}/${one.batch}`, one]))
  const opened = new Map<string, Promise<Recorded>>()

  const of = (at: { layer: number; head: number; batch: number }): Embedded => {
    const found = named.get(`${at.layer}/${at.head}/${at.batch}`)
    if (!found) throw new Error(`layer ${at.layer}, head ${at.head} is not in this file`)
    return found
  }

  function open(at: Place): Promise<Recorded> {
    const key = `${at.layer}/${at.head}/${at.batch}/${at.sinks}`
    const found = opened.get(key) ?? recorded(contents, of(at), at.sinks)
    opened.delete(key)
    opened.set(key, found)
    for (const old of opened.keys()) if (opened.size > KEPT) opened.delete(old)
    return found
  }

  return {
    note: contents.note,
    glance: null,
    has: (layer, head, batch) => named.has(`${layer}/${head}/${batch}`),
    record: async () => contents,
    async overview(layer, batch, sinks) {
      const found = contents.overviews[`${layer}/${batch}/${sinks}`]
      return found === undefined ? null : { ...found, thumbnail: floats(found.thumbnail) } as Overview
    },
    async tile(at: Address): Promise<Tile> {
      const stored = of(at).tiles[`${at.sinks}/${at.pooling}/${at.zoom}/${at.down}/${at.across}`]
      if (stored) return { ...stored, values: await numbers(stored.values) as Float32Array }
      return tile(await open(at), at.zoom, at.down, at.across, at.pooling === 'max')
    },
    row: async (at, query, top) => strongest(line(await open(at), query), top),
    column: async (at, key, top) => strongest(column(await open(at), key), top),
    reads: async (at, query) => Float32Array.from(line(await open(at), query)),
    readers: async (at, key) => Float32Array.from(column(await open(at), key)),
    async tracks(at) {
      const [entropy, mass] = await Promise.all([numbers(of(at).entropy[at.sinks]), numbers(of(at).mass[at.sinks])])
      return { entropy: entropy as Float32Array, mass: mass as Float32Array }
    },
    variation: async (layer, batch, sinks) => contents.variation?.[`${layer}/${batch}/${sinks}`] ?? [],
  }
}

async function recorded(contents: Contents, one: Embedded, sinks: Sinks): Promise<Recorded> {
  const { queries, keys } = contents.layers[one.layer]
  const parts = [one.query, one.key, one.lse[sinks], one.first[sinks], one.end, one.position]
  const [query, key, lse, first, end, position] = await Promise.all(parts.map(numbers))
  const [relative, prior] = await Promise.all([one.relative, one.prior].map((each) => each && numbers(each)))
  const { size, scale, softcap, nearest } = one
  return {
    queries, keys, size, scale, softcap, nearest,
    relative: relative as Float32Array | null, prior: prior as Float32Array | null, position: position as Int32Array,
    query: query as Float32Array, key: key as Float32Array, lse: lse as Float32Array,
    first: first as Int32Array, end: end as Int32Array,
  }
}

async function numbers(blob: Blob64): Promise<Float32Array | Int32Array> {
  const raw = bytes(document.getElementById(blob.id)!.textContent!)
  const data = blob.packed ? await unpacked(raw) : raw.buffer
  if (blob.kind === 'i32') return new Int32Array(data)
  if (blob.kind === 'f32') return new Float32Array(data)
  const halves = new Uint16Array(data)
  return blob.kind === 'bf16' ? widened(halves) : Float32Array.from(halves, half)
}

async function unpacked(raw: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  return new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer()
}

/** bfloat16 is the upper half of float32. */
function widened(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length)
  for (let at = 0; at < halves.length; at++) words[at] = halves[at] << 16
  return new Float32Array(words.buffer)
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024))
}
