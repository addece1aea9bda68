// The tracks beside the map: entropy along the queries, mass along the keys; of two records, how far these are apart.

import { css, LEVELS, ramp } from './colour'
import { FONT, GAP, TRACK, type Canvas, type Edge } from './draw'
import type { Page } from './state'

/** Bars where tokens are wide, their largest where they are not. */
export function tracks(on: Canvas, page: Page, edge: Edge): void {
  const found = page.tracks.value
  if (!found) return
  const { frame, view } = on
  const { queries, keys } = page.size.value
  const [right, below] = [edge.right + GAP, edge.bottom + GAP]
  const [entropy, mass] = [most(found.entropy), most(found.mass)]
  named(on, below, right)
  const paint = painter(on, page)
  bars(found.entropy, view.query, queries, view.pixels, frame.height, (at, size, value) =>
    paint(value, right, frame.top + at, extent(Math.abs(value) / entropy), size))
  bars(found.mass, view.key, keys, view.pixels, frame.width, (at, size, value) =>
    paint(value, frame.left + at, below, size, extent(Math.sqrt(Math.abs(value) / mass))))
}

const most = (values: Float32Array): number => values.reduce((largest, one) => Math.max(largest, Math.abs(one)), 1e-9)
const extent = (share: number): number => Math.max(0.5, share * TRACK)

type Paint = (value: number, left: number, top: number, width: number, height: number) => void

/** Of a difference, in the colour of the record that has more. */
function painter({ context, theme }: Canvas, page: Page): Paint {
  const shades = ramp(page.colours.value)
  const [second, first] = [shades[Math.round(LEVELS * 0.2)], shades[Math.round(LEVELS * 0.8)]].map(css)
  return (value, ...box) => {
    context.fillStyle = !page.differs.value ? theme.track : value < 0 ? second : first
    context.fillRect(...box)
  }
}

function named({ context, frame, theme }: Canvas, below: number, right: number): void {
  context.font = `11px ${FONT}`
  context.textBaseline = 'middle'
  context.textAlign = 'right'
  context.fillStyle = theme.faint
  context.fillText('mass', frame.left - 8, below + TRACK / 2)
  context.save()
  context.translate(right + TRACK / 2, frame.top - 8)
  context.rotate(-Math.PI / 2)
  context.textAlign = 'left'
  context.fillText('entropy', 0, 0)
  context.restore()
}

function bars(
  values: Float32Array, first: number, count: number, pixels: number, room: number,
  bar: (at: number, size: number, value: number) => void,
): void {
  const step = Math.max(1, Math.ceil(1 / pixels))
  const start = Math.floor(first / step) * step
  for (let at = start; at < Math.min(count, first + room / pixels); at += step) {
    let largest = 0
    for (let each = at; each < Math.min(at + step, count); each++)
      if (Math.abs(values[each]) > Math.abs(largest)) largest = values[each]
    const begin = Math.max(0, (at - first) * pixels)
    const size = Math.min(room, (Math.min(at + step, count) - first) * pixels) - begin
    bar(begin, Math.max(0.5, size - (pixels * step > 4 ? 1 : 0)), largest)
  }
}
