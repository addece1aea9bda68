// What the page asks for, and of whom: a server, or the file that it stands in. Both answer the same questions.

import type { Measured } from './measured'

export interface LayerInfo {
  name: string
  heads: number
  /** Which of the model's heads these are. */
  head_numbers: number[]
  queries: number
  keys: number
  batch: number
  query_tokens: number
  key_tokens: number
  rows: number[] | null
  proof: { weights: number | null; row_sum: number | null }
}

/** A picture whose patches are tokens, after `before` others and before `after`. */
export interface Grid {
  rows: number
  columns: number
  before: number
  after: number
  png: string
}

export interface Header {
  /** What two records are called that are compared, and what is known of the second. */
  sides?: [string, string]
  other?: Header
  measured?: Measured
  grid?: Grid
  model: { class?: string; name?: string }
  layers: LayerInfo[]
  tokens: string[][]
  unseen: { name: string; reason: string }[]
}

export type Pooling = 'sum' | 'max'
export type Sinks = 'kept' | 'left-out'
/** Of two records that are compared: the first, the second, or the first less the second. */
export type Side = 'first' | 'second' | 'difference'

export const MEASURES = {
  entropy: 'entropy',
  sink_mass: 'weight on the first token',
  distance: 'distance',
  previous_token: 'previous token',
  induction: 'induction',
  variation: 'difference',
} as const
export type Measure = keyof typeof MEASURES

/** How far heads of two records look elsewhere is known only where two are compared. */
export type Overview = Record<Exclude<Measure, 'variation'>, (number | null)[]> & {
  variation?: number[]
  /** From how many rows the numbers are, and whether those were all. */
  rows: number
  exact: boolean
  shape: [number, number, number]
  thumbnail: Float32Array
}

export interface Place {
  layer: number
  head: number
  batch: number
  sinks: Sinks
  side: Side
}

export interface Address extends Place {
  zoom: number
  down: number
  across: number
  pooling: Pooling
}

export interface Tile {
  rows: number
  columns: number
  values: Float32Array
  /** Of a difference of single weights, these themselves. */
  sides?: [Float32Array, Float32Array]
}

export interface Top {
  index: number[]
  weight: number[]
  /** Of differences, the weights on both sides. */
  sides?: [number[], number[]]
  entropy: number | null
  sum: number | null
}

export interface Tracks {
  entropy: Float32Array
  mass: Float32Array
}

export interface Source {
  overview(layer: number, batch: number, sinks: Sinks, side: Side): Promise<Overview | null>
  tile(at: Address): Promise<Tile>
  /** An estimate of a tile of sums that takes long, at once; null where none takes long. */
  glance: ((at: Address) => Promise<Tile>) | null
  row(at: Place, query: number, top: number): Promise<Top>
  column(at: Place, key: number, top: number): Promise<Top>
  /** A whole row, and a whole column. */
  reads(at: Place, query: number): Promise<Float32Array>
  readers(at: Place, key: number): Promise<Float32Array>
  tracks(at: Place): Promise<Tracks>
  /** How far heads are from those of the first record; the second of two knows it. */
  variation(layer: number, batch: number, sinks: Sinks): Promise<number[]>
  /** Heads that can be opened; null says all. */
  has(layer: number, head: number, batch: number): boolean
  /** What a reader must know about what is missing, or nothing. */
  note: string
}

/** One record, and what it says of itself. */
export interface Described extends Source {
  record(): Promise<Header>
}

export const TILE = 256

export function floats(base64: string): Float32Array {
  return new Float32Array(bytes(base64).buffer)
}

export function bytes(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const found = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) found[at] = text.charCodeAt(at)
  return found
}
