// All that can change on the page, and what follows from it.

import { batch as together, computed, effect, signal } from '@preact/signals'
import { least, type Colours, type Scale } from './colour'
import { Tiles } from './tiles'
import type { Grid, Header, LayerInfo, Measure, Overview, Place, Pooling, Side, Sinks, Source, Top, Tracks } from './source'
import { fitted, showing, type Frame, type Size, type View } from './viewport'
import { shown, signed, weight } from './words'

export type Order = 'layers' | Measure
export type Reading = 'reads' | 'read by'
export type Grain = 'words' | 'sentences'
export type Panel = 'cursor' | 'trust'

const TOP = 12

export class Page {
  readonly tiles: Tiles
  readonly layer = signal(0)
  readonly head = signal(0)
  readonly batch = signal(0)
  readonly sinks = signal<Sinks>('kept')
  readonly side = signal<Side>('first')
  readonly pooling = signal<Pooling>('sum')
  readonly palette = signal('cividis')
  readonly scale = signal<Scale>('log')
  readonly order = signal<Order>('layers')
  readonly reading = signal<Reading>('reads')
  readonly grain = signal<Grain>('words')
  readonly panel = signal<Panel>('cursor')
  readonly cursor = signal({ query: 0, key: 0 })
  readonly hover = signal<{ query: number; key: number } | null>(null)
  readonly frame = signal<Frame>({ left: 0, top: 0, width: 1, height: 1 })
  readonly view = signal<View>({ query: 0, key: 0, pixels: 1 })
  readonly dark = signal(matchMedia('(prefers-color-scheme: dark)').matches)
  readonly arrivals = signal(0)
  readonly overviews = signal<ReadonlyMap<string, Overview>>(new Map())
  readonly tracks = signal<Tracks | null>(null)
  readonly row = signal<Top | null>(null)
  readonly column = signal<Top | null>(null)
  /** All of the cursor's row, or of its column, where something shows all of it. */
  readonly line = signal<Float32Array | null>(null)
  readonly said = signal('')
  readonly trouble = signal('')

  readonly info = computed(() => this.header.layers[this.layer.value])
  readonly size = computed<Size>(() => ({ queries: this.info.value.queries, keys: this.info.value.keys }))
  readonly queryTokens = computed(() => this.header.tokens[this.info.value.query_tokens])
  readonly keyTokens = computed(() => this.header.tokens[this.info.value.key_tokens])
  readonly title = computed(() => `layer ${this.layer.value}, head ${this.info.value.head_numbers[this.head.value]}`)
  readonly alike = computed(() => this.info.value.query_tokens === this.info.value.key_tokens)
  readonly grid = computed(() => gridOf(this.header, this.info.value))
  readonly place = computed<Place>(() => ({
    layer: this.layer.value,
    head: this.head.value,
    batch: this.batch.value,
    sinks: this.sinks.value,
    side: this.side.value,
  }))
  readonly differs = computed(() => this.side.value === 'difference')
  readonly colours = computed<Colours>(() => ({
    of: this.differs.value ? 'differences' : 'weights',
    palette: this.palette.value,
    scale: this.scale.value,
    dark: this.dark.value,
    least: least(this.info.value.keys),
  }))

  private whole = true
  /** What else is asked for waits for the first picture, or for as long as one may take. */
  private readonly begun: Promise<void>
  /** All that is seen of the map has been drawn. */
  pictured = (): void => {}
  private lineAsked: Promise<Float32Array> | null = null

  constructor(readonly source: Source, readonly header: Header) {
    this.begun = new Promise((done) => { this.pictured = done; setTimeout(done, 3000) })
    this.tiles = new Tiles(source, () => { this.arrivals.value++; this.trouble.value = this.tiles.failure })
    const first = this.firstOpen()
    this.layer.value = first.layer
    this.head.value = first.head
    this.cursor.value = this.begin()
    if (header.sides) { this.side.value = 'difference'; this.order.value = 'variation' }
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => { this.dark.value = event.matches })
    effect(() => this.readTracks(this.place.value))
    effect(() => this.readTop(this.place.value, this.cursor.value))
    effect(() => {
      const kind = this.grid.value && !this.alike.value ? 'reads' : this.reading.value
      if (this.grid.value || this.grain.value === 'sentences') this.readLine(this.place.value, this.cursor.value, kind)
    })
    effect(() => { void this.readOverviews(this.batch.value, this.sinks.value, this.side.value) })
  }

  open(layer: number, head: number): void {
    together(() => {
      const before = this.info.value
      // What was read of another map names tokens that this one need not have.
      this.row.value = this.column.value = this.tracks.value = this.hover.value = this.line.value = null
      this.layer.value = layer
      this.head.value = head
      const after = this.info.value
      this.batch.value = Math.min(this.batch.value, after.batch - 1)
      if (before.queries !== after.queries || before.keys !== after.keys) {
        this.cursor.value = this.begin()
        this.fit()
      }
    })
    this.say(`${this.title.value}: ${this.info.value.name}`)
  }

  /** Show one of two records, or their difference. */
  show(side: Side): void {
    together(() => {
      this.row.value = this.column.value = this.tracks.value = this.line.value = null
      this.side.value = side
    })
  }

  /** Set the cursor to a cell, and show it. */
  go(query: number, key: number): void {
    const { queries, keys } = this.size.value
    const cursor = { query: Math.max(0, Math.min(queries - 1, query)), key: Math.max(0, Math.min(keys - 1, key)) }
    together(() => {
      this.cursor.value = cursor
      this.look(showing(this.view.value, cursor.query, cursor.key, this.size.value, this.frame.value))
    })
  }

  /** Go to the key that the cursor's query reads most, as soon as that is known, unless the cursor has moved on. */
  async strongest(): Promise<void> {
    const place = this.place.peek(), cursor = this.cursor.peek()
    try {
      const found = await this.source.row(place, cursor.query, 1)
      if (place === this.place.peek() && cursor === this.cursor.peek()) this.go(cursor.query, found.index[0] ?? cursor.key)
    } catch (error) {
      this.troubled(error as Error)
    }
  }

  /** Choose a token of the text: where queries and keys are the same text, both what it reads and who reads it. */
  choose(at: number): void {
    if (this.alike.value) this.go(at, at)
    else if (this.reading.value === 'reads') this.go(this.cursor.value.query, at)
    else this.go(at, this.cursor.value.key)
  }

  look(view: View): void {
    this.whole = false
    this.view.value = view
  }

  fit(): void {
    this.view.value = fitted(this.size.value, this.frame.value)
    this.whole = true
  }

  /** The window has another size: all of it stays all of it. */
  framed(frame: Frame): void {
    this.frame.value = frame
    if (this.whole) this.fit()
  }

  query(at: number): string {
    const number = this.info.value.rows?.[at] ?? at
    return `query ${number} ‘${shown(this.queryTokens.value[at])}’`
  }

  key(at: number): string {
    return `key ${at} ‘${shown(this.keyTokens.value[at])}’`
  }

  /** The exact weight of a cell, or nothing while it is on its way. */
  exact(query: number, key: number): number | null {
    return this.tiles.value(this.place.value, this.pooling.value, 0, query, key)
  }

  sayCursor(): void {
    const { query, key } = this.cursor.value
    const value = this.exact(query, key)
    const says = value === null ? '' : this.differs.value ? `, difference ${signed(value)}` : `, weight ${weight(value)}`
    this.say(`${this.query(query)} → ${this.key(key)}${says}`)
  }

  say(text: string): void {
    this.said.value = text
  }

  private firstOpen(): { layer: number; head: number } {
    for (const [layer, info] of this.header.layers.entries())
      for (let head = 0; head < info.heads; head++) if (this.source.has(layer, head, 0)) return { layer, head }
    return { layer: 0, head: 0 }
  }

  private begin(): { query: number; key: number } {
    // What stands before the patches of a picture, such as the class, reads all of it.
    if (this.grid.value?.before && this.alike.value) return { query: 0, key: 0 }
    const last = this.size.value.queries - 1
    return { query: last, key: this.alike.value ? last : 0 }
  }

  private readTracks(place: Place): void {
    const current = (): boolean => place === this.place.peek()
    this.tracks.value = null
    this.begun.then(() => (current() ? this.source.tracks(place) : null))
      .then((found) => { if (current()) this.tracks.value = found }, this.troubled)
  }

  private readTop(place: Place, cursor: { query: number; key: number }): void {
    const current = (): boolean => place === this.place.peek() && cursor === this.cursor.peek()
    // While the cursor runs, only where it rests is read.
    setTimeout(() => {
      if (!current()) return
      this.source.row(place, cursor.query, TOP).then((found) => { if (current()) this.row.value = found }, this.troubled)
      this.source.column(place, cursor.key, TOP).then((found) => { if (current()) this.column.value = found }, this.troubled)
    }, 60)
  }

  private readLine(place: Place, { query, key }: { query: number; key: number }, kind: Reading): void {
    const asked = kind === 'reads' ? this.source.reads(place, query) : this.source.readers(place, key)
    this.lineAsked = asked
    asked.then((found) => { if (asked === this.lineAsked) this.line.value = found }, this.troubled)
  }

  /** One layer after another, so that what is looked at now never waits for long. */
  private async readOverviews(batch: number, sinks: Sinks, side: Side): Promise<void> {
    await this.begun
    for (const [layer, info] of this.header.layers.entries()) {
      if (batch !== this.batch.peek() || sinks !== this.sinks.peek() || side !== this.side.peek()) return
      const key = overviewKey(layer, batch, sinks, side)
      if (batch >= info.batch || this.overviews.peek().has(key)) continue
      try {
        const found = await this.source.overview(layer, batch, sinks, side)
        if (found) this.overviews.value = new Map(this.overviews.peek()).set(key, found)
      } catch (error) {
        this.troubled(error as Error)
      }
    }
  }

  private troubled = (error: Error): void => { this.trouble.value = error.message }
}

/** The record's picture, where an attention reads all of it. */
function gridOf({ grid }: Header, { keys }: LayerInfo): Grid | null {
  return grid && grid.before + grid.rows * grid.columns + grid.after === keys ? grid : null
}

export const overviewKey = (layer: number, batch: number, sinks: Sinks, side: Side): string =>
  `${layer}/${batch}/${sinks}/${side}`
