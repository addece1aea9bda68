// What the colours mean, in numbers.

import { css, ramp } from './colour'
import type { Page } from './state'

export function Legend({ page }: { page: Page }) {
  const colours = page.colours.value
  const shades = ramp(colours)
  const least = `10⁻${'⁰¹²³⁴⁵⁶⁷⁸⁹'[Math.round(-Math.log10(colours.least))]}`
  const stops = Array.from({ length: 9 }, (_, at) => css(shades[Math.round((at * 255) / 8)])).join(', ')
  const ground = <span style={{ backgroundImage: `linear-gradient(to right, ${stops})` }} />
  const first = colours.scale === 'linear' ? '0' : least
  if (colours.of === 'weights')
    return <span class="legend" role="img" aria-label={`colours: weights from ${first} to 1`}><i>{first}</i>{ground}<i>1</i></span>
  const middle = colours.scale === 'linear' ? '0' : `±${least}`
  return (
    <span
      class="legend differences" role="img"
      aria-label={`colours: differences from −1, where B reads more, by ${middle} to +1, where A reads more`}
    >
      <i>−1 B</i><b>{ground}<i>{middle}</i></b><i>A +1</i>
    </span>
  )
}
