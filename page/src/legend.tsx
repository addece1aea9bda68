// What the colours mean.

import { css, ramp } from './colour'
import type { Page } from './state'

export function Legend({ page }: { page: Page }) {
  const colours = page.colours.value
  const shades = ramp(colours)
  const powers = Math.round(-Math.log10(colours.least))
  const names = colours.scale === 'linear' ? ['0', '0.5', '1'] : [`10⁻${'⁰¹²³⁴⁵⁶⁷⁸⁹'[powers]}`, '', '1']
  const stops = [0, 51, 102, 153, 204, 255].map((at) => css(shades[at])).join(', ')
  return (
    <span class="legend" role="img" aria-label={`colours: weights from ${names[0]} to 1`}>
      <i>{names[0]}</i><span style={{ backgroundImage: `linear-gradient(to right, ${stops})` }} /><i>{names[2]}</i>
    </span>
  )
}
