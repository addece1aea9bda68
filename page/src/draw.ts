// The map, drawn: tiles, their axes, the tracks beside them, and the cursor.

import { css, ink, level, ramp, type Colours } from './colour'
import type { Page } from './state'
import { TILE, type Address } from './source'
import { levelOf, ticks, top, type Frame, type View } from './viewport'
import { tracks } from './tracks'
import { shown, signed, weight } from './words'

export const FONT = 'system-ui, sans-serif'
const LABELLED = 11
const NUMBERED = 32
export const TRACK = 30
export const GAP = 6
const SLOPE = Math.PI / 3

interface Theme { text: string; faint: string; line: string; accent: string; ground: string; track: string; halo: string }

export interface Canvas { context: CanvasRenderingContext2D; frame: Frame; view: View; theme: Theme }

export function framed(width: number, height: number): Frame {
  const [left, above] = width < 520 ? [74, 78] : [112, 96]
  return { left, top: above, width: Math.max(40, width - left - TRACK - GAP), height: Math.max(40, height - above - TRACK - GAP) }
}

export function drawn(canvas: HTMLCanvasElement, page: Page): void {
  const box = canvas.getBoundingClientRect()
  const ratio = devicePixelRatio || 1
  const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)]
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height }
  const context = canvas.getContext('2d')!
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, box.width, box.height)
  const on: Canvas = { context, frame: page.frame.value, view: page.view.value, theme: themed(canvas) }
  page.tiles.forget()
  inside(on, () => { tiles(on, page); numbers(on, page) })
  tracks(on, page, edges(on, page))
  labels(on, page)
  cursor(on, page)
}

function themed(canvas: HTMLCanvasElement): Theme {
  const style = getComputedStyle(canvas)
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  return {
    text: of('text'), faint: of('faint'), line: of('line'), accent: of('accent'),
    ground: of('ground'), track: of('track'), halo: of('panel'),
  }
}

export interface Edge { right: number; bottom: number }

/** Where the map ends: at its frame, or before it where there are no more tokens. */
function edges(on: Canvas, page: Page): Edge {
  const { frame } = on
  return {
    right: Math.min(frame.left + frame.width, x(on, page.size.value.keys)),
    bottom: Math.min(frame.top + frame.height, y(on, page.size.value.queries)),
  }
}

const x = (on: Canvas, key: number): number => on.frame.left + (key - on.view.key) * on.view.pixels
const y = (on: Canvas, query: number): number => on.frame.top + (query - on.view.query) * on.view.pixels

function inside({ context, frame }: Canvas, draw: () => void): void {
  context.save()
  context.beginPath()
  context.rect(frame.left, frame.top, frame.width, frame.height)
  context.clip()
  draw()
  context.restore()
}

function tiles(on: Canvas, page: Page): void {
  const { context, frame, view } = on
  const { queries, keys } = page.size.value
  const colours = page.colours.value
  const { right, bottom } = edges(on, page)
  context.fillStyle = css(ramp(colours)[level(0, colours)])
  context.fillRect(x(on, 0), y(on, 0), x(on, keys) - x(on, 0), y(on, queries) - y(on, 0))
  context.beginPath()
  context.rect(x(on, 0), y(on, 0), right - x(on, 0), bottom - y(on, 0))
  context.clip()
  const zoom = levelOf(view, page.size.value)
  const span = TILE << zoom
  const lastDown = Math.floor((Math.min(queries, view.query + frame.height / view.pixels) - 1e-6) / span)
  const lastAcross = Math.floor((Math.min(keys, view.key + frame.width / view.pixels) - 1e-6) / span)
  let whole = true
  for (let down = Math.floor(view.query / span); down <= lastDown; down++)
    for (let across = Math.floor(view.key / span); across <= lastAcross; across++)
      whole = tile(on, page, { ...page.place.value, pooling: page.pooling.value, zoom, down, across }, colours) && whole
  if (whole) page.pictured()
}

/** A tile, or while it is on its way the part of a coarser one that is there; whether it was itself there. */
function tile(on: Canvas, page: Page, at: Address, colours: Colours): boolean {
  const picture = page.tiles.picture(at, colours)
  if (picture) { placed(on, picture, at); return true }
  for (let up = 1; at.zoom + up <= top(page.size.value); up++) {
    const coarse = { ...at, zoom: at.zoom + up, down: at.down >> up, across: at.across >> up }
    const found = page.tiles.present(coarse, colours)
    if (!found) continue
    on.context.save()
    on.context.beginPath()
    const span = TILE << at.zoom
    on.context.rect(x(on, at.across * span), y(on, at.down * span), span * on.view.pixels, span * on.view.pixels)
    on.context.clip()
    placed(on, found, coarse)
    on.context.restore()
    break
  }
  return false
}

function placed(on: Canvas, picture: HTMLCanvasElement, at: Address): void {
  const [span, cell] = [TILE << at.zoom, on.view.pixels * 2 ** at.zoom]
  // Whole pixels, or a line of ground would show between tiles.
  const [left, high] = [Math.round(x(on, at.across * span)), Math.round(y(on, at.down * span))]
  const [right, low] = [x(on, at.across * span) + picture.width * cell, y(on, at.down * span) + picture.height * cell]
  on.context.imageSmoothingEnabled = cell < 2
  on.context.drawImage(picture, left, high, Math.round(right) - left, Math.round(low) - high)
}

/** Weights in hundredths, where a cell has room for them. */
function numbers(on: Canvas, page: Page): void {
  const { context, view, frame } = on
  if (view.pixels < NUMBERED) return
  const { queries, keys } = page.size.value
  const shades = ramp(page.colours.value)
  context.font = `11px ${FONT}`
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  for (let query = Math.floor(view.query); query < Math.min(queries, view.query + frame.height / view.pixels); query++)
    for (let key = Math.floor(view.key); key < Math.min(keys, view.key + frame.width / view.pixels); key++) {
      const value = page.exact(query, key)
      if (value === null || Math.abs(value) < 0.005) continue
      context.fillStyle = ink(shades[level(value, page.colours.value)])
      const says = Math.abs(value * 100).toFixed(0)
      context.fillText(page.differs.value ? `${value < 0 ? '−' : '+'}${says}` : says, x(on, key + 0.5), y(on, query + 0.5) + 1)
    }
}

function labels(on: Canvas, page: Page): void {
  const { context, frame, view, theme } = on
  const { query, key } = page.hover.value ?? page.cursor.value
  const every = view.pixels >= LABELLED
  const [lastQuery, lastKey] = [
    Math.min(page.size.value.queries - 1, view.query + frame.height / view.pixels - 0.5),
    Math.min(page.size.value.keys - 1, view.key + frame.width / view.pixels - 0.5),
  ]
  const rows = every ? span(view.query, lastQuery) : ticks(view.query, lastQuery, view.pixels, 26)
  const columns = every ? span(view.key, lastKey) : ticks(view.key, lastKey, view.pixels, 44)
  const size = Math.max(11, Math.min(13, view.pixels - 1))
  context.font = `${size}px ${FONT}`
  context.textBaseline = 'middle'
  const number = (at: number): string => String(page.info.value.rows?.[at] ?? at)
  for (const at of rows) {
    context.fillStyle = at === query ? theme.accent : theme.text
    side(on, y(on, at + 0.5), every ? shown(page.queryTokens.value[at]) : number(at), at === query)
  }
  for (const at of columns) {
    context.fillStyle = at === key ? theme.accent : theme.text
    above(on, x(on, at + 0.5), every ? shown(page.keyTokens.value[at]) : String(at), at === key, every)
  }
  if (every) return
  context.fillStyle = theme.accent
  if (query >= view.query && query <= lastQuery) mark(on, y(on, query + 0.5), shown(page.queryTokens.value[query]), 'side')
  if (key >= view.key && key <= lastKey) mark(on, x(on, key + 0.5), shown(page.keyTokens.value[key]), 'above')
}

const span = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, Math.floor(last) - Math.ceil(first - 0.5) + 1) }, (_, at) => Math.max(0, Math.ceil(first - 0.5)) + at)

function side({ context, frame }: Canvas, at: number, text: string, strong: boolean): void {
  context.textAlign = 'right'
  context.direction = 'ltr'
  weighted(context, strong)
  context.fillText(text, frame.left - 8, at, frame.left - 12)
}

function above({ context, frame }: Canvas, at: number, text: string, strong: boolean, sloped: boolean): void {
  weighted(context, strong)
  context.save()
  context.translate(at, frame.top - 8)
  if (sloped) context.rotate(-SLOPE)
  context.textAlign = sloped ? 'left' : 'center'
  context.fillText(text, 0, 0, sloped ? (frame.top - 14) / Math.sin(SLOPE) : 80)
  context.restore()
}

/** The token at the cursor, where the others are too many to be written; it covers the number behind it. */
function mark(on: Canvas, at: number, text: string, where: 'side' | 'above'): void {
  const { context, frame, theme } = on
  weighted(context, true)
  const wide = Math.min(context.measureText(text).width, frame.left - 12)
  const [left, middle] = where === 'side' ? [frame.left - 8 - wide, at] : [Math.max(2, at - wide / 2), frame.top - 26]
  context.save()
  context.fillStyle = theme.halo
  context.fillRect(left - 3, middle - 9, wide + 6, 18)
  context.restore()
  context.textAlign = 'left'
  context.fillText(text, left, middle, frame.left - 12)
}

function weighted(context: CanvasRenderingContext2D, strong: boolean): void {
  context.font = context.font.replace(/^(bold )?/, strong ? 'bold ' : '')
}

function cursor(on: Canvas, page: Page): void {
  const { context, frame, theme, view } = on
  const { query, key } = page.cursor.value
  const edge = edges(on, page)
  inside(on, () => {
    const [left, high] = [x(on, key), y(on, query)]
    const size = Math.max(view.pixels, 5)
    const [across, down] = [left + view.pixels / 2, high + view.pixels / 2]
    context.strokeStyle = theme.accent
    context.globalAlpha = 0.45
    context.lineWidth = 1
    context.beginPath()
    if (view.pixels < LABELLED) {
      context.moveTo(frame.left, down); context.lineTo(across - size, down); context.moveTo(across + size, down); context.lineTo(edge.right, down)
      context.moveTo(across, frame.top); context.lineTo(across, down - size); context.moveTo(across, down + size); context.lineTo(across, edge.bottom)
    } else {
      context.rect(frame.left - 1, high, edge.right - frame.left + 2, view.pixels)
      context.rect(left, frame.top - 1, view.pixels, edge.bottom - frame.top + 2)
    }
    context.stroke()
    context.globalAlpha = 1
    context.lineWidth = 4
    context.strokeStyle = theme.halo
    context.strokeRect(across - size / 2, down - size / 2, size, size)
    context.lineWidth = 2
    context.strokeStyle = theme.accent
    context.strokeRect(across - size / 2, down - size / 2, size, size)
  })
  context.strokeStyle = theme.line
  context.lineWidth = 1
  context.strokeRect(frame.left - 0.5, frame.top - 0.5, edge.right - frame.left + 1, edge.bottom - frame.top + 1)
}

/** The cell under a point, or nothing outside. */
export function cellAt(page: Page, left: number, top: number): { query: number; key: number } | null {
  const [frame, view, size] = [page.frame.value, page.view.value, page.size.value]
  if (left < frame.left || top < frame.top || left > frame.left + frame.width || top > frame.top + frame.height) return null
  const query = Math.floor(view.query + (top - frame.top) / view.pixels)
  const key = Math.floor(view.key + (left - frame.left) / view.pixels)
  return query >= 0 && key >= 0 && query < size.queries && key < size.keys ? { query, key } : null
}

/** What a cell says: exact where a cell is one token by one, otherwise what it pools. */
export function told(page: Page, query: number, key: number): string {
  const zoom = levelOf(page.view.value, page.size.value)
  const exact = page.exact(query, key)
  const differs = page.differs.value
  const sides = differs ? page.tiles.sides(page.place.value, page.pooling.value, query, key) : null
  const apart = sides ? `A ${weight(sides[0])} − B ${weight(sides[1])} = ` : ''
  const says = differs ? signed : weight
  const one = `${page.query(query)} → ${page.key(key)}: ${apart}${exact === null ? '…' : says(exact)}`
  if (zoom === 0) return one
  const pooled = page.tiles.value(page.place.value, page.pooling.value, zoom, query, key)
  const side = 2 ** zoom
  const kind = page.pooling.value === 'sum' ? 'of a query’s weight' : 'at most'
  const about = page.tiles.estimated(page.place.value, page.pooling.value, zoom, query, key) ? 'about ' : ''
  return `${one} · ${side} × ${side} tokens around: ${pooled === null ? '…' : about + says(pooled)} ${kind}`
}
